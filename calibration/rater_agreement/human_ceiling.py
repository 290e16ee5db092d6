"""The human ceiling: how well does an expert agree with the others, and how near is the judge.

For each expert, the rest are the other experts who rated the same item. Expert and judge are both
held against that same rest, on the same items, so that their difference is not one of items.

``N`` items, ``E`` experts, ``K`` categories. An item's ratings become a table (rest x rater) of
mass 1, spread evenly over the rest; tables add up over items, so that resampling items is a
weighted sum, and so is leaving one out. The intervals are those of a single table: see
:mod:`calibration.rater_agreement.contingency`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Undefined
from calibration.rater_agreement.contingency import (
    MOST_CATEGORIES,
    TableCoefficient,
    cell_priors,
    levels_of,
)
from calibration.rater_agreement.jackknife import jackknife_interval
from calibration.rater_agreement.nominal import (
    ac1_of,
    agreement_weighted_by,
    disagreement,
    kappa_of,
    percent_of,
    weighted_by,
)
from calibration.resampling import estimate_from_draws
from calibration.validation import (
    FloatArray,
    IntArray,
    as_matrix,
    as_vector,
    check_share,
    rater_names,
)

Coefficient = Literal["percent", "kappa", "ac1", "weighted-kappa", "ac2"]

DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanCeiling:
    """Agreement of each expert and of the judge with the rest of the experts.

    Attributes
    ----------
    coefficient : str
        What agreement is measured by.
    experts : mapping of str to Estimate
        Each expert against the rest; an expert who shares no item with another is left out.
    ceiling : Estimate
        Their mean.
    judge : Estimate
        The judge against the same rests, averaged alike.
    ratio : Estimate | None
        Judge over ceiling; above 1 the judge agrees with the experts better than they do with
        each other. None where the ceiling is not clearly above zero.
    n : int
        Items with a verdict and at least two expert labels.
    """

    coefficient: Coefficient
    experts: Mapping[str, Estimate]
    ceiling: Estimate
    judge: Estimate
    ratio: Estimate | None
    n: int


def human_ceiling(
    judge: npt.ArrayLike,
    experts: npt.ArrayLike,
    *,
    coefficient: Coefficient = "percent",
    categories: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> HumanCeiling:
    """Hold each expert and the judge against the rest of the experts.

    Use when several experts labelled the same items: no judge need agree with them better than
    they do with each other.

    Parameters
    ----------
    judge : float array, shape (N,)
        NaN where the judge gave no verdict.
    experts : float array, shape (N, E)
        NaN where an expert gave no label.
    coefficient : {'percent', 'kappa', 'ac1', 'weighted-kappa', 'ac2'}
        Weights are quadratic.
    categories : float array, shape (K,), optional
        The levels of the scale; without them, the levels in use.
    names : sequence of E str, optional
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    HumanCeiling

    Raises
    ------
    ValueError
        If the arrays do not align, or a rating is not among the categories.
    Undefined
        If no item has a verdict and two labels, all ratings are equal, or there are more than 20
        levels.
    """
    check_share("confidence", confidence)
    verdicts, labels = _aligned(judge, experts)
    usable = ~np.isnan(verdicts) & ((~np.isnan(labels)).sum(axis=1) >= 2)
    if not usable.any():
        raise Undefined("no item has a verdict of the judge and the labels of two experts.")
    n = int(usable.sum())
    counts = (~np.isnan(labels[usable])).sum(axis=0)
    sharing = counts > 0
    seen = np.column_stack([verdicts[usable], labels[usable][:, sharing]])
    levels = _levels(seen, categories)
    titles = tuple(compress(rater_names(names, labels.shape[1]), sharing))
    read, patterns = _coefficient(coefficient, levels), _patterns(seen, levels)
    human, judged = _against_the_rest(patterns, read, levels.size, seed=seed)
    left = _without_each(patterns, read, levels.size)

    def estimate(
        values: FloatArray, left_out: FloatArray, who: str, *, items: int = n, ratio: bool = False
    ) -> Estimate:
        drawn = _estimate(values, f"{coefficient}, {who}", items, confidence=confidence)
        return _jackknifed(drawn, left_out, patterns.times, ratio=ratio)

    ceiling = estimate(human.mean(axis=-1), left[0].mean(axis=-1), "experts against the rest")
    each = {
        title: estimate(
            human[..., at], left[0][..., at], f"{title} against the rest", items=int(count)
        )
        for at, (title, count) in enumerate(zip(titles, counts[sharing], strict=True))
    }
    ratio = None
    if ceiling.low > 0.0:
        shares = _ratio(judged, human), _ratio(left[1], left[0])
        ratio = estimate(*shares, "judge over experts", ratio=True)
    return HumanCeiling(
        coefficient=coefficient,
        experts=MappingProxyType(each),
        ceiling=ceiling,
        judge=estimate(judged.mean(axis=-1), left[1].mean(axis=-1), "judge against the rest"),
        ratio=ratio,
        n=n,
    )


def _aligned(judge: npt.ArrayLike, experts: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    verdicts, labels = as_vector("judge", judge), as_matrix("experts", experts)
    if verdicts.size != labels.shape[0]:
        raise ValueError(f"judge has {verdicts.size} items and experts have {labels.shape[0]}.")
    return verdicts, labels


def _jackknifed(
    drawn: Estimate, left_out: FloatArray, times: FloatArray, *, ratio: bool
) -> Estimate:
    """Put the jackknife's interval in the place of the drawn one, where there is one."""
    if not left_out.size:
        return drawn
    bounds = jackknife_interval(
        drawn.value, left_out, times, confidence=drawn.confidence, on_ratio=ratio
    )
    if bounds is None:
        return drawn
    method = drawn.method.replace("item bootstrap", "jackknife interval")
    return replace(drawn, low=bounds.low, high=bounds.high, method=method)


def _without_each(
    patterns: "_Patterns", read: TableCoefficient, size: int
) -> tuple[FloatArray, FloatArray]:
    """Agreement of experts and judge with the rest without an item of each pattern, (P, E).

    Of two categories nothing is left out: their interval is that of the imagined items.
    """
    rows = patterns.times.size if size > 2 else 0
    found: tuple[list[FloatArray], list[FloatArray]] = [], []
    for place in range(patterns.experts.shape[1]):
        for side, rater in zip(found, (patterns.experts[:, place], patterns.judge), strict=True):
            each = _rest_tables(patterns.experts, place, rater, size=size)
            tables = (patterns.times @ each - each[:rows]).reshape(rows, size, size)
            with np.errstate(divide="ignore", invalid="ignore"):
                side.append(read(tables / tables.sum(axis=(-1, -2), keepdims=True)))
    return np.stack(found[0], axis=-1), np.stack(found[1], axis=-1)


def _ratio(judged: FloatArray, human: FloatArray) -> FloatArray:
    """Divide means over the experts; without bound in a resample in which experts never agree."""
    top, bottom = judged.mean(axis=-1), human.mean(axis=-1)
    return np.divide(top, bottom, out=np.full_like(top, np.inf), where=bottom != 0.0)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Distinct items and how often each occurs: codes of the categories, -1 for no rating."""

    judge: IntArray
    experts: IntArray
    times: FloatArray


def _levels(seen: FloatArray, declared: npt.ArrayLike | None) -> FloatArray:
    rated = seen[~np.isnan(seen)]
    levels = levels_of(rated, declared=declared)
    if np.ptp(rated) == 0.0:
        raise Undefined("all ratings are equal, so there is nothing to agree about.")
    if levels.size > MOST_CATEGORIES:
        raise Undefined(
            f"{levels.size} levels are too many; at most {MOST_CATEGORIES} make a table."
        )
    return levels


def _coefficient(name: Coefficient, levels: FloatArray) -> TableCoefficient:
    weights = disagreement(levels, "quadratic")
    return {
        "percent": percent_of,
        "kappa": kappa_of,
        "ac1": ac1_of,
        "weighted-kappa": weighted_by(weights),
        "ac2": agreement_weighted_by(1.0 - weights),
    }[name]


def _patterns(seen: FloatArray, levels: FloatArray) -> _Patterns:
    codes = np.where(np.isnan(seen), -1, np.searchsorted(levels, seen))
    distinct, times = np.unique(codes, axis=0, return_counts=True)
    return _Patterns(distinct[:, 0], distinct[:, 1:], times.astype(np.float64))


def _against_the_rest(
    patterns: _Patterns, read: TableCoefficient, size: int, *, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Agreement of expert and judge with the rest, (priors, 1 + draws, E); row 0 the sample."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_gamma(patterns.times, size=(DRAWS, patterns.times.size))
    weights = np.vstack([patterns.times, drawn])
    found: tuple[list[FloatArray], list[FloatArray]] = [], []
    for place in range(patterns.experts.shape[1]):
        for side, rater in zip(found, (patterns.experts[:, place], patterns.judge), strict=True):
            tables = weights @ _rest_tables(patterns.experts, place, rater, size=size)
            _check_varied(tables[0].reshape(size, size), read)
            side.append(read(_with_priors(tables, size, rng)))
    return np.stack(found[0], axis=-1), np.stack(found[1], axis=-1)


def _with_priors(tables: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """Add each prior's imagined items to the resamples, (priors, 1 + draws, K, K)."""
    priors = cell_priors(size)
    imagined = np.zeros((priors.size, *tables.shape))
    shape = priors.size, DRAWS, size * size
    imagined[:, 1:] = rng.standard_gamma(priors[:, None, None], size=shape)
    whole = tables + imagined
    whole /= whole.sum(axis=-1, keepdims=True)
    return whole.reshape(*whole.shape[:2], size, size)


def _rest_tables(experts: IntArray, place: int, rater: IntArray, *, size: int) -> FloatArray:
    """Spread each pattern's mass over its pairs (rest, rater), shape (P, K * K)."""
    tables = np.zeros((experts.shape[0], size * size))
    present = experts[:, place] >= 0
    for other in range(experts.shape[1]):
        rows = np.flatnonzero(present & (experts[:, other] >= 0) & (other != place))
        tables[rows, experts[rows, other] * size + rater[rows]] += 1.0
    return tables / np.maximum(tables.sum(axis=1, keepdims=True), 1.0)


def _check_varied(table: FloatArray, read: TableCoefficient) -> None:
    if read is not percent_of and np.count_nonzero(table.sum(axis=0) + table.sum(axis=1)) < 2:
        raise Undefined("an expert or the judge and the rest share one rating on every item.")


def _estimate(values: FloatArray, method: str, n: int, *, confidence: float) -> Estimate:
    return estimate_from_draws(
        float(values[0, 0]),
        values[:, 1:],
        confidence=confidence,
        method=f"{method}, item bootstrap",
        n_judged=n,
        n_labelled=n,
    )
