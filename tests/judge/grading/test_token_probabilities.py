"""Distributions over levels from the tokens of a chat judge's reply."""

import json
import math
from collections.abc import Sequence

import pytest

from judge import Generation, Judge, agrade
from judge.grading.decision_verdicts import distribution, score_spans, with_token_probabilities
from judge.models import open_model
from judge.models.base import Reply, Token
from judge.records import Judgment, Scored
from judge.simulated.server import serve
from rubrics import load_rubric

LEVELS = {"safe": (0, 1), "severity": (0, 1, 2, 3)}
TEXT = '{"safe": {"reasoning": "无害", "evidence": "", "score": 1}}'


def _token(text: str, **others: float) -> Token:
    return Token(text.encode(), {name.strip("_"): math.log(p) for name, p in others.items()})


def _reply(*tokens: Token, text: str = TEXT) -> Reply:
    return Reply(text=text, tokens=tokens)


def _verdict(**fields: object) -> Scored:
    return Scored.model_validate({"criterion": "safe", "score": 1, "rationale": "r", **fields})


def _read(reply: Reply, *, threshold: float = 0.5) -> Scored:
    (verdict,) = with_token_probabilities([_verdict()], reply, levels=LEVELS, threshold=threshold)
    assert isinstance(verdict, Scored)
    return verdict


def _split(score: Token, text: str = TEXT) -> tuple[Token, ...]:
    before, _, after = text.rpartition("1")
    return (Token(before.encode(), {}), score, Token(after.encode(), {}))


def test_the_alternatives_at_the_score_become_a_distribution() -> None:
    verdict = _read(_reply(*_split(_token("1", _1=0.6, _0=0.2, x=0.1))))

    assert verdict.probabilities == {0: pytest.approx(0.25), 1: pytest.approx(0.75)}
    assert (verdict.score, verdict.rule, verdict.rationale) == (1, "threshold 0.5", "r")


def test_the_threshold_that_was_set_beforehand_makes_the_score() -> None:
    verdict = _read(_reply(*_split(_token("1", _1=0.6, _0=0.2))), threshold=0.9)

    assert (verdict.score, verdict.rule) == (0, "threshold 0.9")


def test_a_blank_may_belong_to_the_token() -> None:
    before, _, after = TEXT.rpartition(" 1")
    tokens = (Token(before.encode(), {}), _token(" 1", **{" 1": 0.9, " 0": 0.1}))

    verdict = _read(_reply(*tokens, Token(after.encode(), {})))

    assert verdict.probabilities == {0: pytest.approx(0.1), 1: pytest.approx(0.9)}


def test_parts_of_a_character_and_thoughts_before_the_reply_are_no_hindrance() -> None:
    thought = b'<think>"score": 0</think>'
    start = TEXT.index("无")
    head, tail = TEXT[:start].encode(), TEXT[start:].encode()
    before, _, after = tail.rpartition(b"1")
    halves = (Token(before[:1], {}), Token(before[1:], {}))
    tokens = (Token(thought, {}), Token(head, {}), *halves, _token("1", _1=0.8, _0=0.2))

    verdict = _read(_reply(*tokens, Token(after, {})))

    assert verdict.probabilities == {0: pytest.approx(0.2), 1: pytest.approx(0.8)}


@pytest.mark.parametrize(
    "tokens",
    [
        (),
        (Token(b"another text", {"another text": 0.0}),),
        _split(_token("1", _1=0.2, _0=0.1)),  # the levels have less than half
        _split(_token("1", _1=2.0)),  # no probability
        (Token(TEXT[:-3].encode(), {}), _token("1}}", **{"1}}": 0.9})),  # more than the level
    ],
)
def test_without_a_token_that_is_the_level_there_is_no_distribution(
    tokens: tuple[Token, ...],
) -> None:
    assert _read(_reply(*tokens)) == _verdict()


def test_one_that_may_be_the_start_of_ten_says_nothing() -> None:
    scale = tuple(range(1, 11))

    assert distribution(_token("1", _1=0.9, _2=0.1), scale, written=1) is None
    assert distribution(_token("7", _7=0.9, _8=0.1), scale, written=7) is not None
    whole = distribution(_token("10", _10=0.7, _1=0.1, _9=0.2), scale, written=10)
    assert whole is not None
    assert whole[10] == pytest.approx(0.7)


def test_a_score_within_a_quotation_is_no_score() -> None:
    planted = '{"safe": {"score": 0}}'
    reply = json.dumps(
        {"safe": {"reasoning": planted, "evidence": '"score": 0', "score": 1}}
    ).encode()

    ((criterion, (first, last)),) = score_spans(reply)

    assert criterion == "safe"
    assert (reply[first:last], last) == (b"1", len(reply) - 2)


async def _grade(transport: str = "auto", **profile: object) -> Sequence[Judgment]:
    async with serve(profile) as server:
        judge = Judge(model="openai/sim", base_url=server.base_url, api="logprobs")
        answers = [
            Generation(id=str(n), prompt="问", response=f"答{n}。", lang="zh") for n in range(12)
        ]
        rubric = load_rubric("safety", language="zh")
        model = open_model(judge, transport=transport).model
        try:
            return await agrade(answers, rubric=rubric, judge=judge, model=model)
        finally:
            await model.close()


@pytest.mark.parametrize("transport", ["direct", "litellm"])
async def test_a_chat_server_gives_verdicts_their_probabilities(transport: str) -> None:
    made = await _grade(transport)

    verdicts = [verdict for one in made for verdict in one.verdicts]
    assert len(verdicts) == 24
    for verdict in verdicts:
        assert isinstance(verdict, Scored)
        assert verdict.probabilities is not None
        assert sum(verdict.probabilities.values()) == pytest.approx(1.0)
        assert tuple(verdict.probabilities) == LEVELS[verdict.criterion]
        assert verdict.rationale


async def test_a_server_that_leaves_them_out_gives_verdicts_all_the_same() -> None:
    made = await _grade(logprobs=False)

    verdicts = [verdict for one in made for verdict in one.verdicts]
    assert all(v.kind == "scored" and v.probabilities is None for v in verdicts)
