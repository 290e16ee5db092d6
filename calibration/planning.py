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
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge, counted
from calibration.estimators import estimate_mean, gate_mean
from calibration.intervals import clopper_pearson
from calibration.labelled_sample import against_chance, read_labelled
from calibration.post_stratification import Stratum, melded_limits, strict_lower_limit
from calibration.sampling import allocate
from calibration.validation import FloatArray, check_binary, check_error, check_share

# Probability that a gate on the pass rate passes, before any label is known.

NEGLIGIBLE = 1e-7

DRAWS = 100
"""Draws that are simulated to see how the half-width varies."""

CELLS_OF_PLANS = 512
"""Of the lattices that tell whether a gate passes: half of those that bound a rate."""

_QUANTILES = 5
_NO_LABEL = 0.25


def gate_power(strata: tuple[Stratum, Stratum], *, floor: float, error: float) -> float:
    """Probability that the gate's lower limit reaches the floor.

    Parameters
    ----------
    strata : two Stratum
        Items that the judge passes and fails, with expected labels and passes; the number of
        labels in each is rounded and taken as fixed.
    floor : float
        Lowest rate that may be released.
    error : float
        Risk of the lower limit.

    Returns
    -------
    float
        A fraction.
    """
    labels = [max(round(one.labels), 0) for one in strata]
    rates = [one.passes / one.labels for one in strata]

    def passes(failures: tuple[int, int]) -> bool:
        seen = tuple(
            Stratum(size=one.size, passes=float(n - k), labels=float(n))
            for one, n, k in zip(strata, labels, failures, strict=True)
        )
        return strict_lower_limit(seen, tail=error, cells=CELLS_OF_PLANS) >= floor

    first = _binomial(labels[0], 1.0 - rates[0])
    second = _binomial(labels[1], 1.0 - rates[1])
    allowed = _most_allowed(lambda failed: passes((failed, 0)), labels[0])
    power = 0.0
    for failed in np.flatnonzero(second > NEGLIGIBLE).tolist():
        # The more failures on one side, the fewer are allowed on the other.
        while allowed >= 0 and not passes((allowed, failed)):
            allowed -= 1
        power += float(second[failed] * first[: allowed + 1].sum())
    return power


def _most_allowed(passes: Callable[[int], bool], most: int) -> int:
    """Largest number of failures with which the gate passes; -1 if it does not even with none."""
    low, high = -1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _binomial(n: int, rate: float) -> FloatArray:
    """Probabilities of 0 to n successes."""
    k = np.arange(n + 1, dtype=np.float64)
    ways = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    return np.exp(ways + special.xlogy(k, rate) + special.xlog1py(n - k, -rate))


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
    assured_labels : int or None
        Labels with which the wanted half-width is reached with the wanted assurance, where
        ``labels`` reach it on average; None where neither is asked for, or no number does.
    """

    labels: int
    human_only_labels: int
    half_width: float
    power: float | None
    saving: float
    allocation: tuple[tuple[str, int], ...]
    assured_labels: int | None = None


def plan_labels(  # noqa: PLR0913 - one for each thing that is wanted or known
    pilot: Pilot,
    *,
    half_width: float | None = None,
    floor: float | None = None,
    power: float = 0.8,
    error: float = 0.05,
    n_judged: int = 5000,
    groups: Groups | None = None,
    assurance: float | None = None,
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
    assurance : float, optional
        Probability, such as 0.8, with which the half-width is to be reached: the width that labels
        give varies with the draw, and ``labels`` reach the wanted one on average only.

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

    def nearly(n: int) -> bool:
        return wide_enough(n) and (
            floor is None or _expected_power(pilot, n, n_judged, floor=floor, error=error) >= power
        )

    labels = smallest(nearly, most=n_judged)
    if floor is not None:
        labels = _from(labels, strong_enough, most=n_judged)
    reached = _half_width(pilot, labels, n_judged, tail=tail)
    assured = None
    if half_width is not None and assurance is not None:
        check_share("assurance", assurance)
        assured = _assured(
            lambda n: _drawn_half_widths(pilot, n, n_judged, tail=tail),
            half_width=half_width,
            assurance=assurance,
            counts=(labels, n_judged),
        )
    return LabelPlan(
        labels=labels,
        human_only_labels=_human_only(pilot, reached, tail=tail),
        half_width=reached,
        power=None if floor is None else _power(pilot, labels, n_judged, floor=floor, error=error),
        saving=1.0 / (1.0 - pilot.explained),
        allocation=shared_out(labels, groups or {}),
        assured_labels=assured,
    )


def _assured(
    drawn: Callable[[int], FloatArray],
    *,
    half_width: float,
    assurance: float,
    counts: tuple[int, int],
) -> int | None:
    """Find the fewest labels whose half-width is small enough in the wanted share of draws."""

    def enough(n: int) -> bool:
        return float(np.mean(drawn(n) <= half_width)) >= assurance

    low, most = counts
    try:
        return _from(low, enough, most=most)
    except InsufficientLabels:
        return None


def _from(low: int, enough: Callable[[int], bool], *, most: int) -> int:
    """Find the smallest number that is enough, from one that is nearly so.

    Raises
    ------
    InsufficientLabels
        If not even ``most`` is enough.
    """
    high = low
    while not enough(high):
        if high >= most:
            raise InsufficientLabels(f"labels for all {most} items would not be enough.")
        low, high = high, min(ceil(1.1 * high) + 1, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _drawn_half_widths(pilot: Pilot, labels: int, n_judged: int, *, tail: float) -> FloatArray:
    """Half-widths of simulated draws, shape (DRAWS,); the same luck for every number of labels."""
    luck = np.random.default_rng(0).random((DRAWS, 3))
    passed = _quantiles(luck[:, 0], labels, pilot.judge_rate)
    failed = labels - passed
    good = _quantiles(luck[:, 1], passed, pilot.pass_given_pass)
    also = _quantiles(luck[:, 2], failed, pilot.pass_given_fail)
    size = n_judged * pilot.judge_rate
    found = np.empty(DRAWS)
    for at in range(DRAWS):
        strata = (
            Stratum(size=size, passes=float(good[at]), labels=float(passed[at])),
            Stratum(size=n_judged - size, passes=float(also[at]), labels=float(failed[at])),
        )
        low, high = melded_limits(strata, tail=tail, strict=False)
        found[at] = 0.5 * (high - low)
    return found


def _quantiles(luck: FloatArray, n: npt.ArrayLike, rate: float) -> FloatArray:
    """Give binomial numbers for uniform luck, whole and within 0 to n."""
    trials = np.asarray(n, dtype=np.float64)
    # bdtrik is NaN below the probability of 0 successes.
    found = np.nan_to_num(special.bdtrik(luck, trials, rate), nan=0.0)
    return np.clip(np.ceil(found - 1e-9), 0.0, trials)


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
    """Power over the number of labels that fall to each verdict, at even quantiles of it."""
    size = n_judged * pilot.judge_rate
    luck = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    passed, times = np.unique(_quantiles(luck, labels, pilot.judge_rate), return_counts=True)
    power = 0.0
    for expected, count in zip(passed.tolist(), times.tolist(), strict=True):
        # A verdict to which no label falls still has a rate; a quarter of a label rounds to none.
        of_passed = min(max(expected, _NO_LABEL), labels - _NO_LABEL)
        of_failed = labels - of_passed
        strata = (
            Stratum(size=size, passes=of_passed * pilot.pass_given_pass, labels=of_passed),
            Stratum(
                size=n_judged - size, passes=of_failed * pilot.pass_given_fail, labels=of_failed
            ),
        )
        power += count / _QUANTILES * gate_power(strata, floor=floor, error=error)
    return power


def _expected_power(
    pilot: Pilot, labels: int, n_judged: int, *, floor: float, error: float
) -> float:
    """Power where the labels of each verdict are as many as expected: quick, and a little high."""
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


# How many expert labels a mean on a bounded scale needs.
#
# The estimators of `calibration.estimators` are asked what they would say of n labels that are
# spread like those of a pilot. What no label of the pilot shows, such as a rare severe tail, is
# not foretold. ``N`` items, means in the unit of the scale.

MOST_WITHOUT_JUDGE = 1_000_000

MEAN_DRAWS = 40
"""As `DRAWS`, for means, whose intervals take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPilot:
    """Ratings that stand for those to come.

    Attributes
    ----------
    scale : (float, float)
    scores : float array, shape (N,)
        The judge's, in order.
    judge, human : float array, shape (n,)
        Of the labelled items, in order.
    """

    scale: tuple[float, float]
    scores: FloatArray
    judge: FloatArray
    human: FloatArray

    @property
    def mean(self) -> float:
        """The mean that experts would give."""
        return self.expected(self.human.size, self.scores.size + self.human.size).value

    @property
    def explained(self) -> float:
        """Squared correlation of judge and experts; 0 where one of them does not vary."""
        if min(np.ptp(self.judge), np.ptp(self.human)) == 0.0:
            return 0.0
        return float(np.corrcoef(self.judge, self.human)[0, 1] ** 2)

    def expected(self, labels: int, n_judged: int, *, confidence: float = 0.95) -> Estimate:
        """Give the estimate that so many labels let expect."""
        judge, human = self.sample(labels, n_judged)
        return estimate_mean(judge, human, scale=self.scale, confidence=confidence)

    def sample(self, labels: int, n_judged: int) -> tuple[FloatArray, FloatArray]:
        """Spread labels and scores as the pilot does, both shape (n_judged,)."""
        chosen = _evenly(self.human.size, labels)
        others = self.scores[_evenly(self.scores.size, max(n_judged - labels, 0))]
        judge = np.concatenate([self.judge[chosen], others])
        return judge, np.concatenate([self.human[chosen], np.full(others.size, np.nan)])


def pilot_from_ratings(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, scale: tuple[float, float]
) -> MeanPilot:
    """Make a pilot from a first set of labels, drawn at random.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        On the scale, NaN where missing.
    scale : (float, float)

    Raises
    ------
    ValueError
        As in :func:`calibration.estimate_mean`.
    InsufficientLabels
        If fewer than 10 items have both a score and a label.
    """
    drawn = read_labelled(judge, human, scale=scale, design="random")
    both = drawn.used & ~drawn.missing
    if int(both.sum()) < FEWEST:
        raise InsufficientLabels(
            f"{counted(int(both.sum()), 'label')}; a plan for a mean needs {FEWEST} to "
            "see their spread."
        )
    order = np.lexsort((drawn.human[both], drawn.judge[both]))
    return MeanPilot(
        scale=scale,
        scores=np.sort(drawn.judge[~drawn.missing]),
        judge=drawn.judge[both][order],
        human=drawn.human[both][order],
    )


def plan_mean_labels(  # noqa: PLR0913 - as plan_labels
    pilot: MeanPilot,
    *,
    half_width: float | None = None,
    floor: float | None = None,
    power: float = 0.8,
    error: float = 0.05,
    n_judged: int = 5000,
    groups: Groups | None = None,
    assurance: float | None = None,
) -> LabelPlan:
    """Find the smallest number of labels that does what is wanted of a mean.

    Parameters
    ----------
    pilot : MeanPilot
    half_width, floor : float, optional
        As in :func:`calibration.plan_labels`, in the unit of the scale.
    power, error, n_judged, groups, assurance
        As in :func:`calibration.plan_labels`.

    Returns
    -------
    LabelPlan
        Its power takes the gate's limit to scatter normally.

    Raises
    ------
    ValueError
        If nothing is wanted, or the floor is not below the pilot's mean.
    InsufficientLabels
        If labelling every item would not be enough.
    UnusableJudge
        If the pilot shows a judge below chance.

    Examples
    --------
    >>> human = [6, 7, 5, 8, 6, 7, 9, 4, 6, 7, 8, 5]
    >>> pilot = pilot_from_ratings([7, 7, 6, 8, 6, 8, 9, 5, 6, 7, 9, 5], human, scale=(1, 10))
    >>> plan = plan_mean_labels(pilot, half_width=0.3, n_judged=500)
    >>> plan.half_width <= 0.3, plan.labels < plan.human_only_labels
    (True, True)
    """
    check_share("power", power)
    check_error(error)
    if half_width is None and floor is None:
        raise ValueError("give half_width, floor or both: what should the labels achieve?")
    if floor is not None and not floor < pilot.mean:
        raise ValueError(f"floor must be below the expected mean {pilot.mean:.4g}; got {floor}.")

    def reached(n: int) -> float:
        found = pilot.expected(n, n_judged, confidence=1.0 - error)
        return 0.5 * (found.high - found.low)

    def enough(n: int) -> bool:
        wide = half_width is None or reached(n) <= half_width
        return wide and (
            floor is None or _mean_power(pilot, n, n_judged, floor=floor, error=error) >= power
        )

    labels = smallest(enough, most=n_judged)
    assured = None
    if half_width is not None and assurance is not None:
        check_share("assurance", assurance)
        assured = _assured(
            lambda n: _drawn_means(pilot, n, n_judged, error=error),
            half_width=half_width,
            assurance=assurance,
            counts=(labels, n_judged),
        )
    return LabelPlan(
        labels=labels,
        human_only_labels=_without_judge(pilot, reached(labels), error),
        half_width=reached(labels),
        power=None
        if floor is None
        else _mean_power(pilot, labels, n_judged, floor=floor, error=error),
        saving=1.0 / (1.0 - min(pilot.explained, 0.999)),
        allocation=shared_out(labels, groups or {}),
        assured_labels=assured,
    )


def _drawn_means(pilot: MeanPilot, labels: int, n_judged: int, *, error: float) -> FloatArray:
    """Half-widths of estimates from labels drawn out of the pilot's, shape (MEAN_DRAWS,)."""
    dice = np.random.default_rng(0)
    found = np.empty(MEAN_DRAWS)
    for at in range(MEAN_DRAWS):
        chosen = dice.integers(pilot.human.size, size=labels)
        others = pilot.scores[_evenly(pilot.scores.size, max(n_judged - labels, 0))]
        judge = np.concatenate([pilot.judge[chosen], others])
        human = np.concatenate([pilot.human[chosen], np.full(others.size, np.nan)])
        each = estimate_mean(judge, human, scale=pilot.scale, confidence=1.0 - error)
        found[at] = 0.5 * (each.high - each.low)
    return found


def _evenly(size: int, wanted: int) -> npt.NDArray[np.intp]:
    """Choose places among ``size`` at even distances, each as often as any other."""
    return ((np.arange(wanted) + 0.5) * size / max(wanted, 1)).astype(np.intp)


def _mean_power(pilot: MeanPilot, n: int, n_judged: int, *, floor: float, error: float) -> float:
    judge, human = pilot.sample(n, n_judged)
    low = gate_mean(judge, human, scale=pilot.scale, error=error).low
    spread = float(np.sqrt(np.var(pilot.human, ddof=1) * (1.0 - pilot.explained) / n))
    return float(special.ndtr((low - floor) / max(spread, 1e-12)))


def _without_judge(pilot: MeanPilot, half_width: float, error: float) -> int:
    def enough(n: int) -> bool:
        human = pilot.human[_evenly(pilot.human.size, n)]
        found = estimate_mean(
            np.full(n, pilot.scale[1]), human, scale=pilot.scale, confidence=1.0 - error
        )
        return found.high - found.low <= 2.0 * half_width

    return smallest(enough, most=MOST_WITHOUT_JUDGE)
