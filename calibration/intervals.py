"""Interval for the mean of ratings on a bounded scale, without any assumption on their shape.

The n ratings get Dirichlet weights together with one unseen rating at the end of the scale: the
lowest for the lower limit, the highest for the upper. For 0 and 1 this is Clopper-Pearson. That
it always covers is a conjecture with strong numerical support, not a theorem. Counting the two
ends half and half is the mid form, which is shorter and close to nominal.

References
----------
Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean.
Learned-Miller and Thomas (2020), arXiv 1905.06208, the conjecture and simulations.
Helstrom (1983), IEEE Trans. Aerosp. Electron. Syst. 19(3), 428-434, the contour of integration.
"""

from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Interval
from calibration.melding import TAIL, Distribution, Form, Piece, point
from calibration.validation import BoolArray, FloatArray, IntArray

Rule: TypeAlias = tuple[FloatArray, FloatArray]
ComplexArray: TypeAlias = npt.NDArray[np.complex128]

_SPENT = 25.0  # log of the height that an integrand may rise to from below unnoticed
_BISECTIONS = 20  # the path may pass beside the saddle: the integral is the same
ATOMS = 48
_GRID = 17
_ROUNDS = 3
_COARSE, _FINE = 64, 256  # nodes of the contour's rule


@lru_cache
def _ray_rule(nodes: int) -> Rule:
    """Gauss-Legendre rule carried from (0, 1) to (0, inf) by z / (1 - z)."""
    abscissas, weights = np.polynomial.legendre.leggauss(nodes)
    z = 0.5 * (abscissas + 1.0)
    return z / (1.0 - z), 0.5 * weights / (1.0 - z) ** 2


def mean_interval(
    ratings: FloatArray,
    weights: FloatArray,
    support: tuple[float, float],
    *,
    tail: float,
    strict: bool = False,
) -> Interval:
    """Interval for a mean from weighted ratings.

    Parameters
    ----------
    ratings : float array, shape (n,)
        Values inside the support.
    weights : float array, shape (n,)
        Effective number of ratings that each stands for, > 0; all 1 for a random sample.
    support : (float, float)
        Lowest and highest value that a rating can have.
    tail : float
        Probability beyond each limit; 0.025 makes the 95 % interval.
    strict : bool
        Whether each limit reckons with its own end of the scale alone, for gates; else the mid
        form, for reports.

    Returns
    -------
    Interval
    """
    low = mean_distribution(ratings, weights, support, form="lower" if strict else "mid")
    high = mean_distribution(ratings, weights, support, form="upper") if strict else low
    start = _on_grid(low, *_ends(low))
    above = _quantile(high, 1.0 - tail, _on_grid(high, *_ends(high)) if strict else start)
    # Between two nodes of a grid a quantile can fall short of ratings that are all equal.
    mean = float(ratings @ weights / weights.sum())
    return Interval(min(_quantile(low, tail, start), mean), max(above, mean))


def mean_distribution(
    ratings: FloatArray,
    weights: FloatArray,
    support: tuple[float, float],
    *,
    form: Form = "mid",
) -> Distribution:
    """Confidence distribution of a mean; arguments as in :func:`mean_interval`."""
    values, counts = _gathered(ratings, weights)
    if form == "lower":
        return (_piece(values, counts, support[0]),)
    if form == "upper":
        return (_piece(values, counts, support[1]),)
    return tuple(_piece(values, counts, end, share=0.5) for end in support)


def mean_cdf(
    ratings: FloatArray,
    weights: FloatArray,
    support: tuple[float, float],
    *,
    form: Form,
    at: float,
) -> float:
    """Confidence that a mean lies at or below a value; arguments as in :func:`mean_interval`."""
    found = mean_distribution(ratings, weights, support, form=form)
    return float(_mixture_cdf(found, np.array([at]))[0])


def _gathered(ratings: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Merge equal ratings, and split many different ones between the nodes of a fine lattice.

    The split keeps the mean and adds at most a quarter of a squared step to the variance.
    """
    values, index = np.unique(ratings, return_inverse=True)
    if values.size <= ATOMS:
        return values, _totals(index, weights, values.size)
    step = float(values[-1] - values[0]) / (ATOMS - 1)
    nodes = values[0] + step * np.arange(ATOMS, dtype=np.float64)
    position = (ratings - values[0]) / step
    left = np.minimum(position.astype(np.intp), ATOMS - 2)
    right_part = position - left
    counts = _totals(left, weights * (1.0 - right_part), ATOMS)
    counts += _totals(left + 1, weights * right_part, ATOMS)
    return nodes[counts > 0.0], counts[counts > 0.0]


def _totals(index: IntArray, weights: FloatArray, size: int) -> FloatArray:
    totals = np.zeros(size)
    np.add.at(totals, index, weights)
    return totals


def dirichlet_mean_cdf(values: FloatArray, counts: FloatArray, t: FloatArray) -> FloatArray:
    """P(sum of D_j values_j <= t) for D ~ Dirichlet(counts).

    Parameters
    ----------
    values : float array, shape (J,)
        Support points, at least two of them different.
    counts : float array, shape (J,)
        Dirichlet parameters, > 0.
    t : float array, shape (T,)
        Where to evaluate.

    Returns
    -------
    float array, shape (T,), fractions

    Examples
    --------
    The weight of the second point is Beta(3, 2), whose distribution function at .5 is 5/16.

    >>> cdf = dirichlet_mean_cdf(np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([0.5]))
    >>> round(float(cdf[0]), 6)
    0.3125
    """
    return _share_below(values[None, :] - t[:, None], counts)


def dirichlet_mean_cdfs(values: FloatArray, counts: FloatArray, t: float) -> FloatArray:
    """Evaluate `dirichlet_mean_cdf` for many sets of values at once, each at the same t.

    Parameters
    ----------
    values : float array, shape (T, J)
    counts : float array, shape (T, J)
        0 for a value that a set does not have.
    t : float

    Returns
    -------
    float array, shape (T,), fractions

    Examples
    --------
    >>> counts = np.array([[2.0, 3.0, 0.0], [2.0, 2.0, 1.0]])
    >>> dirichlet_mean_cdfs(np.array([[0.0, 1.0, 9.0], [0.0, 1.0, 1.0]]), counts, 0.5).round(6)
    array([0.3125, 0.3125])
    """
    return _share_below(np.where(counts > 0.0, values - t, 0.0), counts)


def _share_below(gap: FloatArray, counts: FloatArray) -> FloatArray:
    """P(sum of D_j gap_j <= 0); counts of all rows alike, (J,), or one row of them each, (T, J)."""
    most = np.asarray(gap.max(axis=1), dtype=np.float64)
    inside = (gap.min(axis=1) < 0.0) & (most > 0.0)
    cdf = np.where(most <= 0.0, 1.0, 0.0)
    if inside.any():
        gap, counts = gap[inside], _rows(counts, inside)
        # The smaller tail is the one whose saddle lies well.
        left = _total(gap, counts) > 0.0
        tail = _upper_tail(np.where(left[:, None], -gap, gap), counts)
        cdf[inside] = np.clip(np.where(left, tail, 1.0 - tail), 0.0, 1.0)
    return cdf


def _rows(counts: FloatArray, among: BoolArray) -> FloatArray:
    return counts if counts.ndim == 1 else counts[among]


def _total(parts: FloatArray, counts: FloatArray) -> FloatArray:
    """Sum over the last axis of (T, J) or (T, N, J), each part as often as it counts."""
    return parts @ counts if counts.ndim == 1 else np.einsum("t...j,tj->t...", parts, counts)


def _upper_tail(gap: FloatArray, counts: FloatArray) -> FloatArray:
    """P(Q > 0) for Q = sum of G_j gap_j, G_j ~ Gamma(counts_j); shape (T, J) to (T,).

    With K(s) = log E exp(sQ), this is the integral of exp(K(s)) / s over a line from below to
    above through any s0 in (0, 1 / max gap), divided by 2 pi i. The path taken is the parabola of
    steepest descent through the saddle of K(s) - log s, on which nothing oscillates. Where a heavy
    atom makes it climb again, a straight path is taken instead, with more nodes.
    """
    saddle = _saddle(gap, counts)
    tail, steep = _integral(gap, counts, saddle, rule=_ray_rule(_COARSE), bending=1.0)
    if not steep.all():
        rough = ~steep
        tail[rough] = _integral(
            gap[rough], _rows(counts, rough), saddle[rough], rule=_ray_rule(_FINE), bending=0.0
        )[0]
    return tail


def _integral(
    gap: FloatArray, counts: FloatArray, saddle: FloatArray, *, rule: Rule, bending: float
) -> tuple[FloatArray, BoolArray]:
    """Integrate over one half of the path; say also whether the integrand falls all the way."""
    ray, weights = rule
    ratio = gap / (1.0 - saddle[:, None] * gap)
    second, third = _total(ratio**2, counts), 2.0 * _total(ratio**3, counts)
    width = 1.0 / np.sqrt(second + saddle**-2)[:, None]
    bend = bending * (third - 2.0 * saddle**-3)[:, None] * width**4 / 6.0
    sag = 1.0 + ray**2 / 100.0
    path = saddle[:, None] + 1j * width * ray + bend * ray**2 / sag
    exponent = -_log_product(path, gap, counts) - np.log(path)
    height = exponent.real
    rising = (np.diff(height) > 0.0) & (height[:, 1:] > height[:, :1] - _SPENT)
    integrand = np.exp(exponent) * (width - 2.0j * bend * ray / sag**2)
    falls = np.logical_not(np.any(rising, axis=1))
    return integrand.real @ weights / np.pi, np.asarray(falls)


def _log_product(path: ComplexArray, gap: FloatArray, counts: FloatArray) -> ComplexArray:
    """Sum of counts times log(1 - path gap), (T, N) and (T, J) to (T, N).

    In real parts, since numpy takes the logarithm of complex numbers one by one.
    """
    real = 1.0 - path.real[:, :, None] * gap[:, None, :]
    imaginary = -path.imag[:, :, None] * gap[:, None, :]
    modulus = _total(0.5 * np.log(real**2 + imaginary**2), counts)
    return modulus + 1j * _total(np.arctan2(imaginary, real), counts)


def _saddle(gap: FloatArray, counts: FloatArray) -> FloatArray:
    """Where K(s) - log s is least on (0, 1 / max gap): its slope rises from -inf to +inf."""
    ends = 1.0 / np.asarray(gap.max(axis=1), dtype=np.float64)
    saddle, step = 0.5 * ends, 0.25 * ends
    for _ in range(_BISECTIONS):
        slope = _total(gap / (1.0 - saddle[:, None] * gap), counts) - 1.0 / saddle
        saddle, step = saddle - np.copysign(step, slope), 0.5 * step
    return saddle


def _piece(values: FloatArray, counts: FloatArray, end: float, *, share: float = 1.0) -> Piece:
    points = np.append(values, end)
    alphas = np.append(counts, 1.0)
    if float(np.ptp(points)) == 0.0:
        return point(end, share)
    total = float(alphas.sum())
    mean = float(points @ alphas) / total
    variance = float((points - mean) ** 2 @ alphas) / total / (total + 1.0)
    # A Dirichlet mean has tails no heavier than the exponential of its heaviest gap.
    reach = 8.0 * np.sqrt(variance) - np.log(TAIL) * float(np.ptp(points)) / total
    return Piece(
        share=share,
        low=max(float(points.min()), mean - reach),
        high=min(float(points.max()), mean + reach),
        mean=mean,
        square=variance + mean**2,
        cdf=partial(dirichlet_mean_cdf, points, alphas),
    )


def _ends(distribution: Distribution) -> tuple[float, float]:
    return min(piece.low for piece in distribution), max(piece.high for piece in distribution)


def _on_grid(distribution: Distribution, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    grid: FloatArray = np.linspace(low, high, _GRID)
    return grid, _mixture_cdf(distribution, grid)


def _quantile(
    distribution: Distribution, level: float, start: tuple[FloatArray, FloatArray]
) -> float:
    """Find the quantile of a mixture by rounds of a grid; monotone, so no root is lost."""
    grid, cdf = start
    for _ in range(_ROUNDS - 1):
        above = _first_above(cdf, level)
        grid, cdf = _on_grid(distribution, float(grid[above - 1]), float(grid[above]))
    above = _first_above(cdf, level)
    between = slice(above - 1, above + 1)
    return float(np.interp(level, cdf[between], grid[between]))


def _first_above(cdf: FloatArray, level: float) -> int:
    return int(np.clip(np.searchsorted(cdf, level), 1, _GRID - 1))


def _mixture_cdf(distribution: Distribution, grid: FloatArray) -> FloatArray:
    cdf = np.zeros_like(grid)
    for piece in distribution:
        if piece.cdf is None:
            cdf += piece.share * (grid >= piece.low)
        else:
            cdf += piece.share * piece.cdf(grid)
    return np.maximum.accumulate(cdf)


# Intervals that the labels give alone, without the judge.
#
# Counts may be effective counts, so they need not be whole numbers. Rates are fractions.


def clopper_pearson(passes: float, labels: float, *, tail: float) -> Interval:
    """Exact interval for a rate.

    Parameters
    ----------
    passes, labels : float
        Counts, ``0 <= passes <= labels``; without labels the interval is 0 to 1.
    tail : float
        Probability beyond each limit; 0.025 makes the 95 % interval.

    Returns
    -------
    Interval

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26(4), 404-413.

    Examples
    --------
    >>> interval = clopper_pearson(30, 30, tail=0.025)
    >>> round(interval.low, 4), interval.high
    (0.8843, 1.0)
    """
    fails = max(labels - passes, 0.0)
    low = special.betaincinv(passes, fails + 1.0, tail) if passes > 0.0 else 0.0
    high = special.betaincinv(passes + 1.0, fails, 1.0 - tail) if fails > 0.0 else 1.0
    return Interval(float(low), float(high))


def logit_t_interval(
    ratings: FloatArray,
    weights: FloatArray,
    scale: tuple[float, float],
    *,
    tail: float,
) -> Interval:
    """Interval for a mean by Student's t on the log-odds of its place on the scale.

    Parameters
    ----------
    ratings : float array, shape (n,)
        Values whose weighted mean is the estimate; n >= 3, not all equal.
    weights : float array, shape (n,)
        Effective number of ratings that each stands for.
    scale : (float, float)
        Ends of the scale; the interval stays strictly inside.
    tail : float
        Probability beyond each limit.

    Returns
    -------
    Interval
    """
    total = float(weights.sum())
    low, high = scale
    mean = float(ratings @ weights) / total
    variance = float((ratings - mean) ** 2 @ weights) / total / (total - 1.0)
    margin = 1e-3 * (high - low)
    centre = min(max(mean, low + margin), high - margin)
    slope = (high - low) / ((centre - low) * (high - centre))
    spread = float(np.sqrt(variance)) * slope
    logit = float(special.logit((centre - low) / (high - low)))
    above = float(special.stdtrit(total - 2.0, 1.0 - tail))
    below = float(special.expit(logit - spread * above))
    beyond = float(special.expit(logit + spread * above))
    return Interval(low + (high - low) * below, low + (high - low) * beyond)
