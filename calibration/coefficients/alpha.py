"""Krippendorff's alpha for any number of raters, with missing ratings, and its interval.

``units`` are items, ``V`` values; ``m`` ratings of a unit. A unit with one rating says nothing
about agreement and is left out. The point value is that of the ``krippendorff`` package up to 20
values, and the same formula in closed form beyond, where the package would need V x V memory.

The interval resamples units, not ratings: see `calibration.coefficients.alpha_interval`.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.coefficients.alpha_interval import resampled_categories, resampled_moments
from calibration.coefficients.rater_table import MOST_CATEGORIES
from calibration.draws import estimate_from_draws
from calibration.estimate import Estimate, Undefined
from calibration.pairs import as_matrix
from calibration.validation import FloatArray, check_share

Level = Literal["nominal", "ordinal", "interval"]
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

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        NaN where a rater gave no rating.
    level : {'nominal', 'ordinal', 'interval'}
        What differences between values mean.
    resamples : int
        Resampled sets of items behind the interval.
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
        If the array is not items x raters, holds an infinite value or a value outside the domain.
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
    matrix = as_matrix("ratings", ratings)
    rated = ~np.isnan(matrix)
    pairable = matrix[rated.sum(axis=1) >= 2]
    values = _values_of(pairable, level, value_domain)
    rng = np.random.default_rng(seed)
    if values.size <= MOST_CATEGORIES or level == "nominal":
        counts = _value_counts(pairable, values)
        point = _packaged_alpha(counts, values, level)
        spread = resampled_categories(counts, values, level=level, resamples=resamples, rng=rng)
    else:
        scores = pairable if level == "interval" else _midranks(pairable)
        point = interval_alpha(scores)
        spread = resampled_moments(scores, resamples=resamples, rng=rng)
    return estimate_from_draws(
        point,
        spread,
        confidence=confidence,
        method=f"Krippendorff's alpha ({level}), item bootstrap",
        n_judged=int(rated.any(axis=1).sum()),
        n_labelled=pairable.shape[0],
    )


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
