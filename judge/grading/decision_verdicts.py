"""From a decision model's probabilities to verdicts, by a rule that is set beforehand.

A criterion with two levels has the higher one where its probability reaches the threshold. Any
other has the level nearest to the expected level. The probabilities are kept beside the score, and
the rule with them. A refusal or a malformed answer concerns its own criterion and no other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from judge.grading.reply_parsing import Unreadable, read_object
from judge.models.base import DecisionAnswer, Reply
from judge.records import Reason, Scored, Unscored, Verdict, replaced
from rubrics.questions import CANNOT_ASSESS_SUFFIX, TypedQuestion

ASSESSABLE_FROM = 0.5
"""From which probability on that a criterion cannot be assessed it counts as not assessed."""

EXPECTED_LEVEL = "expected level"
"""The rule of criteria with more than two levels."""

_SCORED = Scored(criterion="", score=0, probabilities=None, rule=None)


@lru_cache(maxsize=64)
def threshold_rule(threshold: float) -> str:
    """Name the rule of a criterion with two levels."""
    return f"threshold {threshold:g}"


def read_decisions(
    asked: Sequence[TypedQuestion],
    reply: Reply,
    canaries: tuple[str, ...] = (),
    *,
    threshold: float,
) -> tuple[Verdict, ...]:
    """Turn a reply into one verdict for each criterion.

    Parameters
    ----------
    asked : sequence of TypedQuestion
        What was asked.
    reply : Reply
        Of a decision model.
    canaries : tuple of str
        Secrets of the prompt; a reply of another shape that holds one leaks it.
    threshold : float
        From which probability on a criterion with two levels has the higher one.

    Returns
    -------
    tuple of Scored or Unscored
        In the order of the questions.
    """
    criteria = [question.criterion for question in asked if question.about_level]
    if reply.answers is None:
        reason = _reason_of(reply, canaries)
        return tuple(Unscored(criterion=criterion, outcome=reason) for criterion in criteria)
    given: dict[str, list[DecisionAnswer]] = defaultdict(list)
    for answer in reply.answers:
        given[answer.name].append(answer)
    return tuple(_verdict(criterion, given, threshold=threshold) for criterion in criteria)


def _reason_of(reply: Reply, canaries: tuple[str, ...]) -> Reason:
    """Say why a reply is no set of answers: as of any text, or because it is of another shape."""
    try:
        read_object(reply, canaries=canaries)
    except Unreadable as unreadable:
        return unreadable.reason
    return "unscored.parse_invalid"


def _verdict(
    criterion: str, given: Mapping[str, list[DecisionAnswer]], *, threshold: float
) -> Verdict:
    found = _only(given.get(criterion))
    if isinstance(found, str):
        return Unscored(criterion=criterion, outcome=found)
    impossible = _only(given.get(criterion + CANNOT_ASSESS_SUFFIX))
    if isinstance(impossible, str):
        if impossible != "unscored.judge_refused":
            return Unscored(criterion=criterion, outcome=impossible)
    elif impossible[1] >= ASSESSABLE_FROM:
        return Unscored(criterion=criterion, outcome="unscored.cannot_assess")
    return scored_by_rule(criterion, found, threshold=threshold)


def _only(answers: Sequence[DecisionAnswer] | None) -> Mapping[int, float] | Reason:
    """Give the probabilities of the one answer to a question, or why there are none."""
    if not answers:
        return "unscored.parse_invalid"
    if len(answers) > 1:
        return "unscored.parse_ambiguous"
    (answer,) = answers
    if answer.probabilities is None:
        return answer.reason or "unscored.parse_invalid"
    return answer.probabilities


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
    # Every value was checked as it was read.
    return replaced(
        _SCORED,
        criterion=criterion,
        score=_by_threshold(found, threshold) if two else _nearest_level(found),
        probabilities=found,
        rule=threshold_rule(threshold) if two else EXPECTED_LEVEL,
    )


def _by_threshold(found: Mapping[int, float], threshold: float) -> int:
    low, high = sorted(found)
    return high if found[high] >= threshold else low


def _nearest_level(found: Mapping[int, float]) -> int:
    """Give the level nearest to the expected one; of two that are as near, the lower."""
    expected = sum(level * share for level, share in found.items())
    return min(sorted(found), key=lambda level: round(abs(level - expected), 9))
