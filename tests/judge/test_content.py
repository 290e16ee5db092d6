"""Answers that say nothing are told from short answers."""

import pytest

from judge.content import has_content


@pytest.mark.parametrize(
    "response",
    [
        "",
        " \n\t",
        ":",
        "。",
        "...",
        "\u200b\u200b",
        "Thought process:",
        "Solution:",
        "答案：",
        "——",
    ],
)
def test_an_answer_that_says_nothing_has_no_content(response: str) -> None:
    assert not has_content(response)


@pytest.mark.parametrize(
    "response", ["4", "是", "No.", "不行", "B", "👍", "Answer: 4", "解：x=2", "Paris", "回答"]
)
def test_a_short_answer_has_content(response: str) -> None:
    assert has_content(response)
