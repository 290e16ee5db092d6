"""Resampled values of Krippendorff's alpha, from statistics that add up over units.

Units are resampled by gamma weights (Rubin's form of the bootstrap): the weight of a pattern of
ratings that occurs ``c`` times is gamma with shape ``c``. Alpha then follows from weighted sums,
so no resample ever touches the ratings again.

A bootstrap alone cannot imagine a disagreement that it has not seen: with few failures it is far
too narrow, and without any it has no width. So imagined pairs of ratings join the resamples, with
the prior masses of `calibration.coefficients.rater_table` and as large as a unit of average size.

``R`` resamples, ``P`` patterns, ``V`` values, ``S`` priors.

References
----------
Rubin (1981), Annals of Statistics 9(1), 130-134. Zapf et al. (2016), BMC Med. Res. Methodology
16, 93: resampling units covers, resampling pairs of ratings does not.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.coefficients.rater_table import PRIOR_MASSES, cell_priors
from calibration.draws import weighted_sums
from calibration.validation import FloatArray

Level = Literal["nominal", "ordinal", "interval"]


def resampled_categories(
    counts: npt.NDArray[np.int64],
    values: FloatArray,
    *,
    level: Level,
    resamples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Resample alpha of ratings on few values.

    Parameters
    ----------
    counts : int array, shape (units, V)
        Ratings of each value; each unit has two or more.
    values : float array, shape (V,)
    level : {'nominal', 'ordinal', 'interval'}
    resamples : int
    rng : Generator

    Returns
    -------
    float array, shape (S, R)
    """
    patterns, times = _patterns(counts)
    pairs = _pairs_of_values(values.size)
    # An imagined pair counts like an average unit, which holds more ratings than two.
    size = counts.sum() / counts.shape[0] / 2.0
    statistics = {"nominal": _agreements, "ordinal": _coincidences, "interval": _moments_of}[level]
    seen = weighted_sums(times, statistics(patterns, values), resamples=resamples, rng=rng)
    imagined = size * statistics(pairs, values)
    alpha = {"nominal": _nominal, "ordinal": _ordinal, "interval": _interval}[level]
    return np.array(
        [
            alpha(seen + rng.standard_gamma(prior, (resamples, len(pairs))) @ imagined)
            for prior in cell_priors(values.size)
        ]
    )


def resampled_moments(
    ratings: FloatArray, *, resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Resample interval alpha of continuous ratings, as `resampled_categories` does of others.

    Parameters
    ----------
    ratings : float array, shape (units, raters)
        NaN where missing; each unit has two or more.
    resamples : int
    rng : Generator

    Returns
    -------
    float array, shape (S, R)
    """
    m = (~np.isnan(ratings)).sum(axis=1).astype(np.float64)
    x = ratings - np.nanmean(ratings)
    columns = _moments(m, np.nansum(x, axis=1), np.nansum(x * x, axis=1))
    # The imagined unit holds two ratings that agree no better than chance.
    variance = columns[:, 2].sum() / m.sum()
    by_chance = m.mean() / 2.0 * np.array([2.0, 0.0, 2.0 * variance, 4.0 * variance])
    seen = weighted_sums(np.ones(len(m)), columns, resamples=resamples, rng=rng)
    return np.array(
        [
            _interval(seen + rng.standard_gamma(mass, (resamples, 1)) * by_chance)
            for mass in PRIOR_MASSES
        ]
    )


def _patterns(counts: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    base = int(counts.max()) + 1
    if counts.shape[1] * np.log2(base) < 62:
        codes = counts @ base ** np.arange(counts.shape[1], dtype=np.int64)
        _, first, times = np.unique(codes, return_index=True, return_counts=True)
        patterns = counts[first]
    else:
        patterns, times = np.unique(counts, axis=0, return_counts=True)
    return patterns.astype(np.float64), times.astype(np.float64)


def _pairs_of_values(size: int) -> FloatArray:
    first, second = np.indices((size, size)).reshape(2, -1)
    identity = np.eye(size)
    return identity[first] + identity[second]


def _agreements(counts: FloatArray, _values: FloatArray) -> FloatArray:
    m = counts.sum(axis=1)
    agreed = (counts * (counts - 1.0)).sum(axis=1) / (m - 1.0)
    return np.column_stack([agreed, counts])


def _nominal(sums: FloatArray) -> FloatArray:
    agreed, by_value = sums[:, 0], sums[:, 1:]
    n = by_value.sum(axis=1)
    return 1.0 - _spare(n) * (n - agreed) / (n**2 - (by_value**2).sum(axis=1))


def _coincidences(counts: FloatArray, _values: FloatArray) -> FloatArray:
    rows, columns = np.triu_indices(counts.shape[1])
    pairs = counts[:, rows] * counts[:, columns] - np.where(rows == columns, counts[:, rows], 0.0)
    return pairs / (counts.sum(axis=1, keepdims=True) - 1.0)


def _ordinal(sums: FloatArray) -> FloatArray:
    size = int((np.sqrt(8 * sums.shape[1] + 1) - 1) / 2)
    rows, columns = np.triu_indices(size)
    identity = np.eye(size)
    ends = identity[rows] + identity[columns] * (rows != columns)[:, None]
    by_value = sums @ ends
    ranks = np.cumsum(by_value, axis=1) - by_value / 2.0
    observed = 2.0 * (sums * (ranks[:, rows] - ranks[:, columns]) ** 2).sum(axis=1)
    n = by_value.sum(axis=1)
    centre = (by_value * ranks).sum(axis=1, keepdims=True) / n[:, None]
    expected = 2.0 * n * (by_value * (ranks - centre) ** 2).sum(axis=1)
    return 1.0 - _spare(n) * observed / expected


def _moments_of(counts: FloatArray, values: FloatArray) -> FloatArray:
    x = values - values.mean()
    return _moments(counts.sum(axis=1), counts @ x, counts @ (x * x))


def _moments(m: FloatArray, total: FloatArray, squares: FloatArray) -> FloatArray:
    differences = 2.0 * (m * squares - total**2) / (m - 1.0)
    return np.column_stack([m, total, squares, differences])


def _interval(sums: FloatArray) -> FloatArray:
    n, total, squares, differences = sums.T
    return 1.0 - _spare(n) * differences / (2.0 * (n * squares - total**2))


def _spare(n: FloatArray) -> FloatArray:
    """Give the ratings beyond the first; a resample of less than one holds no disagreement."""
    return np.maximum(n - 1.0, 0.0)
