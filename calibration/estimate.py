"""What every estimator of this package returns, and the errors it raises instead of a number."""

from dataclasses import dataclass
from typing import Literal


class InsufficientLabels(ValueError):  # noqa: N818 - the public contract names it so
    """No honest interval exists for the labels given; the message says what is missing."""


class UnusableJudge(ValueError):  # noqa: N818 - said as the report says it
    """The judge is no better than chance against the experts, so it must not be corrected."""


class Undefined(ValueError):  # noqa: N818 - said as the report says it
    """The statistic has no value on these ratings, for example because all of them are equal."""


def counted(number: int, noun: str) -> str:
    """Write a number of things, such as ``1 label`` or ``2 labels``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval, in the unit of the statistic that it bounds."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Distance between the ends."""
        return self.high - self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is asked of an interval.

    Attributes
    ----------
    tail : float
        Probability beyond each limit; 0.025 makes the 95 % interval.
    strict : bool
        Whether each limit errs with probability ``tail`` at most on its own, for gates; else both
        are close to nominal together, for reports.
    population : {"superpopulation", "finite"}
        Whether the value asked for is that of all items like these, or of these items alone.
    """

    tail: float
    strict: bool = False
    population: Literal["superpopulation", "finite"] = "superpopulation"


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumCount:
    """What one stratum contributes to an interval, enough to compute the interval again.

    Attributes
    ----------
    name : str
        What its items have in common.
    items, labels : int
        Plain counts.
    mean : float | None
        Weighted mean of the labels; None without any.
    effective_items, effective_labels : float
        The counts that the interval uses: after unequal weights and clusters.
    """

    name: str
    items: int
    labels: int
    mean: float | None
    effective_items: float
    effective_labels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignEffects:
    """By how much items that share a prompt inflate variance.

    Attributes
    ----------
    items : float
        For means over all judged items, >= 1.
    labels : float
        For means over the labelled items, >= 1.
    alone : float
        The same for the labels by themselves, without a look at the judge, >= 1.
    warnings : tuple of str
        What a reader must know.
    """

    items: float = 1.0
    labels: float = 1.0
    alone: float = 1.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCount:
    """Items alike in verdict, in label and in the rate at which labels were drawn.

    Attributes
    ----------
    draw : int
        Items with the same number had labels drawn at about one rate; -1 where none was drawn.
    verdict, label : float | None
        None where there is no verdict, or no label.
    items : int
    weight : float | None
        Items that each label stands for; None without a label.
    """

    draw: int
    verdict: float | None
    label: float | None
    items: int
    weight: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A point value and the interval around it.

    Attributes
    ----------
    value, low, high : float
        Finite, ``low <= value <= high``, in the unit of the statistic: a fraction for rates, the
        scale's unit for means.
    confidence : float
        Nominal two-sided coverage, a fraction such as 0.95.
    method : str
        Name of the estimator that was used, as the documentation lists it.
    n_judged : int
        Items with a verdict of the judge.
    n_labelled : int
        Items with an expert label that the estimate used.
    human_only : Interval | None
        What the labels say without the judge; None where the statistic has no such twin.
    above_chance : bool | None
        Whether the labels show that the judge is better than chance; None where that was not
        asked, as for coefficients of agreement. Where it is False the value rests on the labels.
    warnings : tuple of str
        Plain sentences that a reader must see beside the number; empty when there are none.
    population : {"superpopulation", "finite"}
        Of which items the value is: all that are like these, or these alone.
    guarantee : {"exact", "conjectured", "approximate"}
        How strong the coverage is: proven; proven but for a conjecture that no simulation has
        broken; or shown by simulation over a grid of cases.
    strata : tuple of StratumCount
        What the interval was computed from, where it is made of strata.
    """

    value: float
    low: float
    high: float
    confidence: float
    method: str
    n_judged: int
    n_labelled: int
    human_only: Interval | None = None
    above_chance: bool | None = None
    warnings: tuple[str, ...] = ()
    population: Literal["superpopulation", "finite"] = "superpopulation"
    guarantee: Literal["exact", "conjectured", "approximate"] = "approximate"
    strata: tuple[StratumCount, ...] = ()
