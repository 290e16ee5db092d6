"""The alternative annotator test: whether the judge may take the place of one of the experts.

Each expert in turn is left out. On each item the judge and the expert who was left out are both
scored by how near they come to the other experts; the judge wins where it comes at least as near.
``W_f`` and ``W_h`` are the win indicators of judge and expert, ties winning for both. The judge is
given the benefit ``epsilon``, the price of an expert: it must not lose by as much.

References
----------
Calderon, Reichart & Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge,
arXiv 2501.10970, section 3. Benjamini & Yekutieli (2001), Annals of Statistics 29(4), 1165-1188.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.draws import estimate_from_draws
from calibration.estimate import Estimate, InsufficientLabels
from calibration.validation import FloatArray, as_matrix, as_vector, check_share, rater_names

Nearness = Literal["same", "distance"]

FEWEST_EXPERTS = 3
FEW_ITEMS = 30
FEWEST_ITEMS = 10
DRAWS = 2000


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
    weights = rng.standard_exponential((DRAWS, ours.shape[0]))
    # Half an imagined win and half a loss, so that unbroken wins are no certainty.
    won, lost = rng.standard_gamma(0.5, size=(2, DRAWS, ours.shape[1]))
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
