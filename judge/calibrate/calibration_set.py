"""A part: what one judge said under one criterion of one system, beside what the experts said.

n items of the part, E experts. Correction and agreement are made part by part: a judge that errs
more on one system than on another must not be corrected with the error rates of both together.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from calibration.bias import is_chinese, log_length
from calibration.estimate import Estimate, Interval
from calibration.rater_agreement.alpha import Level
from calibration.rater_agreement.rater_reliability import consensus
from calibration.validation import FloatArray, IntArray
from judge.columns import Unit, Units, Whole
from judge.errors import ConfigError
from judge.files.mapping import TableMapping
from judge.records import Provenance, Record
from judge.verdicts import Said, Series

Kind = Literal["rate", "mean"]
MOST_LEVELS = 20
MOST_BETWEEN = 0.05
"""Share of scores between whole levels from which on a scale counts as continuous."""
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
    level : {'nominal', 'ordinal', 'interval'} or None
        What differences between levels were declared to mean; None where nothing was declared.
    """

    low: float
    high: float
    at_least: float | None = None
    level: Level | None = None

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
    units : sequence of (id, system, sample)
        The axis of all arrays.
    groups, clusters : tuple of str or None
        Group and prompt of each item; no clusters where items are on their own.
    sessions : tuple of str
        Conversation of each item, where each is a turn of one; else empty.
    turns : tuple of int
        Index of each item in its conversation, where each is a turn of one; else empty.
    whole_sessions : bool
        Whether conversations were chosen for labels, not single turns of them.
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
        Probability of the verdict where the judge gave one; else the share of the repeats, or of a
        panel's members, that gave the verdict; None without any.
    passing : float array, shape (n,), or None
        The judge's probability that an item passes, for a rate; None where it gave none.
    traits : mapping of str to float array, shape (n,)
        Properties of the responses that should not move the judge, NaN where unknown.
    earlier : Earlier or None
    """

    judge: str
    criterion: str
    system: str
    rubric: str | None = None
    counting: Counting
    units: Sequence[Unit]
    groups: tuple[str | None, ...]
    clusters: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()
    whole_sessions: bool = True
    verdicts: FloatArray
    labels: FloatArray
    raters: tuple[str, ...]
    thirds: frozenset[str] = frozenset()
    gold: str | None = None
    strata: IntArray | None = None
    provenance: Provenance | None = None
    flips: tuple[int, int] = (0, 0)
    certainty: FloatArray | None = None
    passing: FloatArray | None = None
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
        """The levels that agreement counts; empty where the scores are continuous.

        A few scores between two whole levels, such as half points, are levels of their own.
        """
        low, high = self.counting.ends
        if self.counting.level == "interval" or low != round(low) or high - low >= MOST_LEVELS:
            return ()
        between = self.between
        whole = np.arange(low, high + 1.0).tolist()
        if self.counting.level is None and len(between) > MOST_BETWEEN * self._given.size:
            return ()
        levels = sorted({*whole, *between})
        return tuple(levels) if len(levels) <= MOST_LEVELS else ()

    @property
    def between(self) -> tuple[float, ...]:
        """Scores that lie between two whole levels, one entry for each."""
        given = self._given
        return tuple(given[given != np.round(given)].tolist())

    @property
    def _given(self) -> FloatArray:
        given = np.concatenate([self.judged, self.rated.ravel()])
        return given[~np.isnan(given)]

    def subset(self, kept: npt.NDArray[np.bool_]) -> Self:
        """Keep some items."""
        rows = np.flatnonzero(kept)
        places: list[int] = rows.tolist()
        units = self.units
        return replace(
            self,
            units=units.take(rows) if isinstance(units, Units) else _at(units, places),
            groups=_at(self.groups, places),
            clusters=_at(self.clusters, places),
            sessions=_at(self.sessions, places),
            turns=_at(self.turns, places),
            verdicts=self.verdicts[kept],
            labels=self.labels[kept],
            strata=None if self.strata is None else self.strata[kept],
            certainty=None if self.certainty is None else self.certainty[kept],
            passing=None if self.passing is None else self.passing[kept],
            traits={name: values[kept] for name, values in self.traits.items()},
            earlier=None
            if self.earlier is None
            else replace(self.earlier, verdicts=self.earlier.verdicts[kept]),
        )

    def by_group(self) -> Iterator[tuple[str, Self]]:
        """Split by group, in the order of the names; items without a group are in none."""
        names = sorted({group for group in self.groups if group is not None})
        code = {name: number for number, name in enumerate(names)}
        mine = np.array([-1 if group is None else code[group] for group in self.groups])
        for name in names:
            yield name, self.subset(mine == code[name])


def _at(values: Sequence[Each], places: Sequence[int]) -> tuple[Each, ...]:
    return tuple(values[place] for place in places) if values else ()


# A value with its interval, and an interval alone, as they are written down and printed.


class Ends(Record):
    """An interval."""

    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval | None) -> "Ends | None":
        """Keep an interval, where there is one."""
        return None if interval is None else cls(low=interval.low, high=interval.high)


class Number(Record):
    """A value with its interval."""

    value: float
    low: float
    high: float
    confidence: float
    method: str
    n_judged: int
    n_labelled: int

    @classmethod
    def of(cls, estimate: Estimate) -> "Number":
        """Keep the numbers of an estimate."""
        return cls(
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            confidence=estimate.confidence,
            method=estimate.method,
            n_judged=estimate.n_judged,
            n_labelled=estimate.n_labelled,
        )


# Everything that was said of a set of responses, and what is asked of it, before it is cut up.


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the caller declares. Mappings are by criterion, None for all without an entry.

    Attributes
    ----------
    group : str
        Column that names the group of an item.
    cluster : str or None
        Column that names the prompt that items share; None where items are on their own.
    scales : mapping of str or None to (float, float)
        Ends of the scale, where no rubric says them.
    at_least : mapping of str or None to float
        The level from which on an item passes: the criterion is then counted as a rate.
    only : mapping of str or None to tuple of str
        The groups that a criterion is asked of; all where there is no entry.
    judge : str or None
        The one judge whose scores are asked for; None for all.
    gold : str or None
        The rater whose labels settle the items, such as an adjudicator.
    covariates : tuple of str
        Columns with properties of the responses that should not move the judge.
    levels : mapping of str or None to {'nominal', 'ordinal', 'interval'}
        What differences between scores mean, where it is declared.
    mapping : TableMapping
        Which columns and words of a table are which of ours.
    """

    group: str = "group"
    cluster: str | None = None
    scales: Mapping[str | None, tuple[float, float]] = field(
        default_factory=dict[str | None, tuple[float, float]]
    )
    at_least: Mapping[str | None, float] = field(default_factory=dict[str | None, float])
    only: Mapping[str | None, tuple[str, ...]] = field(
        default_factory=dict[str | None, tuple[str, ...]]
    )
    judge: str | None = None
    gold: str | None = None
    covariates: tuple[str, ...] = ()
    levels: Mapping[str | None, Level] = field(default_factory=dict[str | None, Level])
    mapping: TableMapping = field(default_factory=TableMapping)

    def level(self, criterion: str) -> Level | None:
        """Give the level of measurement that was declared; None where none was."""
        return self.levels[criterion] if criterion in self.levels else self.levels.get(None)

    def threshold(self, criterion: str) -> float | None:
        """Give the level from which on an item passes, where one was declared."""
        return self.at_least.get(criterion, self.at_least.get(None))

    def groups(self, criterion: str) -> tuple[str, ...] | None:
        """Give the groups that a criterion is asked of; None for all."""
        return self.only.get(criterion, self.only.get(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One expert's level of one item; None where the expert could not assess."""

    unit: Unit
    rater: str
    settles: bool = False
    """Whether it is a third's, given because others disagree on the item."""
    criterion: str
    rubric: str | None = None
    level: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that was said of n items, before it is cut into parts.

    Attributes
    ----------
    units : Units
        Every item, in order; the axis of all that follows.
    groups : sequence of str or None
    clusters : sequence of str
        Empty where items are on their own.
    sessions : sequence of str or None
        Conversation of each item; empty where there are none.
    turns : int array, shape (n,)
        Index of each in its conversation, -1 for what is no turn; empty where there are none.
    strata : int array, shape (n,), or None
    verdicts : mapping of series to Said
    asked_once : bool
        Whether no judge was asked again; only then its probabilities are of its verdict.
    ratings : tuple of Rating
    rows : mapping of unit to int
        Of the items that are rated at least.
    countings : mapping of (rubric, criterion) to Counting
    question : Question
    provenance : Provenance or None
    traits : mapping of str to float array, shape (n,)
        Properties of the responses, NaN where unknown.
    earlier : mapping of series to Said
        What an earlier version of the judge said of the same items.
    whole_sessions : bool
        Whether conversations were chosen for labels, not single turns of them.
    unasked : mapping of str or None to bool array, shape (n,)
        Items that a rubric does not judge: single turns, or whole conversations.
    """

    units: Units
    groups: Sequence[str | None]
    clusters: Sequence[str] = ()
    sessions: Sequence[str | None] = ()
    turns: Whole = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    strata: IntArray | None = None
    verdicts: Mapping[Series, Said]
    asked_once: bool = False
    ratings: tuple[Rating, ...]
    rows: Mapping[Unit, int]
    countings: Mapping[tuple[str | None, str], Counting]
    question: Question
    provenance: Provenance | None = None
    traits: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    earlier: Mapping[Series, Said] = field(default_factory=dict[Series, Said])
    whole_sessions: bool = True
    unasked: Mapping[str | None, npt.NDArray[np.bool_]] = field(
        default_factory=dict[str | None, npt.NDArray[np.bool_]]
    )


def text_traits(texts: Sequence[str]) -> dict[str, FloatArray]:
    """Measure length and language: doublings of characters, and 1 for Chinese; NaN if neither."""
    return {"length": log_length(texts), "chinese": is_chinese(texts)}


def column_trait(name: str, values: Sequence[object]) -> tuple[str, FloatArray]:
    """Read a property from a column of numbers, or of two words.

    Parameters
    ----------
    name : str
        Of the column.
    values : sequence of object
        None or an empty text where the property is not known.

    Returns
    -------
    (str, float array)
        Name of the property, and 1 for the second of two words in the order of the alphabet; NaN
        where it is not known.

    Raises
    ------
    ConfigError
        If no item has a value, or there are words of more than two kinds.
    """
    known = [value is not None and value != "" for value in values]
    if not any(known):
        raise ConfigError(f"--covariate: no item has a value in column {name!r}.")
    numbers = [_number(value) if has else 0.0 for value, has in zip(values, known, strict=True)]
    if not any(math.isnan(number) for number in numbers):
        return name, np.where(known, numbers, np.nan)
    words = sorted({str(value) for value, has in zip(values, known, strict=True) if has})
    if len(words) > 2:
        raise ConfigError(
            f"--covariate: column {name!r} holds {len(words)} different texts, such as "
            f"{words[0][:40]!r}; it takes numbers, or two words."
        )
    second = [float(str(value) == words[-1]) for value in values]
    return f"{name} = {words[-1]}", np.where(known, second, np.nan)


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return float("nan")
    return number if math.isfinite(number) else float("nan")
