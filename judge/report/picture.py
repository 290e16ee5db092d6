"""A picture as the page shows it: drawn for two languages and two widths, with its numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from judge.records import Language
from judge.report.both import Both
from judge.report.charts.canvas import Spec
from judge.report.charts.style import Frame
from judge.report.charts.svg import draw

Drawing = Callable[[Frame], Spec]


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
                svg=draw(
                    drawing(Frame(lang, narrow=narrow)),
                    ident=f"{ident}-{lang}{'-narrow' * narrow}",
                    title=title.of(lang),
                    desc=desc.of(lang),
                ),
            )
            for lang in get_args(Language)
            for narrow in (False, True)
        ),
    )
