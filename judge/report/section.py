"""A section as the page shows it: a sentence, then pictures with their numbers, tables, notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from judge.records import Language
from judge.report import figures
from judge.report.charts.svg import Canvas, Frame, Tone, ticks
from judge.report.evidence import Unit
from judge.report.record import Report
from judge.report.words import Both, same, say

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
    lead: Both
    """What is to be seen, from the numbers."""
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
    provenance = report.stamp.provenance or say("page.provenance_unknown")
    if corrected is None:
        return say("page.worth", provenance=provenance, method=method)
    state = say("where.corrected" if corrected else "where.judge_only")
    return say("page.worth_state", state=state, provenance=provenance, method=method)


def scale(
    unit: Unit,
    ends: tuple[float, float],
    *,
    write: Callable[[Unit, float], Both] = figures.tick,
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
