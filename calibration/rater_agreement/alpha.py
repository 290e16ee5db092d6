"""Krippendorff's alpha for any number of raters, with missing ratings, and its interval.

``units`` are items, ``V`` values; ``m`` ratings of a unit. A unit with one rating says nothing
about agreement and is left out. The point value is that of the ``krippendorff`` package up to 20
values, and the same formula in closed form beyond, where the package would need V x V memory.

Alpha follows from sums that add up over units, so neither a unit left out nor a resample ever
touches the ratings again. With more than two values the interval is the jackknife's on Fisher's z.
With two, and where the jackknife has nothing to go by, units are resampled by gamma weights
(Rubin's form of the bootstrap): the weight of a pattern of ratings that occurs ``c`` times is gamma
with shape ``c``. A bootstrap alone cannot imagine a disagreement that it has not seen: with few
failures it is far too narrow, and without any it has no width. So imagined pairs of ratings join
the resamples, with the prior masses of `calibration.rater_agreement.contingency` and as large as a
unit of average size. ``R`` resamples, ``P`` patterns, ``S`` priors.

References
----------
Rubin (1981), Annals of Statistics 9(1), 130-134. Zapf et al. (2016), BMC Med. Res. Methodology
16, 93: resampling units covers, resampling pairs of ratings does not.
"""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Interval, Undefined
from calibration.rater_agreement.contingency import MOST_CATEGORIES, PRIOR_MASSES, cell_priors
from calibration.rater_agreement.jackknife import jackknife_interval
from calibration.resampling import estimate_from_draws, weighted_sums
from calibration.validation import FloatArray, as_matrix, check_share

Level = Literal["nominal", "ordinal", "interval"]
LEVELS: Final = ("nominal", "ordinal", "interval")
MOST_NOMINAL = 500


def krippendorff_alpha(
    ratings: npt.ArrayLike,
    *,
    level: Level = "ordinal",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    value_domain: npt.ArrayLike | None = None,
) -> Estimate:
    """Estimate Krippendorff's alpha.

    Use when there are several raters, or ratings are missing.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        NaN where a rater gave no rating.
    level : {'nominal', 'ordinal', 'interval'}
        What differences between values mean.
    resamples : int
        Resampled sets of items behind the interval, at least 2.
    confidence : float
    seed : int
        Same seed, same digits.
    value_domain : float array, optional
        The levels of the scale; a rating outside them is refused.

    Returns
    -------
    Estimate
        At most 1; 0 is chance. `n_judged` counts items with any rating, `n_labelled` those with
        two or more.

    Raises
    ------
    ValueError
        If the array is not items x raters, holds an infinite value or a value outside the domain,
        or another argument is malformed.
    Undefined
        If no item has two ratings, or all ratings that can be paired are equal.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, University of Pennsylvania.

    Examples
    --------
    >>> alpha = krippendorff_alpha([[1, 1], [2, 3], [3, 3], [1, 2], [5, 4], [4, 4]])
    >>> round(alpha.value, 3)
    0.889
    """
    check_share("confidence", confidence)
    check_level(level)
    if resamples < 2:
        raise ValueError(f"resamples must be at least 2; got {resamples}.")
    matrix = as_matrix("ratings", ratings)
    rated = ~np.isnan(matrix)
    pairable = matrix[rated.sum(axis=1) >= 2]
    values = _values_of(pairable, level, value_domain)
    rng = np.random.default_rng(seed)
    scores = np.empty((0, 0))
    if values.size <= MOST_CATEGORIES or level == "nominal":
        counts = _value_counts(pairable, values)
        point = _packaged_alpha(counts, values, level)
        bounds = _category_jackknife(counts, values, level=level, confidence=confidence)
    else:
        counts = np.empty((0, 0), dtype=np.int64)
        scores = pairable if level == "interval" else _midranks(pairable)
        point = interval_alpha(scores)
        bounds = _moment_jackknife(scores, confidence=confidence)
    found = Estimate(
        value=point,
        low=bounds.low if bounds else point,
        high=bounds.high if bounds else point,
        confidence=confidence,
        method=f"Krippendorff's alpha ({level}), jackknife interval",
        n_judged=int(rated.any(axis=1).sum()),
        n_labelled=pairable.shape[0],
    )
    if bounds:
        return found
    if counts.size:
        spread = _resampled_categories(counts, values, level=level, resamples=resamples, rng=rng)
    else:
        spread = _resampled_moments(scores, resamples=resamples, rng=rng)
    return _resampled(found, spread)


def _resampled(found: Estimate, spread: FloatArray) -> Estimate:
    """Take the interval from resamples instead."""
    return estimate_from_draws(
        found.value,
        spread,
        confidence=found.confidence,
        method=found.method.replace("jackknife interval", "item bootstrap"),
        n_judged=found.n_judged,
        n_labelled=found.n_labelled,
    )


def check_level(level: str) -> None:
    """Raise ValueError unless it is one of the three levels of measurement."""
    if level not in LEVELS:
        raise ValueError(f"level must be nominal, ordinal or interval; got {level!r}.")


def interval_alpha(ratings: FloatArray) -> float:
    """Compute alpha for squared differences in closed form, in time linear in the ratings.

    Parameters
    ----------
    ratings : float array, shape (units, raters)
        Each unit has two ratings or more, NaN elsewhere.
    """
    m = (~np.isnan(ratings)).sum(axis=1)
    # Centred first, so that sums of squares keep their digits far from zero.
    x = ratings - np.nanmean(ratings)
    total, squares = np.nansum(x, axis=1), np.nansum(x * x, axis=1)
    n = m.sum()
    observed = (2.0 * (m * squares - total**2) / (m - 1)).sum() / n
    expected = 2.0 * (n * squares.sum() - total.sum() ** 2) / (n * (n - 1))
    return float(1.0 - observed / expected)


def _values_of(
    pairable: FloatArray, level: Level, value_domain: npt.ArrayLike | None
) -> FloatArray:
    values = np.unique(pairable[~np.isnan(pairable)])
    if values.size == 0:
        raise Undefined("no item has ratings by two raters, so agreement has no meaning.")
    if value_domain is not None:
        strangers = np.setdiff1d(values, np.asarray(value_domain, dtype=np.float64))
        if strangers.size:
            raise ValueError(f"rating {strangers[0]:g} is not in the value domain.")
    if values.size == 1:
        raise Undefined("all ratings are equal, so agreement beyond chance has no meaning.")
    if level == "nominal" and values.size > MOST_NOMINAL:
        raise ValueError(
            f"{values.size} different values are no categories; "
            "use level='interval' for continuous scores."
        )
    return values


def _value_counts(pairable: FloatArray, values: FloatArray) -> npt.NDArray[np.int64]:
    rated = ~np.isnan(pairable)
    columns = np.searchsorted(values, pairable[rated])
    cells = np.nonzero(rated)[0] * values.size + columns
    shape = pairable.shape[0], values.size
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _packaged_alpha(counts: npt.NDArray[np.int64], values: FloatArray, level: Level) -> float:
    # Imported here alone, and late: the package is GPL.
    import krippendorff

    return float(
        krippendorff.alpha(value_counts=counts, value_domain=values, level_of_measurement=level)
    )


def _midranks(pairable: FloatArray) -> FloatArray:
    # The ordinal difference of two values is the difference of their mid-ranks.
    rated = ~np.isnan(pairable)
    _, inverse, counts = np.unique(pairable[rated], return_inverse=True, return_counts=True)
    ranks = np.full_like(pairable, np.nan)
    ranks[rated] = (np.cumsum(counts) - counts / 2.0)[inverse]
    return ranks


def _category_jackknife(
    counts: npt.NDArray[np.int64], values: FloatArray, *, level: Level, confidence: float
) -> Interval | None:
    """Leave out one unit of each pattern of ratings; nothing for two values."""
    if values.size <= 2:
        return None
    patterns, times = _patterns(counts)
    columns = _STATISTICS[level](patterns, values)
    total = times @ columns
    alpha = _FROM_SUMS[level]
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = alpha(total - columns)
    value = float(alpha(total[None])[0])
    return jackknife_interval(value, left_out, times, confidence=confidence)


def _moment_jackknife(ratings: FloatArray, *, confidence: float) -> Interval | None:
    """Leave out one unit of continuous ratings after another, (units, raters)."""
    m = (~np.isnan(ratings)).sum(axis=1).astype(np.float64)
    x = ratings - np.nanmean(ratings)
    columns = _moments(m, np.nansum(x, axis=1), np.nansum(x * x, axis=1))
    total = columns.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = _interval(total - columns)
    value = float(_interval(total[None])[0])
    return jackknife_interval(value, left_out, np.ones_like(m), confidence=confidence)


def _resampled_categories(
    counts: npt.NDArray[np.int64],
    values: FloatArray,
    *,
    level: Level,
    resamples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Resample alpha from the ratings of each value, (units, V); shape (S, R)."""
    patterns, times = _patterns(counts)
    pairs = _pairs_of_values(values.size)
    # An imagined pair counts like an average unit, which holds more ratings than two.
    size = counts.sum() / counts.shape[0] / 2.0
    statistics = _STATISTICS[level]
    seen = weighted_sums(times, statistics(patterns, values), resamples=resamples, rng=rng)
    imagined = size * statistics(pairs, values)
    alpha = _FROM_SUMS[level]
    return np.array(
        [
            alpha(seen + rng.standard_gamma(prior, (resamples, len(pairs))) @ imagined)
            for prior in cell_priors(counts.sum(axis=0))
        ]
    )


def _resampled_moments(
    ratings: FloatArray, *, resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Resample interval alpha of continuous ratings, (units, raters); shape (S, R)."""
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


_STATISTICS = {"nominal": _agreements, "ordinal": _coincidences, "interval": _moments_of}
_FROM_SUMS = {"nominal": _nominal, "ordinal": _ordinal, "interval": _interval}
