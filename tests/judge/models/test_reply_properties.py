"""What surrounds a verdict never changes it, and what an error repeats never decides its class."""

import copy
import gzip
import json
from contextlib import suppress
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import (
    ConnectionFailed,
    ModelError,
    ProviderFailed,
    ReplyMalformed,
    RequestRejected,
)
from judge.grading.reply_parsing import Unreadable, read_reply
from judge.models.base import Reply
from judge.models.chat_completion import read_completion
from judge.models.http_errors import fault_of
from judge.models.provider_error import Sent, without_echo
from judge.records import Reason, Rung
from rubrics import load_rubric
from rubrics.reply_schema import reply_model
from tests.judge.models.asking import question
from tests.judge.models.odd_servers import VERDICT, completion

MODEL = reply_model(load_rubric("safety", language="en"))

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *("id", "object", "created", "model", "usage", "system_fingerprint", "service_tier"),
        *("x", "error", "code", "detail", "provider", "citations", "stats", "timings"),
    ]
)
ENVELOPE = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "judge-1",
    "system_fingerprint": "fp",
    "service_tier": None,
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}
CHOICE = {"index": 0, "logprobs": None, "finish_reason": "stop"}
MESSAGE: dict[str, Any] = {
    "role": "assistant",
    "refusal": None,
    "tool_calls": None,
    "annotations": [],
    "audio": None,
}


def changed(draw: st.DrawFn, members: dict[str, Any], keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """Leave some members out and give others another value of any type."""
    out = copy.deepcopy(members)
    for name in members:
        if name in keep:
            continue
        what = draw(st.sampled_from(["keep", "keep", "remove", "retype"]))
        if what == "remove":
            del out[name]
        elif what == "retype":
            out[name] = draw(VALUES)
    return out


@st.composite
def envelopes(draw: st.DrawFn) -> tuple[bytes, Rung]:
    """Write a reply with a valid verdict in an envelope that is odd wherever it may be."""
    rung: Rung = draw(st.sampled_from(["json_schema", "prompt", "json_object"]))
    message = changed(draw, MESSAGE, keep=("tool_calls", "refusal"))
    choice = changed(draw, CHOICE, keep=("finish_reason",))
    body = changed(draw, ENVELOPE)
    for name, value in draw(st.dictionaries(NAMES, VALUES, max_size=3)).items():
        # An error with a code or a message of its own is one, whatever stands beside it.
        if not (name == "error" and isinstance(value, dict)):
            body.setdefault(name, value)
    content: object = VERDICT
    if draw(st.booleans()):
        content = [{"type": "text", "text": VERDICT}]
    one = {**choice, "message": {**message, "content": content}}
    body["choices"] = draw(st.sampled_from([[one], one, {"0": one}]))
    whole = draw(st.sampled_from([body, [body], json.dumps(body)]))
    written = json.dumps(whole).encode()
    return draw(st.sampled_from([written, gzip.compress(written), b"\n\n" + written])), rung


def verdict_of(reply: Reply) -> str:
    return read_reply(reply, MODEL).model_dump_json()


HONEST = verdict_of(read_completion(json.dumps(completion(VERDICT)).encode(), question()))


@given(envelopes())
def test_what_the_verdict_does_not_need_never_changes_it(made: tuple[bytes, Rung]) -> None:
    body, rung = made

    reply = read_completion(body, question(rung=rung))

    assert verdict_of(reply) == HONEST


@given(envelopes())
def test_token_counts_are_whole_numbers_that_a_database_takes(made: tuple[bytes, Rung]) -> None:
    usage = read_completion(made[0], question()).usage

    for count in (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens):
        assert count is None or 0 <= count < 2**63


@given(VALUES, st.sampled_from(["content", "tool_calls", "function_call", "refusal"]))
def test_a_message_of_any_shape_is_a_verdict_or_a_documented_reason(
    value: object, name: str
) -> None:
    body = completion(VERDICT)
    body["choices"][0]["message"][name] = value

    assert outcome_of(json.dumps(body).encode()) in {HONEST, "broken", *get_args(Reason)}


def outcome_of(body: bytes) -> str:
    """Give the verdict, or why there is none."""
    try:
        return verdict_of(read_completion(body, question()))
    except Unreadable as unreadable:
        return unreadable.reason
    except (ConnectionFailed, ReplyMalformed):
        return "broken"


@given(VALUES)
def test_a_whole_body_of_any_shape_is_no_broken_connection(value: object) -> None:
    # What may come right is an error that says so, never the shape of a whole body.
    with suppress(ReplyMalformed, ProviderFailed, RequestRejected):
        read_completion(json.dumps(value).encode(), question())


WORDS = st.sampled_from(
    [
        *("content_filter", "data_inspection_failed", "内容安全", "敏感"),
        *("tools", "response_format json_schema", "max_tokens is not supported"),
        *("insufficient_quota", "loading model", "rate limit", "maximum context length"),
        *("</think>", '{"error": {"code": "content_filter"}}', "一段普通的话", "please"),
    ]
)
TEXTS = st.lists(WORDS, min_size=3, max_size=12).map(" ".join)
GENUINE = [
    (400, "This request is malformed.", None),
    (400, "max_tokens: value out of range", "max_tokens"),
    (400, "The input was stopped.", "content_filter"),
    (429, "Slow down, please.", None),
    (500, "Internal error.", None),
    (503, "Overloaded.", None),
    (422, "json_schema is unsupported", None),
]


@given(
    st.sampled_from(GENUINE),
    TEXTS,
    st.sampled_from(["plain", "json", "twice", "input", "request"]),
    st.sampled_from(["json_schema", "tools", "json_object", "prompt"]),
)
def test_the_class_of_an_error_does_not_depend_on_what_it_repeats(
    genuine: tuple[int, str, str | None], text: str, form: str, rung: Rung
) -> None:
    status, message, code = genuine
    sent = Sent(material=json.dumps({"prompt": "p", "response": text}, ensure_ascii=False))
    quiet = {"error": {"message": message, "code": code}}
    echoed = copy.deepcopy(quiet)
    if form == "input":
        echoed["error"]["input"] = cast("Any", {"type": "content_filter", "message": text})
    elif form == "request":
        echoed["request"] = cast("Any", {"messages": [{"content": text}], "code": text})
    else:
        echo = {"plain": sent.material, "json": json.dumps([{"content": sent.material}])}
        twice = json.dumps(json.dumps(sent.material, ensure_ascii=True))
        echoed["error"]["message"] = f"{message} Received: {echo.get(form, twice)}"

    without, repeated = (
        fault_of(status, json.dumps(body), rung=rung, sent=sent) for body in (quiet, echoed)
    )

    assert type(repeated) is type(without)
    assert text not in str(repeated)


@given(st.text(max_size=200))
def test_a_sentence_without_an_echo_stays_as_it_is(message: str) -> None:
    assert without_echo(message, Sent(material="", instructions="")) == message


@pytest.mark.parametrize("member", ["data", "result", "output", "response"])
def test_the_completion_in_a_gateways_frame_is_read(member: str) -> None:
    framed = {"code": 0, "msg": "success", member: completion(VERDICT)}

    assert verdict_of(read_completion(json.dumps(framed).encode(), question())) == HONEST


def test_an_error_in_a_gateways_frame_stays_one() -> None:
    framed = {"code": 429, "message": "slow down", "data": completion(VERDICT)}

    with pytest.raises(ModelError):
        read_completion(json.dumps(framed).encode(), question())
