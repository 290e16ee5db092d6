"""The difference of two pass rates on the same prompts.

Each system's rate has limits of its own, post-stratified by the judge's verdicts on it. They are
joined by the method of variance estimates recovery (MOVER): the distance from the difference to
a limit is the root of the squared distances of both systems, less what the correlation of the
experts' residuals takes away. The correlation is taken one standard error too low, so that chance
does not shorten an interval. A prompt that is labelled for one system only counts for that system.

Where the answers of both systems nearly always share their fate and the judge is noisy, the
experts' differences by themselves say more; then the interval is theirs, and says so.

References
----------
Zou and Donner (2008), Stat. Med. 27(10), 1693-1702, equation 11. Newcombe (1998), Stat. Med.
17(22), 2635-2650, method 10.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.bounded_mean import class_mean
from calibration.estimate import Aim, Estimate, Interval
from calibration.labelled_sample import Labelled
from calibration.post_stratification import (
    NOT_DRAWN,
    counts_of,
    melded_limits,
    point_value,
    verdict_strata,
)
from calibration.validation import FloatArray

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
