"""Slopes of the judge's error on covariates, in the sample and in resamples.

The error of a verdict is judge minus expert. ``N`` items, ``n`` of them labelled, ``p``
covariates. Items are resampled by gamma weights (Rubin's bootstrap). At either end of each
covariate one imagined item errs by half a weight up and half down, by one step of the scale, so
that an error that has not been seen yet is not ruled out and no interval has zero width.

References
----------
Rubin (1981), Annals of Statistics 9(1), 130-134.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.draws import weighted_sums
from calibration.estimate import InsufficientLabels
from calibration.validation import BoolArray, FloatArray, as_vector, pair_up

DRAWS = 2000
FEWEST = 10
FEWEST_IN_GROUP = 5


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of the judge.

    Attributes
    ----------
    values : float array, shape (N,)
        Judge minus expert, NaN where one is missing.
    labels : float array, shape (N,)
        The experts' labels, NaN where the error is.
    judged : bool array, shape (N,)
    step : float
        Smallest distance of two ratings in use.
    """

    values: FloatArray
    labels: FloatArray
    judged: BoolArray
    step: float


@dataclass(frozen=True, slots=True)
class Covariate:
    """A property of the items.

    Attributes
    ----------
    name : str
    values : float array, shape (N,)
        Two values as 0 and 1, others standardised over the judged items; NaN where unknown.
    binary : bool
    mean : float
        Over all judged items, labelled or not.
    """

    name: str
    values: FloatArray
    binary: bool
    mean: float


@dataclass(frozen=True, slots=True)
class Slopes:
    """A linear fit of the error in the sample (row 0) and in R resamples.

    Attributes
    ----------
    values : float array, shape (1 + R, p)
        Change of the error per unit of each covariate, the others held fixed.
    means : float array, shape (1 + R, p)
        Mean of each covariate among the labelled items.
    n : int
        Labelled items used.
    """

    values: FloatArray
    means: FloatArray
    n: int


def judge_errors(judge: npt.ArrayLike, human: npt.ArrayLike) -> Errors:
    """Subtract the experts' labels from the verdicts, NaN where one is missing.

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both.
    """
    pairs = pair_up(judge, human)
    values, labels = np.full(pairs.both.shape, np.nan), np.full(pairs.both.shape, np.nan)
    values[pairs.both], labels[pairs.both] = pairs.judge - pairs.human, pairs.human
    levels = np.union1d(pairs.judge, pairs.human)
    step = float(np.diff(levels).min()) if levels.size > 1 else 1.0
    return Errors(values, labels, ~np.isnan(as_vector("judge", judge)), step)


def prepare(name: str, values: npt.ArrayLike, errors: Errors) -> Covariate:
    """Bring a covariate to a common unit.

    Raises
    ------
    ValueError
        If it does not align with the items or holds an infinite value.
    InsufficientLabels
        If it has one value only, under 10 labelled items, or under 5 with either of two values.
    """
    given = as_vector(name, values)
    if given.shape != errors.values.shape:
        raise ValueError(f"{name} must have one entry for each item; got {given.size}.")
    known = given[errors.judged & ~np.isnan(given)]
    labelled = given[~np.isnan(errors.values) & ~np.isnan(given)]
    if labelled.size < FEWEST:
        raise InsufficientLabels(f"{labelled.size} labelled items; at least {FEWEST} are needed.")
    levels, counts = np.unique(labelled, return_counts=True)
    if levels.size == 1:
        raise InsufficientLabels("it has one value on all labelled items.")
    binary = np.unique(known).size == 2
    if binary and counts.min() < FEWEST_IN_GROUP:
        raise InsufficientLabels(
            f"{counts.min()} labelled items of one kind; at least {FEWEST_IN_GROUP} are needed."
        )
    if binary:
        origin, unit = float(levels[0]), float(levels[1] - levels[0])
    else:
        origin, unit = float(known.mean()), float(known.std())
    return Covariate(name, (given - origin) / unit, binary, (float(known.mean()) - origin) / unit)


def fit_slopes(covariates: Sequence[Covariate], errors: Errors, rng: np.random.Generator) -> Slopes:
    """Fit the error on the covariates by weighted least squares, in the sample and resamples."""
    x = np.column_stack([one.values for one in covariates])
    usable = ~np.isnan(errors.values) & ~np.isnan(x).any(axis=1)
    x, e = x[usable], errors.values[usable]
    n, p = x.shape
    imagined = _imagined(covariates, x.mean(axis=0))
    swings = np.tile([errors.step, -errors.step], len(imagined) // 2)
    design = np.column_stack([np.ones(n + swings.size), np.vstack([x, imagined])])
    response = np.concatenate([e, e.mean() + swings])
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    seen = np.column_stack([np.ones(n), x])
    unseen = np.zeros((swings.size, p + 1))
    columns = np.hstack([products, design * response[:, None], np.vstack([seen, unseen])])
    shapes = np.concatenate([np.ones(n), np.full(swings.size, 0.5)])
    drawn = weighted_sums(shapes, columns, resamples=DRAWS, rng=rng)
    sums = np.vstack([columns[:n].sum(axis=0), drawn])
    normal, moments, weight = np.split(sums, [(p + 1) ** 2, (p + 1) * (p + 2)], axis=1)
    solved = np.linalg.solve(normal.reshape(-1, p + 1, p + 1), moments[..., None])
    slopes = solved[:, 1:, 0].astype(np.float64)
    return Slopes(values=slopes, means=weight[:, 1:] / weight[:, :1], n=n)


def _imagined(covariates: Sequence[Covariate], centre: FloatArray) -> FloatArray:
    """Two rows at either end of each covariate, the others at their means, shape (4 p, p)."""
    rows: list[FloatArray] = []
    for place, one in enumerate(covariates):
        for end in (0.0, 1.0) if one.binary else (-1.0, 1.0):
            row = centre.copy()
            row[place] = end
            rows += [row, row]
    return np.array(rows)
