"""The seam between the search and the engine: cases and ways to judge in, levels out.

Everything that costs a call goes through an `Engine`, so that the same search runs against real
judges over HTTP (`judge.improve.session`) and against planted ones in a simulation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from calibration.validation import FloatArray
from judge.improve.cases import Case
from judge.records import Provenance
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric


class Halted(Exception):  # noqa: N818 - a statement about the search
    """No further call may be made: a limit is reached, or somebody stopped the program."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A way to judge: one judge, or several as a panel, under a rubric.

    Attributes
    ----------
    rubric : Rubric
    judges : tuple of str
        Names; several are a panel that decides by majority.
    """

    rubric: Rubric
    judges: tuple[str, ...]

    @property
    def name(self) -> str:
        """How tables call it."""
        judges = " + ".join(self.judges)
        return (
            f"{judges}, {self.rubric.id} {self.rubric.version} ({rubric_digest(self.rubric)[:8]})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a setup said of one case.

    Attributes
    ----------
    levels : mapping of str to int or None
        Criterion to level; None where there is none, never a number.
    outcome : str
        ``ok``, or why a level is missing.
    reasons : mapping of str to str
        Criterion to what the judge gave as its reason.
    calls : int
        Calls that were made for it; 0 where an earlier answer was taken over.
    usd : float or None
        What they cost; None where the price is unknown.
    provenance : Provenance
    """

    levels: Mapping[str, int | None]
    outcome: str = "ok"
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    calls: int = 1
    usd: float | None = None
    provenance: Provenance = "LIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """A request to the reflection model for one text of the rubric.

    Attributes
    ----------
    instructions : str
        Trusted; ours.
    material : mapping of str to str
        What data sets and models wrote: it travels contained.
    """

    instructions: str
    material: Mapping[str, str]


class Engine(Protocol):
    """What can be asked; every method raises `Halted` where no call may be made any more."""

    @property
    def calls(self) -> int:
        """Calls that this search has needed so far, those of earlier sittings included."""
        ...

    @property
    def usd(self) -> float:
        """What they cost, as far as it is known."""
        ...

    def missing(self, setups: Sequence[Setup], cases: Sequence[Case]) -> int:
        """Count the calls that `judge` would make at most; what was answered before is free."""
        ...

    async def judge(
        self, setups: Sequence[Setup], cases: Sequence[Case], *, fresh: str = ""
    ) -> tuple[tuple[Judged, ...], ...]:
        """Judge cases under one or several setups, case by case in turn.

        Parameters
        ----------
        setups : sequence of Setup
        cases : sequence of Case
        fresh : str
            Empty to take over earlier answers to the same question; otherwise the name of a round
            in which everything is asked anew.

        Returns
        -------
        tuple of tuple of Judged
            For each setup, one for each case.
        """
        ...

    async def reflect(self, request: Reflection) -> str | None:
        """Ask the reflection model; None where it gave no text."""
        ...


def levels_of(judged: Sequence[Judged], criterion: str) -> FloatArray:
    """Give the level of each case, shape (n,); NaN where there is none."""
    found = (each.levels.get(criterion) for each in judged)
    return np.array([np.nan if level is None else float(level) for level in found])


def labels_of(cases: Sequence[Case], criterion: str) -> FloatArray:
    """Give the experts' level of each case, shape (n,); NaN where there is none."""
    return np.array([case.labels.get(criterion, np.nan) for case in cases])


def agreement_scores(
    levels: FloatArray, labels: FloatArray, ends: tuple[float, float]
) -> FloatArray:
    """Score each verdict by its nearness to the experts' level.

    Parameters
    ----------
    levels, labels : float array, shape (n,)
        NaN where missing.
    ends : (float, float)
        Lowest and highest level of the scale.

    Returns
    -------
    float array, shape (n,)
        1 for the same level, 0 for the other end of the scale, linear between (the linear weights
        of Cohen 1968); for two levels 1 and 0. NaN where either is missing: never 0.
    """
    return 1.0 - np.abs(levels - labels) / (ends[1] - ends[0])


def scale_ends(rubric: Rubric, criterion: str) -> tuple[float, float]:
    """Give the ends of a criterion's scale."""
    scale = rubric.criterion(criterion).scale
    return float(scale.min), float(scale.max)
