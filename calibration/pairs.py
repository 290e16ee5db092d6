"""What enters: vectors and matrices of ratings, checked once at the border.

``N`` items; a missing rating is NaN. ``n`` of the items hold both a verdict and a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Undefined
from calibration.validation import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The items that hold both a verdict and a label, and how many held only one.

    Attributes
    ----------
    judge, human : float array, shape (n,)
        Same order, no NaN.
    both : bool array, shape (N,)
        Which of the items these are.
    n_judged : int
        Items with a verdict, labelled or not.
    n_unjudged : int
        Labelled items for which the judge gave no verdict.
    """

    judge: FloatArray
    human: FloatArray
    both: BoolArray
    n_judged: int
    n_unjudged: int

    @property
    def n(self) -> int:
        """Number of items with both."""
        return self.judge.size


def pair_up(judge: npt.ArrayLike, human: npt.ArrayLike) -> Pairs:
    """Keep the items that have both a verdict and a label.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        One entry an item, NaN where it is missing.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is infinite.
    Undefined
        If no item has both.
    """
    verdicts = as_vector("judge", judge)
    labels = as_vector("human", human)
    if verdicts.shape != labels.shape:
        raise ValueError(
            f"judge and human must be as long as each other; got {verdicts.size} and {labels.size}."
        )
    judged, labelled = ~np.isnan(verdicts), ~np.isnan(labels)
    both = judged & labelled
    if not both.any():
        raise Undefined("no overlap: no item has both a verdict of the judge and an expert label.")
    return Pairs(
        judge=verdicts[both],
        human=labels[both],
        both=both,
        n_judged=int(judged.sum()),
        n_unjudged=int((labelled & ~judged).sum()),
    )


def as_vector(name: str, values: npt.ArrayLike) -> FloatArray:
    """Read a vector of ratings; NaN is missing, an infinite value is refused by name."""
    vector = _as_floats(name, values)
    if vector.ndim != 1:
        raise ValueError(f"{name} must have one dimension, one entry an item; got {vector.shape}.")
    return vector


def as_matrix(name: str, values: npt.ArrayLike) -> FloatArray:
    """Read ratings as items x raters; NaN is missing, an infinite value is refused by name."""
    matrix = _as_floats(name, values)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be items x raters; got shape {matrix.shape}.")
    return matrix


def rater_names(names: Sequence[str] | None, raters: int) -> tuple[str, ...]:
    """Name the raters, as given or "expert 1" and so on.

    Raises
    ------
    ValueError
        Unless there is one name of its own for each.
    """
    if names is None:
        return tuple(f"expert {place}" for place in range(1, raters + 1))
    if len(names) != raters or len(set(names)) != raters:
        raise ValueError(f"names must be {raters} different names; got {list(names)}.")
    return tuple(names)


def _as_floats(name: str, values: npt.ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers, NaN where a rating is missing; {error}."
        ) from error
    if np.isinf(array).any():
        raise ValueError(f"{name} holds an infinite value; give NaN where a rating is missing.")
    return array
