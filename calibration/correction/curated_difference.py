"""The difference of two pass rates, each corrected by a gold set chosen by hand.

The two corrected rates are taken as independent. Answers to the same prompts tend to succeed and
fail together, which makes the interval wider than it need be, never shorter.
"""

from functools import partial

import numpy as np

from calibration.correction.clusters import DesignEffects
from calibration.correction.rogan_gladen import GoldSet, point_value, require_usable, tally
from calibration.estimate import Estimate, Interval
from calibration.intervals.melding import Cdf, Distribution, Piece, scaled, summed
from calibration.intervals.prevalence import Prevalence, Side, Tally, prevalence
from calibration.validation import FloatArray

_ASSUMED = (
    "Assumes that the labelled items were chosen by hand, so the judge's error rates on them are "
    "assumed to hold everywhere."
)

_LEAST = 1e-9


def curated_difference(
    judges: tuple[FloatArray, FloatArray],
    golds: tuple[GoldSet, GoldSet],
    *,
    tail: float,
    strict: bool,
) -> Estimate:
    """Estimate the rate of the first system minus that of the second.

    Parameters
    ----------
    judges : two float arrays, shape (N,)
        Verdicts 0, 1 or NaN on the answers of each system.
    golds : two GoldSet
        Labelled answers of each.
    tail : float
        Probability beyond each limit.
    strict : bool
        Whether each limit takes the worst confidence distribution of each source, for gates.

    Returns
    -------
    Estimate

    Raises
    ------
    InsufficientLabels
        If a gold set has fewer than 5 judged items of a class.
    UnusableJudge
        If the judge of one system may be no better than chance.
    """
    counts = [tally(one, gold, DesignEffects()) for one, gold in zip(judges, golds, strict=True)]
    said = [_ASSUMED]
    for one, gold in zip(counts, golds, strict=True):
        said.extend(require_usable(gold, one, tail=tail))
    known = [float((~np.isnan(one)).mean()) for one in judges]
    first, second = (share * point_value(one) for share, one in zip(known, counts, strict=True))
    low, high = _limits(counts, known, tail=tail, strict=strict)
    value = first - second + 0.5 * (known[1] - known[0])
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=1.0 - 2.0 * tail,
        method="difference of Rogan-Gladen rates, " + ("exact sources" if strict else "Jeffreys"),
        n_judged=int((~np.isnan(judges[0]) & ~np.isnan(judges[1])).sum()),
        n_labelled=sum(int((~np.isnan(gold.human)).sum()) for gold in golds),
        human_only=Interval(-1.0, 1.0),
        warnings=tuple(said),
    )


def _limits(
    counts: list[Tally], known: list[float], *, tail: float, strict: bool
) -> tuple[float, float]:
    """Limits of known A - known B, widened by the items that have no verdict."""
    down: Side = "lower" if strict else "middle"
    up: Side = "upper" if strict else "middle"
    low = summed([_rate(counts[0], down, known[0]), _flaw(counts[1], up, known[1])])
    high = summed([_rate(counts[0], up, known[0]), _flaw(counts[1], down, known[1])])
    return low.quantile(tail) - 1.0, high.quantile(1.0 - tail) - known[1] + 1.0 - known[0]


def _rate(counts: Tally, side: Side, known: float) -> Distribution:
    return scaled((_piece(partial(_cdf, prevalence(counts, side))),), known)


def _flaw(counts: Tally, side: Side, known: float) -> Distribution:
    """Distribution of ``known * (1 - rate)``."""
    return scaled((_piece(partial(_mirrored, prevalence(counts, side))),), known)


def _piece(cdf: Cdf) -> Piece:
    # Its moments are those of a uniform rate: sums do not use them.
    return Piece(share=1.0, low=0.0, high=1.0, mean=0.5, square=1.0 / 3.0, cdf=cdf)


def _cdf(rate: Prevalence, x: FloatArray) -> FloatArray:
    inside = (x >= 0.0) & (x < 1.0)
    cdf = np.where(x >= 1.0, 1.0, 0.0)
    cdf[inside] = [rate.cdf(max(float(t), _LEAST)) for t in x[inside]]
    return cdf


def _mirrored(rate: Prevalence, x: FloatArray) -> FloatArray:
    return 1.0 - _cdf(rate, 1.0 - x)
