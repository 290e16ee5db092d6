"""Intervals for a mean of ratings on a bounded scale, around the judge-adjusted mean.

With few labels, or with most of them on one value such as the ceiling, Gaffke's interval, which
reckons with a tail that no label has shown yet; else Student's t on the logit scale.
"""

from typing import Literal, TypeAlias

import numpy as np

from calibration.correction.adjustment import adjust
from calibration.correction.labelled import Labelled
from calibration.estimate import Estimate, Interval
from calibration.intervals.classical import logit_t_interval
from calibration.intervals.gaffke import mean_interval
from calibration.validation import FloatArray

Kind: TypeAlias = Literal["Gaffke, strict", "Gaffke, mid", "logit t"]

LABELS_FOR_T = 100
GAFFKE_SHRINKAGE = 50.0  # a steep slope widens the support, which costs most with few labels


def bounded_mean(
    drawn: Labelled, scale: tuple[float, float], *, tail: float, strict: bool, said: list[str]
) -> Estimate:
    """Estimate a mean from checked ratings.

    Parameters
    ----------
    drawn : Labelled
        Ratings within the scale.
    scale : (float, float)
        Ends of the scale.
    tail : float
        Probability beyond each limit.
    strict : bool
        Whether the limits are for a gate, so that each errs with probability ``tail`` at most.
    said : list of str
        Warnings to put first.

    Returns
    -------
    Estimate
    """
    human = drawn.human[drawn.used]
    labels = drawn.effective_labels(drawn.used)
    kind, why = ("Gaffke, strict", "") if strict else _choose(human, labels)
    adjusted = adjust(drawn, scale, shrinkage=0.0 if kind == "logit t" else GAFFKE_SHRINKAGE)
    weights = adjusted.weights
    supports = (adjusted.support, scale) if kind != "logit t" else (scale, scale)
    inner = _limits(adjusted.ratings, weights, kind=kind, support=supports[0], tail=tail)
    alone = _limits(human, weights, kind=kind, support=supports[1], tail=tail)
    value = float(np.clip(adjusted.mean, *scale))
    known, middle = adjusted.known, 0.5 * (scale[0] + scale[1])
    ends = Interval(min(max(inner.low, scale[0]), value), max(min(inner.high, scale[1]), value))
    spread = _with_unknown(ends, known, scale)
    return Estimate(
        value=known * value + (1.0 - known) * middle,
        low=spread.low,
        high=spread.high,
        confidence=1.0 - 2.0 * tail,
        method=f"judge-adjusted, {kind}",
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=_with_unknown(alone, known, scale),
        warnings=(*said, why) if why else tuple(said),
    )


def _choose(human: FloatArray, labels: float) -> tuple[Kind, str]:
    """Pick the interval for a report, and say why.

    A scale on which most items reach the ceiling hides its rare severe tail from a small sample,
    and the normal approximation does not know of it.
    """
    if labels < LABELS_FOR_T:
        why = f"Gaffke's interval is used, as {labels:.0f} labels are too few for Student's t."
        return "Gaffke, mid", why
    values, counts = np.unique(human, return_counts=True)
    if 2 * int(counts.max()) > human.size:
        top = values[counts.argmax()]
        why = f"Gaffke's interval is used, as most of the labels have the same value, {top:g}."
        return "Gaffke, mid", why
    return "logit t", "Student's t is used, as labels are many and spread over the scale."


def _limits(
    ratings: FloatArray,
    weights: FloatArray,
    *,
    kind: Kind,
    support: tuple[float, float],
    tail: float,
) -> Interval:
    if kind == "logit t":
        return logit_t_interval(ratings, weights, support, tail=tail)
    strict = kind == "Gaffke, strict"
    return mean_interval(ratings, weights, support, tail=tail, strict=strict)


def _with_unknown(known: Interval, share: float, scale: tuple[float, float]) -> Interval:
    """Widen by the items that no label covers, at the worst and at the best rating."""
    rest = 1.0 - share
    return Interval(share * known.low + rest * scale[0], share * known.high + rest * scale[1])
