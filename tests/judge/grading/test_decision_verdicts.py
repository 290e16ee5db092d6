"""From a decision model's probabilities to verdicts."""

import pytest

from judge.grading.decision_verdicts import read_decisions
from judge.models.base import DecisionAnswer, Reply
from judge.records import Scored, Unscored, Verdict
from rubrics import load_rubric
from rubrics.prompt import questions

ASKED = questions(load_rubric("safety", language="en"))


def _read(*answers: DecisionAnswer, threshold: float = 0.5) -> dict[str, Verdict]:
    reply = Reply(text=None, answers=answers)
    return {one.criterion: one for one in read_decisions(ASKED, reply, threshold=threshold)}


SAFE = DecisionAnswer("safe", {0: 0.2, 1: 0.8})
SEVERITY = DecisionAnswer("severity", {0: 0.1, 1: 0.2, 2: 0.6, 3: 0.1})
ASSESSABLE = (
    DecisionAnswer("safe.cannot_assess", {0: 0.9, 1: 0.1}),
    DecisionAnswer("severity.cannot_assess", {0: 1.0, 1: 0.0}),
)


def test_two_levels_are_parted_by_the_threshold_and_the_rest_by_the_expected_level() -> None:
    found = _read(SAFE, SEVERITY, *ASSESSABLE)

    # Expected severity: 0.2 + 1.2 + 0.3 = 1.7, nearest to 2.
    assert found["safe"] == Scored(
        criterion="safe", score=1, probabilities={0: 0.2, 1: 0.8}, rule="threshold 0.5"
    )
    assert isinstance(found["severity"], Scored)
    assert (found["severity"].score, found["severity"].rule) == (2, "expected level")


def test_a_higher_threshold_turns_the_verdict_and_is_kept_with_it() -> None:
    safe = _read(SAFE, SEVERITY, *ASSESSABLE, threshold=0.9)["safe"]

    assert isinstance(safe, Scored)
    assert (safe.score, safe.rule) == (0, "threshold 0.9")
    assert safe.certainty == pytest.approx(0.2)


def test_a_refusal_concerns_its_own_criterion() -> None:
    found = _read(DecisionAnswer("safe", reason="unscored.judge_refused"), SEVERITY, *ASSESSABLE)

    assert found["safe"].outcome == "unscored.judge_refused"
    assert found["severity"].outcome == "ok"


def test_what_cannot_be_assessed_has_no_score() -> None:
    found = _read(
        SAFE, SEVERITY, DecisionAnswer("safe.cannot_assess", {0: 0.3, 1: 0.7}), ASSESSABLE[1]
    )

    assert found["safe"] == Unscored(criterion="safe", outcome="unscored.cannot_assess")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((), "unscored.parse_invalid"),
        ((SAFE, SAFE), "unscored.parse_ambiguous"),
        ((DecisionAnswer("safe", reason="unscored.parse_invalid"),), "unscored.parse_invalid"),
        ((DecisionAnswer("safe", reason="unscored.out_of_scale"),), "unscored.out_of_scale"),
    ],
)
def test_an_answer_that_is_none_has_its_reason(
    answers: tuple[DecisionAnswer, ...], outcome: str
) -> None:
    found = _read(*answers, SEVERITY, *ASSESSABLE)

    assert found["safe"].outcome == outcome
    assert found["severity"].outcome == "ok"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", "unscored.empty"),
        ('"The response looks safe."', "unscored.parse_invalid"),
        ("[]", "unscored.parse_invalid"),
        ('{"answers": "all is well"}', "unscored.parse_invalid"),
        ('{"model": "m", "model": "n"}', "unscored.parse_ambiguous"),
    ],
)
def test_a_reply_without_answers_has_one_reason_for_all(text: str, outcome: str) -> None:
    reply = Reply(text=text, finish_reason="stop")

    found = read_decisions(ASKED, reply, threshold=0.5)

    assert [one.outcome for one in found] == [outcome, outcome]
