"""Bounds of a rate that allow for the experts' own errors, from how often they split.

Labels settle on the majority of ``k`` experts an item, at least three. The majority errs on a
share ``q1`` of the items that are good and ``q0`` of those that are bad, so the rate of majorities
is ``m = t (1 - q1) + (1 - t) q0`` for a true rate ``t``. Neither share is seen, but both are
bounded by how often experts split: an expert who errs with probability ``e`` leaves an item
unanimous with ``(1 - e)^k``. All splits are laid to the class that the majority names, and the
upper limit of their share bounds ``e``, hence ``q = P(Binomial(k, e) > k / 2)``.

Assumed: within a class every expert errs alike on every item, and independently. Errors that all
share, such as a rule misread by everybody, no number of experts shows.

References
----------
Hui and Walter (1980), Biometrics 36(1), 167-171, error rates without a gold standard; Rogan and
Gladen (1978), Am. J. Epidemiology 107(1), 71-76, the rate behind a noisy one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import InsufficientLabels, Interval
from calibration.intervals import clopper_pearson
from calibration.rater_agreement.rater_reliability import consensus
from calibration.validation import BoolArray, FloatArray, as_matrix, check_share

FEWEST_EXPERTS = 3
_HALVINGS = 50
RISK = 0.05  # of each limit of the share of split items


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseBound:
    """A rate between limits that allow for the experts' errors.

    Attributes
    ----------
    low, high : float
        Of the true rate, fractions.
    experts : int
        Ratings of each item that counts.
    n : int
        Items with so many ratings.
    split : float
        Share of those on which the experts are not of one mind.
    wrong_passes, wrong_fails : float
        Upper limit of the share of good items that the majority fails, and of bad ones it passes.
    """

    low: float
    high: float
    experts: int
    n: int
    split: float
    wrong_passes: float
    wrong_fails: float


def bound_expert_noise(
    ratings: npt.ArrayLike, interval: Interval, *, risk: float = RISK
) -> NoiseBound:
    """Widen the interval of a rate of majorities into one of the true rate.

    Use when the question is what is true of the items, not what these experts say of them.

    Parameters
    ----------
    ratings : float array, shape (N, E)
        1 pass, 0 fail, NaN where an expert gave none.
    interval : Interval
        Of the rate of majorities, a fraction.
    risk : float
        That the share of split items lies above its limit.

    Returns
    -------
    NoiseBound

    Raises
    ------
    ValueError
        If the ratings are no matrix.
    InsufficientLabels
        If no item has three ratings and a majority.
    """
    check_share("risk", risk)
    matrix = as_matrix("ratings", ratings)
    counts = (~np.isnan(matrix)).sum(axis=1)
    enough = counts[counts >= FEWEST_EXPERTS]
    if not enough.size:
        raise InsufficientLabels("no item has the ratings of three experts.")
    k = int(np.bincount(enough).argmax())
    mine = matrix[counts == k]
    settled = consensus(mine).labels
    split = np.nanmin(mine, axis=1) < np.nanmax(mine, axis=1)
    passed, failed = (_wrong(split, settled, side, k=k, risk=risk) for side in (1.0, 0.0))
    return NoiseBound(
        low=float(np.clip(1.0 - (1.0 - interval.low) / (1.0 - failed), 0.0, 1.0)),
        high=float(np.clip(interval.high / (1.0 - passed), 0.0, 1.0)),
        experts=k,
        n=int(mine.shape[0]),
        split=float(split.mean()),
        wrong_passes=passed,
        wrong_fails=failed,
    )


def _wrong(split: BoolArray, settled: FloatArray, side: float, *, k: int, risk: float) -> float:
    """Bound how often the majority errs on items of a class."""
    named = settled == side
    limit = clopper_pearson(float((split & named).sum()), float(named.sum()), tail=risk).high
    # Of the items with that majority, the unanimous ones are (1 - e)^k / (1 - q).
    low, high = 0.0, 0.5
    for _ in range(_HALVINGS):
        error = 0.5 * (low + high)
        wrong = float(special.bdtrc(k // 2, k, error))
        unanimous = (1.0 - error) ** k / (1.0 - wrong)
        low, high = (error, high) if 1.0 - unanimous < limit else (low, error)
    return float(special.bdtrc(k // 2, k, low))
