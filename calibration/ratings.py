"""The rating: one rater's value for one unit on one criterion, from an expert or a judge alike.

A unit is (id, system, sample): the answer number `sample` of `system` to prompt `id`. Long rows of
ratings become a matrix of units x raters for each criterion, NaN where a rating is missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calibration.validation import FloatArray


class Unit(NamedTuple):
    """What is rated."""

    id: str
    system: str = ""
    sample: int = 0

    def __str__(self) -> str:
        """Say it as error messages do."""
        system = f" of {self.system}" if self.system else ""
        return f"'{self.id}'{system}" + (f", sample {self.sample}" if self.sample else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One value.

    Attributes
    ----------
    unit : Unit
    rater : str
        An expert, or a judge.
    criterion : str
    score : float | None
        None where a judge was asked and gave no verdict.
    repeat : int
        How often the same judge had been asked before.
    group : str | None
        Scenario or domain of the unit.
    rationale : str | None
    rubric_hash : str | None
        Version of the rubric that the rater had.
    """

    unit: Unit
    rater: str
    criterion: str
    score: float | None
    repeat: int = 0
    group: str | None = None
    rationale: str | None = None
    rubric_hash: str | None = None


@dataclass(frozen=True, slots=True)
class RatingScale:
    """A declared scale.

    Attributes
    ----------
    low, high : float
        Both allowed.
    levels : tuple of float
        The only values allowed; empty for any value between the ends.
    """

    low: float
    high: float
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a scale that contradicts itself."""
        if not self.low < self.high:
            raise ValueError(f"a scale goes from low to high; got {self.low} to {self.high}.")
        if any(not self.low <= level <= self.high for level in self.levels):
            raise ValueError(f"levels {self.levels} go beyond {self.low:g} to {self.high:g}.")

    def holds(self, score: float) -> bool:
        """Whether a score is on the scale."""
        return score in self.levels if self.levels else self.low <= score <= self.high

    def __str__(self) -> str:
        """Say it as error messages do."""
        if self.levels:
            return ", ".join(f"{level:g}" for level in self.levels)
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingTable:
    """The ratings on one criterion as a matrix.

    Attributes
    ----------
    criterion : str
    units : tuple of U Unit
    groups : tuple of U str or None
    raters : tuple of R str
    values : float array, shape (U, R)
        NaN where there is no rating.
    """

    criterion: str
    units: tuple[Unit, ...]
    groups: tuple[str | None, ...]
    raters: tuple[str, ...]
    values: FloatArray

    @property
    def systems(self) -> tuple[str, ...]:
        """System of each unit."""
        return tuple(unit.system for unit in self.units)

    def by(self, rater: str) -> FloatArray:
        """Give one rater's values, shape (U,).

        Raises
        ------
        KeyError
            If the rater rated nothing on this criterion.
        """
        if rater not in self.raters:
            raise KeyError(f"no ratings by {rater!r}; raters are {', '.join(self.raters)}.")
        return self.values[:, self.raters.index(rater)]


def pivot(
    ratings: Iterable[Rating],
    *,
    criterion: str,
    units: Sequence[Unit] | None = None,
    repeat: int = 0,
) -> RatingTable:
    """Arrange the ratings on one criterion as units x raters.

    Parameters
    ----------
    ratings : iterable of Rating
        No two of the same rater, unit, criterion and repeat.
    criterion : str
    units : sequence of Unit, optional
        Rows to give, for example those of the judge's table so that labels align with it;
        without them, all units that have a rating, as they come.
    repeat : int
        Which of a judge's repeats.

    Raises
    ------
    ValueError
        If a unit is rated that is not among those given, twice by one rater, or under two groups.
    """
    chosen = [one for one in ratings if one.criterion == criterion and one.repeat == repeat]
    raters = tuple(sorted({one.rater for one in chosen}))
    rows = tuple(dict.fromkeys(one.unit for one in chosen) if units is None else units)
    row_of = {unit: place for place, unit in enumerate(rows)}
    column_of = {rater: place for place, rater in enumerate(raters)}
    values = np.full((len(rows), len(raters)), np.nan)
    groups: list[str | None] = [None] * len(rows)
    rated: set[tuple[int, int]] = set()
    for one in chosen:
        if one.unit not in row_of:
            raise ValueError(f"{one.unit} is rated but not among the units.")
        cell = row_of[one.unit], column_of[one.rater]
        if cell in rated:
            raise ValueError(f"{one.rater} rated {one.unit} twice on {criterion}.")
        rated.add(cell)
        values[cell] = np.nan if one.score is None else one.score
        groups[cell[0]] = _same_group(groups[cell[0]], one)
    return RatingTable(
        criterion=criterion, units=rows, groups=tuple(groups), raters=raters, values=values
    )


def criteria_of(ratings: Iterable[Rating]) -> tuple[str, ...]:
    """List the criteria in the order in which they come."""
    return tuple(dict.fromkeys(one.criterion for one in ratings))


def _same_group(known: str | None, one: Rating) -> str | None:
    if known is not None and one.group is not None and known != one.group:
        raise ValueError(f"{one.unit} stands in two groups, {known!r} and {one.group!r}.")
    return known if one.group is None else one.group
