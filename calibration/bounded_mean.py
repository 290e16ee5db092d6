"""Intervals for a mean of ratings on a bounded scale, around the judge-adjusted mean.

With few labels, or with few of them on the far side of the scale, Gaffke's interval, which
reckons with a tail that no label has shown yet; else Student's t on the logit scale. Where labels
were drawn at unequal rates, Gaffke's distributions of the parts drawn at one rate are melded.

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

from calibration.estimate import Aim, Estimate, Interval, StratumCount
from calibration.intervals import (
    STRICT,
    Part,
    logit_t_interval,
    mean_cdf,
    mean_distribution,
    mean_interval,
    own_end_shares,
)
from calibration.labelled_sample import Labelled
from calibration.melding import Form, Lattice, mixed_by_size
from calibration.validation import BoolArray, FloatArray

Kind: TypeAlias = Literal["Gaffke, strict", "Gaffke, mid", "logit t"]

LABELS_FOR_T = 100
LABELS_IN_TAIL = 5.0
UNSEEN_SHIFT = 0.3
MOST_SKEW = 0.15  # skewness over the root of the labels
SMALL_CLASS = 0.05  # share of the items below which a class cannot make t unsafe
GAFFKE_SHRINKAGE = 50.0  # a steep slope widens the support, which costs most with few labels
STEEPEST = 1.5


def bounded_mean(
    drawn: Labelled, scale: tuple[float, float], aim: Aim, *, said: list[str]
) -> Estimate:
    """Estimate a mean from checked ratings.

    Parameters
    ----------
    drawn : Labelled
        Ratings within the scale.
    scale : (float, float)
        Ends of the scale.
    aim : Aim
    said : list of str
        Warnings to put first.

    Returns
    -------
    Estimate
    """
    human = drawn.human[drawn.used]
    kind, why = ("Gaffke, strict", "") if aim.strict else _choose(drawn, scale)
    adjusted = _adjust(drawn, scale, shrinkage=0.0 if kind == "logit t" else GAFFKE_SHRINKAGE)
    alone = _adjust(drawn.alone(), scale, shrinkage=0.0, follow=False)
    support = scale if kind == "logit t" else adjusted.support
    inner = _limits(adjusted, drawn, kind=kind, support=support, tail=aim.tail)
    labels_only = _limits(alone, drawn.alone(), kind=kind, support=scale, tail=aim.tail)
    value = float(np.clip(adjusted.mean, *scale))
    known, middle = adjusted.known, 0.5 * (scale[0] + scale[1])
    ends = Interval(min(max(inner.low, scale[0]), value), max(min(inner.high, scale[1]), value))
    shrunk = _of_population(value, ends, drawn=drawn, aim=aim)
    spread = _with_unknown(shrunk, known, scale)
    mean_alone = float(alone.ratings @ alone.weights / alone.weights.sum())
    only = _of_population(mean_alone, labels_only, drawn=drawn, aim=aim)
    return Estimate(
        value=known * value + (1.0 - known) * middle,
        low=spread.low,
        high=spread.high,
        confidence=1.0 - 2.0 * aim.tail,
        method=f"judge-adjusted, {kind}",
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=_with_unknown(only, known, scale),
        warnings=(*said, why) if why else tuple(said),
        population=aim.population,
        guarantee="conjectured" if kind == "Gaffke, strict" else "approximate",
        strata=(
            StratumCount(
                name="all items with a label drawn",
                items=int(drawn.covered.sum()),
                labels=human.size,
                mean=mean_alone,
                effective_items=float(drawn.covered.sum()) / drawn.effects.items,
                effective_labels=drawn.effective_labels(drawn.used),
            ),
        ),
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
    below = 1.0 if value <= shifted[0] else _cdf(adjusted, drawn, form="lower", at=shifted[0])
    above = 1.0 if value >= shifted[1] else 1.0 - _cdf(adjusted, drawn, form="upper", at=shifted[1])
    # Limits never lie beyond the ends of the scale.
    return (
        0.0 if shifted[0] < scale[0] else below,
        0.0 if shifted[1] > scale[1] else above,
    )


def _cdf(adjusted: "_Adjusted", drawn: Labelled, *, form: Form, at: float) -> float:
    """P(mean <= at) under the confidence distribution of the limits."""
    if len(drawn.class_masks) == 1:
        given = adjusted.ratings, adjusted.weights, adjusted.support
        return mean_cdf(*given, form=form, at=at)
    lattice = _melded(adjusted, drawn, form=form, support=adjusted.support)
    return float(np.interp(at, lattice.edges, lattice.cdf))


def class_mean(drawn: Labelled, scale: tuple[float, float], aim: Aim) -> tuple[float, Interval]:
    """Give the labels' weighted mean and Gaffke's interval for it, without the judge."""
    plain = _adjust(drawn, scale, shrinkage=0.0, follow=False)
    kind: Kind = "Gaffke, strict" if aim.strict else "Gaffke, mid"
    ends = _limits(plain, drawn, kind=kind, support=scale, tail=aim.tail)
    shrunk = _of_population(plain.mean, ends, drawn=drawn, aim=aim)
    whole = _with_unknown(shrunk, plain.known, scale)
    middle = 0.5 * (scale[0] + scale[1])
    return plain.known * plain.mean + (1.0 - plain.known) * middle, whole


def _choose(drawn: Labelled, scale: tuple[float, float]) -> tuple[Kind, str]:
    """Pick the interval for a report, and say why.

    Student's t knows only of the tails that labels have shown. A rare severe rating far from the
    mean moves it more than chance does, so t is used only where enough labels lie in both outer
    halves of the scale: between the mean and an end, nearer to the end.
    """
    why = _against_t(drawn, scale)
    if why:
        return "Gaffke, mid", f"Gaffke's interval is used, as {why}."
    return "logit t", "Student's t is used, as labels are many and spread over the scale."


def _against_t(drawn: Labelled, scale: tuple[float, float]) -> str:
    """Say what speaks against Student's t; nothing where it may be used."""
    human = drawn.human[drawn.used]
    labels = drawn.effective_labels(drawn.used)
    if labels < LABELS_FOR_T:
        return f"{labels:.0f} labels are too few for Student's t"
    sizes = np.array([int(one.sum()) for one in drawn.class_masks])
    if int((sizes >= SMALL_CLASS * sizes.sum()).sum()) > 1:
        return "labels were drawn at unequal rates"
    skewness = _skewness(human)
    if skewness is None:
        return "all labels are equal"
    if abs(skewness) > MOST_SKEW * np.sqrt(labels):
        return f"the labels are too skewed ({skewness:.1f}) for t"
    return _thin_tail(human, scale, labels)


def _thin_tail(human: FloatArray, scale: tuple[float, float], labels: float) -> str:
    mean = float(human.mean())
    for end in scale:
        far = int((np.abs(human - end) <= 0.5 * abs(mean - end)).sum())
        if far * labels / human.size < LABELS_IN_TAIL and _may_move(human, end, labels):
            return f"{far} labels are too few near {end:g} to show how heavy that tail is"
    return ""


def _skewness(ratings: FloatArray) -> float | None:
    """Third standardised moment; None where the ratings do not vary."""
    deviations = ratings - ratings.mean()
    spread = float(np.sqrt((deviations**2).mean()))
    if spread <= 1e-9 * max(float(np.abs(ratings).max()), 1.0):
        return None
    return float(((deviations / spread) ** 3).mean())


def _may_move(human: FloatArray, end: float, labels: float) -> bool:
    """Whether a share of ratings at this end that the labels may have missed outweighs chance.

    Without a sight in n labels, a share of 3 / n is still plausible.
    """
    chance = float(human.std()) / np.sqrt(labels)
    return bool(3.0 / labels * abs(float(human.mean()) - end) > UNSEEN_SHIFT * chance)


def _limits(
    adjusted: "_Adjusted",
    drawn: Labelled,
    *,
    kind: Kind,
    support: tuple[float, float],
    tail: float,
) -> Interval:
    if kind == "logit t":
        return logit_t_interval(adjusted.ratings, adjusted.weights, support, tail=tail)
    exact = STRICT if kind == "Gaffke, strict" else None
    if len(drawn.class_masks) == 1:
        given = adjusted.ratings, adjusted.weights
        return mean_interval(*given, support, tail=tail, exact=exact)
    low, high = own_end_shares(_parts(adjusted, drawn), support) if exact is None else exact
    below = _melded(adjusted, drawn, form=low, support=support).quantile(tail)
    above = _melded(adjusted, drawn, form=1.0 - high, support=support).quantile(1.0 - tail)
    return Interval(min(below, adjusted.mean), max(above, adjusted.mean))


def _melded(
    adjusted: "_Adjusted", drawn: Labelled, *, form: Form | float, support: tuple[float, float]
) -> Lattice:
    """Meld the means of the parts that labels were drawn from at one rate each."""
    parts = [
        mean_distribution(ratings, weights, support, form=form)
        for ratings, weights, _ in _parts(adjusted, drawn)
    ]
    sizes = [float(one.sum()) / drawn.effects.items for one in drawn.class_masks]
    return mixed_by_size(parts, sizes)


def _parts(adjusted: "_Adjusted", drawn: Labelled) -> list[Part]:
    return [
        (
            adjusted.ratings[one[drawn.used]],
            _class_weights(drawn, one),
            float(one.sum()) / float(drawn.covered.sum()),
        )
        for one in drawn.class_masks
    ]


def _class_weights(drawn: Labelled, among: BoolArray) -> FloatArray:
    weight = drawn.weight[among & drawn.used]
    return weight * drawn.effective_labels(among) / weight.sum()


def _of_population(value: float, ends: Interval, *, drawn: Labelled, aim: Aim) -> Interval:
    """Shorten for a finite population: of the labelled items themselves nothing is unknown."""
    if aim.population == "superpopulation":
        return ends
    share = float(drawn.used.sum()) / float(drawn.covered.sum())
    part = float(np.sqrt(max(1.0 - share, 0.0)))
    return Interval(value - part * (value - ends.low), value + part * (ends.high - value))


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


def _adjust(
    labelled: Labelled, scale: tuple[float, float], *, shrinkage: float, follow: bool = True
) -> _Adjusted:
    """Take out of the ratings what the judge explains; nothing where it is not followed.

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
    slopes = np.zeros(human.size)
    if follow:
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
