"""Verdicts by rules: the same records as a judge's, of a session or of one turn."""

from pathlib import Path

import pytest

from judge.conversation import units
from judge.grading.pointwise import computed
from judge.records import Generation, ToolCall, Turn
from rubrics.load import checked, parse_document
from rubrics.rubric import Rubric
from tests.rubrics.test_rules import RULES

MESSAGES = (
    Turn(role="user", content="Tidy up."),
    Turn(role="assistant", tool_calls=(ToolCall(id="a", name="search", arguments="{}"),)),
    Turn(role="tool", content="3 files", tool_call_id="a"),
    Turn(role="assistant", tool_calls=(ToolCall(id="b", name="shell", arguments="rm"),)),
    Turn(role="tool", content="done", tool_call_id="b"),
    Turn(role="assistant", content="All done."),
)
SESSION = Generation(id="d1", prompt="Tidy up.", response="All done.", messages=MESSAGES)


def rubric(unit: str = "session", language: str = "en", direction: str = "higher") -> Rubric:
    text = RULES.replace("unit: session", f"unit: {unit}")
    text = text.replace("language: en", f"language: {language}")
    text = text.replace("direction: higher", f"direction: {direction}")
    return checked(Rubric, parse_document(text, path=Path("rules.yaml")))


def test_a_session_is_scored_with_its_first_breach_and_its_turn() -> None:
    (verdict,) = computed(rubric(), SESSION)
    assert verdict.kind == "scored"
    assert (verdict.score, verdict.turn, verdict.evidence) == (0, 3, "shell")
    assert verdict.rationale == "shell was called, which is denied."
    assert verdict.evidence in MESSAGES[3].text


def test_each_turn_is_scored_by_its_own_calls() -> None:
    each = rubric("each_reply")
    scores = {unit.turn: computed(each, unit)[0] for unit in units([SESSION], [each]) if unit.turn}
    found = {turn: v.score for turn, v in scores.items() if v.kind == "scored"}
    assert found == {1: 1, 3: 0, 5: 1}


def test_a_row_without_messages_has_no_score() -> None:
    plain = Generation(id="p", prompt="Tidy up.", response="Done.")
    (verdict,) = computed(rubric(), plain)
    assert (verdict.kind, verdict.outcome) == ("unscored", "unscored.cannot_assess")


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "shell was called, which is denied."), ("zh", "调用了被禁止的工具 shell。")],
)
def test_reasons_are_in_the_rubrics_language(language: str, words: str) -> None:
    assert computed(rubric(language=language), SESSION)[0].rationale == words


def test_a_breach_is_the_worse_level_whichever_end_that_is() -> None:
    (verdict,) = computed(rubric(direction="lower"), SESSION)
    assert verdict.kind == "scored"
    assert verdict.score == 1
