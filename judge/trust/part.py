"""A part: what one judge said under one criterion of one system, beside what the experts said.

n items of the part, E experts. Correction and agreement are made part by part: a judge that errs
more on one system than on another must not be corrected with the error rates of both together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from calibration.rater_agreement.rater_reliability import consensus
from calibration.validation import FloatArray, IntArray
from judge.records import Provenance

Unit = tuple[str, str, int]
Kind = Literal["rate", "mean"]
MOST_LEVELS = 20
Each = TypeVar("Each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How a criterion's levels are counted.

    Attributes
    ----------
    low, high : float
        Ends of the scale.
    at_least : float or None
        The level from which on an item passes; None where the mean of the levels is asked.
    """

    low: float
    high: float
    at_least: float | None = None

    @property
    def kind(self) -> Kind:
        """A rate where levels pass or fail, else a mean."""
        return "mean" if self.at_least is None else "rate"

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value of what is counted."""
        return (self.low, self.high) if self.at_least is None else (0.0, 1.0)

    def counted(self, levels: FloatArray) -> FloatArray:
        """Turn levels into 1 and 0 for a rate; the levels themselves for a mean."""
        if self.at_least is None:
            return levels
        return np.where(np.isnan(levels), np.nan, (levels >= self.at_least).astype(np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier version of the judge said of the same items.

    Attributes
    ----------
    name : str
    verdicts : float array, shape (n,)
        Levels, NaN where it gave no verdict.
    """

    name: str
    verdicts: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Verdicts and labels of one judge, criterion and system.

    Attributes
    ----------
    judge, criterion, system : str
    rubric : str or None
    counting : Counting
    units : tuple of (id, system, sample)
        The axis of all arrays.
    groups, clusters : tuple of str or None
        Group and prompt of each item; no clusters where items are on their own.
    verdicts : float array, shape (n,)
        Levels, NaN where the judge gave no verdict.
    labels : float array, shape (n, E)
        Levels, NaN where an expert gave none.
    raters : tuple of str
        Names of the experts.
    thirds : frozenset of str
        Those of them who rated only what others disagree on: they settle, and are no peers.
    gold : str or None
        The expert whose label settles the item, such as an adjudicator; None for the majority
        (rates) or the mean (means) of all.
    strata : int array, shape (n,), or None
        Cells inside which the labelled items were drawn at random, where a draw is on record.
    provenance : Provenance or None
        The least live of all verdicts; None where it is not known.
    flips : (int, int)
        Of the verdicts that were asked for again, how many changed, and how many there were.
    certainty : float array, shape (n,), or None
        Share of the repeats, or of a panel's members, that gave the verdict; None without either.
    traits : mapping of str to float array, shape (n,)
        Properties of the responses that should not move the judge, NaN where unknown.
    earlier : Earlier or None
    """

    judge: str
    criterion: str
    system: str
    rubric: str | None = None
    counting: Counting
    units: tuple[Unit, ...]
    groups: tuple[str | None, ...]
    clusters: tuple[str, ...] = ()
    verdicts: FloatArray
    labels: FloatArray
    raters: tuple[str, ...]
    thirds: frozenset[str] = frozenset()
    gold: str | None = None
    strata: IntArray | None = None
    provenance: Provenance | None = None
    flips: tuple[int, int] = (0, 0)
    certainty: FloatArray | None = None
    traits: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    earlier: Earlier | None = None

    @property
    def name(self) -> str:
        """How tables call the criterion."""
        return self.criterion if self.rubric is None else f"{self.rubric}.{self.criterion}"

    @property
    def judged(self) -> FloatArray:
        """What counts of the judge's verdicts, shape (n,)."""
        return self.counting.counted(self.verdicts)

    @property
    def rated(self) -> FloatArray:
        """What counts of the experts' labels, shape (n, E)."""
        return self.counting.counted(self.labels)

    @property
    def peers(self) -> tuple[int, ...]:
        """Places of the experts who may be held against each other: all but adjudicators."""
        apart = {self.gold, *self.thirds}
        return tuple(at for at, name in enumerate(self.raters) if name not in apart)

    @property
    def human(self) -> FloatArray:
        """What the experts say of each item, shape (n,); NaN where nothing, or where they tie."""
        if self.gold is not None:
            return self.rated[:, self.raters.index(self.gold)]
        if self.counting.kind == "rate":
            return consensus(self.rated).labels
        counts = (~np.isnan(self.labels)).sum(axis=1)
        sums = np.nansum(self.labels, axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    @property
    def settled(self) -> FloatArray:
        """The experts' level of each item, for agreement: their middle one, where there is one."""
        if self.gold is not None or self.counting.kind == "rate":
            return self.human
        return consensus(self.labels, rule="median").labels

    @property
    def n_tied(self) -> int:
        """Items that experts labelled without settling on a pass or a fail."""
        labelled = (~np.isnan(self.rated)).any(axis=1)
        return int((labelled & np.isnan(self.human)).sum())

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels that agreement counts; empty where they are no short list of whole numbers."""
        low, high = self.counting.ends
        given = np.concatenate([self.judged, self.rated.ravel()])
        given = given[~np.isnan(given)]
        whole = bool((given == np.round(given)).all()) and low == round(low)
        if not whole or high - low >= MOST_LEVELS:
            return ()
        return tuple(np.arange(low, high + 1.0).tolist())

    def subset(self, kept: npt.NDArray[np.bool_]) -> Self:
        """Keep some items."""
        places = np.flatnonzero(kept).tolist()
        return replace(
            self,
            units=_at(self.units, places),
            groups=_at(self.groups, places),
            clusters=_at(self.clusters, places),
            verdicts=self.verdicts[kept],
            labels=self.labels[kept],
            strata=None if self.strata is None else self.strata[kept],
            certainty=None if self.certainty is None else self.certainty[kept],
            traits={name: values[kept] for name, values in self.traits.items()},
            earlier=None
            if self.earlier is None
            else replace(self.earlier, verdicts=self.earlier.verdicts[kept]),
        )

    def by_group(self) -> dict[str, Self]:
        """Split by group, in the order of the names; items without a group are in none."""
        names = sorted({group for group in self.groups if group is not None})
        mine = np.array([group or "" for group in self.groups])
        return {name: self.subset(mine == name) for name in names}


def _at(values: Sequence[Each], places: Sequence[int]) -> tuple[Each, ...]:
    return tuple(values[place] for place in places) if values else ()
