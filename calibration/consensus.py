"""One label from several experts, where they have one; a tie stays undefined."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.validation import FloatArray, as_matrix

Rule = Literal["majority", "median"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """The experts' common label of each item.

    Attributes
    ----------
    labels : float array, shape (N,)
        NaN where there is none.
    rule : {'majority', 'median'}
    n_tied : int
        Rated items on which the experts do not settle.
    """

    labels: FloatArray
    rule: Rule
    n_tied: int


def consensus(ratings: npt.ArrayLike, *, rule: Rule = "majority") -> Consensus:
    """Settle the experts' ratings of each item.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        NaN where a rater gave none.
    rule : {'majority', 'median'}
        ``majority``: the value that more than half of the item's raters gave. ``median``: the
        middle rating; with an even number of raters the two middle ones must be equal, for the
        value between two levels is a rating that nobody gave.

    Returns
    -------
    Consensus

    Raises
    ------
    ValueError
        If the array is not items x raters.

    Examples
    --------
    >>> consensus([[1, 1, 0], [1, 0, float("nan")]]).labels.tolist()
    [1.0, nan]
    """
    matrix = as_matrix("ratings", ratings)
    ordered = np.sort(matrix, axis=1)  # NaN sorts last
    m = (~np.isnan(matrix)).sum(axis=1)
    rated = m > 0
    settled = np.full(matrix.shape[0], np.nan)
    settled[rated] = _middle(ordered[rated], m[rated])
    if rule == "majority":
        votes = (matrix == settled[:, None]).sum(axis=1)
        settled[2 * votes <= m] = np.nan
    return Consensus(labels=settled, rule=rule, n_tied=int((rated & np.isnan(settled)).sum()))


def _middle(ordered: FloatArray, m: npt.NDArray[np.intp]) -> FloatArray:
    # A value held by more than half is always the middle one, so both rules start here.
    columns = np.column_stack([(m - 1) // 2, m // 2])
    middle = np.take_along_axis(ordered, columns, axis=1)
    return np.where(middle[:, 0] == middle[:, 1], middle[:, 0], np.nan)
