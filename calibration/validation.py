"""Checks of the arrays that callers hand in, once at the border; every error names the argument.

``N`` counts items. Ratings are floats, NaN where there is none; codes number the groups of items.
``n`` of the items hold both a verdict and a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Final, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from calibration.estimate import Undefined

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.intp]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Design: TypeAlias = Literal["random", "by-verdict", "curated"]

Population: TypeAlias = Literal["superpopulation", "finite"]

DESIGNS: Final = ("random", "by-verdict", "curated")
POPULATIONS: Final = ("superpopulation", "finite")

LOOKS: Final = 5
"""Looks at growing data that a gate plans where nobody says otherwise."""

MOST_LOOKS: Final = 100


class FileRecord:
    """A record that a file holds; pydantic reads it and refuses keys that are not known."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)


def check_ratings(name: str, ratings: npt.ArrayLike, scale: tuple[float, float]) -> FloatArray:
    """Read one rater's ratings.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    ratings : float array, shape (N,)
        NaN where there is no rating.
    scale : (float, float)
        Lowest and highest value allowed.

    Returns
    -------
    float64 array, shape (N,)

    Raises
    ------
    ValueError
        If the array is empty, not 1-D, not numeric, infinite or outside the scale.
    """
    array = _as_floats(name, ratings)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a 1-D array of at least one item; got {array.shape}.")
    low, high = scale
    given = array[~np.isnan(array)]
    outside = given[(given < low) | (given > high)]
    if outside.size:
        raise ValueError(f"{name} must lie in {low:g} to {high:g}; got {outside[0]:g}.")
    return array


def check_same_length(**arrays: FloatArray) -> None:
    """Raise ValueError naming the arrays unless all have the same number of items."""
    if len({array.size for array in arrays.values()}) > 1:
        sizes = ", ".join(f"{name} {array.size}" for name, array in arrays.items())
        raise ValueError(f"arrays must have one entry for each item; got lengths {sizes}.")


def is_binary(ratings: FloatArray) -> bool:
    """Whether every rating is 0, 1 or NaN."""
    return bool((np.isnan(ratings) | (ratings == 0.0) | (ratings == 1.0)).all())


def check_binary(name: str, ratings: FloatArray) -> None:
    """Raise ValueError unless every rating is 0, 1 or NaN."""
    other = ratings[~np.isnan(ratings) & (ratings != 0.0) & (ratings != 1.0)]
    if other.size:
        raise ValueError(f"{name} must hold 0, 1 or NaN; got {other[0]:g}.")


def check_codes(name: str, groups: npt.ArrayLike | None, size: int) -> IntArray | None:
    """Replace names of groups by numbers, in sorted order of the names.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    groups : array, shape (N,), or None
        A name for each item; NaN and None are no names.
    size : int
        N.

    Returns
    -------
    int array, shape (N,), or None where no groups were given

    Raises
    ------
    ValueError
        If the length differs or an item has no group.
    """
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (size,):
        raise ValueError(f"{name} must have one entry for each of {size} items; got {names.shape}.")
    nameless = [_is_no_name(one) for one in names.tolist()]
    if any(nameless):
        raise ValueError(f"{name} has no name for item {nameless.index(True)}.")
    if names.dtype == np.object_:
        names = names.astype(np.str_)
    return np.unique(names, return_inverse=True)[1].astype(np.intp)


def _is_no_name(name: object) -> bool:
    try:
        return name is None or bool(name != name)  # noqa: PLR0124 - NaN
    except TypeError:  # pandas' NA will not say whether it differs from itself
        return True


def check_scale(scale: tuple[float, float]) -> tuple[float, float]:
    """Return the scale's ends as floats, or raise ValueError unless lowest < highest, finite."""
    try:
        low, high = (float(end) for end in scale)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"scale must be two finite numbers, lowest first; got {scale}.")
    return low, high


def check_share(name: str, share: float) -> float:
    """Return the fraction, or raise ValueError unless it lies strictly between 0 and 1."""
    return _check_between(name, share, 1.0)


def check_error(error: float) -> float:
    """Return the risk of one limit, or raise ValueError unless it lies between 0 and 0.5."""
    return _check_between("error", error, 0.5)


def _check_between(name: str, share: object, limit: float) -> float:
    if not isinstance(share, Real) or not 0.0 < float(share) < limit:
        raise ValueError(f"{name} must lie strictly between 0 and {limit:g}; got {share!r}.")
    return float(share)


def check_design(design: str) -> None:
    """Raise ValueError unless the design is one of the three that are understood."""
    if design not in DESIGNS:
        raise ValueError(f"design must be one of {', '.join(DESIGNS)}; got {design!r}.")


def check_population(population: str) -> None:
    """Raise ValueError unless the population is one of the two that may be meant."""
    if population not in POPULATIONS:
        known = ", ".join(POPULATIONS)
        raise ValueError(f"population must be one of {known}; got {population!r}.")


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
        array = _unmasked(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers, NaN where a rating is missing; {error}."
        ) from error
    if np.isinf(array).any():
        raise ValueError(f"{name} holds an infinite value; give NaN where a rating is missing.")
    return array


def _unmasked(values: npt.ArrayLike) -> FloatArray:
    """Make floats; what a masked array hides is missing."""
    if isinstance(values, np.ma.MaskedArray):
        hidden = cast("npt.ArrayLike", values)
        return np.ma.masked_array(hidden, dtype=np.float64).filled(np.nan)
    return np.asarray(values, dtype=np.float64)
