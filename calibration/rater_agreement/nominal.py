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

from calibration.estimate import Estimate, Undefined
from calibration.intervals import clopper_pearson
from calibration.rater_agreement.contingency import RaterTable, TableCoefficient, read_off, tabulate
from calibration.rater_agreement.jackknife import OF_A_MEAN
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

    Use when classes without an order, and a table that readers of the literature expect; it falls
    where one class is nearly all, so read Gwet's AC1 beside it.

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

    Use when ordered levels on which a near miss counts less than a far one.

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

    Use when classes of which one is nearly all, such as safety verdicts.

    Chance depends on the number of categories, so give them where the scale has levels that nobody
    used.

    References
    ----------
    Gwet (2008), British J. Mathematical and Statistical Psychology 61(1), 29-48.
    """
    check_share("confidence", confidence)
    table = tabulate(pair_up(judge, human), categories=categories, seed=seed)
    return read_ac1(table, confidence=confidence)


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

    Use when ordered levels of which one is nearly all, such as ratings at the ceiling.

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
    return read_off(coefficient, table, method=name, confidence=confidence, imagined=OF_A_MEAN)


def read_ac1(table: RaterTable, *, confidence: float) -> Estimate:
    """Read AC1 off a table that is already counted."""
    return read_off(ac1_of, table, method="Gwet's AC1", confidence=confidence, imagined=OF_A_MEAN)


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


# Raw agreement, and the interval of a share that it rests on.
#
# The interval is the mid-p form of Clopper and Pearson: it covers close to its nominal level
# for shares near 0 and 1, where agreement with a good judge lies, and never has zero width.


def percent_agreement(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95
) -> Estimate:
    """Estimate the share of items on which judge and expert give the same rating.

    Use when a number is wanted that anybody can read; it has no allowance for chance.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing; items without both are left out.
    confidence : float
        Nominal coverage, a fraction.

    Returns
    -------
    Estimate
        A fraction in [0, 1].

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both ratings.

    Examples
    --------
    >>> agreed = percent_agreement([1, 1, 0, 1], [1, 0, 0, 1])
    >>> agreed.value, round(agreed.low, 3), round(agreed.high, 3)
    (0.75, 0.194, 0.994)
    """
    check_share("confidence", confidence)
    pairs = pair_up(judge, human)
    return share(
        int((pairs.judge == pairs.human).sum()),
        pairs.n,
        method="raw agreement",
        confidence=confidence,
        n_judged=pairs.n_judged,
    )


def percent_of(p: FloatArray) -> FloatArray:
    """Read raw agreement off a stack of tables, shape (..., K, K)."""
    return np.asarray(np.trace(p, axis1=-2, axis2=-1))


def share(
    successes: int, trials: int, *, method: str, confidence: float = 0.95, n_judged: int = 0
) -> Estimate:
    """Estimate a share from counts.

    Parameters
    ----------
    successes, trials : int
        ``0 <= successes <= trials``.
    method : str
        The name that the estimate carries.
    confidence : float
    n_judged : int

    Raises
    ------
    Undefined
        If there are no trials.
    """
    if trials == 0:
        raise Undefined(f"{method}: there is no item to count.")
    bounds = clopper_pearson(successes, trials, tail=(1.0 - confidence) / 2.0)
    return Estimate(
        value=successes / trials,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{method}, Clopper-Pearson interval",
        n_judged=n_judged,
        n_labelled=trials,
    )
