"""How many expert labels a wanted interval, or a wanted power of a gate, needs.

The estimators are asked what they would say of the labels that a pilot lets expect. Rates are
fractions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from calibration.correction.chance import against_chance
from calibration.correction.labelled import read_labelled
from calibration.correction.post_stratification import Stratum, melded_limits
from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.gate_power import gate_power
from calibration.intervals.classical import clopper_pearson
from calibration.sampling import allocate
from calibration.validation import check_binary, check_error, check_share

FEWEST = 10

Groups: TypeAlias = Mapping[str, int | tuple[int, float]]
"""Items of each group, or items and expected standard deviation of the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """What is expected of judge and experts.

    Attributes
    ----------
    judge_rate : float
        Share of items that the judge passes.
    pass_given_pass, pass_given_fail : float
        Share that experts pass among the items that the judge passes, and fails.
    below_chance : bool
        Whether labels show that the judge is below chance, so that it would not be corrected.
    """

    judge_rate: float
    pass_given_pass: float
    pass_given_fail: float
    below_chance: bool = False

    @property
    def rate(self) -> float:
        """Share of items that experts would pass."""
        share = self.judge_rate
        return share * self.pass_given_pass + (1.0 - share) * self.pass_given_fail

    @property
    def explained(self) -> float:
        """Squared correlation of judge and experts."""
        share, gap = self.judge_rate, self.pass_given_pass - self.pass_given_fail
        return share * (1.0 - share) * gap**2 / (self.rate * (1.0 - self.rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """How many labels to buy, and what they buy.

    Attributes
    ----------
    labels : int
        Labels needed, drawn at random.
    human_only_labels : int
        Labels that would be needed for the same half-width without the judge.
    half_width : float
        Expected half-width of the reported interval with ``labels``.
    power : float or None
        Probability that the gate passes with ``labels``; None without a gate.
    saving : float
        By how much the judge multiplies the worth of a label once there are many, 1 / (1 - r^2).
    allocation : tuple of (str, int)
        Labels for each group, in the order given; empty without groups.
    """

    labels: int
    human_only_labels: int
    half_width: float
    power: float | None
    saving: float
    allocation: tuple[tuple[str, int], ...]


def plan_labels(
    pilot: Pilot,
    *,
    half_width: float | None = None,
    floor: float | None = None,
    power: float = 0.8,
    error: float = 0.05,
    n_judged: int = 5000,
    groups: Groups | None = None,
) -> LabelPlan:
    """Find the smallest number of labels that does what is wanted.

    Parameters
    ----------
    pilot : Pilot
        See :func:`pilot_from_labels` and :func:`pilot_from_accuracy`.
    half_width : float, optional
        Wanted half-width of the reported interval, a fraction.
    floor : float, optional
        Lowest rate that may be released: the gate passes where its lower limit is at least that.
    power : float
        Wanted probability that the gate passes at the pilot's rate.
    error : float
        Risk of each limit: 0.05 for a gate at 5 %; the reported interval then has
        ``1 - error`` coverage.
    n_judged : int
        Items with a verdict; no more labels than that can be had.
    groups : mapping of str to int or (int, float), optional
        Items in each group, to share the labels out over; with the expected standard deviation of
        its labels, those that vary more get more.

    Returns
    -------
    LabelPlan

    Raises
    ------
    ValueError
        If nothing is wanted, an argument is malformed, or the floor is not below the pilot's rate.
    InsufficientLabels
        If labelling every item would not be enough.
    UnusableJudge
        If the pilot's labels show a judge below chance.

    Examples
    --------
    >>> pilot = pilot_from_accuracy(0.97, sensitivity=0.995, specificity=0.9)
    >>> plan = plan_labels(pilot, half_width=0.02)
    >>> plan.labels < plan.human_only_labels
    True
    """
    check_share("power", power)
    tail = check_error(error) / 2.0
    _check_aims(pilot, half_width, floor)
    if pilot.below_chance:
        raise UnusableJudge("the labels show a judge below chance, which is never corrected.")

    def wide_enough(n: int) -> bool:
        return half_width is None or _half_width(pilot, n, n_judged, tail=tail) <= half_width

    def strong_enough(n: int) -> bool:
        return floor is None or _power(pilot, n, n_judged, floor=floor, error=error) >= power

    labels = smallest(lambda n: wide_enough(n) and strong_enough(n), most=n_judged)
    reached = _half_width(pilot, labels, n_judged, tail=tail)
    return LabelPlan(
        labels=labels,
        human_only_labels=_human_only(pilot, reached, tail=tail),
        half_width=reached,
        power=None if floor is None else _power(pilot, labels, n_judged, floor=floor, error=error),
        saving=1.0 / (1.0 - pilot.explained),
        allocation=shared_out(labels, groups or {}),
    )


def pilot_from_accuracy(rate: float, *, sensitivity: float, specificity: float) -> Pilot:
    """Make a pilot from an expected pass rate and the judge's error rates, all in (0, 1)."""
    for name, share in (("rate", rate), ("sensitivity", sensitivity), ("specificity", specificity)):
        check_share(name, share)
    if sensitivity + specificity <= 1.0:
        raise ValueError(
            "sensitivity + specificity must exceed 1, or the judge is no better than chance; got "
            f"{sensitivity:g} + {specificity:g}."
        )
    passed = rate * sensitivity + (1.0 - rate) * (1.0 - specificity)
    return Pilot(
        judge_rate=passed,
        pass_given_pass=rate * sensitivity / passed,
        pass_given_fail=rate * (1.0 - sensitivity) / (1.0 - passed),
    )


def pilot_from_labels(judge: npt.ArrayLike, human: npt.ArrayLike) -> Pilot:
    """Make a pilot from a first set of labels, drawn at random or by verdict.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        1 pass, 0 fail, NaN where missing.

    Returns
    -------
    Pilot
        Rates shrunk by half a pass and half a fail each, so that none is 0 or 1.

    Raises
    ------
    ValueError, InsufficientLabels
        As in :func:`calibration.estimate_rate`.
    """
    drawn = read_labelled(judge, human, scale=(0.0, 1.0), design="random")
    check_binary("judge", drawn.judge)
    check_binary("human", drawn.human)

    def shrunk(among: npt.NDArray[np.bool_], passes: npt.NDArray[np.bool_]) -> float:
        return (float((among & passes).sum()) + 0.5) / (float(among.sum()) + 1.0)

    def counted(among: npt.NDArray[np.bool_]) -> tuple[float, float]:
        return float((among & good).sum()), float(among.sum())

    good, judged_good = drawn.human == 1.0, drawn.judge == 1.0
    passed, failed = drawn.used & judged_good, drawn.used & (drawn.judge == 0.0)
    return Pilot(
        judge_rate=shrunk(~drawn.missing, judged_good),
        pass_given_pass=shrunk(passed, good),
        pass_given_fail=shrunk(failed, good),
        below_chance=against_chance(counted(passed), counted(failed), tail=0.025) == "below",
    )


def zero_failure_labels(floor: float, *, confidence: float = 0.95) -> int:
    """Fewest labels, all of them passes, that show a rate of at least ``floor`` without a judge.

    Examples
    --------
    >>> [zero_failure_labels(floor) for floor in (0.95, 0.97, 0.98, 0.99)]
    [59, 99, 149, 299]
    """
    return ceil(log(1.0 - check_share("confidence", confidence)) / log(check_share("floor", floor)))


def _check_aims(pilot: Pilot, half_width: float | None, floor: float | None) -> None:
    if half_width is None and floor is None:
        raise ValueError("give half_width, floor or both: what should the labels achieve?")
    if half_width is not None:
        check_share("half_width", half_width)
    if floor is not None and not check_share("floor", floor) < pilot.rate:
        raise ValueError(f"floor must be below the expected rate {pilot.rate:.4f}; got {floor}.")


def _strata(pilot: Pilot, labels: float, n_judged: int) -> tuple[Stratum, Stratum]:
    passed = labels * pilot.judge_rate
    failed = labels - passed
    size = n_judged * pilot.judge_rate
    return (
        Stratum(size=size, passes=passed * pilot.pass_given_pass, labels=passed),
        Stratum(size=n_judged - size, passes=failed * pilot.pass_given_fail, labels=failed),
    )


def _half_width(pilot: Pilot, labels: int, n_judged: int, *, tail: float) -> float:
    low, high = melded_limits(_strata(pilot, labels, n_judged), tail=tail, strict=False)
    return 0.5 * (high - low)


def _power(pilot: Pilot, labels: int, n_judged: int, *, floor: float, error: float) -> float:
    return gate_power(_strata(pilot, labels, n_judged), floor=floor, error=error)


def _human_only(pilot: Pilot, half_width: float, *, tail: float) -> int:
    def enough(labels: int) -> bool:
        return clopper_pearson(pilot.rate * labels, labels, tail=tail).width <= 2.0 * half_width

    return smallest(enough, most=10_000_000)


def smallest(enough: Callable[[int], bool], *, most: int) -> int:
    """Find the smallest number from 10 up to ``most`` that is enough, by doubling and halving.

    Raises
    ------
    InsufficientLabels
        If not even ``most`` is enough.
    """
    low, high = FEWEST - 1, FEWEST
    while not enough(high):
        if high >= most:
            raise InsufficientLabels(f"labels for all {most} items would not be enough.")
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def shared_out(labels: int, groups: Groups) -> tuple[tuple[str, int], ...]:
    """Share labels out over groups, half by size and half by size times spread.

    Raises
    ------
    ValueError
        If a group has no items, or all of them fewer than the labels.
    """
    if not groups:
        return ()
    found = [group if isinstance(group, tuple) else (group, 1.0) for group in groups.values()]
    sizes = np.array([size for size, _ in found], dtype=np.intp)
    if int(sizes.min()) < 1 or labels > int(sizes.sum()):
        raise ValueError(f"groups must have items, {labels} of them together; got {dict(groups)}.")
    counts = allocate(labels, sizes, np.array([spread for _, spread in found]))
    return tuple(zip(groups, counts.tolist(), strict=True))
