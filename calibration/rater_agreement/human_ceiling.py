"""The human ceiling: how well does an expert agree with the others, and how near is the judge.

For each expert, the rest are the other experts who rated the same item. Expert and judge are both
held against that same rest, on the same items, so that their difference is not one of items.

``N`` items, ``E`` experts, ``K`` categories. An item's ratings become a table (rest x rater) of
mass 1, spread evenly over the rest; tables add up over items, so that resampling items is a
weighted sum. Weights and imagined items are those of `calibration.coefficients.rater_table`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels, Undefined
from calibration.rater_agreement.contingency import (
    MOST_CATEGORIES,
    TableCoefficient,
    cell_priors,
    levels_of,
)
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
    verdicts, labels = as_vector("judge", judge), as_matrix("experts", experts)
    if verdicts.size != labels.shape[0]:
        raise ValueError(f"judge has {verdicts.size} items and experts have {labels.shape[0]}.")
    usable = ~np.isnan(verdicts) & ((~np.isnan(labels)).sum(axis=1) >= 2)
    if not usable.any():
        raise Undefined("no item has a verdict of the judge and the labels of two experts.")
    n = int(usable.sum())
    counts = (~np.isnan(labels[usable])).sum(axis=0)
    sharing = counts > 0
    seen = np.column_stack([verdicts[usable], labels[usable][:, sharing]])
    levels = _levels(seen, categories)
    titles = tuple(compress(rater_names(names, labels.shape[1]), sharing))
    read = _coefficient(coefficient, levels)
    human, judged = _against_the_rest(_patterns(seen, levels), read, levels.size, seed=seed)

    def estimate(values: FloatArray, who: str, items: int = n) -> Estimate:
        return _estimate(values, f"{coefficient}, {who}", items, confidence=confidence)

    ceiling = estimate(human.mean(axis=-1), "experts against the rest")
    each = {
        title: estimate(human[..., place], f"{title} against the rest", int(count))
        for place, (title, count) in enumerate(zip(titles, counts[sharing], strict=True))
    }
    return HumanCeiling(
        coefficient=coefficient,
        experts=MappingProxyType(each),
        ceiling=ceiling,
        judge=estimate(judged.mean(axis=-1), "judge against the rest"),
        ratio=estimate(_ratio(judged, human), "judge over experts") if ceiling.low > 0.0 else None,
        n=n,
    )


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


# The alternative annotator test: whether the judge may take the place of one of the experts.
#
# Each expert in turn is left out. On each item the judge and the expert who was left out are
# both scored by how near they come to the other experts; the judge wins where it comes at least
# as near. ``W_f`` and ``W_h`` are the win indicators of judge and expert, ties winning for
# both. The judge is given the benefit ``epsilon``, the price of an expert: it must not lose by
# as much.
#
# References ---------- Calderon, Reichart & Dror (2025), The Alternative Annotator Test for
# LLM-as-a-Judge, arXiv 2501.10970, section 3. Benjamini & Yekutieli (2001), Annals of
# Statistics 29(4), 1165-1188.

Nearness = Literal["same", "distance"]

FEWEST_EXPERTS = 3
FEW_ITEMS = 30
FEWEST_ITEMS = 10
SIGN_FLIP_DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertComparison:
    """The judge against one expert who was left out.

    Attributes
    ----------
    name : str
    n : int
        Items that the expert, another expert and the judge rated.
    judge_wins, expert_wins : float
        Share of items on which each comes at least as near to the rest as the other does.
    p_value : float
        Of the hypothesis that the judge loses by `epsilon` or more, one-sided.
    adjusted_p : float
        After Benjamini and Yekutieli over the experts.
    judge_may_replace : bool
        Whether that hypothesis is rejected.
    test : {'t', 'wilcoxon'}
    """

    name: str
    n: int
    judge_wins: float
    expert_wins: float
    p_value: float
    adjusted_p: float
    judge_may_replace: bool
    test: Literal["t", "wilcoxon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeAnnotatorTest:
    """Whether the judge may stand in for an expert.

    Attributes
    ----------
    passed : bool
        Whether the winning rate is at least one half.
    winning_rate : float
        Share of experts whom the judge may replace.
    advantage : Estimate
        Chance that the judge comes at least as near to the rest as an expert does.
    experts : tuple of ExpertComparison
    epsilon, q : float
        The benefit given to the judge; the false discovery rate kept over the experts.
    warnings : tuple of str
    """

    passed: bool
    winning_rate: float
    advantage: Estimate
    experts: tuple[ExpertComparison, ...]
    epsilon: float
    q: float
    warnings: tuple[str, ...]


def alternative_annotator_test(
    judge: npt.ArrayLike,
    experts: npt.ArrayLike,
    *,
    epsilon: float = 0.2,
    nearness: Nearness = "same",
    q: float = 0.05,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> AlternativeAnnotatorTest:
    """Test whether the judge may take the place of an expert.

    Parameters
    ----------
    judge : float array, shape (N,)
        NaN where the judge gave no verdict.
    experts : float array, shape (N, E)
        At least three experts; NaN where one gave no label.
    epsilon : float
        What an expert costs, as a share of wins: .2 for experts, .15 for skilled and .1 for crowd
        annotators in the paper.
    nearness : {'same', 'distance'}
        ``same``: share of the rest with the same rating. ``distance``: root mean squared distance
        to the rest, for scores.
    q : float
        False discovery rate over the experts.
    names : sequence of E str, optional
    seed : int
        Of the interval of the advantage; same seed, same digits.

    Returns
    -------
    AlternativeAnnotatorTest
        Wilcoxon's signed ranks replace the t test under 30 items or without any spread.

    Raises
    ------
    ValueError
        If the arrays do not align.
    InsufficientLabels
        If fewer than three experts have 10 items that can be compared.
    """
    check_share("epsilon", epsilon)
    check_share("q", q)
    from scipy import stats

    verdicts, labels = as_vector("judge", judge), as_matrix("experts", experts)
    if verdicts.size != labels.shape[0]:
        raise ValueError(f"judge has {verdicts.size} items and experts have {labels.shape[0]}.")
    ours, theirs = _wins(verdicts, labels, nearness)
    compared = np.flatnonzero((~np.isnan(ours)).sum(axis=0) >= FEWEST_ITEMS)
    if compared.size < FEWEST_EXPERTS:
        raise InsufficientLabels(
            f"the test needs {FEWEST_EXPERTS} experts with {FEWEST_ITEMS} items that another "
            f"expert and the judge rated too; got {compared.size}."
        )
    titles = rater_names(names, labels.shape[1])
    tests = [_test(theirs[:, place] - ours[:, place], epsilon) for place in compared]
    adjusted = stats.false_discovery_control([p for p, _ in tests], method="by")
    found = tuple(
        ExpertComparison(
            name=titles[place],
            n=int((~np.isnan(ours[:, place])).sum()),
            judge_wins=float(np.nanmean(ours[:, place])),
            expert_wins=float(np.nanmean(theirs[:, place])),
            p_value=p,
            adjusted_p=float(corrected),
            judge_may_replace=bool(corrected <= q),
            test=test,
        )
        for place, (p, test), corrected in zip(compared, tests, adjusted, strict=True)
    )
    rate = sum(one.judge_may_replace for one in found) / len(found)
    return AlternativeAnnotatorTest(
        passed=rate >= 0.5,
        winning_rate=rate,
        advantage=_advantage(ours[:, compared], seed),
        experts=found,
        epsilon=epsilon,
        q=q,
        warnings=_warnings(found, labels.shape[1]),
    )


def _wins(
    verdicts: FloatArray, labels: FloatArray, nearness: Nearness
) -> tuple[FloatArray, FloatArray]:
    """Win indicators of judge and expert, each (N, E), NaN where they cannot be compared."""
    ours, theirs = np.full_like(labels, np.nan), np.full_like(labels, np.nan)
    for place in range(labels.shape[1]):
        expert = labels[:, place]
        rest = np.delete(labels, place, axis=1)
        usable = ~np.isnan(verdicts) & ~np.isnan(expert) & (~np.isnan(rest)).any(axis=1)
        judged = _nearness(verdicts[usable], rest[usable], nearness)
        human = _nearness(expert[usable], rest[usable], nearness)
        ours[usable, place] = judged >= human
        theirs[usable, place] = human >= judged
    return ours, theirs


def _nearness(rating: FloatArray, rest: FloatArray, nearness: Nearness) -> FloatArray:
    if nearness == "same":
        agreed = np.where(np.isnan(rest), np.nan, rest == rating[:, None])
        return np.nanmean(agreed, axis=1)
    return -np.sqrt(np.nanmean((rest - rating[:, None]) ** 2, axis=1))


def _test(difference: FloatArray, epsilon: float) -> tuple[float, Literal["t", "wilcoxon"]]:
    from scipy import stats

    lost = difference[~np.isnan(difference)] - epsilon
    if lost.size >= FEW_ITEMS and np.ptp(lost) > 0.0:
        return float(stats.ttest_1samp(lost, 0.0, alternative="less").pvalue), "t"
    ranks = stats.wilcoxon(lost, alternative="less", method="approx", correction=True)
    return float(ranks.pvalue), "wilcoxon"


def _advantage(ours: FloatArray, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    ours = ours[~np.isnan(ours).all(axis=1)]
    weights = rng.standard_exponential((SIGN_FLIP_DRAWS, ours.shape[0]))
    # Half an imagined win and half a loss, so that unbroken wins are no certainty.
    won, lost = rng.standard_gamma(0.5, size=(2, SIGN_FLIP_DRAWS, ours.shape[1]))
    wins = weights @ np.nan_to_num(ours) + won
    items = weights @ (~np.isnan(ours)).astype(np.float64) + won + lost
    n = ours.shape[0]
    return estimate_from_draws(
        float(np.nanmean(ours, axis=0).mean()),
        (wins / items).mean(axis=1),
        confidence=0.95,
        method="average advantage probability, item bootstrap",
        n_judged=n,
        n_labelled=n,
    )


def _warnings(found: Sequence[ExpertComparison], experts: int) -> tuple[str, ...]:
    notes: list[str] = []
    if len(found) < experts:
        notes.append(
            f"{experts - len(found)} experts have under {FEWEST_ITEMS} items to compare on and "
            "are left out."
        )
    if any(one.n < FEW_ITEMS for one in found):
        notes.append("some experts have under 30 items; the paper asks for 50 to 100.")
    return tuple(notes)
