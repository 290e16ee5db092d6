"""A section as the page shows it: a sentence, then pictures with their numbers, tables, notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from judge.records import Language
from judge.report.charts.svg import Canvas, Frame, Tone, ticks
from judge.report.model import Report, Unit
from judge.report.texts import Both, joined, same, say

# How numbers are written in the two languages: 97.2 % [95.1, 98.6] and 97.2% [95.1, 98.6].

_MINUS = "\u2212"
_HARD_SPACE = "\u00a0"
_THIN_SPACE = "\u202f"

FEWEST = 10
"""Items below which no headline speaks of a number."""

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


Drawing = Callable[[Frame], Canvas]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Exact numbers; all rows as long as the head."""

    head: Sequence[Both]
    rows: Sequence[Sequence[Both]]
    numbers: range = range(0)
    """Columns that hold numbers."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One drawing of a picture."""

    lang: Language
    narrow: bool
    svg: str
    """Safe by construction: see `judge.report.charts.svg`."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with all that a reader needs to trust it."""

    title: Both
    """What is to be seen, from the numbers."""
    meta: Both
    """Provenance, n, and what the interval is."""
    drawings: Sequence[Drawn]
    table: Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page."""

    ident: str
    """Anchor of the section."""
    template: str = "plain.html"
    title: Both
    lead: Both | None = None
    """What is to be seen, from the numbers; None where too few items carry a sentence."""
    pictures: Sequence[Picture] = ()
    tables: Sequence[tuple[Both | None, Table]] = ()
    """Each with a heading or none."""
    notes: Sequence[Both] = ()


def picture(
    ident: str, drawing: Drawing, *, title: Both, meta: Both, desc: Both, table: Table
) -> Picture:
    """Draw a picture for every language and width.

    Parameters
    ----------
    ident : str
        Unique in the page; ours, never from data.
    drawing : callable
        Gives the chart for a frame.
    title, meta, desc : Both
    table : Table
    """
    return Picture(
        title=title,
        meta=meta,
        table=table,
        drawings=tuple(
            Drawn(
                lang=lang,
                narrow=narrow,
                svg=drawing(Frame(lang, narrow=narrow)).svg(
                    f"{ident}-{lang}{'-narrow' * narrow}",
                    title=title.of(lang),
                    desc=desc.of(lang),
                ),
            )
            for lang in get_args(Language)
            for narrow in (False, True)
        ),
    )


def worth(report: Report, method: Both, *, corrected: bool | None) -> Both:
    """Say under a picture what its numbers are worth.

    Parameters
    ----------
    report : Report
        For the provenance.
    method : Both
        n, and what the interval is.
    corrected : bool, optional
        Whether expert labels correct the numbers; None where that does not arise.
    """
    known = report.stamp.provenance
    provenance = say(f"page.{known}") if known else say("page.provenance_unknown")
    if corrected is None:
        return say("page.worth", provenance=provenance, method=method)
    state = say("scores.corrected" if corrected else "scores.judge_only")
    return say("page.worth_state", state=state, provenance=provenance, method=method)


def scale(
    unit: Unit,
    ends: tuple[float, float],
    *,
    write: Callable[[Unit, float], Both] = tick,
    most: int = 6,
) -> list[tuple[float, Both]]:
    """Write round values along an axis from one end to the other."""
    return [(value, write(unit, value)) for value in ticks(*ends, most=most)]


def short(system: str) -> Both:
    """Shorten a system's name for a line of a picture; both ends stay."""
    return same(system if len(system) <= 12 else f"{system[:5]}…{system[-6:]}")


def system_tone(report: Report, system: str) -> Tone:
    """Give a system's colour: grey for the baseline, blue for what is compared with it."""
    return "baseline" if len(report.systems) > 1 and system == report.systems[0] else "candidate"
