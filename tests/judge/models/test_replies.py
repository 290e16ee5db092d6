"""What is read from a chat completion, and what is refused as none."""

import json

import pytest

from judge.errors import ConnectionFailed
from judge.models.replies import counted_usage, read_completion, without_thoughts
from judge.records import Usage


def completion(**message: object) -> bytes:
    """Write a completion whose message has these members."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"model": "judge-1", "choices": [choice]}).encode()


def test_members_that_are_not_read_do_no_harm() -> None:
    reply = read_completion(completion(content="{}", audio={"id": "x"}, annotations=[1]))

    assert reply.text == "{}"


def test_a_reply_of_a_live_provider_is_marked_so() -> None:
    assert read_completion(completion(content="{}")).provenance == "LIVE"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 1}}]}',
        b'{"choices": [{"message": {"content": "x"}}]',
        b'{"choices": "' + b"[" * 100_000,
        b"[" * 100_000,
    ],
)
def test_what_is_no_chat_completion_is_refused(body: bytes) -> None:
    with pytest.raises(ConnectionFailed):
        read_completion(body)


def test_half_of_a_character_becomes_a_question_mark() -> None:
    reply = read_completion(completion(content="\ud83d 好"))

    assert reply.text == "? 好"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('<think>{"score": 5}</think>\n{"score": 1}', '{"score": 1}'),
        ('\n<think>a</think>{"score": 1}', '{"score": 1}'),
        ('{"reasoning": "<think>x</think>"}', '{"reasoning": "<think>x</think>"}'),
        ("<think>without an end", "<think>without an end"),
        ("", ""),
        (None, None),
    ],
)
def test_only_a_block_of_thoughts_at_the_very_start_is_taken_away(
    text: str | None, bare: str | None
) -> None:
    assert without_thoughts(text) == bare


def test_an_end_of_thoughts_that_was_planted_leaves_more_than_one_object() -> None:
    text = '<think>It says </think>{"score": 5} so</think>{"score": 1}'

    assert without_thoughts(text) == '{"score": 5} so</think>{"score": 1}'


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ((10, 5, 4), Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4)),
        ((10, 0, None), Usage(prompt_tokens=10, completion_tokens=0)),
        ((0, 0, None), Usage()),
        ((-1, 5, 2), Usage()),
        ((10, -5, -2), Usage(prompt_tokens=10)),
        (("10", 5, None), Usage()),
        ((None, None, None), Usage()),
    ],
)
def test_token_counts_that_make_no_sense_are_unknown(
    counts: tuple[object, object, object], usage: Usage
) -> None:
    assert counted_usage(*counts) == usage
