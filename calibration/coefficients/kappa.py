"""Cohen's kappa, plain and weighted: agreement of two raters beyond what their habits give.

``p`` is a table of proportions (expert x judge), ``v`` the disagreement weights, ``r`` and ``c``
the marginals; kappa is ``1 - sum(v p) / sum(v r c)``. Weights grow with the distance between the
categories' values, so a level that nobody used still counts as distance.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.coefficients.rater_table import RaterTable, TableCoefficient, read_off, tabulate
from calibration.estimate import Estimate
from calibration.pairs import pair_up
from calibration.validation import FloatArray, check_share

Weights = Literal["identity", "linear", "quadratic"]


def cohen_kappa(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    categories: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate Cohen's kappa of judge and expert.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Categories as numbers, NaN where a rating is missing.
    categories : float array, shape (K,), optional
        The levels of the scale; without them, the levels in use.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        At most 1; 0 is chance.

    Raises
    ------
    ValueError
        If the arrays do not align, or a rating is not among the categories.
    Undefined
        If no item has both ratings, or all ratings are equal.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20(1), 37-46.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return read_off(kappa_of, table, method="Cohen's kappa", confidence=confidence)


def weighted_kappa(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    weights: Weights = "quadratic",
    categories: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate weighted kappa of judge and expert, for ordered categories.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Scores, NaN where a rating is missing.
    weights : {'identity', 'linear', 'quadratic'}
        How disagreement grows with the distance of the scores.
    categories : float array, shape (K,), optional
        The levels of the scale; without them, the levels in use.
    confidence : float
    seed : int

    Returns
    -------
    Estimate
        At most 1; 0 is chance.

    Raises
    ------
    ValueError
        If the arrays do not align, or a rating is not among the categories.
    Undefined
        If no item has both ratings, or all ratings are equal.

    References
    ----------
    Cohen (1968), Psychological Bulletin 70(4), 213-220.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return weighted_kappa_of(table, weights=weights, confidence=confidence)


def weighted_kappa_of(table: RaterTable, *, weights: Weights, confidence: float) -> Estimate:
    """Read weighted kappa off a table that is already counted."""
    coefficient = weighted_by(disagreement(table.categories, weights))
    name = f"weighted kappa ({weights})"
    return read_off(coefficient, table, method=name, confidence=confidence)


def kappa_of(p: FloatArray) -> FloatArray:
    """Read Cohen's kappa off a stack of tables, shape (..., K, K)."""
    return weighted_by(1.0 - np.eye(p.shape[-1]))(p)


def weighted_by(v: FloatArray) -> TableCoefficient:
    """Make the kappa of these disagreement weights, shape (K, K)."""

    def coefficient(p: FloatArray) -> FloatArray:
        r, c = p.sum(axis=-1), p.sum(axis=-2)
        observed = (p * v).sum(axis=(-1, -2))
        expected = np.asarray(((r @ v) * c).sum(axis=-1))
        return 1.0 - observed / expected

    return coefficient


def disagreement(categories: FloatArray, weights: Weights) -> FloatArray:
    """Weigh each pair of categories from 0 (same) to 1 (the ends of the scale), shape (K, K)."""
    if weights == "identity":
        return 1.0 - np.eye(categories.size)
    distance = np.abs(categories[:, None] - categories) / max(float(np.ptp(categories)), 1e-300)
    return distance if weights == "linear" else distance**2
