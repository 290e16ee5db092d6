"""What grading from Python gives: judgments in a row, as a table, and those without a score."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, overload

from judge.files.decoding import printable
from judge.records import Counts, Judgment, Provenance, worst

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN = 10
"""Rows of the table that a notebook shows."""

_HEADINGS = ("id", "system", "rubric", "criterion", "score", "outcome", "rationale")


class Judgments(Sequence[Judgment]):
    """Judgments in the order of what was graded; a notebook shows them as a table.

    Parameters
    ----------
    judgments : iterable of Judgment
    limit : str or None
        Which budget ended the grading, in a clause; None where none did.

    Examples
    --------
    >>> Judgments([])
    Judgments(0 planned = 0 scored + 0 unscored + 0 error + 0 skipped)
    """

    def __init__(self, judgments: Iterable[Judgment], *, limit: str | None = None) -> None:
        self._made = tuple(judgments)
        self.limit = limit

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, at: int) -> Judgment: ...

    @overload
    def __getitem__(self, at: slice) -> "Judgments": ...

    def __getitem__(self, at: int | slice) -> "Judgment | Judgments":
        return Judgments(self._made[at]) if isinstance(at, slice) else self._made[at]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Judgments):
            return self._made == other._made
        return list(self._made) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType] - as of every sequence that compares with lists

    @property
    def counts(self) -> Counts:
        """Planned = scored + unscored + error + skipped."""
        outcomes: dict[str, int] = {}
        for each in self._made:
            outcomes[each.outcome] = outcomes.get(each.outcome, 0) + 1
        return Counts.of(outcomes)

    @property
    def failures(self) -> "Judgments":
        """The judgments without a score for every criterion; `outcome` says why."""
        return Judgments(each for each in self._made if each.outcome != "ok")

    @property
    def provenance(self) -> Provenance | None:
        """The least live of all; None where there is no judgment."""
        stamps: set[Provenance] = {each.provenance for each in self._made}
        return worst(stamps) if stamps else None

    @property
    def cost_usd(self) -> float | None:
        """What the calls cost in US dollars; None where a price is unknown."""
        asked = [each.cost_usd for each in self._made if each.attempts]
        known = [cost for cost in asked if cost is not None]
        return sum(known) if len(known) == len(asked) else None

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Give one row for each judgment and criterion; a missing score is None."""
        for each in self._made:
            for verdict in each.verdicts:
                yield {
                    "id": each.id,
                    "system": each.system,
                    "sample": each.sample,
                    "turn": each.turn,
                    "group": each.group,
                    "lang": each.lang,
                    "judge": each.judge,
                    "rubric": each.rubric,
                    "criterion": verdict.criterion,
                    "repeat": each.repeat,
                    "score": verdict.score if verdict.kind == "scored" else None,
                    "outcome": verdict.outcome,
                    "rationale": verdict.rationale,
                    "evidence": verdict.evidence,
                    "flags": " ".join(each.flags),
                    "provenance": each.provenance,
                    "served_model": each.served_model,
                    "cost_usd": each.cost_usd,
                    "latency_ms": each.latency_ms,
                }

    def to_pandas(self) -> "DataFrame":
        """Give the rows as a DataFrame; scores are nullable integers, missing ones ``<NA>``."""
        import pandas as pd

        frame = pd.DataFrame(list(self.rows()))
        return frame.astype({"score": "Int64"}) if len(frame) else frame

    def __repr__(self) -> str:
        return f"Judgments({self._sum()})"

    def _sum(self) -> str:
        total = self.counts
        stamp = "SIMULATED: " if self.provenance == "SIMULATED" else ""
        ended = f"; stopped: {self.limit}" if self.limit else ""
        return (
            f"{stamp}{total.planned} planned = {total.scored} scored + {total.unscored} unscored + "
            f"{total.error} error + {total.skipped} skipped{ended}"
        )

    def _repr_html_(self) -> str:
        """Show the first rows; texts of judges and data are escaped."""
        rows = list(self.rows())
        return html_table(
            _HEADINGS,
            [[row[name] for name in _HEADINGS] for row in rows[:SHOWN]],
            caption=f"{self._sum()}. Uncorrected judge scores.",
            more=len(rows) - SHOWN,
        )


def html_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str, more: int = 0
) -> str:
    """Write a small table for a notebook, everything in it escaped."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows
    )
    rest = f"<p>{more} more rows: to_pandas()</p>" if more > 0 else ""
    return (
        f"<table><caption>{_cell(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{rest}"
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return escape(printable(text if len(text) <= 300 else f"{text[:300]} …"))
