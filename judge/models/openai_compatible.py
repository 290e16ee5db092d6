"""The direct way to OpenAI-compatible endpoints: one aiohttp session, no provider library.

Same seam, errors and outcomes as the litellm way, at a fraction of its cost. A body is read up to
a cap, the deadline covers the call to its last byte, and nothing of a body reaches a message.
A run asks thousands of questions that differ in one message only: the settings, the schema and
the system message are kept as bytes. Of a reply is read what was said, by whom and at which cost.
"""

import asyncio
import functools
import json
import os
from collections.abc import Mapping

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from judge.errors import ConfigError, ConnectionFailed, DeadlineExceeded
from judge.models.base import (
    DIRECT_PREFIXES,
    NO_KEY,
    Message,
    Question,
    Reply,
    key_of,
    netloc_of,
    prefix_of,
    provenance_of,
)
from judge.models.http_errors import fault_of, wait_wanted
from judge.models.http_session import open_session, proxy_for
from judge.records import ModelSettings, Rung, Usage

KEPT = 256
"""Openings that are kept; a run has one for each rubric, language and rung."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class RequestWriter:
    """Write the bodies of the requests to one model.

    Parameters
    ----------
    model : str
        Its name as the endpoint knows it.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._openings: dict[tuple[object, ...], tuple[object, bytes]] = {}

    def write(self, question: Question) -> bytes:
        """Encode a question as JSON in UTF-8."""
        messages = b", ".join([_encoded(message) for message in question.messages])
        return self._opening(question) + messages + b"]}"

    def _opening(self, question: Question) -> bytes:
        schema = question.reply_schema
        key = (
            question.rung,
            question.temperature,
            question.max_tokens,
            question.seed,
            id(schema),
        )
        kept = self._openings.get(key)
        if kept is not None:
            return kept[1]
        if len(self._openings) >= KEPT:
            self._openings.clear()
        encoded = self._encode_opening(question)
        # The schema is kept too: while it lives nothing else can have its identity.
        self._openings[key] = (schema, encoded)
        return encoded

    def _encode_opening(self, question: Question) -> bytes:
        fields: dict[str, object] = {
            "model": self._model,
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
        }
        if question.seed is not None:
            fields["seed"] = question.seed
        if question.reply_schema is not None:
            fields |= structured_options(question.rung, question.reply_schema)
        return _bytes(fields)[:-1] + b', "messages": ['


def structured_options(rung: Rung, schema: Mapping[str, object]) -> Mapping[str, object]:
    """Build what asks an OpenAI-compatible endpoint for JSON, as instructor builds it.

    Parameters
    ----------
    rung : Rung
        ``prompt`` adds nothing.
    schema : mapping
        The JSON schema of the reply; its title names it.
    """
    name = str(schema.get("title", "Reply"))
    if rung == "json_schema":
        form = {"name": name, "schema": {**schema, "title": name}}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    if rung == "tools":
        parameters = {k: v for k, v in schema.items() if k not in {"title", "description"}}
        described = schema.get("description", "Give the reply in this form.")
        function = {"name": name, "description": described, "parameters": parameters}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {"response_format": {"type": "json_object"}} if rung == "json_object" else {}


def _encoded(message: Message) -> bytes:
    if message.role == "system":
        return _encoded_instructions(message.content)
    return b'{"role": "%b", "content": %b}' % (message.role.encode(), _bytes(message.content))


@functools.lru_cache(maxsize=KEPT)
def _encoded_instructions(content: str) -> bytes:
    return b'{"role": "system", "content": %b}' % _bytes(content)


def _bytes(value: object) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; JSON can still name it.
        return json.dumps(value).encode()


class _Wire(BaseModel):
    """A part of a chat completion as it came; fields that are not read are not kept."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Function(_Wire):
    arguments: str


class _ToolCall(_Wire):
    function: _Function


class _Message(_Wire):
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[_ToolCall, ...] | None = None


class _Choice(_Wire):
    message: _Message
    finish_reason: str | None = None


class _Details(_Wire):
    cached_tokens: int | None = None


class _Counted(_Wire):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Completion(_Wire):
    choices: tuple[_Choice, ...]
    model: str | None = None
    usage: _Counted | None = None


def read_completion(content: bytes) -> Reply:
    """Read the body of a chat completion.

    Raises
    ------
    ConnectionFailed
        If it is none: then what came is not what the model said, and may come right next time.
    """
    came = _completion(content) or _completion(_whole_characters(content))
    if came is None:
        raise ConnectionFailed("the reply was cut, or was no chat completion")
    usage, provenance = _usage(came.usage), provenance_of(came.model)
    if not came.choices:
        return Reply(text=None, served_model=came.model, usage=usage, provenance=provenance)
    choice = came.choices[0]
    calls, content_text = choice.message.tool_calls or (), choice.message.content
    return Reply(
        text=calls[0].function.arguments if len(calls) == 1 else without_thoughts(content_text),
        tool_calls=len(calls),
        finish_reason=choice.finish_reason,
        refusal=choice.message.refusal,
        served_model=came.model,
        usage=usage,
        provenance=provenance,
    )


def _completion(content: bytes) -> "_Completion | None":
    try:
        return _Completion.model_validate_json(content)
    except ValidationError:
        return None


def _whole_characters(content: bytes) -> bytes:
    """Write JSON anew with a question mark for each half of a surrogate pair.

    Some gateways cut a character in two; pydantic takes no such text, nor does a database.
    """
    try:
        return json.dumps(json.loads(content), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return b""


def _usage(counted: "_Counted | None") -> Usage:
    if counted is None:
        return Usage()
    details = counted.prompt_tokens_details
    return counted_usage(
        counted.prompt_tokens, counted.completion_tokens, details and details.cached_tokens
    )


def counted_usage(prompt: object, completion: object, cached: object) -> Usage:
    """Read a provider's token counts, where what makes no sense counts as not told.

    Parameters
    ----------
    prompt, completion, cached : object
        As they came. A prompt of no tokens is no count, and then none of the others is.
    """
    if not _count(prompt):
        return Usage()
    return Usage(
        prompt_tokens=_count(prompt),
        completion_tokens=_count(completion),
        cached_tokens=_count(cached),
    )


def _count(tokens: object) -> int | None:
    return tokens if isinstance(tokens, int) and tokens >= 0 else None


def without_thoughts(text: str | None) -> str | None:
    """Take away the block of thoughts with which a reasoning model opens its reply.

    Only a block at the very start is the model's own form; one further on may be a quotation.

    Examples
    --------
    >>> without_thoughts('<think>Is it safe?</think>{"score": 1}')
    '{"score": 1}'
    """
    if text is None or not text.lstrip().startswith("<think>"):
        return text
    _, closed, rest = text.partition("</think>")
    return rest.lstrip() if closed else text


class DirectModel:
    """One judge model behind an OpenAI-compatible endpoint.

    Parameters
    ----------
    judge : ModelSettings
        Needs a base URL and a model string with the prefix ``openai/`` or ``hosted_vllm/``.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If the judge cannot be reached this way, or the key's variable is not set.
    """

    transport: str = "direct"
    rungs: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt")

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        if judge.base_url is None or prefix_of(judge) not in DIRECT_PREFIXES:
            raise ConfigError(
                f"the direct way needs openai/ or hosted_vllm/ and a base URL; got {judge.model!r}."
            )
        self.provider = netloc_of(judge.base_url)
        self._url = judge.base_url.rstrip("/") + "/chat/completions"
        self._requests = RequestWriter(judge.model.removeprefix(f"{prefix_of(judge)}/"))
        self._key = key_of(judge, os.environ if environ is None else environ) or NO_KEY
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Name the address, never the key."""
        return f"DirectModel({self._url!r})"

    async def ask(self, question: Question) -> Reply:
        """Make one HTTP call.

        Raises
        ------
        ModelError
            If no reply arrived within the deadline, or the provider refused.
        """
        try:
            async with asyncio.timeout(question.deadline):
                return await self._call(question)
        except TimeoutError:
            raise DeadlineExceeded(f"no whole reply in {question.deadline:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ConnectionFailed("the connection was refused, reset or cut") from None

    async def _call(self, question: Question) -> Reply:
        body = self._requests.write(question)
        async with self._open_session().post(
            self._url, data=body, allow_redirects=False
        ) as response:
            content = await response.read()
            if response.status < 300:
                return read_completion(content)
            raise fault_of(
                response.status,
                content.decode("utf-8", "replace"),
                rung=question.rung,
                retry_after=wait_wanted(response.headers),
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            self._session = open_session(headers=headers, proxy=proxy_for(self._url))
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def open_direct(judge: ModelSettings, environ: Mapping[str, str] | None) -> DirectModel:
    """Open the direct way, as the registry wants it."""
    return DirectModel(judge, environ=environ)
