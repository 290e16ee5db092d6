"""The pass rate from a gold set that was chosen by hand, and so does not look like the items.

Such labels say nothing about how many items are good, but a good deal about the judge: its
sensitivity Se and the share f = 1 - Sp of fails that it passes. If these hold for the items too,
a share P passed by the judge means a true rate (P - f) / (Se - f). Each of the three is uncertain
and has a confidence distribution; values with Se <= f, a judge no better than chance, are set
aside. Those of Se and f are mid-p: Jeffreys' are too short where a gold set holds no error of the
judge, which a good judge makes a common case.

In the difference of two systems their rates are taken as independent. Answers to the same prompts
tend to succeed and fail together, which makes the interval wider than need be, never shorter.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels, Interval, UnusableJudge
from calibration.labelled_sample import DesignEffects
from calibration.melding import (
    Distribution,
    Piece,
    Prevalence,
    Side,
    Tally,
    prevalence,
    scaled,
    summed,
)
from calibration.validation import (
    FloatArray,
    check_binary,
    check_ratings,
    check_same_length,
    check_share,
)

LEAST_OF_A_CLASS = 5
_WORTH_SAYING = 1e-3
_CONTRADICTED = (
    "The judge's pass rate on the items lies outside its error rates on the gold set, so these "
    "may not hold for the items."
)
_BY_HAND = (
    "Assumes that the labelled items were chosen by hand, so the judge's error rates on them are "
    "assumed to hold everywhere."
)
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldSet:
    """Verdicts and labels of the gold items, as 0 and 1; verdicts may be NaN."""

    judge: FloatArray
    human: FloatArray


def curated_rate(
    judge: npt.ArrayLike,
    gold_judge: npt.ArrayLike,
    gold_human: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the pass rate of items from a gold set that is not among them.

    Parameters
    ----------
    judge : float array, shape (N,)
        Verdicts on the items: 1 pass, 0 fail, NaN none.
    gold_judge, gold_human : float array, shape (n,)
        Verdicts and labels of the gold set: 1 pass, 0 fail; a verdict may be NaN.
    confidence : float
        Two-sided coverage, a fraction.

    Returns
    -------
    Estimate
        ``human_only`` is 0 to 1: these labels alone say nothing of the items.

    Raises
    ------
    ValueError
        If an argument is malformed.
    InsufficientLabels
        If the gold set has fewer than 5 judged items of a class.
    UnusableJudge
        If the probability that the judge is at or below chance exceeds ``(1 - confidence) / 2``.

    References
    ----------
    Rogan and Gladen (1978), Am. J. Epidemiol. 107(1), 71-76, the estimator.
    Lang and Reiczigel (2014), Prev. Vet. Med. 113(1), 13-22, intervals that count all sources.
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    verdicts = check_ratings("judge", judge, (0.0, 1.0))
    gold = GoldSet(
        judge=check_ratings("gold_judge", gold_judge, (0.0, 1.0)),
        human=check_ratings("gold_human", gold_human, (0.0, 1.0)),
    )
    check_same_length(gold_judge=gold.judge, gold_human=gold.human)
    if bool(np.isnan(verdicts).all()):
        raise ValueError("judge has no verdict on any item.")
    named = {"judge": verdicts, "gold_judge": gold.judge, "gold_human": gold.human}
    for name, ratings in named.items():
        check_binary(name, ratings)
    assumed = "Assumes that the judge's error rates on the gold set hold for the items."
    return corrected_rate(verdicts, gold, tail=tail, said=[assumed])


def corrected_rate(
    judge: FloatArray,
    gold: GoldSet,
    *,
    tail: float,
    effects: DesignEffects | None = None,
    strict: bool = False,
    said: list[str],
) -> Estimate:
    """Correct checked verdicts; see :func:`curated_rate`.

    Parameters
    ----------
    judge : float array, shape (N,)
        0, 1 or NaN.
    gold : GoldSet
        Where to measure the judge.
    tail : float
        Probability beyond each limit.
    effects : DesignEffects, optional
        Of items that share a prompt.
    strict : bool
        Whether each limit takes the worst confidence distribution of each source, for gates.
    said : list of str
        Warnings to put first.

    Returns
    -------
    Estimate
    """
    counts = _tally(judge, gold, effects or DesignEffects())
    said = [*said, *_require_usable(gold, counts, tail=tail)]
    value = _point_value(counts)
    low, high = _limits(counts, tail=tail, strict=strict)
    if low in {0.0, 1.0} and low == high:
        low, high = _opened(counts, tail=tail, end=low)
        said.append(_CONTRADICTED)
    judged = ~np.isnan(judge)
    known = float(judged.mean())
    return Estimate(
        value=known * value + 0.5 * (1.0 - known),
        low=known * min(low, value),
        high=known * max(high, value) + 1.0 - known,
        confidence=1.0 - 2.0 * tail,
        method="Rogan-Gladen, " + ("exact sources" if strict else "mid-p"),
        n_judged=int(judged.sum()),
        n_labelled=int((~np.isnan(gold.human)).sum()),
        human_only=Interval(0.0, 1.0),
        above_chance=True,
        warnings=tuple(said),
    )


def _limits(counts: Tally, *, tail: float, strict: bool) -> tuple[float, float]:
    low = prevalence(counts, "lower" if strict else "middle").quantile(tail)
    high = prevalence(counts, "upper" if strict else "middle").quantile(1.0 - tail)
    return low, high


def _opened(counts: Tally, *, tail: float, end: float) -> tuple[float, float]:
    """Limits where the correction lies beyond an end of the scale: as if it lay before it."""
    middle = prevalence(counts, "middle")
    if end == 1.0:
        return middle.inner_quantile(tail), 1.0
    return 0.0, middle.inner_quantile(1.0 - tail)


def _tally(judge: FloatArray, gold: GoldSet, effects: DesignEffects) -> Tally:
    """Count verdicts on all items, and on the good and the bad of the gold set."""

    def labels(human: float, verdict: float) -> float:
        return float(((gold.human == human) & (gold.judge == verdict)).sum())

    good, bad = labels(1.0, 1.0) + labels(1.0, 0.0), labels(0.0, 1.0) + labels(0.0, 0.0)
    if min(good, bad) < LEAST_OF_A_CLASS:
        raise InsufficientLabels(
            f"the curated set has {good:.0f} good and {bad:.0f} bad items with a verdict; at least "
            f"{LEAST_OF_A_CLASS} of each are needed."
        )
    return Tally(
        passed=float((judge == 1.0).sum()) / effects.items,
        failed=float((judge == 0.0).sum()) / effects.items,
        good_passed=labels(1.0, 1.0) / effects.labels,
        good_failed=labels(1.0, 0.0) / effects.labels,
        bad_passed=labels(0.0, 1.0) / effects.labels,
        bad_failed=labels(0.0, 0.0) / effects.labels,
    )


def _require_usable(gold: GoldSet, counts: Tally, *, tail: float) -> list[str]:
    """Refuse a judge that may be no better than chance; say what else a reader must know."""
    doubt = prevalence(counts, "middle").chance_share()
    sensitivity, leak = _error_rates(counts)
    if doubt > tail or sensitivity <= leak:
        raise UnusableJudge(
            f"the judge passes {sensitivity:.0%} of the good and {leak:.0%} of the bad gold items; "
            f"the probability that it is no better than chance is {doubt:.2g}, above {tail:.2g}."
        )
    said = ["The labels of a curated set alone say nothing of the rate."]
    if doubt > _WORTH_SAYING:
        said.append(f"The probability that the judge is no better than chance is {doubt:.2g}.")
    unjudged = int((np.isnan(gold.judge) & ~np.isnan(gold.human)).sum())
    if unjudged:
        said.append(f"{unjudged} gold items have no verdict and were left out.")
    return said


def _error_rates(counts: Tally) -> tuple[float, float]:
    sensitivity = counts.good_passed / (counts.good_passed + counts.good_failed)
    return sensitivity, counts.bad_passed / (counts.bad_passed + counts.bad_failed)


def _point_value(counts: Tally) -> float:
    """Rogan and Gladen's estimate, cut off at 0 and 1."""
    sensitivity, leak = _error_rates(counts)
    passed = counts.passed / (counts.passed + counts.failed)
    return float(np.clip((passed - leak) / (sensitivity - leak), 0.0, 1.0))


def curated_difference(
    judges: tuple[FloatArray, FloatArray],
    golds: tuple[GoldSet, GoldSet],
    *,
    tail: float,
    strict: bool,
) -> Estimate:
    """Estimate the rate of the first system minus that of the second.

    Parameters
    ----------
    judges : two float arrays, shape (N,)
        Verdicts 0, 1 or NaN on the answers of each system.
    golds : two GoldSet
        Labelled answers of each.
    tail, strict
        As in :func:`corrected_rate`.

    Raises
    ------
    InsufficientLabels
        If a gold set has fewer than 5 judged items of a class.
    UnusableJudge
        If the judge of one system may be no better than chance.
    """
    counts = [_tally(one, gold, DesignEffects()) for one, gold in zip(judges, golds, strict=True)]
    said = [_BY_HAND]
    for one, gold in zip(counts, golds, strict=True):
        said.extend(_require_usable(gold, one, tail=tail))
    known = [float((~np.isnan(one)).mean()) for one in judges]
    first, second = (share * _point_value(one) for share, one in zip(known, counts, strict=True))
    low, high = _difference_limits(counts, known, tail=tail, strict=strict)
    value = first - second + 0.5 * (known[1] - known[0])
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=1.0 - 2.0 * tail,
        method="difference of Rogan-Gladen rates, " + ("exact sources" if strict else "mid-p"),
        n_judged=int((~np.isnan(judges[0]) & ~np.isnan(judges[1])).sum()),
        n_labelled=sum(int((~np.isnan(gold.human)).sum()) for gold in golds),
        human_only=Interval(-1.0, 1.0),
        warnings=tuple(dict.fromkeys(said)),
    )


def _difference_limits(
    counts: list[Tally], known: list[float], *, tail: float, strict: bool
) -> tuple[float, float]:
    """Limits of known A - known B, widened by the items that have no verdict."""
    down: Side = "lower" if strict else "middle"
    up: Side = "upper" if strict else "middle"
    low = summed([_part(counts[0], down, known[0]), _part(counts[1], up, known[1], flaws=True)])
    high = summed([_part(counts[0], up, known[0]), _part(counts[1], down, known[1], flaws=True)])
    return low.quantile(tail) - 1.0, high.quantile(1.0 - tail) - known[1] + 1.0 - known[0]


def _part(counts: Tally, side: Side, known: float, *, flaws: bool = False) -> Distribution:
    """Distribution of ``known * rate``, or of ``known * (1 - rate)``."""
    cdf = partial(_flaw_cdf if flaws else _rate_cdf, prevalence(counts, side))
    # Its moments are those of a uniform rate: sums do not use them.
    return scaled(
        (Piece(share=1.0, low=0.0, high=1.0, mean=0.5, square=1.0 / 3.0, cdf=cdf),), known
    )


def _rate_cdf(rate: Prevalence, x: FloatArray) -> FloatArray:
    inside = (x >= 0.0) & (x < 1.0)
    cdf = np.where(x >= 1.0, 1.0, 0.0)
    cdf[inside] = [rate.cdf(max(float(t), _LEAST)) for t in x[inside]]
    return cdf


def _flaw_cdf(rate: Prevalence, x: FloatArray) -> FloatArray:
    return 1.0 - _rate_cdf(rate, 1.0 - x)
