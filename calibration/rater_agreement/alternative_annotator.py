"""The alternative annotator test: whether the judge may take the place of one of the experts.

Each expert in turn is left out. On each item the judge and the expert who was left out are both
scored by how near they come to the other experts; the judge wins where it comes at least as near.
``W_f`` and ``W_h`` are the win indicators of judge and expert, ties winning for both. The judge is
given the benefit ``epsilon``, the price of an expert: it must not lose by as much.

The paper tests the mean of ``W_h - W_f``, which is -1, 0 or 1, by Student's t, and under 30 items
by Wilcoxon's signed ranks. Neither keeps its level on so few values: at the boundary t rejects up
to 11 % and signed ranks up to 47 % at a nominal 5 %. Gaffke's one-sided bound keeps it at every
number of items, so that it decides; the paper's p-value is kept beside it.

A judge that misses a whole class loses no more than the share of that class, so that a rare class
could be missed entirely. The same test is therefore run inside each class, as the other experts
name it: the judge passes only where it is shown not to lose half of the items of any.

References
----------
Calderon, Reichart & Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge,
arXiv 2501.10970, section 3. Benjamini & Yekutieli (2001), Annals of Statistics 29(4), 1165-1188.
Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels
from calibration.intervals import mean_distribution
from calibration.resampling import estimate_from_draws
from calibration.validation import FloatArray, as_matrix, as_vector, check_share, rater_names

Nearness = Literal["same", "distance"]

FEWEST_EXPERTS = 3
FEW_ITEMS = 30
FEWEST_ITEMS = 10
ADVANTAGE_DRAWS = 2000
MOST_LOST = 0.5  # of the items of a class


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
    published_p : float | None
        The paper's p-value, by Student's t; None under 30 items or without any spread.
    """

    name: str
    n: int
    judge_wins: float
    expert_wins: float
    p_value: float
    adjusted_p: float
    judge_may_replace: bool
    published_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassComparison:
    """The judge against the experts on the items of one class.

    Attributes
    ----------
    name : str
        The rating that most of the other experts give; of scores, a half of the scale.
    n : int
        Items that the other experts put into the class.
    judge_wins, expert_wins : float
        Share of items on which judge and expert come at least as near to the rest as the other.
    p_value : float
        Of the hypothesis that the judge loses half of the items or more, one-sided.
    held : bool
        Whether that hypothesis is rejected.
    """

    name: str
    n: int
    judge_wins: float
    expert_wins: float
    p_value: float
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeAnnotatorTest:
    """Whether the judge may stand in for an expert.

    Attributes
    ----------
    passed : bool
        Whether the winning rate is at least one half and the judge holds every class.
    winning_rate : float
        Share of experts whom the judge may replace.
    advantage : Estimate
        Chance that the judge comes at least as near to the rest as an expert does.
    experts : tuple of ExpertComparison
    classes : tuple of ClassComparison
        Rarest first.
    epsilon, q : float
        The benefit given to the judge; the false discovery rate kept over the experts.
    warnings : tuple of str
    """

    passed: bool
    winning_rate: float
    advantage: Estimate
    experts: tuple[ExpertComparison, ...]
    classes: tuple[ClassComparison, ...]
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
    lost = theirs - ours
    tests = [_level(lost[:, place], epsilon) for place in compared]
    corrected = stats.false_discovery_control(tests, method="by").tolist()
    found = tuple(
        _compared(
            titles[place], ours[:, place], theirs[:, place], levels=(p, adjusted), aims=(epsilon, q)
        )
        for place, p, adjusted in zip(compared, tests, corrected, strict=True)
    )
    classes = tuple(
        sorted(_classes(labels, ours, theirs, nearness=nearness, q=q), key=lambda one: one.n)
    )
    rate = sum(one.judge_may_replace for one in found) / len(found)
    return AlternativeAnnotatorTest(
        passed=rate >= 0.5 and all(one.held for one in classes),
        winning_rate=rate,
        advantage=_advantage(ours[:, compared], seed),
        experts=found,
        classes=classes,
        epsilon=epsilon,
        q=q,
        warnings=_warnings(found, classes, labels.shape[1]),
    )


def _compared(
    name: str,
    ours: FloatArray,
    theirs: FloatArray,
    *,
    levels: tuple[float, float],
    aims: tuple[float, float],
) -> ExpertComparison:
    return ExpertComparison(
        name=name,
        n=int((~np.isnan(ours)).sum()),
        judge_wins=float(np.nanmean(ours)),
        expert_wins=float(np.nanmean(theirs)),
        p_value=levels[0],
        adjusted_p=levels[1],
        judge_may_replace=levels[1] <= aims[1],
        published_p=_published(theirs - ours, aims[0]),
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


def _level(lost: FloatArray, epsilon: float) -> float:
    """Test by Gaffke's bound that the judge loses by as much: -1, 0 and 1, NaN left out."""
    given = lost[~np.isnan(lost)]
    bound = mean_distribution(given, np.ones(given.size), (-1.0, 1.0), form="upper")[0]
    if bound.cdf is None:
        return float(bound.mean >= epsilon)
    return float(1.0 - bound.cdf(np.array([epsilon]))[0])


def _published(lost: FloatArray, epsilon: float) -> float | None:
    from scipy import stats

    given = lost[~np.isnan(lost)] - epsilon
    if given.size < FEW_ITEMS or np.ptp(given) == 0.0:
        return None
    return float(stats.ttest_1samp(given, 0.0, alternative="less").pvalue)


def _classes(
    labels: FloatArray, ours: FloatArray, theirs: FloatArray, *, nearness: Nearness, q: float
) -> Iterator[ClassComparison]:
    """Test each class; an item counts once, averaged over the experts left out of it."""
    named = _named(labels, nearness)
    for name in np.unique(named[~np.isnan(named)]).tolist():
        inside = np.where(named == name, 1.0, np.nan)
        rows = ~np.isnan(ours * inside).all(axis=1)
        if not rows.any():
            continue
        judge = np.nanmean((ours * inside)[rows], axis=1)
        expert = np.nanmean((theirs * inside)[rows], axis=1)
        p = _level(expert - judge, MOST_LOST)
        yield ClassComparison(
            name=f"{name:g}" if nearness == "same" else ("lower half", "upper half")[int(name)],
            n=int(rows.sum()),
            judge_wins=float(judge.mean()),
            expert_wins=float(expert.mean()),
            p_value=p,
            held=p <= q,
        )


def _named(labels: FloatArray, nearness: Nearness) -> FloatArray:
    """Class of each item by the experts other than the one left out, (N, E); NaN for a tie."""
    named = np.full_like(labels, np.nan)
    middle = 0.5 * (float(np.nanmin(labels)) + float(np.nanmax(labels)))
    values = np.unique(labels[~np.isnan(labels)])
    for place in range(labels.shape[1]):
        rest = np.delete(labels, place, axis=1)
        some = (~np.isnan(rest)).any(axis=1)
        if nearness == "distance":
            named[some, place] = np.nanmean(rest[some], axis=1) >= middle
            continue
        votes = np.stack([(rest == value).sum(axis=1) for value in values], axis=1)
        top = votes.max(axis=1)
        clear = some & ((votes == top[:, None]).sum(axis=1) == 1)
        named[clear, place] = values[votes[clear].argmax(axis=1)]
    return named


def _advantage(ours: FloatArray, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    ours = ours[~np.isnan(ours).all(axis=1)]
    weights = rng.standard_exponential((ADVANTAGE_DRAWS, ours.shape[0]))
    # Half an imagined win and half a loss, so that unbroken wins are no certainty.
    won, lost = rng.standard_gamma(0.5, size=(2, ADVANTAGE_DRAWS, ours.shape[1]))
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


def _warnings(
    found: Sequence[ExpertComparison], classes: Sequence[ClassComparison], experts: int
) -> tuple[str, ...]:
    notes: list[str] = []
    if len(found) < experts:
        notes.append(
            f"{experts - len(found)} experts have under {FEWEST_ITEMS} items to compare on and "
            "are left out."
        )
    if any(one.n < FEW_ITEMS for one in found):
        notes.append("some experts have under 30 items; the paper asks for 50 to 100.")
    notes.extend(
        f"on the {one.n} items of class {one.name} the judge wins {one.judge_wins:.0%} and the "
        f"experts {one.expert_wins:.0%}: it is not shown that the judge does not miss this class."
        for one in classes
        if not one.held
    )
    return tuple(notes)
