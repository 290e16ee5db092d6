"""How numbers are written in the two languages: 97.2 % [95.1, 98.6] and 97.2% [95.1, 98.6]."""

from judge.report.evidence import Unit
from judge.report.words import Both, joined, same

_MINUS = "\u2212"
_HARD_SPACE = "\u00a0"
_THIN_SPACE = "\u202f"

DASH = "\u2013"
"""Stands where there is no number."""

NOTHING = same(DASH)


def value(unit: Unit, number: float) -> Both:
    """Write a value: a fraction as a percentage, a score with two decimals."""
    return percent(number) if unit == "share" else same(_with_minus(f"{number:.2f}"))


def bare(unit: Unit, number: float) -> str:
    """Write a value without its unit."""
    return _with_minus(f"{100 * number:.1f}" if unit == "share" else f"{number:.2f}")


def percent(fraction: float) -> Both:
    """Write a fraction as a percentage."""
    return _per_cent(f"{100 * fraction:.1f}")


def bracket(unit: Unit, low: float, high: float) -> str:
    """Write an interval; its unit stands with the value."""
    scale, digits = (100, 1) if unit == "share" else (1, 2)
    ends = f"[{scale * low:.{digits}f},{_HARD_SPACE}{scale * high:.{digits}f}]"
    return _with_minus(ends)


def with_interval(unit: Unit, number: float, ends: tuple[float, float]) -> Both:
    """Write a value with its interval."""
    return joined((value(unit, number), same(bracket(unit, *ends))), " ", " ")


def change(unit: Unit, difference: float) -> Both:
    """Write a difference with its sign; of fractions in percentage points, without the unit."""
    text = f"{100 * difference:+.1f}" if unit == "share" else f"{difference:+.2f}"
    return same(text[1:] if float(text) == 0 else _with_minus(text))


def tick(unit: Unit, number: float) -> Both:
    """Write a round value of an axis, no longer than it must be."""
    short = f"{round(100 * number if unit == 'share' else number, 9) + 0.0:g}"
    return _per_cent(short) if unit == "share" else same(_with_minus(short))


def change_tick(unit: Unit, difference: float) -> Both:
    """Write a round value of an axis of differences; of fractions in percentage points."""
    text = f"{round(100 * difference if unit == 'share' else difference, 9) + 0.0:+g}"
    return same("0" if float(text) == 0 else _with_minus(text))


def whole(number: int) -> str:
    """Write a score."""
    return _with_minus(str(number))


def counted(number: int) -> str:
    """Write a count with thin spaces between thousands."""
    return f"{number:,}".replace(",", _THIN_SPACE)


def count(number: int) -> Both:
    """Write a count, which reads the same in both languages."""
    return same(counted(number))


def _per_cent(number: str) -> Both:
    number = _with_minus(number)
    return Both(zh=f"{number}%", en=f"{number}{_HARD_SPACE}%")


def _with_minus(text: str) -> str:
    return text.replace("-", _MINUS)
