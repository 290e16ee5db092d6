"""Intervals that the labels give alone, without the judge.

Counts may be effective counts, so they need not be whole numbers. Rates are fractions.
"""

import numpy as np
from scipy import special

from calibration.estimate import Interval
from calibration.validation import FloatArray


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
