"""The envelope: a chat completion as OpenAI writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from judge.simulated.profile import Profile
from judge.simulated.reading import ChatRequest


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the model says, before it is put into an envelope."""

    text: str | None
    """The verdict or the free text; with a tool, the arguments of the call."""
    aside: str | None = None
    """With a tool, what is said beside the call."""
    refusal: str | None = None
    finish_reason: str | None = None
    """None for the usual one."""


def completion(profile: Profile, request: ChatRequest, spoken: Spoken) -> dict[str, object]:
    """Put what is said into a chat completion.

    Usage is counted in characters, about two and a half to a token: plausible, and the same each
    time.
    """
    prompt_tokens = tokens(request.instructions) + tokens(request.user)
    completion_tokens = tokens(spoken.text or "")
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 1700000000,
        "model": profile.served_model if request.form else f"simulated-{request.model}",
        "system_fingerprint": "fp_simulated",
        "choices": [
            {
                "index": 0,
                "message": _message(request, spoken),
                "logprobs": None,
                "finish_reason": spoken.finish_reason or ("tool_calls" if request.tool else "stop"),
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def tokens(text: str) -> int:
    """Estimate tokens from characters."""
    return -(-len(text) * 2 // 5)


def as_json(value: Mapping[str, object]) -> bytes:
    """Write JSON as providers do: UTF-8, lone surrogates escaped."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _message(request: ChatRequest, spoken: Spoken) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": spoken.text, "refusal": None}
    if spoken.refusal is not None:
        message["refusal"] = spoken.refusal
    if request.tool and spoken.text is not None:
        message["content"] = spoken.aside
        function = {"name": request.tool, "arguments": spoken.text}
        message["tool_calls"] = [{"id": "call_simulated", "type": "function", "function": function}]
    return message
