"""Distribution of a prevalence that is seen only through an imperfect test.

The test passes a share P of all, a share Se of the good and f = 1 - Sp of the bad; the prevalence
of good is (P - f) / (Se - f), between 0 and 1, given that the test is better than chance, Se > f.
P, Se and f are independent rates, each Beta distributed or a mixture of such.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from calibration.validation import FloatArray

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
