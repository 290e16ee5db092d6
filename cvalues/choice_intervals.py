"""Shares of hits among items that come in clusters, with intervals that know of the clusters.

The two orders of a pair, and the pairs of a question, are not independent, so the question is the
unit. n items lie in C clusters; shares are fractions. The interval is exact for an effective
number of items: as many independent items as would give the variance seen between clusters, at
most n. Where no item or every item hits, nothing can be seen of the variance, and each cluster
counts as one item. An interval of width zero does not occur.

References
----------
Korn and Graubard (1998), Survey Methodology 24(2), 193-201, exact intervals for small shares from
clustered samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.intervals.classical import clopper_pearson
from calibration.validation import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share and its interval.

    Attributes
    ----------
    value, low, high : float
        Fractions, ``low <= value <= high``.
    n, clusters : int
        Items, and clusters they lie in.
    effective : float
        Independent items that would be worth as much.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    effective: float


def clustered_share(
    hits: BoolArray, clusters: IntArray, *, confidence: float = 0.95
) -> Share | None:
    """Estimate a share of hits.

    Parameters
    ----------
    hits : bool array, shape (n,)
    clusters : int array, shape (n,)
        Cluster of each item; any codes.
    confidence : float
        Two-sided, a fraction.

    Returns
    -------
    Share or None
        None without items: nothing is divided by nothing.

    Examples
    --------
    >>> share = clustered_share(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    >>> share.value, share.effective < 2
    (0.5, True)
    """
    if hits.size == 0:
        return None
    weights = np.full(hits.size, 1.0 / hits.size)
    strata = np.zeros(hits.size, dtype=np.intp)
    items = _Items(hits.astype(np.float64), clusters, weights, strata)
    return _share(int(hits.sum()) / hits.size, items, confidence)


def reweighted_share(
    hits: BoolArray,
    clusters: IntArray,
    strata: npt.NDArray[np.str_],
    *,
    shares: Mapping[str, float],
    confidence: float = 0.95,
) -> Share:
    """Estimate what the share would be if the strata had other sizes.

    Parameters
    ----------
    hits : bool array, shape (n,)
    clusters : int array, shape (n,)
    strata : str array, shape (n,)
        Type of each item.
    shares : Mapping of str to float
        Wanted share of each type, each >= 0, together 1. Types that are not named get none.
    confidence : float

    Returns
    -------
    Share

    Raises
    ------
    ValueError
        If the shares do not sum to 1, or a type that gets some has no items.
    """
    if min(shares.values(), default=-1.0) < 0.0 or abs(sum(shares.values()) - 1.0) > 1e-9:
        raise ValueError(f"shares must be >= 0 and sum to 1, got {dict(shares)}.")
    counts = {name: int((strata == name).sum()) for name in shares}
    missing = [name for name, share in shares.items() if share > 0.0 and counts[name] == 0]
    if missing:
        raise ValueError(
            f"no item is of type {missing[0]!r}; types are {sorted(set(map(str, strata)))}."
        )
    weight = {name: shares[name] / counts[name] for name in shares if counts[name]}
    weights = np.array([weight.get(str(name), 0.0) for name in strata], dtype=np.float64)
    used = weights > 0.0
    codes = np.unique(strata[used], return_inverse=True)[1]
    items = _Items(hits[used].astype(np.float64), clusters[used], weights[used], codes)
    value = float(np.clip(items.weights @ items.y, 0.0, 1.0))
    return _share(value, items, confidence)


@dataclass(frozen=True, slots=True)
class _Items:
    """n items: y is 1 for a hit, the weights sum to 1, the strata are numbered from 0."""

    y: FloatArray
    clusters: IntArray
    weights: FloatArray
    strata: IntArray


def _share(p: float, items: _Items, confidence: float) -> Share:
    index = np.unique(items.clusters, return_inverse=True)[1]
    count = int(index.max()) + 1
    kish = 1.0 / float(items.weights @ items.weights)
    residuals = items.weights * (items.y - _stratum_rates(items))
    variance = _between(residuals, index, count)
    effective = _effective(p, variance, clusters=count, most=kish)
    ends = clopper_pearson(p * effective, effective, tail=(1.0 - confidence) / 2.0)
    return Share(
        value=p,
        low=ends.low,
        high=ends.high,
        n=items.y.size,
        clusters=count,
        effective=effective,
    )


def _stratum_rates(items: _Items) -> FloatArray:
    """Give each item the rate of its stratum: the strata's sizes are given, not estimated."""
    rates = np.bincount(items.strata, weights=items.y) / np.bincount(items.strata)
    return rates[items.strata]


def _between(residuals: FloatArray, index: IntArray, count: int) -> float:
    """Estimate the variance of the share from the residuals' sums over clusters."""
    if count < 2:
        return 0.0
    sums = np.bincount(index, weights=residuals, minlength=count)
    return float(count / (count - 1) * (sums @ sums))


def _effective(p: float, variance: float, *, clusters: int, most: float) -> float:
    if not 0.0 < p < 1.0 or clusters < 2:
        return min(float(clusters), most)
    if variance <= 0.0:
        return most
    # Few clusters know their own variance badly: Student's t tells by how much.
    spread = special.stdtrit(max(most - 1.0, 1.0), 0.975) / special.stdtrit(clusters - 1.0, 0.975)
    # Of m independent items the variance is p (1 - p) / (m - 1).
    independent = 1.0 + p * (1.0 - p) / variance
    return float(np.clip(independent * spread**2, 1.0, most))
