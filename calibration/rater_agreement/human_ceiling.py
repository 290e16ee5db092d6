"""The human ceiling: how well does an expert agree with the others, and how near is the judge.

For each expert, the rest are the other experts who rated the same item. Expert and judge are both
held against that same rest, on the same items, so that their difference is not one of items.

``N`` items, ``E`` experts, ``K`` categories. An item's ratings become a table (rest x rater) of
mass 1, spread evenly over the rest; tables add up over items, so that resampling items is a
weighted sum, and so is leaving one out. The intervals are those of a single table: see
:mod:`calibration.rater_agreement.contingency`.

Of two categories the ratio of both agreements has limits of its own. The uncertainty of a ratio
depends on the ratio itself, and a bootstrap takes it at the estimate, where few items speak against
a judge that looks good. So each limit is that of a bootstrap with three fifths of an imagined
item that speaks as strongly as one can for the other side, as Gaffke's limits of a mean are with a
whole one: below, an item on which the judge alone differs; above, items on which an expert alone
does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
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
from calibration.rater_agreement.jackknife import OF_A_MEAN, OF_A_RATIO, jackknife_interval
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
IMAGINED = 0.6
"""Mass of the imagined item with which a limit of the ratio is found."""


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
    found = _Agreements(
        read=_coefficient(coefficient, levels), patterns=_patterns(seen, levels), size=levels.size
    )
    bound = partial(_estimate, found, name=coefficient, confidence=confidence, seed=seed)
    ceiling = bound(lambda human, _: human.mean(axis=-1), who="experts against the rest", items=n)
    each = {
        title: bound(
            lambda human, _, at=at: human[..., at],
            who=f"{title} against the rest",
            items=int(count),
        )
        for at, (title, count) in enumerate(zip(titles, counts[sharing], strict=True))
    }
    ratio = None
    if ceiling.low > 0.0 and levels.size == 2:
        ratio = _bounded_ratio(found, name=coefficient, items=n, confidence=confidence, seed=seed)
    elif ceiling.low > 0.0:
        ratio = bound(_ratio, who="judge over experts", items=n, on_ratio=True)
        # The judge agrees at most perfectly.
        ratio = replace(ratio, high=min(ratio.high, 1.0 / ceiling.low))
    return HumanCeiling(
        coefficient=coefficient,
        experts=MappingProxyType(each),
        ceiling=ceiling,
        judge=bound(lambda _, judged: judged.mean(axis=-1), who="judge against the rest", items=n),
        ratio=ratio,
        n=n,
    )


def _aligned(judge: npt.ArrayLike, experts: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    verdicts, labels = as_vector("judge", judge), as_matrix("experts", experts)
    if verdicts.size != labels.shape[0]:
        raise ValueError(f"judge has {verdicts.size} items and experts have {labels.shape[0]}.")
    return verdicts, labels


def _ratio(human: FloatArray, judged: FloatArray) -> FloatArray:
    """Divide means over the experts; without bound where experts do not agree beyond chance."""
    top, bottom = judged.mean(axis=-1), human.mean(axis=-1)
    return np.divide(top, bottom, out=np.full_like(top, np.inf), where=bottom > 0.0)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Distinct items and how often each occurs: codes of the categories, -1 for no rating."""

    judge: IntArray
    experts: IntArray
    times: FloatArray


@dataclass(frozen=True)
class _Agreements:
    """Agreement of each expert, and of the judge, with the rest; each of shape (..., E)."""

    read: TableCoefficient
    patterns: _Patterns
    size: int

    @cached_property
    def sample(self) -> tuple[FloatArray, FloatArray]:
        """Of the items as they are, shape (E,)."""
        weights = self.patterns.times[None]
        human, judged = self._by(
            lambda each: self._checked((weights @ each).reshape(-1, self.size, self.size))
        )
        return human[0], judged[0]

    @cached_property
    def without_each(self) -> tuple[FloatArray, FloatArray]:
        """Without an item of each pattern, shape (P, E).

        Of two categories nothing is left out: their interval is that of the imagined items.
        """
        rows = self.patterns.times.size if self.size > 2 else 0

        def left(each: FloatArray) -> FloatArray:
            tables = (self.patterns.times @ each - each[:rows]).reshape(rows, self.size, self.size)
            with np.errstate(divide="ignore", invalid="ignore"):
                return self.read(tables / tables.sum(axis=(-1, -2), keepdims=True))

        return self._by(left)

    def resampled(self, seed: int) -> tuple[FloatArray, FloatArray]:
        """Of resampled items with imagined ones among them, shape (priors, draws, E)."""
        if not self._drawn:
            rng = np.random.default_rng(seed)
            times = self.patterns.times
            weights = rng.standard_gamma(times, size=(DRAWS, times.size))
            self._drawn.append(
                self._by(
                    lambda each: self.read(
                        _with_priors(weights @ each, self._priors(times @ each), rng)
                    )
                )
            )
        return self._drawn[0]

    def with_imagined(self, ratings: IntArray) -> "_Agreements":
        """Add imagined items, codes of judge and experts (M, 1 + E), that share one mass."""
        mass = np.full(ratings.shape[0], IMAGINED / ratings.shape[0])
        known = self.patterns
        more = _Patterns(
            judge=np.concatenate([known.judge, ratings[:, 0]]),
            experts=np.concatenate([known.experts, ratings[:, 1:]]),
            times=np.concatenate([known.times, mass]),
        )
        return _Agreements(read=self.read, patterns=more, size=self.size)

    def _priors(self, table: FloatArray) -> FloatArray:
        counts = table.reshape(self.size, self.size)
        return cell_priors(counts.sum(axis=0) + counts.sum(axis=1))

    @cached_property
    def _drawn(self) -> list[tuple[FloatArray, FloatArray]]:
        return []

    def _checked(self, tables: FloatArray) -> FloatArray:
        _check_varied(tables[0], self.read)
        return self.read(tables / tables.sum(axis=(-1, -2), keepdims=True))

    def _by(self, tabled: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        found: tuple[list[FloatArray], list[FloatArray]] = [], []
        experts, judge = self.patterns.experts, self.patterns.judge
        for place in range(experts.shape[1]):
            for side, rater in zip(found, (experts[:, place], judge), strict=True):
                side.append(tabled(_rest_tables(experts, place, rater, size=self.size)))
        return np.stack(found[0], axis=-1), np.stack(found[1], axis=-1)


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


def _with_priors(tables: FloatArray, priors: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add each prior's imagined items to the resamples, (priors, draws, K, K)."""
    size = int(np.sqrt(priors.shape[1]))
    shape = priors.shape[0], *tables.shape
    whole = tables + rng.standard_gamma(priors[:, None], size=shape)
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


def _bounded_ratio(
    found: _Agreements, *, name: str, items: int, confidence: float, seed: int
) -> Estimate | None:
    """Bound the ratio of two categories from both sides; None where it has no upper limit."""
    tail = (1.0 - confidence) / 2.0
    value = float(_ratio(*found.sample))
    against, beside = _imagined(found.patterns.experts.shape[1])
    # The lightest prior: the imagined items stand in for the others.
    below = _ratio(*found.with_imagined(against).resampled(seed))[0]
    above = _ratio(*found.with_imagined(beside).resampled(seed))[0]
    low = float(np.quantile(below, tail, method="lower"))
    high = float(np.quantile(above, 1.0 - tail, method="higher"))
    if not np.isfinite(high):
        return None
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=confidence,
        method=f"{name}, judge over experts, item bootstrap",
        n_judged=items,
        n_labelled=items,
    )


def _imagined(experts: int) -> tuple[IntArray, IntArray]:
    """Make items that speak against the judge, and for it: codes of judge and experts."""
    against = np.zeros((2, 1 + experts), dtype=np.int64)
    against[0, 0] = against[1, 1:] = 1
    alone = np.concatenate([np.zeros((experts, 1), np.int64), np.eye(experts, dtype=np.int64)], 1)
    return against, np.concatenate([alone, 1 - alone])


def _estimate(  # noqa: PLR0913 - one place bounds every number of the record
    found: _Agreements,
    pick: Callable[[FloatArray, FloatArray], FloatArray],
    *,
    who: str,
    items: int,
    name: str,
    confidence: float,
    seed: int,
    on_ratio: bool = False,
) -> Estimate:
    """Bound what ``pick`` makes of the agreements of experts and judge, (..., E) to (...)."""
    value = float(pick(*found.sample))
    left_out = pick(*found.without_each)
    bounds = None
    if left_out.size:
        bounds = jackknife_interval(
            value,
            left_out,
            found.patterns.times,
            confidence=confidence,
            imagined=OF_A_RATIO if "kappa" in name and not on_ratio else OF_A_MEAN,
            on_ratio=on_ratio,
        )
    method = f"{name}, {who}"
    if bounds is None:
        return estimate_from_draws(
            value,
            pick(*found.resampled(seed)),
            confidence=confidence,
            method=f"{method}, item bootstrap",
            n_judged=items,
            n_labelled=items,
        )
    return Estimate(
        value=value,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        method=f"{method}, jackknife interval",
        n_judged=items,
        n_labelled=items,
    )
