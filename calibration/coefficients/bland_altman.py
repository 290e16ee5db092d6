"""Bland and Altman: how far the judge's score lies from the expert's, on average and at the worst.

Differences are judge minus expert, in the unit of the scale; a positive bias is a lenient judge.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, Undefined
from calibration.validation import check_share, pair_up


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """The bias, and the limits between which most differences lie.

    Attributes
    ----------
    bias : Estimate
        Mean of judge minus expert.
    lower, upper : Estimate
        Limits that hold `share` of the differences if they are normal.
    share : float
        The share of differences that the limits are meant for.
    """

    bias: Estimate
    lower: Estimate
    upper: Estimate
    share: float


def bland_altman(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, share: float = 0.95, confidence: float = 0.95
) -> LimitsOfAgreement:
    """Estimate the bias of the judge and the limits of agreement.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Scores on an interval scale, NaN where one is missing.
    share : float
        Share of the differences between the limits, a fraction.
    confidence : float
        Of the interval of the bias and of each limit.

    Returns
    -------
    LimitsOfAgreement

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    InsufficientLabels
        If fewer than 3 items have both scores.
    Undefined
        If no item has both, or all differences are equal.

    References
    ----------
    Bland & Altman (1986), Lancet 327(8476), 307-310; (1999), Stat. Methods Med. Res. 8(2),
    135-160, section 2.2, the standard error of a limit.
    """
    check_share("confidence", confidence)
    check_share("share", share)
    pairs = pair_up(judge, human)
    differences = pairs.judge - pairs.human
    n = pairs.n
    if n < 3:
        raise InsufficientLabels(f"limits of agreement need 3 items with both scores; got {n}.")
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(bias)):
        raise Undefined("all differences are equal, so the limits of agreement have no width.")
    z = float(special.ndtri((1.0 + share) / 2.0))
    t = float(special.stdtrit(n - 1, (1.0 + confidence) / 2.0))
    bias_error = spread / np.sqrt(n)
    limit_error = spread * np.sqrt(1.0 / n + z**2 / (2.0 * (n - 1)))

    def around(value: float, error: float, method: str) -> Estimate:
        return Estimate(
            value=value,
            low=value - t * float(error),
            high=value + t * float(error),
            confidence=confidence,
            method=method,
            n_judged=pairs.n_judged,
            n_labelled=n,
        )

    return LimitsOfAgreement(
        bias=around(bias, bias_error, "mean difference, t interval"),
        lower=around(bias - z * spread, limit_error, "lower limit of agreement, t interval"),
        upper=around(bias + z * spread, limit_error, "upper limit of agreement, t interval"),
        share=share,
    )
