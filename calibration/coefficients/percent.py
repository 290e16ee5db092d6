"""Raw agreement, and the interval of a share that it rests on.

The interval is the mid-p form of Clopper and Pearson: it covers close to its nominal level for
shares near 0 and 1, where agreement with a good judge lies, and never has zero width.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from calibration.estimate import Estimate, Interval, Undefined
from calibration.validation import FloatArray, check_share, pair_up


def percent_agreement(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95
) -> Estimate:
    """Estimate the share of items on which judge and expert give the same rating.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing; items without both are left out.
    confidence : float
        Nominal coverage, a fraction.

    Returns
    -------
    Estimate
        A fraction in [0, 1].

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both ratings.

    Examples
    --------
    >>> agreed = percent_agreement([1, 1, 0, 1], [1, 0, 0, 1])
    >>> agreed.value, round(agreed.low, 3), round(agreed.high, 3)
    (0.75, 0.242, 0.987)
    """
    check_share("confidence", confidence)
    pairs = pair_up(judge, human)
    return share(
        int((pairs.judge == pairs.human).sum()),
        pairs.n,
        method="raw agreement",
        confidence=confidence,
        n_judged=pairs.n_judged,
    )


def percent_of(p: FloatArray) -> FloatArray:
    """Read raw agreement off a stack of tables, shape (..., K, K)."""
    return np.asarray(np.trace(p, axis1=-2, axis2=-1))


def share(
    successes: int, trials: int, *, method: str, confidence: float = 0.95, n_judged: int = 0
) -> Estimate:
    """Estimate a share from counts.

    Parameters
    ----------
    successes, trials : int
        ``0 <= successes <= trials``.
    method : str
        The name that the estimate carries.
    confidence : float
    n_judged : int

    Raises
    ------
    Undefined
        If there are no trials.
    """
    if trials == 0:
        raise Undefined(f"{method}: there is no item to count.")
    bounds = mid_p_interval(successes, trials, confidence=confidence)
    return Estimate(
        value=successes / trials,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{method}, mid-p interval",
        n_judged=n_judged,
        n_labelled=trials,
    )


def mid_p_interval(successes: int, trials: int, *, confidence: float) -> Interval:
    """Bound a binomial share by inverting the mid-p tests of both sides.

    References
    ----------
    Lancaster (1961), JASA 56(294), 223-234; Agresti & Gottard (2007), CSDA 51(12), 6447-6458.
    """
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if successes == 0 else _root(tail, successes, trials)
    high = 1.0 if successes == trials else _root(1.0 - tail, successes, trials)
    return Interval(low=low, high=high)


def _root(level: float, k: int, n: int) -> float:
    # P(X > k) + P(X = k) / 2 at share p, as the mean of two incomplete beta functions.
    def excess(p: float) -> float:
        above = betainc(k + 1, n - k, p) if k < n else 0.0
        at_least = betainc(k, n - k + 1, p) if k > 0 else 1.0
        return float(0.5 * (above + at_least)) - level

    from scipy.optimize import brentq

    return float(brentq(excess, 0.0, 1.0, xtol=1e-13))
