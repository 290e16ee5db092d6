"""Reliability of experts: where the variance of their ratings comes from, and how many are needed.

Every rating is item + rater + rest. The variances of the three are estimated by equating sums of
squares with their expectations, which on complete ratings is the classical analysis of variance
and which allows for missing ratings (Henderson's first method). ``a`` items, ``b`` raters, ``n``
ratings. Variances are in squared units of the scale.

References
----------
Henderson (1953), Biometrics 9(2), 226-252. Brennan (2001), Generalizability Theory, chapters 2
and 7. Shrout & Fleiss (1979), Psychological Bulletin 86(2), 420-428.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, Undefined
from calibration.resampling import estimate_from_draws
from calibration.validation import FloatArray, as_matrix, check_share, rater_names

Kind = Literal["absolute", "relative"]

DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponents:
    """Where the variance of single ratings comes from.

    Attributes
    ----------
    item, rater, rest : float
        Variances, never negative; `rest` is chance and what raters see differently in an item.
    n_items, n_raters, n_ratings : int
        Items with two ratings or more, raters of those, and their ratings.
    warnings : tuple of str
        Says where a component came out negative and was set to 0.
    """

    item: float
    rater: float
    rest: float
    n_items: int
    n_raters: int
    n_ratings: int
    warnings: tuple[str, ...] = ()

    def noise(self, kind: Kind) -> float:
        """Error variance of one rating: with the raters' own levels, or for ranking items only."""
        return self.rest + (self.rater if kind == "absolute" else 0.0)


def variance_components(ratings: npt.ArrayLike) -> VarianceComponents:
    """Split the variance of the ratings into item, rater and rest.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        Scores on an interval scale, NaN where a rater gave none. Items with one rating are left
        out.

    Returns
    -------
    VarianceComponents

    Raises
    ------
    ValueError
        If the array is not items x raters.
    InsufficientLabels
        If the ratings do not link all raters over shared items, or leave nothing for the rest.
    Undefined
        If all ratings are equal.
    """
    matrix = _linked(ratings)
    found = _components(matrix, np.ones((1, matrix.shape[0])))[0]
    names = ("item", "rater", "rest")
    negative = [name for name, value in zip(names, found, strict=True) if value < 0.0]
    item, rater, rest = np.maximum(found, 0.0).tolist()
    return VarianceComponents(
        item=item,
        rater=rater,
        rest=rest,
        n_items=matrix.shape[0],
        n_raters=matrix.shape[1],
        n_ratings=int((~np.isnan(matrix)).sum()),
        warnings=tuple(f"the {name} variance came out negative and is 0." for name in negative),
    )


def reliability(
    ratings: npt.ArrayLike,
    *,
    raters: int = 1,
    kind: Kind = "absolute",
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate how reliable the mean of so many raters is.

    Parameters
    ----------
    ratings : float array, shape (items, raters)
        As in `variance_components`.
    raters : int
        How many raters' mean is used, whatever their number in the ratings.
    kind : {'absolute', 'relative'}
        ``absolute`` counts the raters' different levels as error (phi); ``relative`` is for
        ranking items by the same raters (generalizability coefficient).
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        In [0, 1]; the interval resamples items, so it speaks of these raters.

    Raises
    ------
    ValueError, InsufficientLabels, Undefined
        As `variance_components`; also if fewer than one rater is asked for.
    """
    check_share("confidence", confidence)
    if raters < 1:
        raise ValueError(f"raters must be at least 1; got {raters}.")
    matrix = _linked(ratings)
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(matrix.shape[0]), size=DRAWS) * matrix.shape[0]
    drawn = _components(matrix, np.vstack([np.ones(matrix.shape[0]), weights]))
    item, rater, rest = np.maximum(drawn, 0.0).T
    noise = (rest + (rater if kind == "absolute" else 0.0)) / raters
    values = item / np.maximum(item + noise, 1e-300)
    found = estimate_from_draws(
        float(values[0]),
        values[1:],
        confidence=confidence,
        method=f"{kind} reliability of the mean of {raters}, item bootstrap",
        n_judged=matrix.shape[0],
        n_labelled=matrix.shape[0],
    )
    if found.high - found.low < 1e-9:
        raise Undefined("the raters never differ in a way that leaves reliability an interval.")
    return found


def raters_needed(
    components: VarianceComponents, *, reliability: float, kind: Kind = "absolute"
) -> int:
    """Count the raters whose mean reaches a wanted reliability.

    Parameters
    ----------
    components : VarianceComponents
    reliability : float
        Wanted, a fraction strictly between 0 and 1.
    kind : {'absolute', 'relative'}

    Raises
    ------
    ValueError
        If the wanted reliability is no fraction.
    Undefined
        If the items do not differ, so that no number of raters is enough.

    Examples
    --------
    >>> split = variance_components([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8],
    ...                              [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> raters_needed(split, reliability=0.8)
    10
    """
    check_share("reliability", reliability)
    if components.item <= 0.0:
        raise Undefined("the items do not differ by more than chance; no panel tells them apart.")
    odds = reliability / (1.0 - reliability)
    wanted = odds * components.noise(kind) / components.item
    return max(1, math.ceil(wanted - 1e-9))


def _linked(ratings: npt.ArrayLike) -> FloatArray:
    matrix = as_matrix("ratings", ratings)
    matrix = matrix[(~np.isnan(matrix)).sum(axis=1) >= 2]
    matrix = matrix[:, (~np.isnan(matrix)).any(axis=0)]
    check_linked(matrix)
    if np.nanmax(matrix) == np.nanmin(matrix):
        raise Undefined("all ratings are equal, so there is no variance to split.")
    return matrix


def check_linked(matrix: FloatArray) -> int:
    """Count the degrees of freedom of the rest, or refuse raters who cannot be compared.

    Parameters
    ----------
    matrix : float array, shape (a, b)
        Each item with two ratings or more, each rater with one or more.

    Raises
    ------
    InsufficientLabels
        If groups of raters share no item, or no degree of freedom is left.
    """
    from scipy.sparse.csgraph import connected_components

    if matrix.size == 0:
        raise InsufficientLabels("no item was rated by two raters.")
    rated = (~np.isnan(matrix)).astype(np.float64)
    groups, _ = connected_components(rated.T @ rated, directed=False)
    if groups > 1:
        raise InsufficientLabels("the raters fall into groups that share no item; link them.")
    freedom = int(rated.sum()) - matrix.shape[0] - matrix.shape[1] + 1
    if freedom < 1:
        raise InsufficientLabels(
            f"{int(rated.sum())} ratings of {matrix.shape[0]} items by {matrix.shape[1]} raters "
            "leave nothing to estimate the rest from."
        )
    return freedom


def _components(matrix: FloatArray, weights: FloatArray) -> FloatArray:
    """Item, rater and rest variance for each row of item weights, shape (R, 3)."""
    rated = (~np.isnan(matrix)).astype(np.float64)
    y = np.nan_to_num(matrix - np.nanmean(matrix)) * rated
    by_item, per_item = y.sum(axis=1), rated.sum(axis=1)
    by_rater, per_rater = weights @ y, weights @ rated
    seen = np.maximum(per_rater, 1e-300)
    n, a, b = per_rater.sum(axis=1), weights.sum(axis=1), float(matrix.shape[1])
    items = weights @ (by_item**2 / per_item)
    raters = (by_rater**2 / seen).sum(axis=1)
    mean = by_rater.sum(axis=1) ** 2 / n
    total = weights @ (y**2).sum(axis=1)
    k_items = weights @ per_item**2 / n
    k_raters = (per_rater**2).sum(axis=1) / n
    # Expected sums of squares of items, raters and rest, one row of coefficients each.
    expected = np.stack(
        [
            np.stack([n - k_items, a - k_raters, a - 1.0], axis=-1),
            np.stack([b - k_items, n - k_raters, np.full_like(n, b - 1.0)], axis=-1),
            np.stack([k_items - b, k_raters - a, n - a - b + 1.0], axis=-1),
        ],
        axis=1,
    )
    squares = np.stack([items - mean, raters - mean, total - items - raters + mean], axis=-1)
    return np.linalg.solve(expected, squares[..., None])[..., 0]


# Severity of each rater: how far a rater's scores lie from the others' on the same items.
#
# The model is rating = item + rater + rest, fitted by least squares, so that a rater who was
# given the worse items is not called severe. ``b`` raters; effects add up to zero.


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


# One label from several experts, where they have one; a tie stays undefined.

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
