"""P-values from one-sided limits."""

from collections.abc import Callable

import numpy as np

from calibration.estimate import Estimate

STEPS = 24
"""Halvings with which a p-value is found from an interval."""


def p_below(interval: Callable[[float], Estimate], bound: float, *, sign: float) -> float:
    """Find the p-value of "the truth lies below the bound" by inverting one-sided limits.

    Parameters
    ----------
    interval : callable
        Gives the estimate whose limits each err with at most the given probability.
    bound : float
        In the direction in which higher is better.
    sign : float
        1 where the measure's higher is better, -1 where lower is.

    Returns
    -------
    float
        Smallest risk at which the upper limit falls below the bound; 0.5 where none does.
    """

    def excluded(error: float) -> bool:
        estimate = interval(error)
        return max(sign * estimate.low, sign * estimate.high) < bound

    low, high = 1e-6, 0.499
    if not excluded(high):
        return 0.5
    if excluded(low):
        return low
    for _ in range(STEPS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return high
