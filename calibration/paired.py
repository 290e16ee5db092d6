"""Two verdicts on the same items: how often they differ, in which direction, and what it changes.

``b`` and ``c`` count the discordant items of the two kinds.
"""

from dataclasses import dataclass

import numpy as np

from calibration.draws import estimate_from_draws
from calibration.estimate import Estimate, Undefined
from calibration.validation import BoolArray

DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """McNemar's test of equal shares on the same items.

    Attributes
    ----------
    b, c : int
        Items on which only the first, or only the second, has the property.
    exact_p, mid_p : float
        Two-sided; the mid-p form holds its level well and is less timid.
    """

    b: int
    c: int
    exact_p: float
    mid_p: float


def mcnemar(b: int, c: int) -> McNemar:
    """Test whether both kinds of discordant items are equally frequent.

    Parameters
    ----------
    b, c : int
        Discordant items of each kind. Without any, both p-values are 1.

    References
    ----------
    McNemar (1947), Psychometrika 12(2), 153-157. Fagerland, Lydersen & Laake (2013), BMC Medical
    Research Methodology 13, 91, the exact and the mid-p form.

    Examples
    --------
    >>> mcnemar(1, 6).exact_p
    0.125
    """
    # It takes longer to load than a whole gate, so only whoever needs it pays for it.
    from scipy import stats

    fewer = min(b, c)
    below = 2.0 * float(stats.binom.cdf(fewer, b + c, 0.5))
    at = float(stats.binom.pmf(fewer, b + c, 0.5))
    mid = 1.0 if b == c else below - at
    return McNemar(b=b, c=c, exact_p=min(1.0, below), mid_p=min(1.0, mid))


def change_of_share(
    before: BoolArray, after: BoolArray, *, method: str, confidence: float, seed: int = 0
) -> Estimate:
    """Estimate how much a share changed between two looks at the same items.

    Parameters
    ----------
    before, after : bool array, shape (n,)
    method : str
        The name that the estimate carries.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        After minus before, in [-1, 1]; the interval is that of the table of the two looks under
        the prior of Jeffreys.

    Raises
    ------
    Undefined
        If there is no item.

    References
    ----------
    Agresti & Min (2005), Biometrics 61(2), 515-523, Bayesian intervals of paired shares.
    """
    if before.size == 0:
        raise Undefined(f"{method}: there is no item to count.")
    gained, lost = int((~before & after).sum()), int((before & ~after).sum())
    same = before.size - gained - lost
    # One half for each of the four cells; the two without change are one here.
    shapes = np.array([gained + 0.5, lost + 0.5, same + 1.0])
    drawn = np.random.default_rng(seed).dirichlet(shapes, size=DRAWS)
    return estimate_from_draws(
        (gained - lost) / before.size,
        drawn[:, 0] - drawn[:, 1],
        confidence=confidence,
        method=f"{method}, Dirichlet interval",
        n_judged=before.size,
        n_labelled=before.size,
    )
