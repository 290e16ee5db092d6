"""The jackknife on Fisher's z: an interval for a coefficient of agreement or correlation.

Each item in turn is left out. With ``z = atanh(coefficient)`` of ``n`` items and ``z_i`` without
item i, the pseudo-values are ``n z - (n - 1) z_i``; their mean is the coefficient less its bias,
their variance over n that of the coefficient. The limits reach from the lower to the higher of both
centres, by Student's t of n - 1 degrees of freedom.

A few items carry the variance where raters agree well, and a sample that happens to lack them looks
surer than it is. So each limit is found with an imagined item among the others, as extreme as the
most extreme one on that side, and of mass ``c / sqrt(n)``: then it moves a limit by the order of
the error that it mends, 1/n. A coefficient whose chance moves with the items, such as kappa, needs
c = 2; one that is all but a mean of rare disagreements, such as AC2, needs c = 4. So does a ratio
of two agreements, on its logarithm. The items on which one rater alone differs pull it to one side,
so that both its limits are moved by Hall's term for the skewness: the third moment over the
variance, times ``(2 t^2 + 1) / 6 n``.

``P`` patterns of ratings; a pattern occurs ``times`` often.

References
----------
Hall (1992), Journal of the Royal Statistical Society B 54(1), 221-228, skewness of a t statistic.
Arvesen (1969), Annals of Mathematical Statistics 40(6), 2076-2100, the jackknife of U-statistics.
Fisher (1921), Metron 1, 3-32, the transformation. Fay and Feuer (1997), Statistics in Medicine
16(7), 791-801, an imagined event of the greatest weight in limits of sums of rare events.
"""

from functools import partial

import numpy as np
from scipy import special

from calibration.estimate import Interval
from calibration.validation import FloatArray

OF_A_RATIO, OF_A_MEAN = 2.0, 4.0
"""Mass of the imagined item times the root of the number of items, by kind of coefficient."""

_NEARLY_ONE = 1.0 - 1e-9


def jackknife_interval(
    value: float,
    left_out: FloatArray,
    times: FloatArray,
    *,
    confidence: float,
    imagined: float = OF_A_RATIO,
    on_ratio: bool = False,
) -> Interval | None:
    """Bound a coefficient by its values without single items.

    Parameters
    ----------
    value : float
        The coefficient of all items, at most 1.
    left_out : float array, shape (P,)
        The coefficient without one item of each pattern.
    times : float array, shape (P,)
        How often each pattern occurs, at least 1.
    confidence : float
    imagined : float
        Mass of the imagined item times the root of n: `OF_A_RATIO`, or `OF_A_MEAN` where chance
        agreement hardly depends on the items.
    on_ratio : bool
        Whether the value is a ratio without an upper end, so that its logarithm is used.

    Returns
    -------
    Interval | None
        None where the items do not say how uncertain the coefficient is: it is undefined without
        one of them, or none of them moves it.
    """
    times = times.astype(np.float64)
    n = float(times.sum())
    if n < 3.0 or not np.isfinite(left_out).all():
        return None
    turned, turned_left_out = (
        _turned(each, on_ratio=on_ratio) for each in (np.array([value]), left_out)
    )
    if not (np.isfinite(turned).all() and np.isfinite(turned_left_out).all()):
        return None
    centre = float(turned[0])
    pseudo = n * centre - (n - 1.0) * turned_left_out
    mean = float(times @ pseudo) / n
    squares = float(times @ (pseudo - mean) ** 2)
    if squares <= 1e-18 * n:
        return None
    bounded = partial(
        _end, pseudo - mean, times, mass=min(imagined / np.sqrt(n), 1.0), confidence=confidence
    )
    ends = np.array([min(mean, centre) + bounded(up=False), max(mean, centre) + bounded(up=True)])
    if on_ratio:
        ends += _skewness_shift(pseudo - mean, times, confidence=confidence)
    low, high = (np.exp(ends) if on_ratio else np.tanh(ends)).tolist()
    return Interval(min(low, value), max(high, value))


def _end(
    deviations: FloatArray, times: FloatArray, *, mass: float, confidence: float, up: bool
) -> float:
    """Give the distance of a limit from the centre, with the imagined item of that side."""
    extreme = float(deviations.max() if up else deviations.min())
    seen = float(times.sum())
    n = seen + mass
    moved = mass * extreme / n
    squares = float(times @ deviations**2) + mass * extreme**2 - n * moved**2
    reach = float(special.stdtrit(seen - 1.0, (1.0 + confidence) / 2.0))
    reach *= float(np.sqrt(squares / n / (n - 1.0)))
    return moved + reach if up else moved - reach


def _skewness_shift(deviations: FloatArray, times: FloatArray, *, confidence: float) -> float:
    """How far both limits move because single items pull to one side more than to the other."""
    n = float(times.sum())
    variance = float(times @ deviations**2) / n
    third = float(times @ deviations**3) / n
    reach = float(special.stdtrit(n - 1.0, (1.0 + confidence) / 2.0))
    return third / variance * (2.0 * reach**2 + 1.0) / (6.0 * n)


def _turned(values: FloatArray, *, on_ratio: bool) -> FloatArray:
    if on_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(values)
    return np.arctanh(np.clip(values, -_NEARLY_ONE, _NEARLY_ONE))
