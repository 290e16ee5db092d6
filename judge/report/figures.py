"""How numbers are written in the two languages: 97.2 % [95.1, 98.6] and 97.2% [95.1, 98.6]."""

from judge.report.record import Both, Measure, Score

_MINUS = "\u2212"
_HARD_SPACE = "\u00a0"

DASH = "\u2013"
"""Stands where there is no number."""

NOTHING = Both(zh=DASH, en=DASH)


def percent(fraction: float, *, digits: int = 1) -> Both:
    """Write a fraction as a percentage."""
    number = _signed(f"{100 * fraction:.{digits}f}")
    return Both(zh=f"{number}%", en=f"{number}{_HARD_SPACE}%")


def value(measure: Measure, number: float) -> Both:
    """Write a value of a measure, with its unit."""
    return percent(number) if measure.kind == "share" else plain(number)


def bracket(measure: Measure, score: Score) -> str:
    """Write an interval; the unit stands with the value."""
    if measure.kind == "share":
        return f"[{100 * score.low:.1f}, {100 * score.high:.1f}]"
    return _signed(f"[{score.low:.2f}, {score.high:.2f}]")


def with_interval(measure: Measure, score: Score) -> Both:
    """Write a value with its interval."""
    written, ends = value(measure, score.value), bracket(measure, score)
    return Both(zh=f"{written.zh} {ends}", en=f"{written.en} {ends}")


def change(measure: Measure, difference: float) -> Both:
    """Write a difference with its sign; of shares in percentage points."""
    number = 100 * difference if measure.kind == "share" else difference
    digits = 1 if measure.kind == "share" else 2
    text = f"{number:+.{digits}f}"
    return same(text[1:] if float(text) == 0 else _signed(text))


def plain(number: float) -> Both:
    """Write a number with two decimals."""
    return same(_signed(f"{number:.2f}"))


def whole(number: int) -> str:
    """Write a score."""
    return _signed(str(number))


def tick(measure: Measure, number: float) -> Both:
    """Write a round value of an axis, no longer than it must be."""
    if measure.kind == "share":
        short = f"{100 * number:g}"
        return Both(zh=f"{short}%", en=f"{short}{_HARD_SPACE}%")
    return same(_signed(f"{number:g}"))


def same(text: str) -> Both:
    """Give a text that reads the same in both languages."""
    return Both(zh=text, en=text)


def counted(number: int) -> str:
    """Write a count with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)
