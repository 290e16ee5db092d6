"""Ratings of the labelled items, with what the judge's scores explain of them taken out.

The adjusted rating of item i is y_i - b_i (f_i - F): expert rating y, judge score f, its mean F
over all items, and a slope b_i fitted on the other labelled items. Each has the mean that is asked
for, whatever the slope, because the labelled items are a random draw; the better the judge, the
less they vary. This is the regression estimator, written
as values whose plain mean it is.

References
----------
Angelopoulos, Duchi and Zrnic (2023), PPI++, arXiv 2311.01453, the same estimator in other words.
Cassel, Särndal and Wretman (1976), Biometrika 63(3), 615-620, the generalised regression estimator.
"""

from dataclasses import dataclass

import numpy as np

from calibration.correction.labelled import Labelled
from calibration.validation import FloatArray

STEEPEST = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
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


def adjust(labelled: Labelled, scale: tuple[float, float], *, shrinkage: float) -> Adjusted:
    """Take out of the ratings what the judge explains.

    Parameters
    ----------
    labelled : Labelled
        Ratings on the scale; items without a verdict count as scored with the mean.
    scale : (float, float)
        Ends of the expert scale.
    shrinkage : float
        Number of labels at which a slope counts half; 0 for the full slope.

    Returns
    -------
    Adjusted
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
    return Adjusted(
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
