"""Choose on the select part: the simplest candidate within one standard error of the best.

Scores are class-balanced agreement with the experts; a case without a verdict under one of two
setups is missing from their comparison. The rule is that of Breiman, Friedman, Olshen and Stone
(1984, section 3.4.3), with the standard error of the paired difference. It chooses among new
setups; the old one stays where none of them gains anything, and whether the chosen one is better is
for the proof to say: on a small part the rule would keep the old rubric against most real gains.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.validation import FloatArray
from judge.improve.cases import Case
from judge.improve.components import (
    ANCHORS,
    COUNTER_RULES,
    DEFINITION,
    added_characters,
    changed_fields,
)
from judge.improve.evaluation import (
    Judged,
    Setup,
    agreement_scores,
    labels_of,
    levels_of,
    scale_ends,
)
from judge.records import Record
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

Pair = tuple[float, float] | None
"""A difference and its standard error; None where it cannot be known."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A setup that may take the place of the old one.

    Attributes
    ----------
    setup : Setup
    origin : str
        Who proposed it: ``old``, ``gepa``, ``examples``, ``hand``.
    example_keys : tuple of str
        Content keys of the cases that it shows as worked examples.
    """

    setup: Setup
    origin: str
    example_keys: tuple[str, ...] = ()


class Scored(Record):
    """How one candidate did on the select part."""

    name: str
    origin: str
    version: str
    digest: str
    judges: tuple[str, ...]
    fields: tuple[str, ...]
    """Texts that differ from the old rubric."""
    added_characters: int
    agreement: float | None
    """Class-balanced, a fraction; None where nothing was scored."""
    missing: int
    """Verdicts that the setup did not give."""
    gain: float | None
    """Over the old setup, on cases that both scored."""
    standard_error: float | None
    """Of the paired difference to the best candidate; None where they share no case."""
    calls_per_item: int
    usd_per_item: float | None
    usd_per_point: float | None
    """Dollars more for each item, for each percentage point of agreement gained; None where
    agreement did not grow or a price is not known."""
    rejected: str | None = None
    """Why a guard rejected it."""
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A candidate with what it said of the select part."""

    candidate: Candidate
    judged: tuple[Judged, ...]


def case_scores(
    judged: Sequence[Judged], cases: Sequence[Case], *, rubric: Rubric, criteria: Sequence[str]
) -> FloatArray:
    """Score verdicts, shape (criteria, cases); NaN where a verdict or a label is missing."""
    return np.array(
        [
            agreement_scores(
                levels_of(judged, name), labels_of(cases, name), scale_ends(rubric, name)
            )
            for name in criteria
        ]
    )


def balance(cases: Sequence[Case], criteria: Sequence[str]) -> FloatArray:
    """Weigh labels so that each class of each criterion counts alike, shape (criteria, cases).

    Returns
    -------
    float array
        Mean 1 over all labels; 0 where there is no label.
    """
    weights = np.zeros((len(criteria), len(cases)))
    for row, name in enumerate(criteria):
        labels = labels_of(cases, name).tolist()
        sizes = Counter(label for label in labels if label == label)  # noqa: PLR0124 - NaN
        for place, label in enumerate(labels):
            if sizes[label]:
                weights[row, place] = 1.0 / (len(sizes) * sizes[label])
    labelled = weights > 0.0
    total = float(weights.sum())
    return weights * (labelled.sum() / total) if total else weights


def mean_score(scores: FloatArray, weights: FloatArray) -> float | None:
    """Average what is scored by weight; None where nothing is."""
    used = ~np.isnan(scores) & (weights > 0.0)
    if not used.any():
        return None
    return float((scores[used] * weights[used]).sum() / weights[used].sum())


def paired(
    first: FloatArray, second: FloatArray, *, weights: FloatArray, clusters: Sequence[str]
) -> tuple[float, float] | None:
    """Estimate how much higher the first scores than the second, and its standard error.

    Parameters
    ----------
    first, second : float array, shape (criteria, cases)
        NaN where missing.
    weights : float array, shape (criteria, cases)
    clusters : sequence of str, length cases

    Returns
    -------
    (float, float) or None
        Difference and cluster-robust standard error (Liang and Zeger 1986), both as fractions;
        None where no case is scored by both, or all lie in one cluster.
    """
    difference = first - second
    used = ~np.isnan(difference) & (weights > 0.0)
    weight = np.where(used, weights, 0.0)
    total = float(weight.sum())
    if total == 0.0:
        return None
    mean = float((weight * np.where(used, difference, 0.0)).sum()) / total
    residuals = (weight * np.where(used, difference - mean, 0.0)).sum(axis=0)
    index = np.unique(np.array(clusters), return_inverse=True)[1]
    sums = np.bincount(index, weights=residuals)
    present = int((np.bincount(index, weights=weight.sum(axis=0)) > 0.0).sum())
    if present < 2:
        return None
    variance = float((sums**2).sum()) * present / (present - 1) / total**2
    return mean, float(np.sqrt(variance))


def choose(
    trials: Sequence[Trial],
    cases: Sequence[Case],
    criteria: Sequence[str],
    *,
    prices: Mapping[str, float | None] | None = None,
) -> tuple[list[Scored], list[int]]:
    """Rank candidates.

    Parameters
    ----------
    trials : sequence of Trial
        The old setup first.
    cases : sequence of Case
        The select part.
    criteria : sequence of str
    prices : mapping of str to float or None, optional
        Judge to dollars for one item, where known.

    Returns
    -------
    list of Scored
        One for each trial, in order.
    list of int
        Places of the trials worth trying, best choice first; it ends with 0, the old setup.
    """
    old = trials[0].candidate.setup.rubric
    weights = balance(cases, criteria)
    clusters = [case.cluster for case in cases]
    scores = [case_scores(trial.judged, cases, rubric=old, criteria=criteria) for trial in trials]
    means = [mean_score(each, weights) for each in scores]
    known = [place for place, mean in enumerate(means) if mean is not None]
    costs = [_cost(trial, prices or {}) for trial in trials]
    if not known or means[0] is None:
        return [_scored(trials, place, means, costs=costs) for place in range(len(trials))], [0]
    gains = [paired(each, scores[0], weights=weights, clusters=clusters) for each in scores]
    gaining = [place for place in known if place and _gain(gains, place) > 0.0]
    best = max(gaining, key=lambda place: (_gain(gains, place), -place), default=0)
    behind = [paired(scores[best], each, weights=weights, clusters=clusters) for each in scores]
    within = [place for place in gaining if place == best or _within(behind[place])]
    within.sort(key=lambda place: _effort(trials, place, costs))
    rest = [place for place in gaining if place not in within]
    rest.sort(key=lambda place: -_gain(gains, place))
    order = [*within, *rest]
    rows = [
        _scored(trials, place, means, costs=costs, pairs=(gains[place], behind[place]))
        for place in range(len(trials))
    ]
    return rows, [*order, 0]


def _within(behind: Pair) -> bool:
    """Tell whether a setup lies within one standard error of the best, rounding aside."""
    return behind is not None and behind[0] <= behind[1] * (1.0 + 1e-9)


def _gain(gains: Sequence[tuple[float, float] | None], place: int) -> float:
    pair = gains[place]
    return 0.0 if pair is None else pair[0]


def _cost(trial: Trial, prices: Mapping[str, float | None]) -> float | None:
    """Add up what one item costs under all judges of a setup; None where a price is not known."""
    costs = [prices.get(judge) for judge in trial.candidate.setup.judges]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _effort(
    trials: Sequence[Trial], place: int, costs: Sequence[float | None]
) -> tuple[int, float, int, int, int]:
    """Order setups from the simplest: fewer calls, cheaper, plainer, shorter, earlier.

    A definition is plainer than a counter-rule, and that than a level that is told anew.
    """
    setup, old = trials[place].candidate.setup, trials[0].candidate.setup.rubric
    kinds = (DEFINITION, COUNTER_RULES, ANCHORS)
    fields = changed_fields(old, setup.rubric)
    plain = sum(10**at for name in fields for at, kind in enumerate(kinds) if kind in name)
    return (
        len(setup.judges),
        costs[place] or 0.0,
        plain,
        added_characters(old, setup.rubric),
        place,
    )


def _scored(
    trials: Sequence[Trial],
    place: int,
    means: Sequence[float | None],
    *,
    costs: Sequence[float | None],
    pairs: tuple[Pair, Pair] = (None, None),
) -> Scored:
    setup, old = trials[place].candidate.setup, trials[0].candidate.setup.rubric
    gain, behind = pairs
    points = None if gain is None else 100.0 * gain[0]
    usd, base = costs[place], costs[0]
    price = None
    if usd is not None and base is not None and points is not None and points > 0.0:
        price = (usd - base) / points
    return Scored(
        name=setup.name,
        origin=trials[place].candidate.origin,
        version=setup.rubric.version,
        digest=rubric_digest(setup.rubric),
        judges=setup.judges,
        fields=changed_fields(old, setup.rubric),
        added_characters=added_characters(old, setup.rubric),
        agreement=means[place],
        missing=sum(None in each.levels.values() for each in trials[place].judged),
        gain=None if gain is None else gain[0],
        standard_error=None if behind is None else behind[1],
        calls_per_item=len(setup.judges),
        usd_per_item=usd,
        usd_per_point=price,
    )
