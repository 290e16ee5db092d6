"""Draws of a statistic: resampled sums to make them from, and the estimate they give."""

import numpy as np

from calibration.estimate import Estimate
from calibration.validation import FloatArray

CHUNK = 200_000


def weighted_sums(
    shapes: FloatArray, columns: FloatArray, *, resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Resample sums over items by gamma weights (Rubin's form of the bootstrap).

    Parameters
    ----------
    shapes : float array, shape (P,)
        How often each row occurs; an imagined row may have a part of 1.
    columns : float array, shape (P, C)
        What one occurrence adds to each sum.
    resamples : int
    rng : Generator

    Returns
    -------
    float array, shape (resamples, C)
        In bounded memory, whatever the number of rows.

    References
    ----------
    Rubin (1981), Annals of Statistics 9(1), 130-134.
    """
    sums = np.empty((resamples, columns.shape[1]))
    step = max(1, CHUNK // shapes.size)
    for start in range(0, resamples, step):
        block = slice(start, min(start + step, resamples))
        weights = rng.standard_gamma(shapes, (block.stop - block.start, shapes.size))
        sums[block] = weights @ columns
    return sums


def estimate_from_draws(
    value: float,
    draws: FloatArray,
    *,
    confidence: float,
    method: str,
    n_judged: int,
    n_labelled: int,
) -> Estimate:
    """Put the equal-tailed interval of the draws around the point value.

    Draws under several priors give the hull of their intervals, so that none of them decides.

    Parameters
    ----------
    value : float
        The statistic of the ratings themselves. Where it lies outside the interval of the draws,
        the interval is stretched to hold it.
    draws : float array, shape (R,) or (priors, R)
    confidence : float
    method : str
    n_judged, n_labelled : int

    Returns
    -------
    Estimate
    """
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=-1)
    return Estimate(
        value=value,
        low=min(float(np.min(low)), value),
        high=max(float(np.max(high)), value),
        confidence=confidence,
        method=method,
        n_judged=n_judged,
        n_labelled=n_labelled,
    )
