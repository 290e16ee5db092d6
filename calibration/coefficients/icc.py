"""Intraclass correlation ICC(2,1) and ICC(2,k): random items, random raters, absolute agreement.

``n`` items rated by each of ``k`` raters. ``MSR``, ``MSC`` and ``MSE`` are the mean squares of
items, raters and rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, Interval, Undefined
from calibration.validation import FloatArray, as_matrix, check_share


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
    value, bounds = _stepped(squares, k, confidence)
    name = f"ICC(2,{k})" if averaged else "ICC(2,1)"
    dropped = int((~np.isnan(matrix)).any(axis=1).sum()) - squares.n
    return Estimate(
        value=value,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{name}, F interval",
        n_judged=matrix.shape[0],
        n_labelled=squares.n,
        warnings=(f"{dropped} items with a missing rating are left out.",) if dropped else (),
    )


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
