"""Intraclass correlation ICC(2,1) and ICC(2,k): random items, random raters, absolute agreement.

``n`` items rated by each of ``k`` raters. ``MSR``, ``MSC`` and ``MSE`` are the mean squares of
items, raters and rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, Interval, Undefined
from calibration.rater_agreement.contingency import (
    MOST_CATEGORIES,
    RaterTable,
    TableCoefficient,
    read_off,
    tabulate,
)
from calibration.rater_agreement.jackknife import jackknife_interval
from calibration.validation import FloatArray, Pairs, as_matrix, check_share, pair_up

ITEMS_FOR_JACKKNIFE = 20  # with fewer, the F interval of normal ratings


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSquares:
    """The two-way analysis of variance of n items x k raters.

    Attributes
    ----------
    n, k : int
        Items and raters.
    items, raters, rest : float
        Mean squares, in squared units of the scale.
    """

    n: int
    k: int
    items: float
    raters: float
    rest: float


def icc_single(ratings: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Estimate ICC(2,1): how reliable is the rating of one rater.

    Use when scores are on an interval scale and their level counts, not their order alone.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        Scores on an interval scale; items with a missing rating (NaN) are left out.
    confidence : float

    Returns
    -------
    Estimate
        At most 1.

    Raises
    ------
    ValueError
        If the array is not items x raters.
    InsufficientLabels
        If fewer than 2 raters or 2 complete items are left.
    Undefined
        If all ratings are equal, the raters never differ, or they agree so badly that the interval
        has no limit or no width.

    References
    ----------
    Shrout & Fleiss (1979), Psychological Bulletin 86(2), 420-428, with the interval of p. 424.
    """
    return _icc(ratings, confidence, averaged=False)


def icc_average(ratings: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Estimate ICC(2,k): how reliable is the mean of these k raters.

    Parameters, errors and source are those of `icc_single`.
    """
    return _icc(ratings, confidence, averaged=True)


def mean_squares(complete: FloatArray) -> MeanSquares:
    """Split the variation of a complete items x raters array into items, raters and rest."""
    n, k = complete.shape
    grand = complete.mean()
    items = complete.mean(axis=1, keepdims=True) - grand
    raters = complete.mean(axis=0, keepdims=True) - grand
    rest = complete - grand - items - raters
    return MeanSquares(
        n=n,
        k=k,
        items=float(k * (items**2).sum() / (n - 1)),
        raters=float(n * (raters**2).sum() / (k - 1)),
        rest=float((rest**2).sum() / ((n - 1) * (k - 1))),
    )


def _icc(ratings: npt.ArrayLike, confidence: float, *, averaged: bool) -> Estimate:
    check_share("confidence", confidence)
    matrix = as_matrix("ratings", ratings)
    complete = matrix[~np.isnan(matrix).any(axis=1)]
    if complete.shape[0] < 2 or complete.shape[1] < 2:
        raise InsufficientLabels(
            "ICC needs 2 raters and 2 items that each of them rated; "
            f"got {complete.shape[1]} raters and {complete.shape[0]} such items."
        )
    squares = mean_squares(complete)
    scale = max(squares.items, squares.raters)
    if squares.rest <= 1e-12 * scale or scale == 0.0:
        raise Undefined(
            "the raters differ nowhere or always by the same amount, so ICC has no error to "
            "compare with."
        )
    k = squares.k if averaged else 1
    bounds = _jackknifed(complete, k, confidence) if squares.n >= ITEMS_FOR_JACKKNIFE else None
    kind = "jackknife" if bounds else "F"
    value = _step_up(_single(squares), k)
    if bounds is None:
        value, bounds = _stepped(squares, k, confidence)
    name = f"ICC(2,{k})" if averaged else "ICC(2,1)"
    dropped = int((~np.isnan(matrix)).any(axis=1).sum()) - squares.n
    return Estimate(
        value=value,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{name}, {kind} interval",
        n_judged=matrix.shape[0],
        n_labelled=squares.n,
        warnings=(f"{dropped} items with a missing rating are left out.",) if dropped else (),
    )


def _jackknifed(complete: FloatArray, k: int, confidence: float) -> Interval | None:
    """Leave out one item after another; None where that tells nothing."""
    single = _singles(complete)
    once = np.ones_like(single[1:])
    found = jackknife_interval(float(single[0]), single[1:], once, confidence=confidence)
    if found is None or 1.0 + (k - 1) * found.low <= 0.0:
        return None
    return Interval(_step_up(found.low, k), _step_up(found.high, k))


def _singles(complete: FloatArray) -> FloatArray:
    """ICC(2,1) of all items, then without each of them, from sums that add up over items."""
    n, k = complete.shape
    x = complete - complete.mean()
    by_rater = np.vstack([x.sum(axis=0), x.sum(axis=0) - x])
    items = np.concatenate([[n], np.full(n, n - 1.0)])
    rows = (x.sum(axis=1) ** 2).sum() - np.concatenate([[0.0], x.sum(axis=1) ** 2])
    squares = (x**2).sum() - np.concatenate([[0.0], (x**2).sum(axis=1)])
    mean = by_rater.sum(axis=1) ** 2 / (items * k)
    between, raters = rows / k - mean, (by_rater**2).sum(axis=1) / items - mean
    rest = (squares - mean - between - raters) / ((items - 1.0) * (k - 1))
    between, raters = between / (items - 1.0), raters / (k - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (between - rest) / (between + (k - 1) * rest + k * (raters - rest) / items)


def _stepped(squares: MeanSquares, k: int, confidence: float) -> tuple[float, Interval]:
    """Give the value for the mean of k raters, and its interval."""
    single, found = _single(squares), _single_bounds(squares, confidence)
    low, high = min(found.low, single), max(found.high, single)
    # At -1 / (k - 1) the mean of k raters has no variance left: no limit lies beyond it.
    if not (np.isfinite([low, high]).all() and 1.0 + (k - 1) * low > 0.0 and low < high):
        raise Undefined("the raters agree so badly that ICC has no interval.")
    return _step_up(single, k), Interval(_step_up(low, k), _step_up(high, k))


def _single(s: MeanSquares) -> float:
    return (s.items - s.rest) / (s.items + (s.k - 1) * s.rest + s.k * (s.raters - s.rest) / s.n)


def _single_bounds(s: MeanSquares, confidence: float) -> Interval:
    n, k, tail = s.n, s.k, (1.0 - confidence) / 2.0
    rho, f = _single(s), s.raters / s.rest
    u = n * (1 + (k - 1) * rho) - k * rho
    freedom = (k - 1) * (n - 1) * (k * rho * f + u) ** 2 / ((n - 1) * (k * rho * f) ** 2 + u**2)
    above = float(special.fdtri(n - 1, freedom, 1.0 - tail))
    below = float(special.fdtri(freedom, n - 1, 1.0 - tail))
    spread = k * s.raters + (k * n - k - n) * s.rest
    return Interval(
        low=n * (s.items - above * s.rest) / (above * spread + n * s.items),
        high=n * (below * s.items - s.rest) / (spread + n * below * s.items),
    )


def _step_up(reliability: float, k: int) -> float:
    # Spearman and Brown: the reliability of the mean of k such ratings.
    return k * reliability / (1 + (k - 1) * reliability)


# Bland and Altman: how far the judge's score lies from the expert's, on average and at the
# worst.
#
# Differences are judge minus expert, in the unit of the scale; a positive bias is a lenient
# judge.


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """The bias, and the limits between which most differences lie.

    Attributes
    ----------
    bias : Estimate
        Mean of judge minus expert.
    lower, upper : Estimate
        Limits that hold `share` of the differences if they are normal.
    share : float
        The share of differences that the limits are meant for.
    """

    bias: Estimate
    lower: Estimate
    upper: Estimate
    share: float


def bland_altman(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, share: float = 0.95, confidence: float = 0.95
) -> LimitsOfAgreement:
    """Estimate the bias of the judge and the limits of agreement.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Scores on an interval scale, NaN where one is missing.
    share : float
        Share of the differences between the limits, a fraction.
    confidence : float
        Of the interval of the bias and of each limit.

    Returns
    -------
    LimitsOfAgreement

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    InsufficientLabels
        If fewer than 3 items have both scores.
    Undefined
        If no item has both, or all differences are equal.

    References
    ----------
    Bland & Altman (1986), Lancet 327(8476), 307-310; (1999), Stat. Methods Med. Res. 8(2),
    135-160, section 2.2, the standard error of a limit.
    """
    check_share("confidence", confidence)
    check_share("share", share)
    pairs = pair_up(judge, human)
    differences = pairs.judge - pairs.human
    n = pairs.n
    if n < 3:
        raise InsufficientLabels(f"limits of agreement need 3 items with both scores; got {n}.")
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(bias)):
        raise Undefined("all differences are equal, so the limits of agreement have no width.")
    z = float(special.ndtri((1.0 + share) / 2.0))
    t = float(special.stdtrit(n - 1, (1.0 + confidence) / 2.0))
    bias_error = spread / np.sqrt(n)
    limit_error = spread * np.sqrt(1.0 / n + z**2 / (2.0 * (n - 1)))

    def around(value: float, error: float, method: str) -> Estimate:
        return Estimate(
            value=value,
            low=value - t * float(error),
            high=value + t * float(error),
            confidence=confidence,
            method=method,
            n_judged=pairs.n_judged,
            n_labelled=n,
        )

    return LimitsOfAgreement(
        bias=around(bias, bias_error, "mean difference, t interval"),
        lower=around(bias - z * spread, limit_error, "lower limit of agreement, t interval"),
        upper=around(bias + z * spread, limit_error, "upper limit of agreement, t interval"),
        share=share,
    )


# Rank correlation of judge and expert: Spearman's rho and Kendall's tau-b.
#
# On a scale of at most 20 levels both are read off the table of the two raters, ties included,
# and the interval is that of the table. With more values the interval is that of Fisher's z.
# ``p`` is a table of proportions, ``r`` and ``c`` its marginals.


def spearman(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Estimate Spearman's rank correlation of judge and expert.

    Use when the order of items counts and the unit of the scores does not.

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

    Use when the order of items counts and there are few of them or many ties.

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
