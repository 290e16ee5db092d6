"""Intervals for a mean of ratings on a bounded scale, around the judge-adjusted mean.

With few labels, or with most of them on one value such as the ceiling, Gaffke's interval, which
reckons with a tail that no label has shown yet; else Student's t on the logit scale.

The adjusted rating of item i is y_i - b_i (f_i - F): expert rating y, judge score f, its mean F
over all items, and a slope b_i fitted on the other labelled items. Each has the mean that is asked
for, whatever the slope, because the labelled items are a random draw; the better the judge, the
less they vary. This is the regression estimator, written as values whose plain mean it is.

References
----------
Angelopoulos, Duchi and Zrnic (2023), PPI++, arXiv 2311.01453, the same estimator in other words.
Cassel, Särndal and Wretman (1976), Biometrika 63(3), 615-620, the generalised regression estimator.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from calibration.estimate import Estimate, Interval
from calibration.intervals import logit_t_interval, mean_cdf, mean_distribution, mean_interval
from calibration.labelled_sample import Labelled
from calibration.melding import Form, Lattice, mixed_by_size, rate_distribution
from calibration.validation import BoolArray, FloatArray

Kind: TypeAlias = Literal["Gaffke, strict", "Gaffke, mid", "logit t"]

LABELS_FOR_T = 100
GAFFKE_SHRINKAGE = 50.0  # a steep slope widens the support, which costs most with few labels
STEEPEST = 1.5


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
    adjusted = _adjust(drawn, scale, shrinkage=0.0 if kind == "logit t" else GAFFKE_SHRINKAGE)
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


def strict_risks(
    drawn: Labelled, scale: tuple[float, float], *, bound: float
) -> tuple[float, float]:
    """Risks at which the strict limits of `bounded_mean` reach a bound.

    Parameters
    ----------
    drawn : Labelled
        Ratings within the scale.
    scale : (float, float)
        Ends of the scale.
    bound : float
        On the scale.

    Returns
    -------
    (float, float)
        The lower limit lies above the bound for every ``tail`` above the first risk, the upper
        limit below it for every ``tail`` above the second. They are the p-values of "the mean is
        at most the bound" and of "it is at least the bound", fractions.
    """
    adjusted = _adjust(drawn, scale, shrinkage=GAFFKE_SHRINKAGE)
    known, value = adjusted.known, float(np.clip(adjusted.mean, *scale))
    rest = 1.0 - known
    shifted = (bound - rest * scale[0]) / known, (bound - rest * scale[1]) / known
    given = adjusted.ratings, adjusted.weights, adjusted.support
    below = 1.0 if value <= shifted[0] else mean_cdf(*given, form="lower", at=shifted[0])
    above = 1.0 if value >= shifted[1] else 1.0 - mean_cdf(*given, form="upper", at=shifted[1])
    # Limits never lie beyond the ends of the scale.
    return (
        0.0 if shifted[0] < scale[0] else below,
        0.0 if shifted[1] > scale[1] else above,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adjusted:
    """Adjusted ratings of the covered items.

    Attributes
    ----------
    ratings : float array, shape (n,)
        One for each labelled item.
    weights : float array, shape (n,)
        Effective number of independent labels that each stands for.
    support : (float, float)
        Lowest and highest value that an adjusted rating can have.
    known : float
        Share of all items that the labels stand for, a fraction.
    """

    ratings: FloatArray
    weights: FloatArray
    support: tuple[float, float]
    known: float

    @property
    def mean(self) -> float:
        """Weighted mean: the estimate for the covered items."""
        return float(self.ratings @ self.weights / self.weights.sum())


def _adjust(labelled: Labelled, scale: tuple[float, float], *, shrinkage: float) -> _Adjusted:
    """Take out of the ratings what the judge explains.

    Items without a verdict count as scored with the mean. Shrinkage is the number of labels at
    which a slope counts half; 0 for the full slope.
    """
    used = labelled.used
    scores = labelled.judge[labelled.covered & ~labelled.missing]
    centre = float(scores.mean()) if scores.size else 0.0
    gap = np.where(labelled.missing, 0.0, labelled.judge - centre)[used]
    human = labelled.human[used]
    weights = _effective_weights(labelled)
    labels = float(weights.sum())
    slopes = _slopes_without_self(gap, human, weights) * (labels / (labels + shrinkage))
    slope = float(slopes @ weights) / labels
    # The mean score of the items is itself uncertain; so much of the judge's spread stays in.
    part = np.sqrt(min(labels * labelled.effects.items / float(labelled.covered.sum()), 1.0))
    kept = part * slope * (gap - float(gap @ weights) / labels)
    ratings = human - slopes * gap + kept
    reach = (float(scores.min()) - centre, float(scores.max()) - centre) if scores.size else (0, 0)
    return _Adjusted(
        ratings=ratings,
        weights=weights,
        support=(
            min(scale[0] - slope * reach[1], float(ratings.min())),
            max(scale[1] - slope * reach[0], float(ratings.max())),
        ),
        known=float(labelled.covered.mean()),
    )


def _effective_weights(labelled: Labelled) -> FloatArray:
    weight = labelled.weight[labelled.used]
    return weight * labelled.effective_labels(labelled.used) / weight.sum()


def _slopes_without_self(gap: FloatArray, human: FloatArray, weights: FloatArray) -> FloatArray:
    """Least-squares slope on all labelled items but one, for each of them."""
    rest = weights.sum() - weights
    x = (weights @ gap - weights * gap) / rest
    y = (weights @ human - weights * human) / rest
    xx = (weights @ gap**2 - weights * gap**2) / rest - x**2
    xy = (weights @ (gap * human) - weights * gap * human) / rest - x * y
    flat = xx <= 1e-9 * max(float(np.ptp(gap)) ** 2, 1e-300)
    return np.clip(np.where(flat, 0.0, xy / np.where(flat, 1.0, xx)), 0.0, STEEPEST)


# The mean over strata of items whose own means are known from a few labels each.
#
# For a pass rate, strata are the judge's verdicts, and a rate has a Beta confidence
# distribution. For the difference of two systems, they are the pairs of verdicts on a prompt:
# the experts' differences are -1, 0 or 1, and Gaffke's distribution of their mean is a
# Dirichlet mean, melded in the same way. A stratum without labels counts as anything between
# the ends of the scale.

PRIOR = 0.5  # Jeffreys' half item for each stratum, so that none has a share of exactly 0

_ENDS = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Items alike in the judge's verdict: how many, and what the labels among them say.

    Attributes
    ----------
    size : float
        Effective number of items.
    passes, labels : float
        Effective counts of labels; both 0 where there is none.
    """

    size: float
    passes: float
    labels: float


def verdict_strata(labelled: Labelled) -> tuple[Stratum, ...]:
    """Split binary judged items by verdict: pass, fail, none, and those that no label covers."""
    judge, covered = labelled.judge, labelled.covered
    verdicts = (judge == 1.0) & covered, (judge == 0.0) & covered
    others = [among for among in (labelled.missing & covered, ~covered) if among.any()]
    return tuple(_stratum(labelled, among) for among in (*verdicts, *others))


def point_value(strata: tuple[Stratum, ...]) -> float:
    """Mean rate at the observed counts; one half is put where nothing is known."""
    sizes = np.array([stratum.size for stratum in strata])
    rates = [one.passes / one.labels if one.labels > 0.0 else 0.5 for one in strata]
    return float(np.clip(sizes @ np.array(rates) / sizes.sum(), 0.0, 1.0))


def melded_limits(strata: tuple[Stratum, ...], *, tail: float, strict: bool) -> tuple[float, float]:
    """Limits of the mean rate over independent strata.

    Parameters
    ----------
    strata : tuple of Stratum
        At least one.
    tail : float
        Probability beyond each limit.
    strict : bool
        Whether each limit comes from its own one-sided distribution; else both from the mid-p.

    Returns
    -------
    (float, float)
        Fractions, lower limit first.
    """
    low = _melded(strata, "lower" if strict else "mid")
    high = _melded(strata, "upper") if strict else low
    return max(low.quantile(tail), 0.0), min(high.quantile(1.0 - tail), 1.0)


def _melded(strata: tuple[Stratum, ...], form: Form) -> Lattice:
    rates = [rate_distribution(one.passes, one.labels, form) for one in strata]
    return mixed_by_size(rates, [one.size + PRIOR for one in strata])


def _stratum(labelled: Labelled, among: BoolArray) -> Stratum:
    labels = labelled.effective_labels(among)
    here = among & labelled.used
    weight = labelled.weight[here]
    rate = float(labelled.human[here] @ weight / weight.sum()) if labels > 0.0 else 0.0
    return Stratum(
        size=float(among.sum()) / labelled.effects.items,
        passes=min(rate, 1.0) * labels,
        labels=labels,
    )


def melded_difference(
    drawn: Labelled, verdicts: FloatArray, *, tail: float, said: list[str]
) -> Estimate:
    """Estimate the difference of two pass rates, with the mid-p melded interval for reports.

    Parameters
    ----------
    drawn : Labelled
        Differences of the judge and of the experts, each -1, 0, 1 or NaN.
    verdicts : float array, shape (N,)
        Number of each prompt's pair of verdicts, NaN where one is missing.
    tail : float
        Probability beyond each limit.
    said : list of str
        Warnings.

    Returns
    -------
    Estimate
    """
    strata = _strata(drawn, verdicts)
    sizes = np.array([float(among.sum()) for among in strata])
    rates = [
        mean_distribution(drawn.human[here], _weights(drawn, here), _ENDS)
        for here in (among & drawn.used for among in strata)
    ]
    means = [_mean(drawn, among & drawn.used) for among in strata]
    value = float(np.clip(sizes @ np.array(means) / sizes.sum(), -1.0, 1.0))
    lattice = mixed_by_size(rates, list(sizes / drawn.effects.items + PRIOR))
    weights = _weights(drawn, drawn.used)
    return Estimate(
        value=value,
        low=min(max(lattice.quantile(tail), -1.0), value),
        high=max(min(lattice.quantile(1.0 - tail), 1.0), value),
        confidence=1.0 - 2.0 * tail,
        method="post-stratified by pair of verdicts, mid-p melded",
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=mean_interval(drawn.human[drawn.used], weights, _ENDS, tail=tail),
        warnings=tuple(said),
    )


def _strata(drawn: Labelled, verdicts: FloatArray) -> list[BoolArray]:
    pairs = np.unique(verdicts[~np.isnan(verdicts)])
    masks = [(verdicts == pair) & drawn.covered for pair in pairs]
    masks += [drawn.missing & drawn.covered, ~drawn.covered]
    return [mask for mask in masks if mask.any()]


def _weights(drawn: Labelled, here: BoolArray) -> FloatArray:
    weight = drawn.weight[here]
    return weight * drawn.effective_labels(here) / weight.sum() if weight.size else weight


def _mean(drawn: Labelled, here: BoolArray) -> float:
    weight = drawn.weight[here]
    return float(drawn.human[here] @ weight / weight.sum()) if weight.size else 0.0
