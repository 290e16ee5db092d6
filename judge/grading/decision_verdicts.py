"""From a decision model's probabilities to verdicts, by a rule that is set beforehand.

A criterion with two levels has the higher one where its probability reaches the threshold. Any
other has the level nearest to the expected level. The probabilities are kept beside the score, and
the rule with them. A refusal or a malformed answer concerns its own criterion and no other.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from judge.records import Reason, Scored, Unscored, Verdict
from rubrics.questions import CANNOT_ASSESS_SUFFIX, YES, TypedQuestion

SUM_TOLERANCE = 0.02
"""How far the probabilities of a question may be from 1 together: servers round them."""

ASSESSABLE_FROM = 0.5
"""From which probability on that a criterion cannot be assessed it counts as not assessed."""

EXPECTED_LEVEL = "expected level"
"""The rule of criteria with more than two levels."""


class DecisionAnswer(BaseModel):
    """One answer in our own form; see `judge.models.decision_wire`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    name: str
    probabilities: dict[str, float] | None = None
    refused: bool = False
    malformed: bool = False


class DecisionReply(BaseModel):
    """A whole reply in our own form."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    answers: list[DecisionAnswer]


def threshold_rule(threshold: float) -> str:
    """Name the rule of a criterion with two levels."""
    return f"threshold {threshold:g}"


def read_decisions(
    asked: Sequence[TypedQuestion], reply: DecisionReply, *, threshold: float
) -> tuple[Verdict, ...]:
    """Turn a reply into one verdict for each criterion.

    Parameters
    ----------
    asked : sequence of TypedQuestion
        What was asked.
    reply : DecisionReply
    threshold : float
        From which probability on a criterion with two levels has the higher one.

    Returns
    -------
    tuple of Scored or Unscored
        In the order of the questions.
    """
    given: dict[str, list[DecisionAnswer]] = defaultdict(list)
    for answer in reply.answers:
        given[answer.name].append(answer)
    return tuple(
        _verdict(question, given, threshold=threshold) for question in asked if question.about_level
    )


def _verdict(
    question: TypedQuestion, given: Mapping[str, list[DecisionAnswer]], *, threshold: float
) -> Verdict:
    found = _distribution(given.get(question.name, []), question)
    if not isinstance(found, Mapping):
        return Unscored(criterion=question.criterion, outcome=found)
    impossible = _impossible(given.get(question.criterion + CANNOT_ASSESS_SUFFIX, []))
    if isinstance(impossible, str):
        return Unscored(criterion=question.criterion, outcome=impossible)
    if impossible >= ASSESSABLE_FROM:
        return Unscored(criterion=question.criterion, outcome="unscored.cannot_assess")
    return scored_by_rule(question.criterion, found, threshold=threshold)


def scored_by_rule(criterion: str, found: Mapping[int, float], *, threshold: float) -> Scored:
    """Make a verdict of a distribution over levels.

    Parameters
    ----------
    criterion : str
    found : mapping of int to float
        Probability of each level; sums to 1.
    threshold : float
        From which probability on a criterion with two levels has the higher one.
    """
    two = len(found) == 2
    return Scored(
        criterion=criterion,
        score=_by_threshold(found, threshold) if two else _nearest_level(found),
        probabilities=found,
        rule=threshold_rule(threshold) if two else EXPECTED_LEVEL,
    )


def _distribution(
    answers: Sequence[DecisionAnswer], question: TypedQuestion
) -> Mapping[int, float] | Reason:
    """Give the probability of each level, summing to 1, or the reason why there is none."""
    only = _only(answers)
    if isinstance(only, str):
        return only
    levels = {str(option.level): option.level for option in question.options}
    shares = only.probabilities or {}
    if set(shares) != set(levels):
        return "unscored.out_of_scale"
    total = sum(shares.values())
    outside = any(not 0.0 <= share <= 1.0 for share in shares.values())
    if outside or abs(total - 1.0) > SUM_TOLERANCE:
        return "unscored.parse_invalid"
    return {level: shares[name] / total for name, level in levels.items()}


def _only(answers: Sequence[DecisionAnswer]) -> DecisionAnswer | Reason:
    if len(answers) != 1:
        return "unscored.parse_ambiguous" if answers else "unscored.parse_invalid"
    answer = answers[0]
    if answer.refused:
        return "unscored.judge_refused"
    return "unscored.parse_invalid" if answer.malformed else answer


def _impossible(answers: Sequence[DecisionAnswer]) -> float | Reason:
    """Give the probability that the criterion cannot be assessed; 0 where that was refused."""
    only = _only(answers)
    if isinstance(only, str):
        return 0.0 if only == "unscored.judge_refused" else only
    share = (only.probabilities or {}).get(YES, math.nan)
    return share if 0.0 <= share <= 1.0 else "unscored.parse_invalid"


def _by_threshold(found: Mapping[int, float], threshold: float) -> int:
    low, high = sorted(found)
    return high if found[high] >= threshold else low


def _nearest_level(found: Mapping[int, float]) -> int:
    """Give the level nearest to the expected one; of two that are as near, the lower."""
    expected = sum(level * share for level, share in found.items())
    return min(sorted(found), key=lambda level: round(abs(level - expected), 9))
