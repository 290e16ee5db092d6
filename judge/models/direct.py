"""The quick way to OpenAI-compatible endpoints: one aiohttp session, no provider library.

Same seam, errors and outcomes as the litellm way, at a fraction of its cost. A body is read up to
a cap, the deadline covers the call to its last byte, and nothing of a body reaches a message.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Literal, NoReturn

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from judge.errors import ConfigError, ConnectionFailed, DeadlineExceeded
from judge.models.address import (
    DIRECT_PREFIXES,
    NO_KEY,
    checked_url,
    key_of,
    prefix_of,
    provider_of,
)
from judge.models.base import Question, Reply, provenance_of
from judge.models.faults import fault_of, wait_wanted
from judge.models.replies import counted_usage, without_thoughts
from judge.models.sessions import open_session
from judge.records import Judge, Rung


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


class DirectModel:
    """One judge model behind an OpenAI-compatible endpoint.

    Parameters
    ----------
    judge : Judge
        Needs a base URL and a model string with the prefix ``openai/`` or ``hosted_vllm/``.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If the judge cannot be reached this way, or the key's variable is not set.
    """

    def __init__(self, judge: Judge, *, environ: Mapping[str, str] | None = None) -> None:
        if judge.base_url is None or prefix_of(judge) not in DIRECT_PREFIXES:
            raise ConfigError(
                f"the direct way needs openai/ or hosted_vllm/ and a base URL; got {judge.model!r}."
            )
        checked_url(judge.base_url)
        self._provider = provider_of(judge)
        self._url = judge.base_url.rstrip("/") + "/chat/completions"
        self._name = judge.model.partition("/")[2] or judge.model
        self._key = key_of(judge, os.environ if environ is None else environ) or NO_KEY
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Name the model, never the key."""
        return f"DirectModel({self._name!r} at {self._provider})"

    @property
    def transport(self) -> Literal["direct"]:
        """Which way this is, as attempts record it."""
        return "direct"

    @property
    def provider(self) -> str:
        """Whose rate limits the calls count against."""
        return self._provider

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Ways of asking for a structured reply that are worth trying, strictest first."""
        return ("json_schema", "tools", "json_object", "prompt")

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
        body = self._body(question)
        async with self._open_session().post(
            self._url, data=body, allow_redirects=False
        ) as response:
            content = await response.read()
            if response.status < 300:
                return _reply(content)
            raise fault_of(
                response.status,
                content.decode("utf-8", "replace"),
                rung=question.rung,
                retry_after=wait_wanted(response.headers),
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(
                **{
                    "Authorization": f"Bearer {self._key}",
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                }
            )
        return self._session

    def _body(self, question: Question) -> bytes:
        fields: dict[str, object] = {
            "model": self._name,
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
        }
        if question.seed is not None:
            fields["seed"] = question.seed
        if question.reply_schema is not None:
            fields |= structured_options(question.rung, question.reply_schema)
        fields["messages"] = [{"role": m.role, "content": m.content} for m in question.messages]
        return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


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


def _reply(content: bytes) -> Reply:
    try:
        came = _Completion.model_validate_json(content)
    except ValidationError:
        _unreadable()
    counted = came.usage or _Counted()
    details = counted.prompt_tokens_details or _Details()
    empty = Reply(
        text=None,
        served_model=came.model,
        usage=counted_usage(
            counted.prompt_tokens, counted.completion_tokens, details.cached_tokens
        ),
        provenance=provenance_of(came.model),
    )
    return empty.model_copy(update=_said(came.choices[0])) if came.choices else empty


def _unreadable() -> NoReturn:
    raise ConnectionFailed("the reply was no chat completion") from None


def _said(choice: _Choice) -> dict[str, object]:
    calls, content = choice.message.tool_calls or (), choice.message.content
    return {
        "text": calls[0].function.arguments if len(calls) == 1 else without_thoughts(content),
        "tool_calls": len(calls),
        "finish_reason": choice.finish_reason,
        "refusal": choice.message.refusal,
    }
