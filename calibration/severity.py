"""Severity of each rater: how far a rater's scores lie from the others' on the same items.

The model is rating = item + rater + rest, fitted by least squares, so that a rater who was given
the worse items is not called severe. ``b`` raters; effects add up to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, Undefined
from calibration.reliability import check_linked
from calibration.validation import FloatArray, as_matrix, check_share, rater_names


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterSeverity:
    """How far one rater's scores lie from the average rater's.

    Attributes
    ----------
    name : str
    n : int
        Items that the rater shares with another.
    deviation : Estimate
        In the unit of the scale; negative is severe, positive lenient.
    """

    name: str
    n: int
    deviation: Estimate


def rater_severity(
    ratings: npt.ArrayLike, *, names: Sequence[str] | None = None, confidence: float = 0.95
) -> tuple[RaterSeverity, ...]:
    """Estimate how severe or lenient each rater is.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        Scores on an interval scale, NaN where a rater gave none. The judge may stand among the
        raters.
    names : sequence of str, optional
        One for each rater.
    confidence : float

    Returns
    -------
    tuple of RaterSeverity
        In the order of the raters; a rater who shares no item with another is left out.

    Raises
    ------
    ValueError
        If the array is not items x raters, or the names do not fit.
    InsufficientLabels
        If the ratings do not link the raters, or leave nothing to estimate the rest from.
    Undefined
        If the raters differ by the same amounts on every item, which leaves no error.

    References
    ----------
    Searle (1971), Linear Models, chapter 7: the two-way classification without interaction.
    """
    check_share("confidence", confidence)
    matrix = as_matrix("ratings", ratings)
    titles = rater_names(names, matrix.shape[1])
    shared = matrix[(~np.isnan(matrix)).sum(axis=1) >= 2]
    present = np.flatnonzero((~np.isnan(shared)).any(axis=0))
    shared = shared[:, present]
    freedom = check_linked(shared)
    effects, unit_variance, residual = _fit(shared)
    scale = float(np.nanmax(np.abs(shared)))
    if residual <= 1e-20 * max(1.0, scale**2):
        raise Undefined("the raters differ by the same amounts on every item; there is no error.")
    t = float(special.stdtrit(freedom, (1.0 + confidence) / 2.0))
    errors = np.sqrt(unit_variance * residual / freedom)
    counts = (~np.isnan(shared)).sum(axis=0)
    return tuple(
        RaterSeverity(
            name=titles[place],
            n=int(count),
            deviation=Estimate(
                value=float(effect),
                low=float(effect - t * error),
                high=float(effect + t * error),
                confidence=confidence,
                method="rater effect by least squares, t interval",
                n_judged=int(count),
                n_labelled=int(count),
            ),
        )
        for place, count, effect, error in zip(present, counts, effects, errors, strict=True)
    )


def _fit(matrix: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Rater effects, their variances in units of the rest's, and the residual sum of squares."""
    rated = (~np.isnan(matrix)).astype(np.float64)
    y = np.nan_to_num(matrix)
    per_item = rated.sum(axis=1, keepdims=True)
    item_means = y.sum(axis=1, keepdims=True) / per_item
    within = (y - item_means) * rated
    # Normal equations of the raters after the items are swept out. They cannot see a shift of all
    # raters; adding its projection makes them regular, taking it away again sets it to zero.
    swept: FloatArray = np.diag(rated.sum(axis=0)) - rated.T @ (rated / per_item)
    shift = np.full_like(swept, 1.0 / matrix.shape[1])
    inverse: FloatArray = np.linalg.inv(swept + shift) - shift
    effects: FloatArray = inverse @ within.sum(axis=0)
    item_effects = (rated * effects).sum(axis=1, keepdims=True) / per_item
    residuals: FloatArray = (within - (effects - item_effects)) * rated
    return effects, np.diag(inverse), float((residuals**2).sum())
