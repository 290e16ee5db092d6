"""Accuracy of a two-valued judge against the experts: is it right, class by class.

``n`` items with both ratings. Rates are fractions. Sensitivity is the share of the experts'
positives that the judge calls positive, specificity that of their negatives called negative.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Interval
from calibration.rater_agreement.nominal import share
from calibration.validation import Pairs, as_vector, check_share, pair_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often the judge is right, by the experts' class.

    Attributes
    ----------
    counts : tuple of four int
        True positives, false negatives, false positives, true negatives.
    sensitivity, specificity : Estimate | None
        None where the experts call no item so.
    youden : Estimate | None
        Sensitivity + specificity - 1: at most 0 for a judge that is no better than chance. None
        where a class has no expert label.
    sensitivity_bounds, specificity_bounds : Interval | None
        Where the rates would lie if every missing verdict were wrong, or right.
    n_unjudged : int
        Labelled items without a verdict; the rates leave them out.
    warnings : tuple of str
    """

    counts: tuple[int, int, int, int]
    sensitivity: Estimate | None
    specificity: Estimate | None
    youden: Estimate | None
    sensitivity_bounds: Interval | None
    specificity_bounds: Interval | None
    n_unjudged: int
    warnings: tuple[str, ...] = ()


def judge_accuracy(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, positive: float = 1.0, confidence: float = 0.95
) -> Accuracy:
    """Measure the judge against the experts on two-valued ratings.

    Use when labels are a plain random draw and verdicts are pass or fail.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Two values over both, NaN where a rating is missing or the judge did not decide.
    positive : float
        The value that sensitivity speaks of.
    confidence : float

    Returns
    -------
    Accuracy

    Raises
    ------
    ValueError
        If more than two values occur, or the arrays do not align.
    Undefined
        If no item has both ratings.

    References
    ----------
    Youden (1950), Cancer 3(1), 32-35. Newcombe (1998), Statistics in Medicine 17(8), 873-890:
    the interval of the sum of two independent shares from those of each (method 10).
    """
    check_share("confidence", confidence)
    pairs = pair_up(judge, human)
    _check_two_values(pairs, positive)
    said, true = pairs.judge == positive, pairs.human == positive
    hits, misses = int((said & true).sum()), int((~said & true).sum())
    alarms, rejections = int((said & ~true).sum()), int((~said & ~true).sum())
    sensitivity = _rate(hits, misses, name="sensitivity", confidence=confidence)
    specificity = _rate(rejections, alarms, name="specificity", confidence=confidence)
    unjudged = as_vector("human", human)[np.isnan(as_vector("judge", judge))]
    silent_positives = int((unjudged == positive).sum())
    return Accuracy(
        counts=(hits, misses, alarms, rejections),
        sensitivity=sensitivity,
        specificity=specificity,
        youden=_youden(sensitivity, specificity),
        sensitivity_bounds=_bounds(hits, misses, silent_positives),
        specificity_bounds=_bounds(rejections, alarms, pairs.n_unjudged - silent_positives),
        n_unjudged=pairs.n_unjudged,
        warnings=_warnings(sensitivity, specificity, pairs.n_unjudged),
    )


def _check_two_values(pairs: Pairs, positive: float) -> None:
    values = np.union1d(pairs.judge, pairs.human)
    others = values[values != positive]
    if others.size > 1:
        raise ValueError(
            f"accuracy by class needs two values; got {values.tolist()}. Cut the scale first, and "
            "give NaN where the judge did not decide."
        )


def _rate(right: int, wrong: int, *, name: str, confidence: float) -> Estimate | None:
    n = right + wrong
    return share(right, n, method=name, confidence=confidence, n_judged=n) if n else None


def _youden(sensitivity: Estimate | None, specificity: Estimate | None) -> Estimate | None:
    if sensitivity is None or specificity is None:
        return None
    rates = sensitivity, specificity
    value = sum(rate.value for rate in rates) - 1.0
    below = np.sqrt(sum((rate.value - rate.low) ** 2 for rate in rates))
    above = np.sqrt(sum((rate.high - rate.value) ** 2 for rate in rates))
    n = sum(rate.n_labelled for rate in rates)
    return Estimate(
        value=value,
        low=max(-1.0, value - float(below)),
        high=min(1.0, value + float(above)),
        confidence=sensitivity.confidence,
        method="Youden's J, square-and-add interval",
        n_judged=n,
        n_labelled=n,
    )


def _bounds(right: int, wrong: int, silent: int) -> Interval | None:
    n = right + wrong + silent
    return Interval(low=right / n, high=(right + silent) / n) if n else None


def _warnings(
    sensitivity: Estimate | None, specificity: Estimate | None, unjudged: int
) -> tuple[str, ...]:
    found: list[str] = []
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity)):
        n = rate.n_labelled if rate else 0
        if n < 10:
            found.append(f"{name} rests on {n} expert labels.")
    if unjudged:
        found.append(f"{unjudged} labelled items have no verdict; see the bounds.")
    return tuple(found)
