"""Position bias of a pairwise judge: does the answer that is shown first win for being first.

Every pair is judged in both orders. A verdict is +1 where response 1 is better, -1 where response
2 is, 0 for a tie, whatever the order in which the two were shown.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.coefficients.percent import share
from calibration.draws import estimate_from_draws
from calibration.drift import McNemar, mcnemar
from calibration.estimate import Estimate, Undefined
from calibration.validation import FloatArray, as_vector, check_share

DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """How much the order of the answers decides.

    Attributes
    ----------
    n : int
        Pairs with a verdict in both orders.
    flip_rate : Estimate
        Share of pairs whose verdict depends on the order.
    win_rate_shift : Estimate
        What being shown first adds to an answer's win rate, a tie counting half: in [-1/2, 1/2];
        the effect on the score of a run that shows one system first throughout.
    direction : McNemar
        `b` pairs went to the second answer shown in both orders, `c` to the first.
    """

    n: int
    flip_rate: Estimate
    win_rate_shift: Estimate
    direction: McNemar


def position_bias(
    first_shown: npt.ArrayLike,
    second_shown: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> PositionBias:
    """Measure position bias from verdicts in both orders.

    Parameters
    ----------
    first_shown, second_shown : float array, shape (N,)
        The verdict where response 1 stood first, and where it stood second: -1, 0 or 1, NaN
        where there is none.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    PositionBias

    Raises
    ------
    ValueError
        If the arrays do not align or hold another value.
    Undefined
        If no pair has a verdict in both orders.

    Examples
    --------
    >>> position_bias([1, 1, -1, 1], [1, -1, -1, -1]).win_rate_shift.value
    0.25
    """
    check_share("confidence", confidence)
    one, other = _verdicts("first_shown", first_shown), _verdicts("second_shown", second_shown)
    if one.shape != other.shape:
        raise ValueError(f"both orders need every pair; got {one.size} and {other.size}.")
    both = ~np.isnan(one) & ~np.isnan(other)
    if not both.any():
        raise Undefined("no pair has a verdict in both orders.")
    # Win rate of response 1 where it stood first, minus the mean over both orders.
    gain = (one[both] - other[both]) / 4.0
    n = gain.size
    return PositionBias(
        n=n,
        flip_rate=share(
            int((gain != 0.0).sum()), n, method="flip rate", confidence=confidence, n_judged=n
        ),
        win_rate_shift=_mean_gain(gain, confidence, seed),
        direction=mcnemar(int((gain < 0.0).sum()), int((gain > 0.0).sum())),
    )


def _verdicts(name: str, values: npt.ArrayLike) -> FloatArray:
    verdicts = as_vector(name, values)
    strangers = verdicts[~np.isnan(verdicts) & ~np.isin(verdicts, (-1.0, 0.0, 1.0))]
    if strangers.size:
        raise ValueError(f"{name} must hold -1, 0 or 1; got {strangers[0]:g}.")
    return verdicts


def _mean_gain(gain: FloatArray, confidence: float, seed: int) -> Estimate:
    # Half an imagined pair that the first place decides, half one that the second does.
    kinds = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
    shapes = (gain[:, None] == kinds).sum(axis=0) + np.array([0.5, 0.0, 1.0, 0.0, 0.5])
    drawn = np.random.default_rng(seed).standard_gamma(shapes, size=(DRAWS, kinds.size))
    return estimate_from_draws(
        float(gain.mean()),
        drawn @ kinds / drawn.sum(axis=1),
        confidence=confidence,
        method="win rate shift of the first place, Dirichlet interval",
        n_judged=gain.size,
        n_labelled=0,
    )
