"""Chat completion requests as the engine sends them, and a plain client to send them with."""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from judge.grading.prompt_injection import contain
from judge.simulated.openai_protocol import ChatRequest, read_request

NONCE = "0123456789abcdef"
SCALES: dict[str, tuple[int, ...]] = {"safe": (0, 1), "severity": (0, 1, 2, 3)}
INSTRUCTIONS = {
    "en": "You are a judge. Judge the material by the criteria below, and quote from it.",
    "zh": "你是一名评委。请按照下列各项标准评价材料，并引用原文作为依据。",
}


def schema(scales: Mapping[str, Sequence[int]], *, pairwise: bool = False) -> dict[str, object]:
    """Give the reply schema of a rubric with these criteria and levels."""
    return {
        "type": "object",
        "properties": {
            name: _pairwise() if pairwise else _pointwise(levels) for name, levels in scales.items()
        },
        "required": list(scales),
        "additionalProperties": False,
    }


def chat(
    material: Mapping[str, str],
    *,
    scales: Mapping[str, Sequence[int]] | None = None,
    rung: str = "json_schema",
    lang: str = "en",
    model: str = "simulated",
    **more: object,
) -> bytes:
    """Write a request for verdicts; `more` are members of the request."""
    wanted = schema(scales or SCALES, pairwise="response_1" in material)
    printed = f"\n{json.dumps(wanted)}" if rung in ("json_object", "prompt") else ""
    messages = [
        {"role": "system", "content": INSTRUCTIONS[lang] + printed},
        {"role": "user", "content": contain(material, nonce=NONCE)},
    ]
    return json.dumps(
        {"model": model, "messages": messages, **_rung(rung, wanted), **more}
    ).encode()


def read_chat(material: Mapping[str, str], **options: Any) -> ChatRequest:
    """Write a request for verdicts and read it back as the server does."""
    return read_request(chat(material, **options))


def free_chat(user: str, *, model: str = "release-1", **more: object) -> bytes:
    """Write a request for free text."""
    messages = [{"role": "user", "content": user}]
    return json.dumps({"model": model, "messages": messages, **more}).encode()


def post(
    base_url: str, body: bytes, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Send a chat completion request; give status, headers in lower case, and body."""
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("POST", f"{address.path}/chat/completions", body, dict(headers or {}))
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def verdict_of(body: bytes) -> Any:
    """Read the verdict out of a chat completion."""
    message = json.loads(body)["choices"][0]["message"]
    if message.get("tool_calls"):
        return json.loads(message["tool_calls"][0]["function"]["arguments"])
    return json.loads(message["content"])


def _pointwise(levels: Sequence[int]) -> dict[str, object]:
    score = {"anyOf": [{"type": "integer", "enum": list(levels)}, {"const": "cannot_assess"}]}
    return _criterion({"reasoning": {"type": "string"}, "evidence": {"type": "string"}}, score)


def _pairwise() -> dict[str, object]:
    words = {"type": "string", "enum": ["1", "2", "tie", "cannot_assess"]}
    members = {"reasoning": {"type": "string"}, "preference": words}
    return {"type": "object", "properties": members, "required": list(members)}


def _criterion(members: Mapping[str, object], score: object) -> dict[str, object]:
    properties = {**members, "score": score}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _rung(rung: str, wanted: Mapping[str, object]) -> dict[str, object]:
    if rung == "json_schema":
        named = {"name": "verdict", "strict": True, "schema": wanted}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if rung == "tools":
        tool = {"type": "function", "function": {"name": "Verdict", "parameters": wanted}}
        choice = {"type": "function", "function": {"name": "Verdict"}}
        return {"tools": [tool], "tool_choice": choice}
    return {"response_format": {"type": "json_object"}} if rung == "json_object" else {}
