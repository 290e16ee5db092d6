"""The table of two raters, and the interval of every coefficient that can be read off it.

``K`` categories. A table is (K, K): rows are the expert's categories, columns the judge's. A stack
of tables has shape (..., K, K); its tables hold proportions that sum to 1.

With more than two categories an interval is the jackknife's on Fisher's z. With two, and where the
jackknife has nothing to go by, it is the hull of posteriors of the table, under priors that spread
a quarter of an imagined item and two of them over all cells. For two categories the second is the
prior of Jeffreys, one half a cell, which alone is too narrow for the best judges; and a third prior
has half an item on which both raters give the rarer category, for without it the upper limit lies
too low where few such items were drawn.

References
----------
Perks (1947), J. Inst. Actuaries 73(2), 285-334, priors whose mass does not grow with the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Undefined
from calibration.rater_agreement.jackknife import OF_A_RATIO, jackknife_interval
from calibration.resampling import estimate_from_draws
from calibration.validation import FloatArray, Pairs

TableCoefficient = Callable[[FloatArray], FloatArray]
Counts = npt.NDArray[np.int64]

DRAWS = 2000
PRIOR_MASSES = (0.25, 2.0)
RARE_AGREEMENT = 0.5
MOST_CATEGORIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterTable:
    """Two raters' table, and what it may be in the population.

    Attributes
    ----------
    categories : float array, shape (K,)
        Sorted levels of the scale.
    counts : int array, shape (K, K)
        Items, rows the expert, columns the judge.
    n_judged : int
        Items with a verdict of the judge, labelled or not.
    seed : int
        Of the posterior draws; same seed, same draws.
    """

    categories: FloatArray
    counts: Counts
    n_judged: int
    seed: int = 0

    def draws(self) -> FloatArray:
        """Draw from the posterior of the proportions, shape (priors, draws, K, K)."""
        priors = cell_priors(self.counts.sum(axis=0) + self.counts.sum(axis=1))
        shapes = (self.counts + priors.reshape(-1, *self.counts.shape))[:, None]
        size = priors.shape[0], DRAWS, *self.counts.shape
        masses = np.random.default_rng(self.seed).standard_gamma(shapes, size=size)
        masses /= masses.sum(axis=(-1, -2), keepdims=True)
        return masses


def tabulate(pairs: Pairs, *, categories: npt.ArrayLike | None = None, seed: int = 0) -> RaterTable:
    """Count the pairs of ratings.

    Parameters
    ----------
    pairs : Pairs
    categories : float array, shape (K,), optional
        The levels of the scale; without them, the levels in use.
    seed : int
        Of the posterior draws.

    Raises
    ------
    ValueError
        If a rating is not among the categories given.
    Undefined
        If there are more than 20 categories: the table would be nearly empty.
    """
    levels = levels_of(pairs.judge, pairs.human, declared=categories)
    if levels.size > MOST_CATEGORIES:
        raise Undefined(
            f"{levels.size} different values are too many for a table of categories; "
            f"it needs a scale of at most {MOST_CATEGORIES} levels."
        )
    counts = contingency(pairs, levels)
    return RaterTable(categories=levels, counts=counts, n_judged=pairs.n_judged, seed=seed)


def levels_of(*ratings: FloatArray, declared: npt.ArrayLike | None) -> FloatArray:
    """List the values in use in order, or the declared ones after checking that they suffice.

    Raises
    ------
    ValueError
        If a rating is not among the declared levels.
    """
    seen = np.unique(np.concatenate(ratings))
    levels = seen if declared is None else np.unique(np.asarray(declared, dtype=np.float64))
    strangers = np.setdiff1d(seen, levels)
    if strangers.size:
        raise ValueError(f"rating {strangers[0]:g} is not among the categories given.")
    return levels


def contingency(pairs: Pairs, categories: FloatArray) -> Counts:
    """Count the items by the expert's category (rows) and the judge's (columns)."""
    size = categories.size
    rows = np.searchsorted(categories, pairs.human)
    columns = np.searchsorted(categories, pairs.judge)
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)


def cell_priors(ratings: FloatArray | Counts) -> FloatArray:
    """Give the mass of each prior in each cell of a table, shape (priors, K * K).

    Parameters
    ----------
    ratings : array, shape (K,)
        Ratings of each category by either rater.
    """
    size = ratings.size
    priors = [np.full(size**2, mass / size**2) for mass in PRIOR_MASSES]
    if size == 2:
        agreed = priors[0].copy()
        agreed[int(np.argmin(ratings)) * (size + 1)] += RARE_AGREEMENT
        priors.append(agreed)
    return np.array(priors)


def read_off(
    coefficient: TableCoefficient,
    table: RaterTable,
    *,
    method: str,
    confidence: float,
    imagined: float = OF_A_RATIO,
) -> Estimate:
    """Read a coefficient and its interval off the table.

    Parameters
    ----------
    coefficient : callable
        From a stack of tables to as many values.
    table : RaterTable
    method : str
        The name that the estimate carries.
    confidence : float
    imagined : float
        As in `jackknife_interval`.

    Raises
    ------
    Undefined
        If all ratings of both raters are equal.
    """
    counts = table.counts
    if np.count_nonzero(counts.sum(axis=0) + counts.sum(axis=1)) < 2:
        raise Undefined("all ratings are equal, so agreement beyond chance has no meaning.")
    n = int(counts.sum())
    value = float(coefficient(counts / n))
    left = _without_each(coefficient, counts)
    bounds = None
    if left is not None:
        bounds = jackknife_interval(value, *left, confidence=confidence, imagined=imagined)
    if bounds is None:
        return estimate_from_draws(
            value,
            coefficient(table.draws()),
            confidence=confidence,
            method=f"{method}, Dirichlet interval",
            n_judged=table.n_judged,
            n_labelled=n,
        )
    return Estimate(
        value=value,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{method}, jackknife interval",
        n_judged=table.n_judged,
        n_labelled=n,
    )


def _without_each(
    coefficient: TableCoefficient, counts: Counts
) -> tuple[FloatArray, FloatArray] | None:
    """Leave out one item of each occupied cell, with their numbers; None for two categories."""
    if counts.shape[0] <= 2:
        return None
    rows, columns = np.nonzero(counts)
    tables = np.repeat(counts[None].astype(np.float64), rows.size, axis=0)
    tables[np.arange(rows.size), rows, columns] -= 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = coefficient(tables / (counts.sum() - 1.0))
    return left_out, counts[rows, columns].astype(np.float64)
