"""Distributions over levels from the token log-probabilities of a chat model's own reply.

A chat judge writes its reasons and then a score. Where its server tells how likely the other tokens
were at the place of the score, that is a distribution over levels, given the reasons. It is read
only where a level is one token there: then the alternatives are whole levels too. The score follows
the same rules as a decision model's, set beforehand; what the judge wrote is where they agree.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from judge.grading.decision_verdicts import scored_by_rule
from judge.models.base import Reply, Token
from judge.records import Scored, Verdict

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
