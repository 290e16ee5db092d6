"""From probabilities to verdicts, by a rule that is set beforehand.

A criterion with two levels has the higher one where its probability reaches the threshold. Any
other has the level nearest to the expected level. The probabilities are kept beside the score, and
the rule with them. A refusal or a malformed answer concerns its own criterion and no other.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from judge.grading.reply_parsing import Unreadable, read_object
from judge.models.base import DecisionAnswer, Reply, Token
from judge.records import Reason, Scored, Unscored, Verdict, replaced
from rubrics.prompt import CANNOT_ASSESS_SUFFIX, TypedQuestion

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


# Distributions over levels from the token log-probabilities of a chat model's own reply.

LEAST_MASS = 0.5
"""Probability that the levels must have together, beside the tokens that are none."""

_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)

Levels = Mapping[str, tuple[int, ...]]
Span = tuple[int, int]


def with_token_probabilities(
    verdicts: Sequence[Verdict], reply: Reply, *, levels: Levels, threshold: float
) -> tuple[Verdict, ...]:
    """Give verdicts the distributions that the reply's tokens allow.

    Parameters
    ----------
    verdicts : sequence of Scored or Unscored
        Read from the reply; those without a score stay as they are.
    reply : Reply
        With or without tokens.
    levels : mapping of str to tuple of int
        Levels of each criterion.
    threshold : float
        From which probability on a criterion with two levels has the higher one.

    Returns
    -------
    tuple of Scored or Unscored
        In the order given; a verdict whose level is not one token has no distribution.
    """
    if not reply.tokens or not reply.text:
        return tuple(verdicts)
    places = _score_places(reply.tokens, reply.text.strip())
    made: list[Verdict] = []
    for verdict in verdicts:
        token, scale = places.get(verdict.criterion), levels.get(verdict.criterion, ())
        if verdict.kind == "scored" and token is not None:
            found = distribution(token, scale, written=verdict.score)
            made.append(verdict if found is None else _scored(verdict, found, threshold))
        else:
            made.append(verdict)
    return tuple(made)


def _scored(verdict: Scored, found: Mapping[int, float], threshold: float) -> Verdict:
    ruled = scored_by_rule(verdict.criterion, found, threshold=threshold)
    kept = {"rationale": verdict.rationale, "evidence": verdict.evidence}
    return ruled.model_copy(update=kept)


def distribution(
    token: Token, levels: Sequence[int], *, written: int
) -> Mapping[int, float] | None:
    """Give the probability of each level at the place of the score.

    Parameters
    ----------
    token : Token
        The one that was written there.
    levels : sequence of int
    written : int
        The level that the judge wrote.

    Returns
    -------
    mapping of int to float, or None
        Sums to 1; levels that are not among the alternatives have 0, for servers list the likeliest
        only. None where the token is not the whole level, another level may begin with the same
        token, or the levels have less than half of the probability together.

    Examples
    --------
    >>> distribution(Token(b"1", {"1": -0.1, "0": -2.5}), (0, 1), written=1)
    {0: 0.08..., 1: 0.91...}
    """
    shares = dict.fromkeys(levels, 0.0)
    names = {str(level): level for level in levels}
    if token.text.strip() != str(written).encode() or written not in shares:
        return None
    for text, logarithm in token.alternatives.items():
        if not logarithm <= 1e-6:
            return None
        level = names.get(text.strip())
        if level is not None:
            shares[level] += math.exp(logarithm)
    if _could_go_on(names, {text.strip() for text in token.alternatives}):
        return None
    total = sum(shares.values())
    if not LEAST_MASS <= total <= 1.0 + 1e-3 or shares[written] == 0.0:
        return None
    return {level: share / total for level, share in shares.items()}


def _could_go_on(names: Mapping[str, int], seen: set[str]) -> bool:
    """Whether a listed level may stand for a longer one that begins alike, as 1 for 10.

    Where the longer one is listed itself, the model has a token of its own for it.
    """
    return any(
        long != short and long.startswith(short) and long not in seen
        for short in seen & set(names)
        for long in names
    )


def _score_places(tokens: Sequence[Token], text: str) -> Mapping[str, Token]:
    """Find, for each criterion, the one token in which its score stands."""
    whole, reply = b"".join(token.text for token in tokens), text.encode("utf-8", "replace")
    start = whole.rfind(reply)
    if start < 0:
        return {}
    ends = list(accumulate(len(token.text) for token in tokens))
    found: dict[str, Token] = {}
    for criterion, (first, last) in score_spans(reply):
        begin, end = start + first, start + last
        holding = [
            token
            for token, stop in zip(tokens, ends, strict=True)
            if stop > begin and stop - len(token.text) < end
        ]
        if len(holding) == 1:
            found[criterion] = holding[0]
    return found


def score_spans(reply: bytes) -> Iterator[tuple[str, Span]]:
    r"""Find where the scores stand in a reply: one object of objects, each with a ``score``.

    Parameters
    ----------
    reply : bytes
        Valid JSON; text within strings is never taken for a key.

    Yields
    ------
    (str, (int, int))
        The criterion, and the first byte of its score and the one behind its last.

    Examples
    --------
    >>> list(score_spans(b'{"safe": {"reasoning": "\\"score\\": 0", "score": 1}}'))
    [('safe', (48, 49))]
    """
    depth, criterion, key, before = 0, "", "", b""
    for piece in _PIECE.finditer(reply):
        mark = piece[0]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif mark == b":" and depth == 1:
            criterion = before[1:-1].decode()
        elif mark == b":" and depth == 2:
            key = before[1:-1].decode()
        elif depth == 2 and key == "score":
            yield criterion, piece.span()
            key = ""
        before = mark
