"""The difference between two systems on the same prompts, by experts' ratings.

For pass and fail, each system's rate has limits of its own, post-stratified by the judge's verdicts
on it. They are joined by the method of variance estimates recovery (MOVER): the distance from the
difference to a limit is the root of the squared distances of both systems, less what the
correlation of the experts' residuals takes away. The correlation is taken one standard error too
low, so that chance does not shorten an interval. A prompt that is labelled for one system only
counts for that system.

Where the answers of both systems nearly always share their fate and the judge is noisy, the
experts' differences by themselves say more; then the interval is theirs, and says so.

References
----------
Zou and Donner (2008), Stat. Med. 27(10), 1693-1702, equation 11. Newcombe (1998), Stat. Med.
17(22), 2635-2650, method 10.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.bounded_mean import bounded_mean, class_mean, strict_risks
from calibration.estimate import Aim, Estimate, InsufficientLabels, Interval
from calibration.estimators import refuse_finite
from calibration.labelled_sample import (
    Labelled,
    draw_cells,
    draw_warnings,
    require_not_reversed,
    weigh_labels,
)
from calibration.post_stratification import (
    NOT_DRAWN,
    counts_of,
    melded_limits,
    point_value,
    verdict_strata,
)
from calibration.validation import (
    Design,
    FloatArray,
    IntArray,
    Population,
    check_codes,
    check_design,
    check_error,
    check_population,
    check_ratings,
    check_same_length,
    check_scale,
    check_share,
    is_binary,
)

CLEARLY_WIDER = 1.0 / 0.95  # from which on the labels alone stand for both
_ENDS = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """What the covered items add to a rate, between its limits, and the share of the others."""

    value: float
    low: float
    high: float
    unknown: float


def paired_difference(
    pair: tuple[Labelled, Labelled], both: Labelled, aim: Aim, *, said: list[str]
) -> Estimate:
    """Estimate the first rate minus the second.

    Parameters
    ----------
    pair : (Labelled, Labelled)
        Verdicts and labels of each system, 0 and 1.
    both : Labelled
        Differences of judge and of experts on the prompts labelled for both: -1, 0 or 1.
    aim : Aim
    said : list of str
        Warnings to put first.

    Returns
    -------
    Estimate
    """
    one, other = (_rate(system, aim) for system in pair)
    corrected = _joined(one, other, _shared_error(*pair))
    mean, alone = class_mean(both.alone(), _ENDS, aim)
    found = Estimate(
        value=_middle(one) - _middle(other),
        low=corrected.low,
        high=corrected.high,
        confidence=1.0 - 2.0 * aim.tail,
        method=f"MOVER of post-stratified rates, {'melded' if aim.strict else 'mid-p melded'}",
        n_judged=both.n_judged,
        n_labelled=both.n_labelled,
        human_only=alone,
        warnings=tuple(said),
        population=aim.population,
        strata=tuple(count for x in pair for count in counts_of(verdict_strata(x))),
    )
    if corrected.width <= CLEARLY_WIDER * alone.width:
        return found
    return _alone(found, mean, alone, strict=aim.strict)


def _alone(found: Estimate, mean: float, alone: Interval, *, strict: bool) -> Estimate:
    why = "The judge shortens nothing here: value and interval are those of the labels alone."
    return replace(
        found,
        value=mean,
        low=min(alone.low, mean),
        high=max(alone.high, mean),
        method=f"labels alone, Gaffke, {'strict' if strict else 'mid'}",
        warnings=(*found.warnings, why),
    )


def _rate(labelled: Labelled, aim: Aim) -> _Rate:
    known = float(labelled.covered.mean())
    strata = tuple(one for one in verdict_strata(labelled) if one.name != NOT_DRAWN)
    ends = melded_limits(strata, tail=aim.tail, strict=aim.strict, population=aim.population)
    value = point_value(strata)
    return _Rate(
        value=known * value,
        low=known * min(ends[0], value),
        high=known * max(ends[1], value),
        unknown=1.0 - known,
    )


def _middle(rate: _Rate) -> float:
    return rate.value + 0.5 * rate.unknown


def _joined(one: _Rate, other: _Rate, correlation: float) -> Interval:
    """Join the limits; items that no label covers may all pass or all fail, which adds up."""
    value = one.value - other.value
    below = _distance(one.value - one.low, other.high - other.value, correlation)
    above = _distance(one.high - one.value, other.value - other.low, correlation)
    low, high = value - below - other.unknown, value + above + one.unknown
    return Interval(max(low, -1.0), min(high, 1.0))


def _distance(one: float, other: float, correlation: float) -> float:
    return float(np.sqrt(max(one**2 + other**2 - 2.0 * correlation * one * other, 0.0)))


def _shared_error(first: Labelled, second: Labelled) -> float:
    """Correlation of the experts' residuals, one standard error lower, at least 0."""
    both = first.used & second.used
    n = int(both.sum())
    if n < 3:
        return 0.0
    x, y = _residuals(first)[both], _residuals(second)[both]
    power = float(x @ x) * float(y @ y)
    correlation = float(x @ y) / np.sqrt(power) if power > 0.0 else 0.0
    effect = max(first.effects.labels, second.effects.labels)
    lowered = max(correlation - float(np.sqrt(effect / n)), 0.0)
    # What only one of the systems is labelled on is independent of the other.
    share = n / np.sqrt(float(first.used.sum()) * float(second.used.sum()))
    return lowered * min(float(share), 1.0)


def _residuals(labelled: Labelled) -> FloatArray:
    """Subtract from each label the rate of its verdict, shape (N,); 0 without a label."""
    left = np.zeros(labelled.judge.size)
    for mask in (labelled.judge == 1.0, labelled.judge == 0.0, labelled.missing):
        here = mask & labelled.used
        if here.any():
            rate = np.average(labelled.human[here], weights=labelled.weight[here])
            left[here] = labelled.human[here] - rate
    return left


# A judge may favour one of the systems, so the experts' own differences, prompt by prompt, correct
# it: by MOVER for pass and fail; on longer scales the judge's difference adjusts the experts'.
# N prompts; a difference is the first system minus the second.


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Verdicts and labels of one system, shape (N,), NaN where missing."""

    judge: FloatArray
    human: FloatArray


def estimate_difference(  # noqa: PLR0913, PLR0917 - the public contract's signature
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    population: Population = "superpopulation",
) -> Estimate:
    """Estimate how much higher experts would rate system A than system B, for reports.

    Parameters
    ----------
    judge_a, judge_b : float array, shape (N,)
        Verdicts on the answers of A and B to the same prompts, in the same order; NaN for none.
    human_a, human_b : float array, shape (N,)
        Expert ratings of the same answers, NaN for none. A prompt counts as labelled where both
        answers are; of fail and pass, a label of one answer alone still counts for its system.
    scale : (float, float)
        Lowest and highest rating possible; (0, 1) with nothing between means fail and pass.
    design : {"random", "by-verdict", "curated"}
        How the labelled prompts were chosen: at random, at random among prompts with the same pair
        of verdicts, or by hand (only for fail and pass).
    clusters : array, shape (N,), optional
        Cluster of each prompt, for example its source, where prompts are near copies.
    strata : array, shape (N,), optional
        Stratum of each prompt, where labels were drawn at random inside strata at different rates.
    confidence : float
        Two-sided coverage, a fraction.
    population : {"superpopulation", "finite"}
        Whether the value asked for is that of all items like these, or of these N items alone:
        then the interval shrinks as the labels become a census.

    Returns
    -------
    Estimate
        A minus B, in the unit of the scale. ``human_only`` is Gaffke's or Student's interval for
        the experts' differences.

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.
    InsufficientLabels
        If fewer than 2 prompts are labelled for both, or a curated set has under 5 of a class.
    UnusableJudge
        If the labels of one system show a judge below chance.

    Examples
    --------
    >>> import numpy as np
    >>> judge_a, judge_b = np.tile([1.0, 1, 1, 0], 25), np.tile([1.0, 1, 0, 0], 25)
    >>> human_a, human_b = np.where(np.arange(100) < 40, [judge_a, judge_b], np.nan)
    >>> estimate = estimate_difference(judge_a, human_a, judge_b, human_b)
    >>> round(estimate.value, 2), estimate.low > 0
    (0.25, True)
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    aim = Aim(tail=tail, strict=False, population=population)
    return _estimate_difference(pair, aim, ends, design=design, clusters=clusters, strata=strata)


def gate_difference(  # noqa: PLR0913, PLR0917 - as estimate_difference
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
    population: Population = "superpopulation",
) -> Estimate:
    """Bound the difference for a release decision.

    As :func:`estimate_difference`, but each limit errs with probability at most ``error`` on its
    own: the first system is not worse by ``margin`` or more where ``low > -margin``. The limits
    are Gaffke's strict ones for the judge-adjusted differences, on any scale.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b, scale, design, clusters, strata, population
        As in :func:`estimate_difference`.
    error : float
        Risk of each limit, a fraction below one half; ``confidence`` becomes ``1 - 2 * error``.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As in :func:`estimate_difference`.
    """
    tail = check_error(error)
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    aim = Aim(tail=tail, strict=True, population=population)
    return _estimate_difference(pair, aim, ends, design=design, clusters=clusters, strata=strata)


def difference_risks(  # noqa: PLR0913, PLR0917 - as estimate_difference
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    bound: float,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """P-values of a bound on the difference, by the limits of :func:`gate_difference`.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b, scale, clusters, strata
        As in :func:`estimate_difference`.
    bound : float
        In the unit of the scale, such as minus the margin.
    design : {"random", "by-verdict"}

    Returns
    -------
    (float, float)
        Of "the difference is at most the bound" and "it is at least the bound", fractions.

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As in :func:`estimate_difference`.
    """
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    if design == "curated":
        raise ValueError("a curated difference has limits only; use gate_difference.")
    drawn = _drawn_difference(pair, *_cells(pair, design, clusters=clusters, strata=strata))
    for system, name in zip(pair, ("A", "B"), strict=True):
        require_not_reversed(system.judge, system.human, tail=0.05, of=f" of {name}")
    width = ends[1] - ends[0]
    return strict_risks(drawn, (-width, width), bound=bound)


def _read_pair(  # noqa: PLR0917 - in the order of the public functions
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float],
) -> tuple[System, System]:
    given = {"judge_a": judge_a, "human_a": human_a, "judge_b": judge_b, "human_b": human_b}
    arrays = {name: check_ratings(name, ratings, scale) for name, ratings in given.items()}
    check_same_length(**arrays)
    return (
        System(judge=arrays["judge_a"], human=arrays["human_a"]),
        System(judge=arrays["judge_b"], human=arrays["human_b"]),
    )


def _estimate_difference(
    pair: tuple[System, System],
    aim: Aim,
    scale: tuple[float, float],
    *,
    design: Design,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> Estimate:
    check_design(design)
    check_population(aim.population)
    binary = scale == (0.0, 1.0) and all(is_binary(x.judge) and is_binary(x.human) for x in pair)
    if design == "curated":
        refuse_finite(aim.population)
        clustered = clusters is not None
        return _curated(pair, binary=binary, clustered=clustered, tail=aim.tail, strict=aim.strict)
    cells, prompts = _cells(pair, design, clusters=clusters, strata=strata)
    drawn = _drawn_difference(pair, cells, prompts)
    said = draw_warnings(drawn, design, stratified=strata is not None)
    for system, name in zip(pair, ("A", "B"), strict=True):
        said.extend(
            require_not_reversed(system.judge, system.human, tail=aim.tail, of=f" of {name}")
        )
    said.extend(_half_labelled(pair, used=binary and not aim.strict))
    if binary and not aim.strict:
        by_pair = design == "by-verdict" or strata is not None
        own = [_one_system(system, cells if by_pair else None, prompts) for system in pair]
        from calibration.paired_difference import paired_difference

        return paired_difference((own[0], own[1]), drawn, aim, said=said)
    width = scale[1] - scale[0]
    return bounded_mean(drawn, (-width, width), aim, said=said)


def _cells(
    pair: tuple[System, System],
    design: Design,
    *,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> tuple[IntArray, IntArray | None]:
    """Give each prompt its cell by the pair of verdicts, and its cluster."""
    n = pair[0].judge.size
    verdicts = _pair_codes(pair[0].judge, pair[1].judge)
    cells = draw_cells(verdicts, check_codes("strata", strata, n), design)
    return cells, check_codes("clusters", clusters, n)


def _drawn_difference(
    pair: tuple[System, System], cells: IntArray, prompts: IntArray | None
) -> Labelled:
    first, second = pair
    differences = first.judge - second.judge, first.human - second.human
    return weigh_labels(*differences, cells=cells, prompts=prompts)


def _one_system(system: System, cells: IntArray | None, prompts: IntArray | None) -> Labelled:
    """Weigh one system's labels, by the cells of prompts where they were drawn by them."""
    own = draw_cells(system.judge, None, "random") if cells is None else cells
    return weigh_labels(system.judge, system.human, cells=own, prompts=prompts)


def _curated(
    pair: tuple[System, System], *, binary: bool, clustered: bool, tail: float, strict: bool
) -> Estimate:
    if not binary:
        raise InsufficientLabels(
            "a curated set cannot correct a mean difference: labels drawn at random are missing."
        )
    if clustered:
        raise ValueError("clusters have no meaning for a curated difference; leave them out.")
    from calibration.rogan_gladen import GoldSet, curated_difference

    judges = pair[0].judge, pair[1].judge
    golds = [
        GoldSet(judge=each.judge[used], human=each.human[used])
        for each in pair
        for used in [~np.isnan(each.human)]
    ]
    return curated_difference(judges, (golds[0], golds[1]), tail=tail, strict=strict)


def _pair_codes(judge_a: FloatArray, judge_b: FloatArray) -> FloatArray:
    """Give each pair of verdicts a number; NaN where one is missing."""
    missing = np.isnan(judge_a) | np.isnan(judge_b)
    first, second = (
        np.unique(np.where(missing, 0.0, judge), return_inverse=True)
        for judge in (judge_a, judge_b)
    )
    pairs = first[1] * second[0].size + second[1]
    codes = np.unique(pairs, return_inverse=True)[1].astype(np.float64)
    return np.where(missing, np.nan, codes)


def _half_labelled(pair: tuple[System, System], *, used: bool) -> list[str]:
    half = int((np.isnan(pair[0].human) != np.isnan(pair[1].human)).sum())
    what = "they count for that system" if used else "they are left out"
    return [f"{half} prompts have a label for one system only; {what}."] if half else []
