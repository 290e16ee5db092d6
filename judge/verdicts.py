"""What the judges of a run said, read once into columns: levels, remarks and where they come from.

n responses, m verdicts of one judge under one criterion; several where a judge was asked again.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from calibration.validation import FloatArray
from judge.columns import Whole, real, whole
from judge.grading.aggregation import NAME as PANEL
from judge.grading.aggregation import placed_with_panel
from judge.records import Judgment, Provenance

Series = tuple[str, str | None, str]
"""Judge, rubric, criterion."""

Bars = Mapping[tuple[str | None, str], float]
"""By rubric and criterion, the level from which on an item passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one judge said under one criterion: m verdicts, the repeats of an item in their order.

    Attributes
    ----------
    rows : int array, shape (m,)
        Item of each verdict.
    levels : float array, shape (m,)
        NaN for a verdict without a level.
    certainty, passing : float array, shape (m,), or None
        Probability of the level, and of all levels that pass, where the judge gave them; NaN where
        it did not.
    """

    rows: Whole
    levels: FloatArray
    certainty: FloatArray | None = None
    passing: FloatArray | None = None

    @property
    def known(self) -> "tuple[Whole, FloatArray]":
        """Rows and levels of the verdicts that have one, the repeats of an item side by side."""
        has = ~np.isnan(self.levels)
        rows, levels = self.rows[has], self.levels[has]
        order = np.argsort(rows, kind="stable")
        return rows[order], levels[order]

    def settled(self, n: int) -> FloatArray:
        """Give the middle level of each of n items; of two middle ones the lower, NaN without."""
        rows, levels = self.known
        order = np.lexsort((levels, rows))
        counts = np.bincount(rows, minlength=n)
        there = counts > 0
        first = np.cumsum(counts) - counts
        found = np.full(n, np.nan)
        found[there] = levels[order][first[there] + (counts[there] - 1) // 2]
        return found

    def spread(self, values: FloatArray, n: int) -> FloatArray:
        """Give each of n items the value of its verdict; NaN where it has none."""
        found = np.full(n, np.nan)
        found[self.rows] = values
        return found


def middle(levels: Sequence[float]) -> float:
    """Settle repeats on the middle level; of two middle ones the lower, which is never kinder."""
    return sorted(levels)[(len(levels) - 1) // 2] if levels else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What all judges of a run said, the panel of several among them.

    Attributes
    ----------
    said : mapping of series to Said
    heeded : mapping of (judge, rubric) to int array
        Rows of the judgments that carry a remark that a gate heeds.
    stamps : mapping of (judge, rubric) to set of Provenance
    """

    said: Mapping[Series, Said]
    heeded: Mapping[tuple[str, str], Whole]
    stamps: Mapping[tuple[str, str], Set[Provenance]]


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is gathered of one judge and criterion while judgments pass."""

    rows: "array[int]" = field(default_factory=lambda: array("i"))
    levels: "array[float]" = field(default_factory=lambda: array("d"))
    sure: "array[int]" = field(default_factory=lambda: array("i"))
    """Places among the verdicts of those that came with probabilities."""
    certainty: "array[float]" = field(default_factory=lambda: array("d"))
    passing: "array[float]" = field(default_factory=lambda: array("d"))
    """Of those: probability of the level, and of all levels that pass."""

    def said(self, *, rate: bool) -> Said:
        """Give it as arrays."""
        return Said(
            rows=whole(self.rows),
            levels=real(self.levels),
            certainty=self._of_all(self.certainty) if self.sure else None,
            passing=self._of_all(self.passing) if self.sure and rate else None,
        )

    def _of_all(self, given: "array[float]") -> FloatArray:
        found = np.full(len(self.rows), np.nan)
        found[whole(self.sure)] = real(given)
        return found


def read_verdicts(
    placed: Iterable[tuple[int | None, Judgment]], *, judges: int, bars: Bars | None = None
) -> Verdicts:
    """Read judgments into columns.

    Parameters
    ----------
    placed : iterable of (int or None, Judgment)
        Each after the row of its response, those of one response next to each other, as a store
        gives them. What has no row names its series and is in none.
    judges : int
        Judges of the run; several are a panel, which is a judge more.
    bars : mapping of (rubric, criterion) to float, optional
        Of which criteria the probabilities that pass are added up.
    """
    # Here, since tables of other tools have no remarks.
    from judge.grading.remarks import is_heeded

    bars = bars or {}
    heard = defaultdict[Series, _Heard](_Heard)
    heeded: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("i"))
    stamps = defaultdict[tuple[str, str], set[Provenance]](set)
    for row, judgment in placed_with_panel(placed, judges):
        of = judgment.judge, judgment.rubric
        stamps[of].add(judgment.provenance)
        if judgment.flags and row is not None and is_heeded(judgment):
            heeded[of].append(row)
        for verdict in judgment.verdicts:
            gathered = heard[*of, verdict.criterion]
            if row is None:
                continue
            gathered.rows.append(row)
            if verdict.kind == "unscored":
                gathered.levels.append(math.nan)
                continue
            given = verdict.probabilities
            if given is not None and judgment.judge != PANEL:
                bar = bars.get((judgment.rubric, verdict.criterion), math.inf)
                gathered.sure.append(len(gathered.levels))
                gathered.certainty.append(given.get(verdict.score, math.nan))
                gathered.passing.append(min(sum(p for at, p in given.items() if at >= bar), 1.0))
            gathered.levels.append(float(verdict.score))
    return Verdicts(
        said={series: each.said(rate=series[1:] in bars) for series, each in heard.items()},
        heeded={of: whole(rows) for of, rows in heeded.items()},
        stamps=stamps,
    )
