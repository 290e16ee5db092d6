"""Gwet's AC1 and AC2: chance-corrected agreement that stays stable when nearly all items pass.

``p`` is a table of proportions (expert x judge), ``w`` the agreement weights, ``q`` the mean of
the two marginals. Agreement is ``sum(w p)``; chance is ``sum(w) sum(q (1 - q)) / (K (K - 1))``.
AC1 is the case of identity weights.
"""

import numpy as np
import numpy.typing as npt

from calibration.coefficients.kappa import Weights, disagreement
from calibration.coefficients.rater_table import RaterTable, TableCoefficient, read_off, tabulate
from calibration.estimate import Estimate
from calibration.pairs import pair_up
from calibration.validation import FloatArray, check_share


def gwet_ac1(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    categories: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate Gwet's AC1 of judge and expert.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Categories as numbers, NaN where a rating is missing.
    categories : float array, shape (K,), optional
        The levels of the scale. Chance depends on their number, so give them where the scale has
        levels that nobody used; without them, the levels in use.
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
    judge, human : float array, shape (N,)
        Scores, NaN where a rating is missing.
    weights : {'identity', 'linear', 'quadratic'}
        How agreement falls with the distance of the scores.
    categories : float array, shape (K,), optional
        The levels of the scale, as in `gwet_ac1`.
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
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., chapter 3.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return ac2_of(table, weights=weights, confidence=confidence)


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
