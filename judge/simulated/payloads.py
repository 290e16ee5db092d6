"""The wrong payloads by name: status 200, and something amiss in what is sent.

Part two stands here: the verdict is in order, the envelope around it is not.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from judge.simulated.chat import ChatRequest, Spoken, as_json, completion
from judge.simulated.forms import as_list, as_object, as_text
from judge.simulated.misspoken import MISSPOKEN
from judge.simulated.profile import Profile

Envelope = Mapping[str, object]
Misenvelope = Callable[[Envelope], "Envelope | bytes"]
"""From the honest chat completion to what is sent instead: JSON, or bytes that are none."""


def wrong_payload(name: str, profile: Profile, request: ChatRequest, *, honest: Spoken) -> bytes:
    """Write the body of a reply in which something is amiss.

    Parameters
    ----------
    name : str
        A key of `PAYLOADS`.
    profile : Profile
        For the names in the envelope.
    request : ChatRequest
        What is answered.
    honest : Spoken
        What would have been said otherwise.
    """
    if name in MISSPOKEN:
        return as_json(completion(profile, request, MISSPOKEN[name][1](honest, request)))
    sent = _MISENVELOPED[name][1](completion(profile, request, honest))
    return sent if isinstance(sent, bytes) else as_json(sent)


def _with(**members: object) -> Misenvelope:
    return lambda envelope: {**envelope, **members}


def _finish_reason(reason: str | None) -> Misenvelope:
    return lambda envelope: {
        **envelope,
        "choices": [{**_choice(envelope), "finish_reason": reason}],
    }


def _choice(envelope: Envelope) -> Envelope:
    return as_object(as_list(envelope["choices"])[0])


def _message(envelope: Envelope) -> Envelope:
    return as_object(_choice(envelope)["message"])


def _with_message(envelope: Envelope, **members: object) -> Envelope:
    message = {**_message(envelope), **members}
    kept = {name: value for name, value in message.items() if value is not None}
    choice = {**_choice(envelope), "message": {"content": None, **kept}}
    return {**envelope, "choices": [choice]}


def _calls(envelope: Envelope) -> list[Envelope]:
    return [as_object(call) for call in as_list(_message(envelope).get("tool_calls"))]


def _with_calls(envelope: Envelope, calls: list[Envelope]) -> Envelope:
    return _with_message(envelope, tool_calls=calls) if calls else envelope


def _verdict(envelope: Envelope) -> str:
    for call in _calls(envelope):
        return as_text(as_object(call.get("function")).get("arguments"))
    return as_text(_message(envelope).get("content"))


def _bad_arguments(envelope: Envelope) -> Envelope:
    verdict = f"{_verdict(envelope)[:-1]} and so on"
    calls = _calls(envelope)
    if not calls:
        return _with_message(envelope, content=verdict)
    function = {**as_object(calls[0]["function"]), "arguments": verdict}
    return _with_calls(envelope, [{**calls[0], "function": function}])


def _wrong_tool(envelope: Envelope) -> Envelope:
    calls = _calls(envelope)
    renamed = [{**as_object(call["function"]), "name": "send_money"} for call in calls]
    return _with_calls(
        envelope,
        [{**call, "function": function} for call, function in zip(calls, renamed, strict=True)],
    )


def _cached(envelope: Envelope) -> Envelope:
    usage = as_object(envelope["usage"])
    cached = {"cached_tokens": usage.get("prompt_tokens")}
    return {**envelope, "usage": {**usage, "prompt_tokens_details": cached}}


def _half(envelope: Envelope) -> bytes:
    body = json.dumps(envelope).encode()
    return body[: len(body) // 2]


_MISENVELOPED: Mapping[str, tuple[str, Misenvelope]] = {
    "no_choices": ("Send an empty list of choices.", _with(choices=[])),
    "null_choices": ("Send null for the choices.", _with(choices=None)),
    "no_message": (
        "Send a choice without a message.",
        _with(choices=[{"index": 0, "finish_reason": "stop"}]),
    ),
    "null_message": (
        "Send a choice whose message is null.",
        _with(choices=[{"index": 0, "message": None, "finish_reason": "stop"}]),
    ),
    "two_choices": (
        "Send two choices where one was asked for.",
        lambda envelope: {**envelope, "choices": [*as_list(envelope["choices"])] * 2},
    ),
    "null_finish_reason": ("Send null for the finish reason.", _finish_reason(None)),
    "unknown_finish_reason": (
        "Send a finish reason that nobody has documented.",
        _finish_reason("tired"),
    ),
    "no_tool_call": (
        "Send a message that neither speaks nor calls the tool.",
        lambda envelope: _with_message(envelope, content=None, tool_calls=None),
    ),
    "text_for_tool_call": (
        "Say the verdict as text although a tool should have been called.",
        lambda envelope: _with_message(envelope, content=_verdict(envelope), tool_calls=None),
    ),
    "bad_tool_arguments": (
        "Call the tool with arguments that are not JSON; without a tool, say the same as text.",
        _bad_arguments,
    ),
    "wrong_tool_name": ("Call a tool that does not exist.", _wrong_tool),
    "two_tool_calls": (
        "Call the tool twice; without a tool, nothing is wrong.",
        lambda envelope: _with_calls(envelope, _calls(envelope) * 2),
    ),
    "no_usage": (
        "Leave out the usage; the verdict is valid.",
        lambda envelope: {name: value for name, value in envelope.items() if name != "usage"},
    ),
    "null_usage": ("Send null for the usage; the verdict is valid.", _with(usage=None)),
    "negative_usage": (
        "Send token counts below 0; the verdict is valid.",
        _with(usage={"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}),
    ),
    "cached_usage": ("Report that most of the prompt was cached; the verdict is valid.", _cached),
    "error_object": (
        "Send an error with status 200.",
        lambda _: {"error": {"message": "SIMULATED overload", "type": "server_error", "code": 500}},
    ),
    "list_body": (
        "Send the completion within a list.",
        lambda envelope: json.dumps([envelope]).encode(),
    ),
    "text_body": ("Send plain text with status 200.", lambda _: b"SIMULATED: ok"),
    "empty_body": ("Send no body with status 200.", lambda _: b""),
    "truncated_body": ("Send the front half of the completion, as if it were all.", _half),
    "invalid_utf8": (
        "Send bytes in the id that are not UTF-8.",
        lambda envelope: json.dumps(envelope).encode().replace(b"simulated", b"\xff\xfe", 1),
    ),
}
"""By name: what is wrong, in one sentence, and what makes it so."""

PAYLOADS: Mapping[str, str] = MappingProxyType(
    {name: wrong for name, (wrong, _) in (*MISSPOKEN.items(), *_MISENVELOPED.items())}
)
"""Name of each wrong payload and what is wrong with it, in one sentence."""
