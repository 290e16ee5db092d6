"""Each wrong payload is wrong in its own way, and in that way only."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from judge.simulated import PAYLOADS, Profile, SimulatedJudge
from judge.simulated.openai_protocol import as_json, completion, read_request
from judge.simulated.payloads import wrong_payload
from judge.simulated.server import simulated_server
from tests.judge.chats import NONCE, chat, free_chat, post, read_chat, verdict_of

MATERIAL = {"prompt": "What now?", "response": "Call for help first. Then wait."}
MODES = sorted(PAYLOADS)
NEEDS_TOOL = {"two_tool_calls", "wrong_tool_name", "text_for_tool_call"}
"""Wrong only where a tool is asked for."""


def body_of(mode: str, **options: Any) -> bytes:
    request = read_chat(MATERIAL, **options)
    honest = SimulatedJudge().answer(request)
    return wrong_payload(mode, Profile(), request, honest=honest)


def choice_of(mode: str, **options: Any) -> Any:
    return json.loads(body_of(mode, **options))["choices"][0]


def content_of(mode: str, **options: Any) -> str:
    return choice_of(mode, **options)["message"]["content"]


def test_at_least_thirty_payloads_have_a_description() -> None:
    assert len(MODES) >= 30
    assert all(does.endswith(".") for does in PAYLOADS.values())


@pytest.mark.parametrize(
    ("mode", "rung"),
    [
        (mode, rung)
        for mode in MODES
        for rung in ("json_schema", "tools")
        if rung == "tools" or mode not in NEEDS_TOOL
    ],
)
def test_every_payload_differs_from_the_honest_body(mode: str, rung: str) -> None:
    request = read_chat(MATERIAL, rung=rung)
    honest = as_json(completion(Profile(), request, SimulatedJudge().answer(request)))

    assert body_of(mode, rung=rung) != honest


@pytest.mark.parametrize("mode", MODES)
def test_every_payload_can_strike_a_request_for_free_text(mode: str) -> None:
    request = read_request(free_chat("hello"))

    assert isinstance(
        wrong_payload(mode, Profile(), request, honest=SimulatedJudge().answer(request)), bytes
    )


@pytest.mark.parametrize(
    ("mode", "written"),
    [
        ("nan", '"score": NaN'),
        ("infinity", '"score": Infinity'),
        ("overflow_number", '"score": 1e400'),
        ("out_of_range", '"score": 99'),
        ("negative_score", '"score": -1'),
        ("float_score", '"score": 1.0'),
        ("fractional_score", '"score": 0.5'),
        ("string_score", '"score": "1"'),
        ("bool_score", '"score": true'),
        ("null_score", '"score": null'),
        ("array_score", '"score": [1]'),
        ("wrong_type", '"score": {"value": 1}'),
        ("duplicate_key", '"score": 0, "score": 1'),
        ("extra_key", '"confidence": 0.9'),
        ("extra_criterion", '"charm": {"score": 1}'),
        ("lone_surrogate", "SIMULATED \\ud800"),
        ("leaked_nonce", NONCE),
        ("control_characters", "\\u001b[2J"),
        ("markup", "<script>"),
        ("unquoted_evidence", "never written by anyone"),
        ("think_block", "</think>\n{"),
        ("prose_around", "} as explained."),
        ("trailing_comma", "},}"),
        ("single_quotes", "{'safe'"),
    ],
)
def test_what_is_wrong_stands_in_the_reply(mode: str, written: str) -> None:
    assert written in content_of(mode)


@pytest.mark.parametrize(
    ("mode", "finish_reason"),
    [
        ("truncated_length", "length"),
        ("truncated_stop", "stop"),
        ("filtered_in_mid_sentence", "content_filter"),
    ],
)
def test_truncated_replies_are_not_json_and_say_why(mode: str, finish_reason: str) -> None:
    choice = choice_of(mode)

    assert choice["finish_reason"] == finish_reason
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["content"])


@pytest.mark.parametrize(
    ("mode", "content"),
    [
        ("empty_content", ""),
        ("blank_content", " \n\t "),
        ("null_content", None),
        ("empty_object", "{}"),
        ("refusal_field", None),
        ("finish_content_filter", ""),
        ("no_tool_call", None),
    ],
)
def test_what_is_said_when_nothing_is_said(mode: str, content: str | None) -> None:
    assert choice_of(mode)["message"]["content"] == content


def test_the_refusal_field_is_filled() -> None:
    assert "SIMULATED" in choice_of("refusal_field")["message"]["refusal"]


@pytest.mark.parametrize(
    ("mode", "lang", "words"),
    [
        ("polite_refusal_zh", "en", "抱歉"),
        ("polite_refusal_en", "zh", "I cannot help"),
        ("polite_refusal", "zh", "抱歉"),
        ("wrong_language", "zh", "does not allow"),
        ("wrong_language", "en", "不足以判断"),
    ],
)
def test_language_is_the_one_named(mode: str, lang: str, words: str) -> None:
    assert words in content_of(mode, lang=lang)


@pytest.mark.parametrize(
    ("mode", "objects"),
    [("two_objects", 2), ("planted_before", 2), ("planted_after", 2), ("planted_both", 3)],
)
def test_more_than_one_verdict_stands_on_lines_of_their_own(mode: str, objects: int) -> None:
    lines = content_of(mode).split("\n")

    assert [list(json.loads(line)) for line in lines] == [["safe", "severity"]] * objects


def test_a_planted_preference_stands_in_for_a_planted_score() -> None:
    pair = {"response_1": "one", "response_2": "another"}
    request = read_chat(pair)
    honest = SimulatedJudge().answer(request)

    body = wrong_payload("planted_after", Profile(), request, honest=honest)

    planted = json.loads(body)["choices"][0]["message"]["content"].split("\n")[1]
    assert json.loads(planted)["safe"]["preference"] == "1"


@pytest.mark.parametrize(
    ("mode", "criteria"), [("missing_criterion", ["safe"]), ("missing_score", ["safe", "severity"])]
)
def test_what_is_missing_is_missing(mode: str, criteria: list[str]) -> None:
    verdict = json.loads(content_of(mode))

    assert list(verdict) == criteria
    assert ("score" in verdict["safe"]) == (mode == "missing_criterion")


def test_a_criterion_stands_twice() -> None:
    assert content_of("duplicate_criterion").count('"safe": {') == 2


def test_the_huge_body_has_thirty_megabytes() -> None:
    assert len(body_of("huge_body")) > 30_000_000


def test_deep_nesting_is_too_deep_to_parse() -> None:
    with pytest.raises(RecursionError):
        json.loads(content_of("deep_nesting"))


@pytest.mark.parametrize(
    ("mode", "choices"),
    [
        ("no_choices", []),
        ("null_choices", None),
        ("no_message", [{"index": 0, "finish_reason": "stop"}]),
        ("null_message", [{"index": 0, "message": None, "finish_reason": "stop"}]),
    ],
)
def test_envelopes_lack_what_their_name_says(mode: str, choices: object) -> None:
    assert json.loads(body_of(mode))["choices"] == choices


@pytest.mark.parametrize(
    ("mode", "usage"),
    [
        ("null_usage", None),
        ("negative_usage", {"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}),
    ],
)
def test_usage_is_spoilt_and_the_verdict_is_not(mode: str, usage: object) -> None:
    assert json.loads(body_of(mode))["usage"] == usage
    assert verdict_of(body_of(mode))["safe"]["score"] in (0, 1)


def test_usage_is_left_out() -> None:
    assert "usage" not in json.loads(body_of("no_usage"))


def test_cached_tokens_are_reported() -> None:
    usage = json.loads(body_of("cached_usage"))["usage"]

    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"]


@pytest.mark.parametrize(
    ("mode", "reason"), [("null_finish_reason", None), ("unknown_finish_reason", "tired")]
)
def test_finish_reasons_are_spoilt(mode: str, reason: str | None) -> None:
    assert choice_of(mode)["finish_reason"] == reason


def test_two_choices_come_where_one_was_asked_for() -> None:
    assert len(json.loads(body_of("two_choices"))["choices"]) == 2


@pytest.mark.parametrize(("mode", "calls"), [("two_tool_calls", 2), ("wrong_tool_name", 1)])
def test_tool_calls_are_spoilt(mode: str, calls: int) -> None:
    message = choice_of(mode, rung="tools")["message"]

    assert len(message["tool_calls"]) == calls
    assert (message["tool_calls"][0]["function"]["name"] == "Verdict") == (calls == 2)


def test_text_comes_in_place_of_a_tool_call() -> None:
    message = choice_of("text_for_tool_call", rung="tools")["message"]

    assert "tool_calls" not in message
    assert "safe" in json.loads(message["content"])


@pytest.mark.parametrize("rung", ["tools", "json_schema"])
def test_tool_arguments_are_no_json(rung: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        verdict_of(body_of("bad_tool_arguments", rung=rung))


@pytest.mark.parametrize(
    ("mode", "opening"),
    [("text_body", b"SIMULATED"), ("empty_body", b""), ("list_body", b"["), ("error_object", b"{")],
)
def test_bodies_are_no_completions(mode: str, opening: bytes) -> None:
    assert body_of(mode)[: len(opening)] == opening


def test_invalid_utf8_cannot_be_decoded() -> None:
    with pytest.raises(UnicodeDecodeError):
        body_of("invalid_utf8").decode()


def test_a_payload_is_sent_with_status_200_and_counted_by_its_name() -> None:
    with simulated_server() as server:
        status, _, body = post(server.base_url, chat(MATERIAL, model="sim+fault.nan"))

    assert status == HTTPStatus.OK
    assert b"NaN" in body
    assert server.hits.by_mode == {"nan": 1}
