"""Rank correlation of judge and expert: Spearman's rho and Kendall's tau-b.

On a scale of at most 20 levels both are read off the table of the two raters, ties included, and
the interval is that of the table. With more values the interval is that of Fisher's z.
``p`` is a table of proportions, ``r`` and ``c`` its marginals.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.coefficients.rater_table import (
    MOST_CATEGORIES,
    RaterTable,
    TableCoefficient,
    read_off,
    tabulate,
)
from calibration.estimate import Estimate, Undefined
from calibration.validation import FloatArray, Pairs, check_share, pair_up


def spearman(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Estimate Spearman's rank correlation of judge and expert.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Scores, NaN where a rating is missing.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        In [-1, 1].

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both ratings, or a rater gives one value to every item.

    References
    ----------
    Bonett & Wright (2000), Psychometrika 65(1), 23-28, the variance of Fisher's z.
    """
    from scipy import stats

    check_share("confidence", confidence)
    pairs = _varying(pair_up(judge, human))
    if _has_levels(pairs):
        return spearman_of(tabulate(pairs, seed=seed), confidence=confidence)
    ranks = stats.rankdata(pairs.judge), stats.rankdata(pairs.human)
    rho = float(np.corrcoef(*ranks)[0, 1])
    variance = (1 + rho**2 / 2) / (pairs.n - 3)
    return _fisher(rho, pairs, variance=variance, method="Spearman's rho", confidence=confidence)


def kendall(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Estimate Kendall's tau-b of judge and expert.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Scores, NaN where a rating is missing.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        In [-1, 1]; ties are allowed for.

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both ratings, or a rater gives one value to every item.

    References
    ----------
    Kendall (1945), Biometrika 33(3), 239-251. Fieller, Hartley & Pearson (1957), Biometrika
    44(3/4), 470-481, the variance of Fisher's z.
    """
    from scipy import stats

    check_share("confidence", confidence)
    pairs = _varying(pair_up(judge, human))
    if _has_levels(pairs):
        return kendall_of(tabulate(pairs, seed=seed), confidence=confidence)
    tau = float(stats.kendalltau(pairs.judge, pairs.human).statistic)
    variance = 0.437 / (pairs.n - 4)
    return _fisher(tau, pairs, variance=variance, method="Kendall's tau-b", confidence=confidence)


def spearman_of(table: RaterTable, *, confidence: float) -> Estimate:
    """Read Spearman's rho off a table that is already counted."""
    return _correlation_of(rho_of, table, method="Spearman's rho", confidence=confidence)


def kendall_of(table: RaterTable, *, confidence: float) -> Estimate:
    """Read Kendall's tau-b off a table that is already counted."""
    return _correlation_of(tau_b_of, table, method="Kendall's tau-b", confidence=confidence)


def rho_of(p: FloatArray) -> FloatArray:
    """Read Spearman's rho, the correlation of mid-ranks, off tables of shape (..., K, K)."""
    r, c = p.sum(axis=-1), p.sum(axis=-2)
    x, y = _centred_midranks(r), _centred_midranks(c)
    covariance = (p * x[..., :, None] * y[..., None, :]).sum(axis=(-1, -2))
    return covariance / np.sqrt((r * x * x).sum(axis=-1) * (c * y * y).sum(axis=-1))


def tau_b_of(p: FloatArray) -> FloatArray:
    """Read Kendall's tau-b off tables of shape (..., K, K)."""
    r, c = p.sum(axis=-1), p.sum(axis=-2)
    concordant = (p * _mass_beyond(p)).sum(axis=(-1, -2))
    mirrored = p[..., ::-1]
    discordant = (mirrored * _mass_beyond(mirrored)).sum(axis=(-1, -2))
    untied = (1.0 - (r * r).sum(axis=-1)) * (1.0 - (c * c).sum(axis=-1))
    return 2.0 * (concordant - discordant) / np.sqrt(untied)


def _centred_midranks(marginal: FloatArray) -> FloatArray:
    return np.cumsum(marginal, axis=-1) - marginal / 2.0 - 0.5


def _mass_beyond(p: FloatArray) -> FloatArray:
    # For each cell the mass of the cells that are higher for both raters.
    upto = np.flip(np.cumsum(np.cumsum(np.flip(p, (-1, -2)), axis=-1), axis=-2), (-1, -2))
    beyond = np.zeros_like(p)
    beyond[..., :-1, :-1] = upto[..., 1:, 1:]
    return beyond


def _correlation_of(
    coefficient: TableCoefficient, table: RaterTable, *, method: str, confidence: float
) -> Estimate:
    for name, axis in (("judge", 0), ("expert", 1)):
        if np.count_nonzero(table.counts.sum(axis=axis)) < 2:
            raise Undefined(f"the {name} gives one value to every item; ranks have no order.")
    return read_off(coefficient, table, method=method, confidence=confidence)


def _varying(pairs: Pairs) -> Pairs:
    for name, ratings in (("judge", pairs.judge), ("expert", pairs.human)):
        if np.ptp(ratings) == 0.0:
            raise Undefined(f"the {name} gives one value to every item; ranks have no order.")
    return pairs


def _has_levels(pairs: Pairs) -> bool:
    return np.union1d(pairs.judge, pairs.human).size <= MOST_CATEGORIES


def _fisher(
    value: float, pairs: Pairs, *, variance: float, method: str, confidence: float
) -> Estimate:
    # A perfect order is no proof of one: the centre stays one part in n away from 1.
    limit = 1.0 - 1.0 / pairs.n
    centre = np.arctanh(np.clip(value, -limit, limit))
    reach = float(special.ndtri((1.0 + confidence) / 2.0)) * np.sqrt(variance)
    return Estimate(
        value=value,
        low=min(float(np.tanh(centre - reach)), value),
        high=max(float(np.tanh(centre + reach)), value),
        confidence=confidence,
        method=f"{method}, Fisher's z",
        n_judged=pairs.n_judged,
        n_labelled=pairs.n,
    )
