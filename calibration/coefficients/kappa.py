"""Agreement of two raters beyond chance: Cohen's kappa, weighted kappa, Gwet's AC1 and AC2.

``p`` is a table of proportions (expert x judge), ``r`` and ``c`` its marginals, ``q`` their mean.
Kappa is ``1 - sum(v p) / sum(v r c)`` with disagreement weights ``v``, which grow with the distance
between the categories' values, so a level that nobody used still counts as distance. AC2 has
agreement weights ``w = 1 - v``; its chance is ``sum(w) sum(q (1 - q)) / (K (K - 1))``, which stays
stable when nearly all items pass. AC1 is the case of identity weights.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.coefficients.rater_table import RaterTable, TableCoefficient, read_off, tabulate
from calibration.estimate import Estimate
from calibration.validation import FloatArray, check_share, pair_up

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
    weights : {'identity', 'linear', 'quadratic'}
        How disagreement grows with the distance of the scores.
    judge, human, categories, confidence, seed
        As in `cohen_kappa`, and so are errors.

    References
    ----------
    Cohen (1968), Psychological Bulletin 70(4), 213-220.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return weighted_kappa_of(table, weights=weights, confidence=confidence)


def gwet_ac1(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    categories: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate Gwet's AC1 of judge and expert; parameters and errors are those of `cohen_kappa`.

    Chance depends on the number of categories, so give them where the scale has levels that nobody
    used.

    References
    ----------
    Gwet (2008), British J. Mathematical and Statistical Psychology 61(1), 29-48.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return read_off(ac1_of, table, method="Gwet's AC1", confidence=confidence)


def gwet_ac2(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    weights: Weights = "quadratic",
    categories: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate Gwet's AC2 of judge and expert, for ordered categories.

    Parameters
    ----------
    weights : {'identity', 'linear', 'quadratic'}
        How agreement falls with the distance of the scores.
    judge, human, categories, confidence, seed
        As in `cohen_kappa`, and so are errors.

    References
    ----------
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., chapter 3.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return ac2_of(table, weights=weights, confidence=confidence)


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


def ac2_of(table: RaterTable, *, weights: Weights, confidence: float) -> Estimate:
    """Read AC2 off a table that is already counted."""
    coefficient = agreement_weighted_by(1.0 - disagreement(table.categories, weights))
    name = f"Gwet's AC2 ({weights})"
    return read_off(coefficient, table, method=name, confidence=confidence)


def ac1_of(p: FloatArray) -> FloatArray:
    """Read AC1 off a stack of tables, shape (..., K, K)."""
    return agreement_weighted_by(np.eye(p.shape[-1]))(p)


def agreement_weighted_by(w: FloatArray) -> TableCoefficient:
    """Make the AC2 of these agreement weights, shape (K, K) with K at least 2."""
    size = w.shape[0]

    def coefficient(p: FloatArray) -> FloatArray:
        q = (p.sum(axis=-1) + p.sum(axis=-2)) / 2.0
        agreed = (p * w).sum(axis=(-1, -2))
        chance = w.sum() / (size * (size - 1)) * (q * (1.0 - q)).sum(axis=-1)
        return (agreed - chance) / (1.0 - chance)

    return coefficient
