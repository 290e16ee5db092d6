"""Interval for the mean of ratings on a bounded scale, without any assumption on their shape.

The n ratings get Dirichlet weights together with one unseen rating at the end of the scale: the
lowest for the lower limit, the highest for the upper. For 0 and 1 this is Clopper-Pearson. That
it always covers is a conjecture with strong numerical support, not a theorem. Counting the two
ends half and half is the mid form, which is shorter and close to nominal; where the steps of one
rare rating decide, the own end counts more (`own_end_shares`, docs/decisions/0016).

References
----------
Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean.
Learned-Miller and Thomas (2020), arXiv 1905.06208, the conjecture and simulations.
Helstrom (1983), IEEE Trans. Aerosp. Electron. Syst. 19(3), 428-434, the contour of integration.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Interval
from calibration.melding import TAIL, Distribution, Form, Piece, exact_share, point
from calibration.validation import BoolArray, FloatArray, IntArray

STRICT = (1.0, 1.0)

Rule: TypeAlias = tuple[FloatArray, FloatArray]
ComplexArray: TypeAlias = npt.NDArray[np.complex128]

_SPENT = 25.0  # log of the height that an integrand may rise to from below unnoticed
_BISECTIONS = 14  # the path may pass beside the saddle: the integral is the same
ATOMS = 48
_GRID = 17
_ROUNDS = 8  # at most; two or three are enough but where a distribution jumps
_NARROW = 1e-3  # share of the first grid's range that a quantile is bracketed to
_NEAR = 0.05
_SPANS = 32
_ALIKE = 1e-3  # of the steps that are looked for
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
    exact: tuple[float, float] | None = None,
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
    exact : (float, float), optional
        Share of the distribution with the own end of the scale in the lower and in the upper limit:
        `STRICT` for gates. Without it, for reports, half and half, and more of the own end where
        the steps of one rare rating decide.

    Returns
    -------
    Interval
    """
    values, counts = _gathered(ratings, weights)
    pieces = [_piece(values, counts, end) for end in support]
    low, high = own_end_shares([(ratings, weights, 1.0)], support) if exact is None else exact
    shares = np.array([[low, 1.0 - low], [1.0 - high, high]])

    def cdfs(t: FloatArray) -> FloatArray:
        return shares @ _end_cdfs(values, counts, support, t=t)

    grid = np.linspace(min(one.low for one in pieces), max(one.high for one in pieces), _GRID)
    below, above = _quantiles(cdfs, grid, (tail, 1.0 - tail))
    # Between two nodes of a grid a quantile can fall short of ratings that are all equal.
    mean = float(ratings @ weights / weights.sum())
    return Interval(min(below, mean), max(above, mean))


Part: TypeAlias = tuple[FloatArray, FloatArray, float]
"""Ratings and their weights, and the share of their mean in the mean that is asked for."""


def own_end_shares(parts: Sequence[Part], support: tuple[float, float]) -> tuple[float, float]:
    """Give the shares of the own end in the lower and the upper limit for reports.

    A mean moves by steps where one rating far from the others decides, such as a rare 1 among
    tens, and the mid form then errs as mid-p limits of a rate do. What is left of steps of the
    width h is the square of the first harmonic of the sum, the characteristic function of a rating
    at 2 pi / h to the power of twice the labels. Steps count that are at least half as wide as the
    way from the mean to the end, for the form imagines a rating there, which outweighs others.

    Parameters
    ----------
    parts : sequence of Part
        Independent; the one whose mean is least known makes the steps, all of them smooth.
    support : (float, float)

    Returns
    -------
    (float, float)
    """
    low, high = (_own_end_share(parts, end) for end in support)
    return low, high


def _own_end_share(parts: Sequence[Part], end: float) -> float:
    variances = [share**2 * _variance(ratings, w, end) for ratings, w, share in parts]
    ratings, weights, share = parts[int(np.argmax(variances))]
    reach = float(np.abs(ratings - end).max())
    if reach == 0.0:
        return 0.5
    labels = float(weights.sum())
    way = abs(float(ratings @ weights) / labels - end)
    # Widths of steps of the mean that is asked for.
    widths = np.linspace(0.5 * way, reach, _SPANS) * share / labels
    left = np.zeros(_SPANS)
    for each, counts, part in parts:
        total = float(counts.sum())
        values, times = _merged(each - end, counts, _ALIKE * reach)
        turned = np.outer(2.0 * np.pi / widths * part / total, values)
        length = np.hypot(np.cos(turned) @ times, np.sin(turned) @ times)
        left += 2.0 * total * np.log(np.maximum(length / total, 1e-300))
    return exact_share(np.exp(left), np.sqrt(sum(variances)) / widths)


def _variance(ratings: FloatArray, weights: FloatArray, end: float) -> float:
    """Variance of the Dirichlet mean of ratings with one more at the end."""
    total = float(weights.sum()) + 1.0
    mean = (float(ratings @ weights) + end) / total
    squares = float(weights @ (ratings - mean) ** 2) + (end - mean) ** 2
    return squares / total / (total + 1.0)


def _merged(values: FloatArray, counts: FloatArray, apart: float) -> tuple[FloatArray, FloatArray]:
    """Put together what is the same when rounded to multiples of ``apart``."""
    rounded, index = np.unique(np.rint(values / apart), return_inverse=True)
    return rounded * apart, _totals(index, counts, rounded.size)


def mean_distribution(
    ratings: FloatArray,
    weights: FloatArray,
    support: tuple[float, float],
    *,
    form: Form | float = "mid",
) -> Distribution:
    """Confidence distribution of a mean; arguments as in :func:`mean_interval`.

    A number as form is the share of the distribution with the lowest rating.
    """
    values, counts = _gathered(ratings, weights)
    lower = {"lower": 1.0, "mid": 0.5, "upper": 0.0}[form] if isinstance(form, str) else form
    shares = zip(support, (lower, 1.0 - lower), strict=True)
    return tuple(_piece(values, counts, end, share=share) for end, share in shares if share)


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
    shares = [
        piece.share * float(at >= piece.low if piece.cdf is None else piece.cdf(np.array([at]))[0])
        for piece in found
    ]
    return sum(shares)


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


def _end_cdfs(
    values: FloatArray, counts: FloatArray, support: tuple[float, float], *, t: FloatArray
) -> FloatArray:
    """P(mean <= t) with the lowest and with the highest rating imagined, shape (2, T)."""
    points = np.array([[*values, end] for end in support])
    gap = (points[:, None, :] - t[None, :, None]).reshape(2 * t.size, -1)
    return _share_below(gap, np.append(counts, 1.0)).reshape(2, -1)


def _quantiles(
    cdfs: Callable[[FloatArray], FloatArray], grid: FloatArray, levels: tuple[float, float]
) -> tuple[float, float]:
    """Find the quantile of each of two distributions at its level, between points of a grid.

    Each round looks around the place where it lies by interpolation, and at the middle, so that
    the bracket at least halves.
    """
    narrow = _NARROW * float(grid[-1] - grid[0])
    brackets = [_bracket(grid, cdf, level) for cdf, level in zip(cdfs(grid), levels, strict=True)]
    for _ in range(_ROUNDS):
        if all(ends[1] - ends[0] <= narrow for ends, _ in brackets):
            break
        inner = [_inside(*one, level) for one, level in zip(brackets, levels, strict=True)]
        found = cdfs(np.concatenate(inner)).reshape(2, 2, -1)
        brackets = [
            _bracket(
                np.concatenate([ends[:1], inner[at], ends[1:]]),
                np.concatenate([cdf[:1], found[at, at], cdf[1:]]),
                levels[at],
            )
            for at, (ends, cdf) in enumerate(brackets)
        ]
    low, high = (_interpolated(*one, level) for one, level in zip(brackets, levels, strict=True))
    return low, high


def _bracket(grid: FloatArray, cdf: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    above = int(np.clip(np.searchsorted(np.maximum.accumulate(cdf), level), 1, grid.size - 1))
    return grid[above - 1 : above + 1], cdf[above - 1 : above + 1]


def _inside(ends: FloatArray, cdf: FloatArray, level: float) -> FloatArray:
    low, high = ends.tolist()
    guess, near = _interpolated(ends, cdf, level), _NEAR * (high - low)
    places = np.array([guess - near, guess, guess + near, 0.5 * (low + high)])
    return np.sort(np.clip(places, low, high))


def _interpolated(grid: FloatArray, cdf: FloatArray, level: float) -> float:
    """Interpolate on normal quantiles, on which a smooth distribution is nearly straight."""
    scores = special.ndtri(np.clip(cdf, TAIL, 1.0 - TAIL))
    return float(np.interp(special.ndtri(level), scores, grid))


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
