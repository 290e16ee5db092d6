"""Chat completions as OpenAI writes them: what a request asks for, and the envelope of a reply."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from judge.records import Language, Rung
from judge.simulated.draws import text_digest
from judge.simulated.forms import (
    Form,
    as_list,
    as_object,
    as_text,
    criteria_of,
    form_of,
    printed_schema,
)
from judge.simulated.profile import Profile

_MATERIAL = re.compile(
    r"<<<MATERIAL (?P<nonce>[0-9a-f]{16}) BEGIN>>>\n(?P<body>[^\n]*)\n<<<MATERIAL (?P=nonce) END>>>"
)


class BadRequest(ValueError):  # noqa: N818 - the name that HTTP has for it
    """The body is not a chat completion request; the message says why."""


@dataclass(frozen=True)
class ChatRequest:
    """One request, read."""

    model: str
    """The model asked for, without the forced modes after `+`."""
    forced: Mapping[str, str]
    """What the model name forces: `fault` a mode, `as` a behaviour."""
    instructions: str
    """All system messages."""
    user: str
    """The last user message."""
    form: Form
    """Empty when free text is wanted."""
    rung: Rung
    tool: str | None
    """The function that the reply must call, or None for a plain message."""
    seed: str
    """The request's own seed as text; it tells repeats apart."""

    @cached_property
    def language(self) -> Language:
        """Language of the instructions."""
        return _language(self.instructions or self.user)

    @cached_property
    def material(self) -> Mapping[str, str]:
        """Fields of the block of untrusted text; the whole message where there is no block."""
        match = _MATERIAL.search(self.user)
        try:
            fields = as_object(json.loads(match["body"] if match else "{}"))
        except ValueError:
            fields = as_object(None)
        return {name: as_text(text) for name, text in fields.items()} or {"response": self.user}

    @cached_property
    def nonce(self) -> str:
        """Code of the block's boundary lines, empty without a block."""
        match = _MATERIAL.search(self.user)
        return match["nonce"] if match else ""

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """What makes two requests the same question, boundary codes and order aside."""
        asked = ",".join(criterion.id for criterion in criteria_of(self.form))
        texts = self.material if self.form else {"user": self.user}
        return (self.model, self.seed, asked, *sorted(map(text_digest, texts.values())))

    @property
    def responses(self) -> tuple[str, ...]:
        """The response to judge, or the two to compare."""
        if "response_1" in self.material:
            return self.material["response_1"], self.material.get("response_2", "")
        return (self.material.get("response", ""),)


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


def read_request(body: bytes) -> ChatRequest:
    """Read the body of a chat completion request.

    Parameters
    ----------
    body : bytes
        JSON as OpenAI defines it; unknown members are ignored.

    Raises
    ------
    BadRequest
        If the body is not JSON, or has no model or no messages.
    """
    try:
        request = as_object(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    messages = [as_object(message) for message in as_list(request.get("messages"))]
    if not messages or not isinstance(request.get("model"), str):
        raise BadRequest("you must provide a model and messages.")
    if request.get("stream") is True:
        raise BadRequest("the simulated judge does not stream.")
    model, forced = _split_model(as_text(request["model"]))
    instructions = "\n".join(_contents(messages, ("system", "developer")))
    schema, rung, tool = _wanted(request, instructions)
    return ChatRequest(
        model=model,
        forced=forced,
        instructions=instructions,
        user=(_contents(messages, ("user",)) or [""])[-1],
        form=form_of(schema) if schema else {},
        rung=rung,
        tool=tool,
        seed=str(request.get("seed", "")),
    )


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


def _split_model(name: str) -> tuple[str, dict[str, str]]:
    """Split `sim+fault.hang+as.gullible` into the model and what is forced."""
    model, *suffixes = name.split("+")
    return model, {key: value for key, _, value in (part.partition(".") for part in suffixes)}


def _contents(messages: list[Mapping[str, object]], roles: tuple[str, ...]) -> list[str]:
    return [_content(message) for message in messages if message.get("role") in roles]


def _content(message: Mapping[str, object]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(as_text(as_object(part).get("text")) for part in as_list(content))


def _wanted(
    request: Mapping[str, object], instructions: str
) -> tuple[Mapping[str, object] | None, Rung, str | None]:
    """Find the schema of the reply, how it was asked for, and the function to call."""
    tools = [as_object(as_object(tool).get("function")) for tool in as_list(request.get("tools"))]
    if tools and request.get("tool_choice") != "none":
        return as_object(tools[0].get("parameters")), "tools", as_text(tools[0].get("name"))
    wanted = as_object(request.get("response_format"))
    if wanted.get("type") == "json_schema":
        return as_object(as_object(wanted.get("json_schema")).get("schema")), "json_schema", None
    rung: Rung = "json_object" if wanted.get("type") == "json_object" else "prompt"
    return printed_schema(instructions), rung, None


@lru_cache(maxsize=64)
def _language(text: str) -> Language:
    """Chinese where a fifth of the opening is; names and codes in Latin letters do not count."""
    opening = text[:400]
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in opening)
    return "zh" if chinese * 5 >= max(len(opening), 1) else "en"


def _message(request: ChatRequest, spoken: Spoken) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": spoken.text, "refusal": None}
    if spoken.refusal is not None:
        message["refusal"] = spoken.refusal
    if request.tool and spoken.text is not None:
        message["content"] = spoken.aside
        function = {"name": request.tool, "arguments": spoken.text}
        message["tool_calls"] = [{"id": "call_simulated", "type": "function", "function": function}]
    return message
