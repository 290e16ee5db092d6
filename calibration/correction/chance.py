"""Whether a judge is better than chance, from its verdicts on randomly drawn labelled items.

The judge is better than chance when experts pass more of what it passes than of what it fails.
"""

from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from calibration.estimate import UnusableJudge
from calibration.intervals.melding import Form, rate_distribution, summed
from calibration.validation import FloatArray

Standing: TypeAlias = Literal["better", "uncertain", "below"]

REFUSAL_RISK = 0.005  # of refusing a judge that is no worse than chance
_NEARLY_ONE = 1.0 - 1e-12


def against_chance(
    passed: tuple[float, float], failed: tuple[float, float], *, tail: float
) -> Standing:
    """Place the judge by melded limits of the difference of two rates.

    Parameters
    ----------
    passed, failed : (float, float)
        Experts' passes and labels among the items that the judge passed and failed.
    tail : float
        Risk of saying "better" wrongly.

    Returns
    -------
    {"better", "uncertain", "below"}
        ``"below"`` is one-sided Fisher's exact test at REFUSAL_RISK; ``"better"`` its mid-p form
        at ``tail``.
    """
    if _gap_reaches(passed, failed, form="upper", level=1.0 - REFUSAL_RISK) < 0.0:
        return "below"
    return "better" if _gap_reaches(passed, failed, form="mid", level=tail) > 0.0 else "uncertain"


def require_above_chance(
    passed: tuple[float, float], failed: tuple[float, float], *, tail: float
) -> tuple[str, ...]:
    """Refuse a judge below chance, and warn of one that is not shown to be better.

    Raises
    ------
    UnusableJudge
        If experts pass significantly more of what the judge fails than of what it passes.
    """
    standing = against_chance(passed, failed, tail=tail)
    if standing == "below":
        raise UnusableJudge(
            "the judge is below chance: experts pass "
            f"{passed[0] / passed[1]:.0%} of the items that it passes and "
            f"{failed[0] / failed[1]:.0%} of those that it fails."
        )
    if standing == "uncertain":
        return ("The labels do not yet show that the judge is better than chance on these items.",)
    return ()


def require_not_reversed(
    judge: FloatArray, human: FloatArray, *, tail: float, of: str = ""
) -> tuple[str, ...]:
    """Refuse a judge whose scores run against the experts', on any scale.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where missing.
    tail : float
        Risk of keeping silent about a judge whose scores are unrelated to the experts'.
    of : str
        Whose answers these are, for the message, such as " of A".

    Returns
    -------
    tuple of str
        A warning unless the correlation is significantly above 0.

    Raises
    ------
    UnusableJudge
        If the correlation of judge and experts is significantly below 0.

    References
    ----------
    Fisher (1921), Metron 1, 3-32, the logarithmic transformation of a correlation.
    """
    both = ~np.isnan(judge) & ~np.isnan(human)
    x, y = judge[both], human[both]
    unclear = f"The labels do not yet show that the judge's scores{of} go with the experts'."
    if x.size < 4 or float(np.ptp(x)) == 0.0 or float(np.ptp(y)) == 0.0:
        return (unclear,)
    r = float(np.corrcoef(x, y)[0, 1])
    lead = np.arctanh(np.clip(r, -_NEARLY_ONE, _NEARLY_ONE)) * np.sqrt(x.size - 3.0)
    if lead < special.ndtri(REFUSAL_RISK):
        raise UnusableJudge(
            f"the judge is below chance: its scores{of} run against the experts', "
            f"correlation {r:.2f}."
        )
    return () if lead > -special.ndtri(tail) else (unclear,)


def _gap_reaches(
    passed: tuple[float, float], failed: tuple[float, float], *, form: Form, level: float
) -> float:
    """Quantile of (rate among passed) - (rate among failed); 1 - rate is the rate of fails."""
    fails = rate_distribution(failed[1] - failed[0], failed[1], form)
    total = summed([rate_distribution(*passed, form), fails])
    return total.quantile(level) - 1.0
