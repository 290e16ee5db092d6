"""P-values from one-sided limits, and their adjustment for how many there are."""

from collections.abc import Callable, Sequence

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


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for their number (Holm 1979, Scand. J. Statist. 6, 65-70).

    Missing ones stay missing and do not count.

    Examples
    --------
    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, place) in enumerate(known):
        running = max(running, min(1.0, p * (len(known) - rank)))
        adjusted[place] = running
    return adjusted
