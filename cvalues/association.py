"""Whether the models that know more also do more: a rank correlation over few systems."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from cvalues.gap import Rate, association_sentence
from judge.records import Language

LEAST_SYSTEMS: Final = 5
MOST_FOR_EXACT: Final = 8
"""Systems up to which all orders are counted (8! = 40,320)."""

Ranks = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How knowing and doing go together over systems.

    Attributes
    ----------
    n : int
        Systems with both numbers.
    rho : Rate or None
        Spearman's rank correlation; None where there are too few systems, or one of the two does
        not vary.
    p : float or None
        Two-sided, of no association; exact where ``n`` is at most 8.
    sentence : Mapping of language to str
        What can be said, in plain words.
    """

    n: int
    rho: Rate | None
    p: float | None
    sentence: Mapping[Language, str]


def association(
    systems: Mapping[str, tuple[float | None, float | None]], *, confidence: float = 0.95
) -> Association:
    """Correlate knowing with doing over systems, where there are enough to say anything.

    Parameters
    ----------
    systems : Mapping of str to (float or None, float or None)
        Knowing and doing of each system; those that lack one are left out.
    confidence : float
        Two-sided, of the interval of rho.

    Returns
    -------
    Association

    References
    ----------
    Bonett and Wright (2000), Psychometrika 65(1), 23-28, the interval of Spearman's rho.
    """
    from scipy.stats import rankdata

    pairs = [(know, do) for know, do in systems.values() if know is not None and do is not None]
    n = len(pairs)
    if n < LEAST_SYSTEMS:
        return _nothing_to_say("too_few", n)
    know, do = (np.array(values, dtype=np.float64) for values in zip(*pairs, strict=True))
    if np.ptp(know) == 0.0 or np.ptp(do) == 0.0:
        return _nothing_to_say("constant", n)
    ranks = rankdata(know), rankdata(do)
    value = float(np.corrcoef(*ranks)[0, 1])
    rho = _rho_interval(value, n, confidence)
    which = "together" if rho.low > 0.0 else "apart" if rho.high < 0.0 else "open"
    numbers = {"n": n, "rho": rho.value, "low": rho.low, "high": rho.high}
    return Association(
        n=n, rho=rho, p=_p_value(*ranks, value), sentence=association_sentence(which, numbers)
    )


def _rho_interval(rho: float, n: int, confidence: float) -> Rate:
    # A perfect rank correlation has no finite z; the highest value below it stands in.
    most = 1.0 - 12.0 / (n * (n * n - 1.0))
    inner = min(max(rho, -most), most)
    reach = special.ndtri((1.0 + confidence) / 2.0) * math.sqrt((1.0 + inner**2 / 2.0) / (n - 3.0))
    z = math.atanh(inner)
    return Rate(rho, min(math.tanh(z - reach), rho), max(math.tanh(z + reach), rho))


def _p_value(know: Ranks, do: Ranks, rho: float) -> float:
    n = know.size
    if n > MOST_FOR_EXACT:
        t = rho * math.sqrt((n - 2.0) / max(1.0 - rho**2, 1e-12))
        return float(2.0 * special.stdtr(n - 2.0, -abs(t)))
    centred = know - know.mean()
    orders = np.array(list(permutations(do - do.mean())))
    products = np.abs(orders @ centred)
    return float((products >= abs(centred @ (do - do.mean())) - 1e-9).mean())


def _nothing_to_say(why: str, n: int) -> Association:
    sentence = association_sentence(why, {"n": n, "least": LEAST_SYSTEMS})
    return Association(n=n, rho=None, p=None, sentence=sentence)
