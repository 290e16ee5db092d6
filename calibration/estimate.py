"""What every estimator of this package returns, and the errors it raises instead of a number."""

from dataclasses import dataclass


class InsufficientLabels(ValueError):  # noqa: N818 - the public contract names it so
    """No honest interval exists for the labels given; the message says what is missing."""


class UnusableJudge(ValueError):  # noqa: N818 - said as the report says it
    """The judge is no better than chance against the experts, so it must not be corrected."""


class Undefined(ValueError):  # noqa: N818 - said as the report says it
    """The statistic has no value on these ratings, for example because all of them are equal."""


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
