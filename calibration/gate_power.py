"""Probability that a gate on the pass rate passes, before any label is known."""

from collections.abc import Callable

import numpy as np
from scipy import special

from calibration.correction.post_stratification import Stratum, melded_limits
from calibration.validation import FloatArray

NEGLIGIBLE = 1e-9


def gate_power(strata: tuple[Stratum, Stratum], *, floor: float, error: float) -> float:
    """Probability that the gate's lower limit reaches the floor.

    Parameters
    ----------
    strata : two Stratum
        Items that the judge passes and fails, with expected labels and passes; the number of
        labels in each is rounded and taken as fixed.
    floor : float
        Lowest rate that may be released.
    error : float
        Risk of the lower limit.

    Returns
    -------
    float
        A fraction.
    """
    labels = [max(round(one.labels), 0) for one in strata]
    rates = [one.passes / one.labels for one in strata]

    def passes(failures: tuple[int, int]) -> bool:
        seen = tuple(
            Stratum(size=one.size, passes=float(n - k), labels=float(n))
            for one, n, k in zip(strata, labels, failures, strict=True)
        )
        return melded_limits(seen, tail=error, strict=True)[0] >= floor

    first = _binomial(labels[0], 1.0 - rates[0])
    second = _binomial(labels[1], 1.0 - rates[1])
    allowed = _most_allowed(lambda failed: passes((failed, 0)), labels[0])
    power = 0.0
    for failed in np.flatnonzero(second > NEGLIGIBLE).tolist():
        # The more failures on one side, the fewer are allowed on the other.
        while allowed >= 0 and not passes((allowed, failed)):
            allowed -= 1
        power += float(second[failed] * first[: allowed + 1].sum())
    return power


def _most_allowed(passes: Callable[[int], bool], most: int) -> int:
    """Largest number of failures with which the gate passes; -1 if it does not even with none."""
    low, high = -1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _binomial(n: int, rate: float) -> FloatArray:
    """Probabilities of 0 to n successes."""
    k = np.arange(n + 1, dtype=np.float64)
    ways = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    return np.exp(ways + special.xlogy(k, rate) + special.xlog1py(n - k, -rate))
