"""Confidence distributions of independent parts, and the distribution of their weighted sum.

A rate seen as k passes of n labels has two confidence distributions, the lower Beta(k, n-k+1)
and the upper Beta(k+1, n-k), whose quantiles are the Clopper-Pearson limits. Quantiles of a sum
of such distributions are melded limits. Mixing lower and upper half and half is the mid-p form;
other mixtures lie between it and the exact limits.
Sums are found by convolution on a lattice, so that the same counts give the same limits.

References
----------
Fay, Proschan and Brittain (2015), Biometrics 71(1), 146-156, melded confidence intervals.
Bayer, Fay and Graubard (2023), Stat. Med., arXiv 2205.13494, the same for a prevalence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from calibration.validation import FloatArray

Form: TypeAlias = Literal["mid", "lower", "upper"]
Cdf: TypeAlias = Callable[[FloatArray], FloatArray]

TAIL = 1e-9
CELLS = 1024
_EVEN_STEPS = 64
_STEPS_LET_BE = 0.0856  # half a point over phi(1.96), the normal density
_NOTHING = 0.0015  # less than this is nothing: one mid-p distribution then serves both limits
EXACT = 0.8  # a binomial rate is covered in 94.3 % at 10 to 300 labels; with .75 in 93.8 %
MOST_COUNTED = 20_000  # unlabelled items beyond which their own sampling error is nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a mixture: a point mass where ``cdf`` is None, else a spread over low..high.

    Attributes
    ----------
    share : float
        Its share of the mixture, a fraction.
    low, high : float
        Where all but 2e-9 of it lies; equal for a point mass.
    mean, square : float
        First and second raw moment.
    cdf : callable or None
        Distribution function of the piece alone.
    """

    share: float
    low: float
    high: float
    mean: float
    square: float
    cdf: Cdf | None


Distribution: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Lattice:
    """A distribution function known at the edges of equal cells."""

    edges: FloatArray
    cdf: FloatArray

    def quantile(self, level: float) -> float:
        """Value below which the share ``level`` lies."""
        return float(np.interp(level, self.cdf, self.edges))


def point(value: float, share: float = 1.0) -> Piece:
    """All of the mass at one value."""
    return Piece(share=share, low=value, high=value, mean=value, square=value**2, cdf=None)


def beta(a: float, b: float, share: float = 1.0) -> Piece:
    """Beta(a, b), with its limits 0 for a = 0 and 1 for b = 0."""
    if a <= 0.0 or b <= 0.0:
        return point(float(a > 0.0), share)
    low, high = special.betaincinv(a, b, [TAIL, 1.0 - TAIL])
    mean = a / (a + b)
    return Piece(
        share=share,
        low=float(low),
        high=float(high),
        mean=mean,
        square=mean * (a + 1.0) / (a + b + 1.0),
        cdf=partial(_beta_cdf, a, b),
    )


def rate_distribution(passes: float, labels: float, form: Form | float) -> Distribution:
    """Confidence distribution of a rate.

    Parameters
    ----------
    passes, labels : float
        Effective counts, ``0 <= passes <= labels``; with no label at all the lower form is 0 and
        the upper form 1.
    form : {"mid", "lower", "upper"} or float
        Which of the two distributions, or both half and half; a number is the share of the lower.

    Returns
    -------
    Distribution
    """
    fails = max(labels - passes, 0.0)
    return tuple(
        beta(passes + upper, fails + 1.0 - upper, share) for upper, share in _shares(form) if share
    )


def _shares(form: Form | float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give what the lower and the upper distribution add to the passes, and their shares."""
    lower = {"lower": 1.0, "mid": 0.5, "upper": 0.0}[form] if isinstance(form, str) else form
    return (0.0, lower), (1.0, 1.0 - lower)


def exact_share(left: FloatArray, steps: FloatArray) -> float:
    """Give the share of the exact distribution in a limit for reports, from one half to `EXACT`.

    Steps of the width d in an estimate with a spread of s move a tail of mid-p limits by up to half
    a step, ``phi(1.96) d / 2s``, and a hundredth more of the exact share takes back a hundredth of
    a step. What moves it by half a point or less is let be. See docs/decisions/0014.

    Parameters
    ----------
    left : float array, shape (K,)
        What is left of each kind of steps, fractions: 0 where all else that varies smooths them, 1
        where nothing does.
    steps : float array, shape (K,)
        Spread of the estimate over the width of the steps.
    """
    needed = np.clip(0.5 - _STEPS_LET_BE * steps, 0.0, EXACT - 0.5)
    more = float((needed * left).max())
    return 0.5 if more < _NOTHING else 0.5 + more


def finite_rate_distribution(
    passes: float, labels: float, form: Form | float, *, items: int, labelled: int
) -> Distribution:
    """Confidence distribution of the rate among so many items, some of them labelled.

    The labelled items are known. The number of passes among the rest is beta-binomial: as the
    Clopper-Pearson limits are quantiles of order statistics of a uniform sample, those of the
    hypergeometric distribution are quantiles of order statistics of a sample from 1 to N.

    Parameters
    ----------
    passes, labels : float
        Effective counts, ``0 <= passes <= labels``.
    form : {"mid", "lower", "upper"} or float
        As in :func:`rate_distribution`.
    items, labelled : int
        ``1 <= items``, ``labelled <= items``.

    Returns
    -------
    Distribution

    References
    ----------
    Wilks (1962), Mathematical Statistics, section 8.8, order statistics of finite populations.
    """
    known = passes / labels * labelled if labels > 0.0 else 0.0
    rest = items - labelled
    if rest == 0:
        return (point(known / items),)
    fails = max(labels - passes, 0.0)
    unlabelled = tuple(
        _beta_binomial(rest, passes + upper, fails + 1.0 - upper, share=share)
        for upper, share in _shares(form)
        if share
    )
    return tuple(_moved(piece, by=known, scale=1.0 / items) for piece in unlabelled)


def _beta_binomial(size: int, a: float, b: float, *, share: float) -> Piece:
    """Beta-binomial counts out of ``size``; the Beta alone where there are very many."""
    if a <= 0.0 or b <= 0.0 or size > MOST_COUNTED:
        return scaled((beta(a, b, share),), float(size))[0]
    counts = np.arange(size + 1, dtype=np.float64)
    log = special.gammaln(size + 1.0) - special.gammaln(counts + 1.0)
    log -= special.gammaln(size - counts + 1.0)
    mass = np.exp(log + special.betaln(counts + a, size - counts + b) - special.betaln(a, b))
    cdf = np.minimum(np.cumsum(mass), 1.0)
    low, high = np.searchsorted(cdf, [TAIL, 1.0 - TAIL])
    return Piece(
        share=share,
        low=float(max(low - 1, 0)),
        high=float(min(high + 1, size)),
        mean=float(counts @ mass),
        square=float(counts**2 @ mass),
        cdf=partial(_step_cdf, np.concatenate([[0.0], cdf])),
    )


def _step_cdf(cdf: FloatArray, x: FloatArray) -> FloatArray:
    """Read a distribution function of counts; ``cdf[k + 1]`` is P(count <= k)."""
    place = np.clip(np.floor(x + 1e-9).astype(np.intp) + 1, 0, cdf.size - 1)
    return cdf[place]


def _moved(piece: Piece, *, by: float, scale: float) -> Piece:
    """Distribution of ``scale * (by + variable)``."""
    return Piece(
        share=piece.share,
        low=scale * (by + piece.low),
        high=scale * (by + piece.high),
        mean=scale * (by + piece.mean),
        square=scale**2 * (by**2 + 2.0 * by * piece.mean + piece.square),
        cdf=None if piece.cdf is None else partial(_moved_cdf, piece.cdf, by=by, scale=scale),
    )


def _moved_cdf(cdf: Cdf, x: FloatArray, *, by: float, scale: float) -> FloatArray:
    return cdf(x / scale - by)


def scaled(distribution: Distribution, factor: float) -> Distribution:
    """Distribution of ``factor`` (> 0) times the variable."""
    return tuple(
        Piece(
            share=piece.share,
            low=factor * piece.low,
            high=factor * piece.high,
            mean=factor * piece.mean,
            square=factor**2 * piece.square,
            cdf=None if piece.cdf is None else partial(_scaled_cdf, piece.cdf, factor),
        )
        for piece in distribution
    )


def moments(distribution: Distribution) -> tuple[float, float]:
    """First and second raw moment of the mixture."""
    mean = sum(piece.share * piece.mean for piece in distribution)
    square = sum(piece.share * piece.square for piece in distribution)
    return mean, square


def summed(distributions: Sequence[Distribution], *, cells: int = CELLS) -> Lattice:
    """Distribution of the sum of independent variables.

    The error of a quantile is about the square of the cell, a thousandth of the whole range.
    """
    lows = [min(piece.low for piece in parts) for parts in distributions]
    highs = [max(piece.high for piece in parts) for parts in distributions]
    step = max((sum(highs) - sum(lows)) / cells, 1e-15)
    masses = [
        _masses(parts, low=low, size=int(np.ceil((high - low) / step)) + 2, step=step)
        for parts, low, high in zip(distributions, lows, highs, strict=True)
    ]
    # A Fourier transform of a length with large prime factors takes three times as long.
    size = _EVEN_STEPS * ceil(sum(mass.size for mass in masses) / _EVEN_STEPS)
    spectrum = np.prod([np.fft.rfft(mass, size) for mass in masses], axis=0)
    mass = np.maximum(np.fft.irfft(spectrum, size), 0.0)
    cdf = np.concatenate([[0.0], np.cumsum(mass)])
    edges: FloatArray = sum(lows) + step * (np.arange(size + 1, dtype=np.float64) - 0.5)
    return Lattice(edges=edges, cdf=cdf / cdf[-1])


def weighted_mean(distributions: Sequence[Distribution], sizes: Sequence[float]) -> Lattice:
    """Distribution of a mean over strata of known sizes.

    Parameters
    ----------
    distributions : sequence of H Distribution
        What is known of the mean in each stratum; independent.
    sizes : sequence of H float
        Items in each stratum, > 0.
    """
    total = float(sum(sizes))
    pairs = zip(distributions, sizes, strict=True)
    return summed([scaled(one, size / total) for one, size in pairs])


def mixed_by_size(
    distributions: Sequence[Distribution], sizes: Sequence[float], *, cells: int = CELLS
) -> Lattice:
    """Distribution of a mean over strata whose shares are estimated from their sizes.

    Parameters
    ----------
    distributions : sequence of H Distribution
        What is known of the mean in each stratum; independent.
    sizes : sequence of H float
        Effective number of items in each stratum, > 0; the shares are Dirichlet(sizes).
    cells : int
        Of the lattice; plans, which ask very often, make do with fewer.

    Returns
    -------
    Lattice

    Notes
    -----
    The Dirichlet is broken stick by stick. The sampling error of each break multiplies the
    distance between a stratum and the rest, which is taken at its root mean square: exact to
    first order, and the error of shares is small wherever many more items than labels exist.
    """
    total = float(sum(sizes))
    parts = [scaled(d, size / total) for d, size in zip(distributions, sizes, strict=True)]
    rest_mean, rest_square = moments(distributions[-1])
    rest_size = float(sizes[-1])
    shift = 0.0
    for one, size in list(zip(distributions, sizes, strict=True))[-2::-1]:
        mean, square = moments(one)
        gap = np.sqrt(max(square + rest_square - 2.0 * mean * rest_mean, 0.0))
        share = size / (size + rest_size)
        a, b = (size, rest_size) if mean >= rest_mean else (rest_size, size)
        factor = float(gap) * (size + rest_size) / total
        if factor > 0.0:
            parts.append(scaled((beta(a, b),), factor))
            shift -= factor * a / (a + b)
        rest_square = _mixed_square(share, (mean, square), (rest_mean, rest_square))
        rest_mean = share * mean + (1.0 - share) * rest_mean
        rest_size += size
    lattice = summed(parts, cells=cells)
    return Lattice(edges=lattice.edges + shift, cdf=lattice.cdf)


def _mixed_square(share: float, one: tuple[float, float], rest: tuple[float, float]) -> float:
    cross = 2.0 * share * (1.0 - share) * one[0] * rest[0]
    return share**2 * one[1] + (1.0 - share) ** 2 * rest[1] + cross


def _masses(parts: Distribution, *, low: float, size: int, step: float) -> FloatArray:
    """Mass of each cell; nodes lie at ``low + i * step``, in the middle of their cells."""
    edges: FloatArray = low + step * (np.arange(size + 1, dtype=np.float64) - 0.5)
    mass = np.zeros(size)
    for piece in parts:
        if piece.cdf is None:
            # A point between two nodes is split so that its mean is kept.
            position = (piece.low - low) / step
            node = int(position)
            mass[node] += piece.share * (node + 1 - position)
            mass[node + 1] += piece.share * (position - node)
        else:
            mass += piece.share * np.diff(piece.cdf(edges))
    return mass


def _beta_cdf(a: float, b: float, x: FloatArray) -> FloatArray:
    return special.betainc(a, b, np.clip(x, 0.0, 1.0))


def _scaled_cdf(cdf: Cdf, factor: float, x: FloatArray) -> FloatArray:
    return cdf(x / factor)


# Distribution of a prevalence that is seen only through an imperfect test.
#
# The test passes a share P of all, a share Se of the good and f = 1 - Sp of the bad; the
# prevalence of good is (P - f) / (Se - f), between 0 and 1, given that the test is better than
# chance, Se > f. P, Se and f are independent rates, each Beta distributed or a mixture of such.

Side: TypeAlias = Literal["lower", "middle", "upper"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(12)
_HALVINGS = 30
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """A Beta(a, b) distributed rate; all of its mass is at 0 for a = 0 and at 1 for b = 0."""

    a: float
    b: float

    @property
    def spread(self) -> float:
        """Standard deviation."""
        total = self.a + self.b
        return float(np.sqrt(self.a * self.b / (total + 1.0)) / total)

    def cdf(self, x: FloatArray) -> FloatArray:
        """P(rate <= x)."""
        if self.a <= 0.0 or self.b <= 0.0:
            return np.where(x >= float(self.a > 0.0), 1.0, 0.0)
        return special.betainc(self.a, self.b, np.clip(x, 0.0, 1.0))

    def quantiles(self, levels: FloatArray) -> FloatArray:
        """Values below which the given shares lie."""
        if self.a <= 0.0 or self.b <= 0.0:
            return np.full_like(levels, float(self.a > 0.0))
        return special.betaincinv(self.a, self.b, levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Effective counts: of all items by verdict, and of good and bad ones by verdict."""

    passed: float
    failed: float
    good_passed: float
    good_failed: float
    bad_passed: float
    bad_failed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevalence:
    """What the prevalence is made of: P, and equal mixtures of rates for Se and f."""

    passed: Rate
    sensitivity: tuple[Rate, ...]
    leak: tuple[Rate, ...]

    def chance_share(self) -> float:
        """Probability that the test is no better than chance, Se <= f."""
        shares = [
            float(sensitivity.cdf(leak.quantiles(_levels(_NODES))) @ _WEIGHTS) / 2.0
            for sensitivity, leak in product(self.sensitivity, self.leak)
        ]
        return sum(shares) / len(shares)

    def cdf(self, t: float) -> float:
        """P(prevalence <= t) for 0 <= t < 1, given a test better than chance."""
        shares = [
            self._share_below(t, sensitivity, leak)
            for sensitivity, leak in product(self.sensitivity, self.leak)
        ]
        return sum(shares) / len(shares) / (1.0 - self.chance_share())

    def _share_below(self, t: float, sensitivity: Rate, leak: Rate) -> float:
        """P(Se > f and prevalence <= t) for one part of each mixture."""
        if sensitivity.spread == leak.spread == 0.0:
            found, leaked = (float(rate.a > 0.0) for rate in (sensitivity, leak))
            return float(self.passed.cdf(np.array(leaked + t * (found - leaked))))
        passed = self.passed.quantiles(_levels(_FEW_NODES))[:, None]
        # The distribution function smooths over the wider rate, the nodes run over the other.
        by_leak = t * sensitivity.spread < (1.0 - t) * leak.spread
        if by_leak:
            found = sensitivity.quantiles(_levels(_NODES))[None, :]
            least = (passed - t * found) / (1.0 - t)
            share = np.maximum(leak.cdf(found) - leak.cdf(least), 0.0)
        else:
            leaked = leak.quantiles(_levels(_NODES))[None, :]
            least = np.maximum((passed - (1.0 - t) * leaked) / t, leaked)
            share = 1.0 - sensitivity.cdf(least)
        return float(_FEW_WEIGHTS @ share @ _WEIGHTS) / 4.0

    def quantile(self, level: float) -> float:
        """Value below which the share ``level`` lies; 0 or 1 where that much is cut off there."""
        if self.cdf(_EDGE) >= level:
            return 0.0
        if self.cdf(1.0 - _EDGE) <= level:
            return 1.0
        return self._root(level)

    def inner_quantile(self, level: float) -> float:
        """Quantile of what lies strictly between 0 and 1."""
        below, above = self.cdf(_EDGE), self.cdf(1.0 - _EDGE)
        return self._root(below + level * (above - below))

    def _root(self, level: float) -> float:
        low, high = _EDGE, 1.0 - _EDGE
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.cdf(middle) < level else (low, middle)
        return 0.5 * (low + high)


def prevalence(counts: Tally, side: Side) -> Prevalence:
    """Make the distribution from counts.

    Parameters
    ----------
    counts : Tally
        Effective counts, at least one good and one bad item.
    side : {"lower", "middle", "upper"}
        ``"lower"`` and ``"upper"`` give each rate the exact confidence distribution that moves the
        prevalence down, or up. ``"middle"`` gives Se and f both of theirs, half and half (mid-p),
        and P, of which there are many items, Jeffreys' Beta distribution.

    Returns
    -------
    Prevalence
    """
    # A higher P moves the prevalence up; a higher Se or f moves it down.
    up = {"lower": 0.0, "middle": 0.5, "upper": 1.0}[side]
    downs = (0.0, 1.0) if side == "middle" else (1.0 - up,)
    return Prevalence(
        passed=Rate(counts.passed + up, counts.failed + 1.0 - up),
        sensitivity=tuple(
            Rate(counts.good_passed + down, counts.good_failed + 1.0 - down) for down in downs
        ),
        leak=tuple(
            Rate(counts.bad_passed + down, counts.bad_failed + 1.0 - down) for down in downs
        ),
    )


def _levels(nodes: FloatArray) -> FloatArray:
    return 0.5 * (nodes + 1.0)
