"""The jackknife on Fisher's z: an interval for a coefficient of agreement or correlation.

Each item in turn is left out. With ``z = atanh(coefficient)`` of ``n`` items and ``z_i`` without
item i, the pseudo-values are ``n z - (n - 1) z_i``; their mean is the coefficient less its bias,
their variance over n that of the coefficient. The limits reach from the lower to the higher of both
centres, by Student's t. Its degrees of freedom fall with the kurtosis of the pseudo-values: where a
few items carry the variance, as at the end of a scale, the variance itself is badly known.

``P`` patterns of ratings; a pattern occurs ``times`` often.

References
----------
Arvesen (1969), Annals of Mathematical Statistics 40(6), 2076-2100, the jackknife of U-statistics.
Fisher (1921), Metron 1, 3-32, the transformation. Satterthwaite (1946), Biometrics Bulletin 2(6),
110-114, degrees of freedom from the variance of a variance.
"""

import numpy as np
from scipy import special

from calibration.estimate import Interval
from calibration.validation import FloatArray

FEWEST_FREEDOM = 5.0
_NEARLY_ONE = 1.0 - 1e-9


def jackknife_interval(
    value: float,
    left_out: FloatArray,
    times: FloatArray,
    *,
    confidence: float,
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
    kurtosis = n * float(times @ (pseudo - mean) ** 4) / squares**2
    freedom = float(np.clip(2.0 * n / max(kurtosis - 1.0, 1e-9), FEWEST_FREEDOM, n - 1.0))
    reach = float(special.stdtrit(freedom, (1.0 + confidence) / 2.0))
    reach *= float(np.sqrt(squares / n / (n - 1.0)))
    ends = np.array([min(mean, centre) - reach, max(mean, centre) + reach])
    low, high = (np.exp(ends) if on_ratio else np.tanh(ends)).tolist()
    return Interval(min(low, value), max(high, value))


def _turned(values: FloatArray, *, on_ratio: bool) -> FloatArray:
    if on_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(values)
    return np.arctanh(np.clip(values, -_NEARLY_ONE, _NEARLY_ONE))
