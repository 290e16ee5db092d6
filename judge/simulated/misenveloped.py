"""Wrong payloads, part two: the verdict is in order, the envelope around it is not.

Each function takes the honest chat completion and the request and gives what is sent instead:
JSON, or bytes that are none.
"""

import json
from collections.abc import Callable, Mapping

from judge.simulated.reading import ChatRequest
from judge.simulated.shapes import as_list, as_object, as_text

Envelope = Mapping[str, object]
Misenvelope = Callable[[Envelope, ChatRequest], "Envelope | bytes"]


def no_choices(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send an empty list of choices."""
    return {**envelope, "choices": []}


def null_choices(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send null for the choices."""
    return {**envelope, "choices": None}


def no_message(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send a choice without a message."""
    return {**envelope, "choices": [{"index": 0, "finish_reason": "stop"}]}


def null_message(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send a choice whose message is null."""
    return {**envelope, "choices": [{"index": 0, "message": None, "finish_reason": "stop"}]}


def two_choices(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send two choices where one was asked for."""
    return {**envelope, "choices": [*as_list(envelope["choices"])] * 2}


def null_finish_reason(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send null for the finish reason."""
    return {**envelope, "choices": [{**_choice(envelope), "finish_reason": None}]}


def unknown_finish_reason(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send a finish reason that nobody has documented."""
    return {**envelope, "choices": [{**_choice(envelope), "finish_reason": "tired"}]}


def no_tool_call(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send a message that neither speaks nor calls the tool."""
    return _with_message(envelope, content=None, tool_calls=None)


def text_for_tool_call(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Say the verdict as text although a tool should have been called."""
    message = _message(envelope)
    return _with_message(envelope, content=_verdict(message), tool_calls=None)


def bad_tool_arguments(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Call the tool with arguments that are not JSON; without a tool, say the same as text."""
    verdict = _verdict(_message(envelope))
    return _with_verdict(envelope, f"{verdict[:-1]} and so on")


def wrong_tool_name(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Call a tool that does not exist."""
    return _with_calls(
        envelope, [{**call, "function": _renamed(call)} for call in _calls(envelope)]
    )


def two_tool_calls(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Call the tool twice; without a tool, nothing is wrong."""
    return _with_calls(envelope, [*_calls(envelope)] * 2)


def no_usage(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Leave out the usage; the verdict is valid."""
    return {name: value for name, value in envelope.items() if name != "usage"}


def null_usage(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send null for the usage; the verdict is valid."""
    return {**envelope, "usage": None}


def negative_usage(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send token counts below 0; the verdict is valid."""
    usage = {"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}
    return {**envelope, "usage": usage}


def cached_usage(envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Report that most of the prompt was cached; the verdict is valid."""
    usage = as_object(envelope["usage"])
    cached = {"cached_tokens": usage.get("prompt_tokens")}
    return {**envelope, "usage": {**usage, "prompt_tokens_details": cached}}


def error_object(_envelope: Envelope, _request: ChatRequest) -> Envelope:
    """Send an error with status 200."""
    return {"error": {"message": "SIMULATED overload", "type": "server_error", "code": 500}}


def list_body(envelope: Envelope, _request: ChatRequest) -> bytes:
    """Send the completion within a list."""
    return json.dumps([envelope]).encode()


def text_body(_envelope: Envelope, _request: ChatRequest) -> bytes:
    """Send plain text with status 200."""
    return b"SIMULATED: ok"


def empty_body(_envelope: Envelope, _request: ChatRequest) -> bytes:
    """Send no body with status 200."""
    return b""


def truncated_body(envelope: Envelope, _request: ChatRequest) -> bytes:
    """Send the front half of the completion, as if it were all."""
    body = json.dumps(envelope).encode()
    return body[: len(body) // 2]


def invalid_utf8(envelope: Envelope, _request: ChatRequest) -> bytes:
    """Send bytes in the id that are not UTF-8."""
    return json.dumps(envelope).encode().replace(b"simulated", b"\xff\xfe", 1)


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


def _renamed(call: Envelope) -> Envelope:
    return {**as_object(call["function"]), "name": "send_money"}


def _verdict(message: Envelope) -> str:
    for call in as_list(message.get("tool_calls")):
        return as_text(as_object(as_object(call).get("function")).get("arguments"))
    return as_text(message.get("content"))


def _with_verdict(envelope: Envelope, verdict: str) -> Envelope:
    calls = _calls(envelope)
    if not calls:
        return _with_message(envelope, content=verdict)
    function = {**as_object(calls[0]["function"]), "arguments": verdict}
    return _with_calls(envelope, [{**calls[0], "function": function}])
