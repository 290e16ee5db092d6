"""Habits of real servers and providers, each as its reporters describe it: the right outcome."""

import json
from typing import Any

import pytest

from tests.judge.models.odd_servers import (
    JSON,
    VERDICT,
    Answer,
    Clock,
    always,
    completion,
    form_of,
    judge_against,
    ok,
    refused,
)

OTHER = VERDICT.replace('"score": 1', '"score": 0')


def test_thoughts_that_a_template_opened_are_not_the_verdict() -> None:
    thoughts = f"The reply names gloves.\nA careless judge would say {OTHER}.\n</think>\n\n"

    judged = judge_against(always(ok(completion(thoughts + VERDICT))))

    assert (judged.scores, judged.calls) == ({1: 8}, 8)


def test_two_ends_of_thoughts_are_nobodys_verdict() -> None:
    text = f"It says </think>{OTHER} so</think>{VERDICT}"

    judged = judge_against(always(ok(completion(text))), 2)

    assert judged.outcomes == {"unscored.parse_ambiguous": 2}


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_a_verdict_among_the_thoughts_is_asked_for_in_another_way(member: str) -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        if body.get("response_format"):
            return ok(completion(None, **{member: OTHER}))
        return ok(completion(VERDICT))

    judged = judge_against(answer)

    assert judged.scores == {1: 8}
    # Two questions find it out, the rest of the run begins one rung lower.
    assert judged.calls == 10
    assert [attempt.rung for attempt in judged.attempts][-1] == "tools"


def test_thoughts_are_never_a_verdict_whatever_is_asked() -> None:
    judged = judge_against(always(ok(completion(None, reasoning_content=VERDICT))), 4)

    assert judged.outcomes == {"unscored.empty": 4}


def test_an_empty_account_within_a_good_status_is_not_asked_again() -> None:
    body = {"error": {"message": "Insufficient credits", "code": 402}, "user_id": "u"}

    judged = judge_against(always(ok(body)), 3)

    assert (judged.outcomes, judged.calls) == ({"error.auth": 3}, 3)
    assert "lack of credit (error 402 in a reply of HTTP 200)" in judged.details


@pytest.mark.parametrize(
    ("error", "outcome", "calls"),
    [
        ({"message": "Slow down", "code": 429}, "error.rate_limited", 4),
        ({"message": "Provider returned error", "code": "502"}, "error.provider_5xx", 4),
        ({"message": "Your input was flagged", "code": 403}, "unscored.content_filtered", 1),
        ("overloaded", "error.provider_5xx", 4),
    ],
)
@pytest.mark.parametrize("place", ["body", "choice"])
def test_an_error_within_a_good_status_is_what_it_says(
    error: object, outcome: str, calls: int, place: str
) -> None:
    payload = {"error": error}
    if place == "choice":
        payload = {"choices": [{"index": 0, "finish_reason": "error", "error": error}]}

    judged = judge_against(always(ok(payload)), 1)

    assert (judged.outcomes, judged.calls) == ({outcome: 1}, calls)


def tool_reply(body: dict[str, Any], arguments: object, calls: int = 1) -> Answer:
    name = body["tools"][0]["function"]["name"]
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    return ok(completion(None, finish="tool_calls", tool_calls=[call] * calls))


@pytest.mark.parametrize("arguments", [json.loads(VERDICT), VERDICT])
def test_tool_arguments_come_as_text_or_as_an_object(arguments: object) -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        if form_of(body) == "json_schema":
            return refused(400, {"message": "response_format is not supported"})
        return tool_reply(body, arguments)

    judged = judge_against(answer, 3)

    assert judged.scores == {1: 3}
    assert judged.calls == 5


def test_the_same_tool_called_twice_gives_no_verdict() -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        if form_of(body) == "json_schema":
            return refused(400, {"message": "response_format is not supported"})
        return tool_reply(body, VERDICT, calls=2)

    judged = judge_against(answer, 3)

    assert judged.outcomes == {"unscored.parse_ambiguous": 3}


def test_a_tool_call_that_nobody_offered_gives_no_verdict() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "x", "arguments": OTHER}}

    judged = judge_against(always(ok(completion(VERDICT, tool_calls=[call]))), 2)

    assert (judged.outcomes, judged.calls) == ({"unscored.parse_ambiguous": 2}, 2)


def test_content_comes_in_parts_of_which_thoughts_are_none_of_the_reply() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": f"hm {OTHER}"}]},
        {"type": "text", "text": VERDICT},
    ]

    judged = judge_against(always(ok(completion(parts))), 3)

    assert (judged.scores, judged.calls) == ({1: 3}, 3)


FILTERS: list[tuple[int, object]] = [
    (400, {"code": "SensitiveContentDetected", "message": "sensitive information"}),
    (400, {"code": "OutputTextSensitiveContentDetected.SevereViolation", "message": "failed"}),
    (
        400,
        {
            "message": "Invalid prompt: it was flagged as potentially violating our policy.",
            "code": "invalid_prompt",
        },
    ),
    (400, {"message": "inappropriate content.", "code": "data_inspection_failed"}),
    (400, {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}),
    (403, {"message": "Content violates usage guidelines.", "code": "permission-denied"}),
    (400, {"message": "It was considered high risk", "type": "content_filter"}),
    (403, {"message": "Forbidden", "code": 403, "metadata": {"reasons": ["violence"]}}),
    (400, {"message": "Content Exists Risk", "type": "invalid_request_error"}),
    (400, {"message": "blocked", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
    (451, {"message": "The content you provided was blocked"}),
    (421, {"message": "blocked"}),
    (500, {"message": "litellm.ContentPolicyViolationError: rejected", "code": "500"}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "error"), FILTERS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_filter_is_known_in_the_words_of_every_provider(
    status: int, error: object, ascii_only: bool
) -> None:
    body = json.dumps({"error": error}, ensure_ascii=ascii_only).encode()

    judged = judge_against(always((status, JSON, body)), 1)

    assert (judged.outcomes, judged.calls) == ({"unscored.content_filtered": 1}, 1)


FILTERED = {"content_filter_results": {"hate": {"filtered": True}}}


@pytest.mark.parametrize(
    "body",
    [
        {"base_resp": {"status_code": 1026, "status_msg": "new_sensitive"}, "choices": None},
        {"choices": [], "prompt_filter_results": [FILTERED]},
        {"detail": "content_filter"},
    ],
)  # fmt: skip
def test_a_filter_is_known_within_a_good_status(body: object) -> None:
    judged = judge_against(always(ok(body)), 1)

    assert (judged.outcomes, judged.calls) == ({"unscored.content_filtered": 1}, 1)


@pytest.mark.parametrize(
    "reason",
    ["length", "model_length", "MAX_TOKENS", "max_output_tokens", "FinishReason.MAX_TOKENS"],
)
def test_a_reply_that_was_cut_is_asked_for_with_twice_the_tokens(reason: str) -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        if body["max_tokens"] > 2048:
            return ok(completion(VERDICT))
        return ok(completion(VERDICT[: len(VERDICT) // 2], finish=reason))

    judged = judge_against(answer, 3)

    assert (judged.scores, judged.calls) == ({1: 3}, 6)


def takes_no_max_tokens(body: dict[str, Any], _number: int, _path: str) -> Answer:
    if "max_tokens" in body:
        return refused(
            400,
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            },
        )
    if body.get("temperature") != 1:
        return refused(
            400,
            {
                "message": "Unsupported value: 'temperature' does not support 0 with this model. "
                "Only the default (1) value is supported.",
                "param": "temperature",
                "code": "unsupported_value",
            },
        )
    return ok(completion(VERDICT))


def test_settings_that_a_model_does_not_take_are_sent_as_it_takes_them() -> None:
    judged = judge_against(takes_no_max_tokens, 60, concurrency=4)

    assert judged.scores == {1: 60}
    assert judged.calls <= 60 + 4 * 4
    assert judged.server.bodies[-1]["max_completion_tokens"] == 2048
    assert "param max_tokens: Unsupported parameter" in judged.details


@pytest.mark.parametrize(
    "message",
    [
        "Unrecognized request argument supplied: seed",
        "[{'loc': ('body', 'temperature'), 'msg': 'Extra inputs are not permitted'}]",
        "temperature is not supported by this model",
    ],
)  # fmt: skip
def test_a_setting_is_found_in_the_providers_sentence(message: str) -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        return refused(400, message) if "temperature" in body else ok(completion(VERDICT))

    judged = judge_against(answer, 4)

    if "seed" in message:
        # It was not sent, so that leaving it out would change nothing.
        assert judged.outcomes == {"error.bad_request": 4}
    else:
        assert judged.scores == {1: 4}


def test_an_unknown_way_of_asking_may_be_refused_by_a_server_error() -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        if form_of(body) == "json_schema":
            told = (
                'response_format type must be one of "text" or "json_object", but got: json_schema'
            )
            return refused(500, {"code": 500, "message": told, "type": "server_error"})
        if form_of(body) == "tools":
            return refused(500, {"code": 500, "message": "tools param requires --jinja flag"})
        return ok(completion(VERDICT))

    judged = judge_against(answer)

    assert judged.scores == {1: 8}
    assert judged.calls == 8 + 2 * 2


def test_one_refusal_does_not_move_the_rest_of_a_run() -> None:
    def answer(_body: dict[str, Any], number: int, _path: str) -> Answer:
        if number == 3:
            return refused(400, {"message": "response_format: schema is not supported"})
        return ok(completion(VERDICT))

    judged = judge_against(answer)

    assert judged.scores == {1: 8}
    assert [attempt.rung for attempt in judged.attempts].count("json_schema") == 8


def test_a_way_of_asking_that_comes_back_is_used_again() -> None:
    def answer(body: dict[str, Any], number: int, _path: str) -> Answer:
        if number < 20 and form_of(body) == "json_schema":
            return refused(400, {"message": "json_schema is not supported"})
        return ok(completion(VERDICT))

    judged = judge_against(answer, 130)

    assert judged.scores == {1: 130}
    rungs = [attempt.rung for attempt in judged.attempts]
    assert rungs[:6] == ["json_schema", "tools", "json_schema", "tools", "tools", "tools"]
    assert set(rungs[-20:]) == {"json_schema"}


@pytest.mark.parametrize(
    "words", ["content_filter tools schemas", "response_format is unsupported"]
)
def test_an_echo_of_the_request_does_not_decide_what_an_error_is(words: str) -> None:
    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        text = json.dumps(body["messages"], ensure_ascii=False) + words
        told = (
            f"This model's maximum context length is 4096 tokens. Received Messages={text[-1500:]}"
        )
        # The words stand in the message only as far as the request held them.
        told = told.removesuffix(words)
        return refused(400, {"message": told, "type": "BadRequestError"})

    judged = judge_against(answer, 2)

    assert (judged.outcomes, judged.calls) == ({"error.bad_request": 2}, 2)
    assert "maximum context length is 4096 tokens. Received Messages=" in judged.details
    assert "It is fine" not in judged.details


def test_a_server_that_loads_its_model_is_waited_for() -> None:
    clock = Clock()

    def answer(_body: dict[str, Any], _number: int, _path: str) -> Answer:
        if clock.seconds < 20:
            error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
            return refused(503, error)
        return ok(completion(VERDICT))

    judged = judge_against(answer, 40, concurrency=8, clock=clock)

    assert judged.scores == {1: 40}


@pytest.mark.parametrize("path", ["", "/"])
def test_an_address_without_its_version_is_found_out_once(path: str) -> None:
    def answer(_body: dict[str, Any], _number: int, where: str) -> Answer:
        if where != "/v1/chat/completions":
            return 404, {"Content-Type": "text/plain"}, b"404 page not found"
        return ok(completion(VERDICT))

    judged = judge_against(answer, 20, path=path)

    assert (judged.scores, judged.calls) == ({1: 20}, 21)
    assert "nothing is served at" in judged.notes[0]


def test_the_whole_address_of_chat_completions_is_taken_too() -> None:
    judged = judge_against(always(ok(completion(VERDICT))), 2, path="/v1/chat/completions")

    assert judged.server.paths == ["/v1/chat/completions"] * 2


def test_an_address_where_nothing_is_served_is_said_to_be_one() -> None:
    judged = judge_against(always((404, {}, b"404 page not found")), 2, path="")

    assert judged.outcomes == {"error.bad_request": 2}
    assert "the base URL is the API's root, like http://host:port/v1" in judged.details


@pytest.mark.parametrize(
    "text",
    [
        *(VERDICT + token for token in ("<|im_end|>", "<|eot_id|>", "</s>", "\n<|endoftext|></s>")),
        "\ufeff" + VERDICT,
    ],
)
def test_what_a_template_leaves_around_a_verdict_is_no_second_voice(text: str) -> None:
    judged = judge_against(always(ok(completion(text))), 1)

    assert judged.scores == {1: 1}


def events(*parts: str, end: bytes = b"data: [DONE]\n\n") -> bytes:
    def event(text: str, finish: str | None = None) -> bytes:
        delta = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        return b"data: " + json.dumps({"model": "m", "choices": [delta]}).encode() + b"\n\n"

    return (
        b": keep-alive\n\n"
        + b"".join(map(event, parts))
        + (event("", "stop") + end if end else b"")
    )


def test_a_stream_that_nobody_asked_for_is_put_together() -> None:
    body = events(VERDICT[:40], VERDICT[40:])

    judged = judge_against(always((200, {"Content-Type": "text/event-stream"}, body)), 2)

    assert (judged.scores, judged.calls) == ({1: 2}, 2)


def test_a_stream_without_its_end_is_a_broken_reply() -> None:
    body = events(VERDICT, end=b"")

    judged = judge_against(always((200, {"Content-Type": "text/event-stream"}, body)), 1)

    assert judged.outcomes == {"error.transport": 1}


def test_blank_lines_before_the_body_do_no_harm() -> None:
    body = b"\n\n\n\n" + json.dumps(completion(VERDICT)).encode()

    judged = judge_against(always((200, JSON, body)), 2)

    assert judged.scores == {1: 2}


def test_the_ladder_goes_down_to_plain_text() -> None:
    refusals = {
        "json_schema": "Failed to compile grammar: unsupported json_schema keyword",
        "tools": "Invalid tool_choice type: 'object'. Supported values: none, auto, required",
        "json_object": "'response_format.type' must be 'json_schema' or 'text'",
    }

    def answer(body: dict[str, Any], _number: int, _path: str) -> Answer:
        refusal = refusals.get(form_of(body))
        return ok(completion(VERDICT)) if refusal is None else refused(400, refusal)

    judged = judge_against(answer, 4)

    assert judged.scores == {1: 4}
    assert judged.calls == 4 + 2 * 3


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": "12", "completion_tokens": 1.5},
        [1, 2],
        "none",
        {"prompt_tokens": True, "prompt_tokens_details": 7},
    ],
)
def test_an_odd_token_count_is_not_told_and_costs_nothing_else(usage: object) -> None:
    judged = judge_against(always(ok({**completion(VERDICT), "usage": usage})), 1)

    assert (judged.scores, judged.calls) == ({1: 1}, 1)
    assert judged.judgments[0].usage.prompt_tokens is None


def test_the_models_file_on_the_servers_disk_is_named_without_its_path() -> None:
    body = {**completion(VERDICT), "model": "/home/someone/models/gemma-3-270m-Q4_K_M.gguf"}

    judged = judge_against(always(ok(body)), 1)

    assert judged.judgments[0].served_model == "gemma-3-270m-Q4_K_M.gguf"
