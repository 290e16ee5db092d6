"""The direct way to OpenAI-compatible endpoints: one aiohttp session, no provider library.

Same seam, errors and outcomes as the litellm way, at a fraction of its cost. A body is read up to
a cap, the deadline covers the call to its last byte, and nothing of a body reaches a message.
A run asks thousands of questions that differ in one message only: the settings, the schema and
the system message are kept as bytes. The addresses, keys and prices of providers that speak this
protocol are taken from litellm's own tables.
"""

import asyncio
import functools
import importlib.util
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from judge.errors import AddressRejected, ConfigError, DeadlineExceeded
from judge.models.base import (
    AS_USUAL,
    DIRECT_PREFIXES,
    NO_KEY,
    SHORTEST_KEY,
    Dialect,
    Message,
    Question,
    Reply,
    key_of,
    netloc_of,
    prefix_of,
)
from judge.models.chat_completion import read_completion
from judge.models.http_errors import fault_of, wait_wanted
from judge.models.http_session import broken_connection, open_session, proxy_for, redirect_refused
from judge.models.limits import Price
from judge.models.provider_error import Sent
from judge.records import ModelSettings, Rung

# Where a provider that speaks OpenAI's chat protocol is reached, with which key, at which price.

AZURE_VERSION = "2024-10-21"
"""Version of Azure's API where AZURE_API_VERSION names none: the latest that is generally available
with structured output."""

ALL_RUNGS: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt")

COMPLETIONS = "/chat/completions"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where and how one model is asked."""

    url: str
    """Of the chat completions themselves."""
    other_url: str | None = None
    """Another that may be meant where nothing is served at the first: with ``/v1`` in between."""
    headers: Mapping[str, str]
    """With the key in them."""
    model: str
    """The model's name as the endpoint knows it."""
    secrets: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    rename: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings that have another name there."""
    rungs: tuple[Rung, ...] = ALL_RUNGS
    price: Price | None = None


def endpoint_of(judge: ModelSettings, environ: Mapping[str, str]) -> Endpoint:
    """Find the endpoint of a model.

    Parameters
    ----------
    judge : ModelSettings
    environ : mapping of str to str
        Where keys and addresses are read.

    Raises
    ------
    ConfigError
        If no address or no key is known for the model, or its address is none.
    """
    prefix = prefix_of(judge)
    known = _provider(prefix)
    own = judge.base_url is not None
    base = judge.base_url or _first(environ, known.get("base", ())) or known.get("url", "")
    if not base:
        raise ConfigError(
            f"the direct way knows no address for {judge.model!r}; give it with --base-url "
            "http://host:port/v1."
        )
    netloc_of(base)
    key = key_of(judge, environ) or _first(environ, known.get("key", ()))
    if key is None and not own:
        variable = next(iter(known.get("key", ())), "a variable")
        raise ConfigError(
            f"{judge.model} needs a key: export {variable}, name another variable with "
            "--api-key-env, or give a server of your own with --base-url."
        )
    model = judge.model.removeprefix(f"{prefix}/")
    # What somebody else's server asks for, and takes, is not the provider's.
    foreign = own and prefix in DIRECT_PREFIXES
    listed: Mapping[str, Any] = {} if foreign else listed_model(judge.model)
    azure = prefix == "azure"
    return Endpoint(
        url=_azure_url(base, model, environ) if azure else completions_url(base),
        other_url=None if azure else _with_version(base),
        headers=_key_header(key or NO_KEY, azure=azure),
        model=model,
        secrets=(key,) if key and len(key) >= SHORTEST_KEY else (),
        dialect=Dialect() if own else Dialect(token_limit=known.get("limit", "max_tokens")),
        rename=known.get("rename", {}),
        rungs=_rungs(listed),
        price=price_of(listed),
    )


def _key_header(key: str, *, azure: bool) -> Mapping[str, str]:
    return {"api-key": key} if azure else {"Authorization": f"Bearer {key}"}


def completions_url(base: str) -> str:
    """Give the address of chat completions under a base URL, which may name it already."""
    bare = base.rstrip("/")
    return bare if bare.endswith(COMPLETIONS) else bare + COMPLETIONS


def _with_version(base: str) -> str | None:
    """Give the address under ``/v1`` where a base URL names no version of the API."""
    bare = base.rstrip("/").removesuffix(COMPLETIONS).rstrip("/")
    last = bare.rsplit("/", 1)[-1]
    return None if last[:1] == "v" and last[1:2].isdigit() else f"{bare}/v1{COMPLETIONS}"


def _azure_url(base: str, deployment: str, environ: Mapping[str, str]) -> str:
    bare = base.rstrip("/")
    if bare.endswith("/v1"):
        return bare + COMPLETIONS
    version = environ.get("AZURE_API_VERSION", "").strip() or AZURE_VERSION
    bare = bare.removesuffix("/openai")
    return f"{bare}/openai/deployments/{deployment}{COMPLETIONS}?api-version={version}"


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next(filter(None, (environ.get(name, "").strip() for name in names)), None)


def _rungs(listed: Mapping[str, Any]) -> tuple[Rung, ...]:
    """Leave out what litellm's list says that a model does not take; all for one not listed."""
    if not listed:
        return ALL_RUNGS
    left_out = {
        "json_schema": not listed.get("supports_response_schema"),
        "tools": not listed.get("supports_function_calling"),
    }
    return tuple(rung for rung in ALL_RUNGS if not left_out.get(rung))


def price_of(listed: Mapping[str, Any]) -> Price | None:
    """Read a model's price; None where the list has none, or nothing."""
    prompt = listed.get("input_cost_per_token") or 0.0
    completion = listed.get("output_cost_per_token") or 0.0
    if not prompt and not completion:
        return None
    cached = listed.get("cache_read_input_token_cost")
    return Price(prompt=prompt, completion=completion, cached=cached or None)


@cache
def _provider(prefix: str) -> Mapping[str, Any]:
    source = files("judge.models").joinpath("providers.toml").read_text(encoding="utf-8")
    known: Mapping[str, Any] | None = tomllib.loads(source).get(prefix)
    if known is not None:
        return {**known, "key": tuple(known["key"]), "base": tuple(known.get("base", ()))}
    listed = _litellm_file("llms/openai_like/providers.json").get(prefix)
    if listed is None:
        return {}
    return {
        "url": listed["base_url"],
        "key": (listed["api_key_env"],),
        "base": (listed["api_base_env"],) if "api_base_env" in listed else (),
        "limit": listed.get("param_mappings", {}).get("max_tokens", "max_tokens"),
    }


def listed_model(model: str) -> Mapping[str, Any]:
    """Give what litellm's price list says of a model, by its name with or without the prefix."""
    listed = _litellm_file("model_prices_and_context_window_backup.json")
    return listed.get(model) or listed.get(model.removeprefix("openai/")) or {}


@cache
def _litellm_file(name: str) -> Mapping[str, Any]:
    """Read a file of litellm without importing it; empty where there is none."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        return {}
    try:
        return json.loads((Path(found.origin).parent / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


KEPT = 256
"""Openings that are kept; a run has one for each rubric, language and rung."""

MOST_ALTERNATIVES = 20
"""Tokens wanted at each place; the most that OpenAI and vLLM give. A server that gives fewer says
so, and is asked for what it names, or without."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class RequestWriter:
    """Write the bodies of the requests to one model.

    Parameters
    ----------
    model : str
        Its name as the endpoint knows it.
    extra : mapping or None
        Members that the user adds to every body; they win over ours.
    omit : tuple of str
        Members that the user leaves out of every body.
    dialect : Dialect
        In which a question of no dialect of its own is put.
    rename : mapping of str to str, or None
        Settings that have another name there.
    """

    def __init__(
        self,
        model: str,
        *,
        extra: Mapping[str, object] | None = None,
        omit: tuple[str, ...] = (),
        dialect: Dialect = AS_USUAL,
        rename: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._extra = extra or {}
        self._omit = omit
        self._dialect = dialect
        self._rename = rename or {}
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
            question.logprobs,
            id(schema),
            id(question.dialect),
        )
        kept = self._openings.get(key)
        if kept is not None:
            return kept[1]
        if len(self._openings) >= KEPT:
            self._openings.clear()
        encoded = self._encode_opening(question)
        # What is known by identity is kept too: while it lives nothing else can have the same.
        self._openings[key] = ((schema, question.dialect), encoded)
        return encoded

    def _encode_opening(self, question: Question) -> bytes:
        fields: dict[str, object] = {"model": self._model, **self.settings(question)}
        if question.reply_schema is not None:
            fields |= structured_options(question.rung, question.reply_schema)
        kept = {name: value for name, value in fields.items() if name not in self._omit}
        return _bytes({**kept, **self._extra})[:-1] + b', "messages": ['

    def settings(self, question: Question) -> dict[str, object]:
        """Name the settings of a call as the endpoint takes them."""
        if question.dialect is AS_USUAL and self._dialect is not AS_USUAL:
            question = question.model_copy(update={"dialect": self._dialect})
        settings = sent_settings(question)
        return {self._rename.get(name, name): value for name, value in settings.items()}


def sent_settings(question: Question) -> dict[str, object]:
    """Name the settings of a call as the model's dialect has it."""
    dialect = question.dialect
    settings: dict[str, object] = {"temperature": question.temperature}
    if dialect.token_limit is not None:
        settings[dialect.token_limit] = question.max_tokens
    if question.seed is not None:
        settings["seed"] = question.seed
    if question.logprobs and "logprobs" not in dialect.omit:
        settings |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
    settings |= {name: value for name, value in dialect.values if name in settings}
    return {name: value for name, value in settings.items() if name not in dialect.omit}


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


class DirectModel:
    """One model behind an endpoint that speaks OpenAI's chat protocol.

    Parameters
    ----------
    judge : ModelSettings
        Its prefix names a provider of `judge.models.openai_compatible`, or it has a base URL.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If the judge cannot be reached this way, or the key's variable is not set.

    Attributes
    ----------
    priced : bool
        Whether its replies come with what they cost.
    notes : list of str
        What was found out while asking, in sentences for the user.
    """

    transport: str = "direct"

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        endpoint = endpoint_of(judge, os.environ if environ is None else environ)
        self.provider = urlsplit(endpoint.url).netloc
        self.rungs: tuple[Rung, ...] = endpoint.rungs
        self.priced = endpoint.price is not None
        self.notes: list[str] = []
        self._endpoint = endpoint
        self._url = endpoint.url
        self._found = False
        self._requests = RequestWriter(
            endpoint.model,
            extra=judge.extra_body,
            omit=judge.omit,
            dialect=endpoint.dialect,
            rename=endpoint.rename,
        )
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
        except (aiohttp.ClientError, OSError) as error:
            raise broken_connection(error) from None

    async def _call(self, question: Question) -> Reply:
        body, url = self._requests.write(question), self._url
        async with self._open_session().post(url, data=body, allow_redirects=False) as response:
            content = await response.read()
        try:
            reply = self._read(response, content, question)
        except AddressRejected as error:
            raise self._elsewhere(error, url) from None
        self._found = True
        return self._priced(reply)

    def _read(self, response: aiohttp.ClientResponse, content: bytes, question: Question) -> Reply:
        status, headers, secrets = response.status, response.headers, self._endpoint.secrets
        sent = functools.partial(sent_by, question, self._requests)
        if status < 300:
            return read_completion(content, question, headers=headers, sent=sent, secrets=secrets)
        if status < 400:
            raise redirect_refused(status, headers)
        raise fault_of(
            status,
            content,
            rung=question.rung,
            retry_after=wait_wanted(headers),
            sent=sent(),
            secrets=secrets,
        )

    def _priced(self, reply: Reply) -> Reply:
        if self._endpoint.price is None:
            return reply
        return reply.model_copy(update={"cost_usd": self._endpoint.price.cost(reply.usage)})

    def _elsewhere(self, error: AddressRejected, url: str) -> AddressRejected:
        """Try the address with ``/v1`` once, where nothing was served at the one that was given."""
        other = self._endpoint.other_url
        if self._found or other is None:
            return error
        if url == self._endpoint.url and not self.notes:
            self._url = other
            self.notes.append(f"nothing is served at {url}; going on at {other}")
        elif url == other:
            self._url = self._endpoint.url
            return AddressRejected(
                f"{error}; the base URL is the API's root, like http://host:port/v1"
            )
        return AddressRejected(str(error), elsewhere=self._url != url)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {
                **self._endpoint.headers,
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


def sent_by(question: Question, requests: RequestWriter | None = None) -> Sent:
    """Name what a request held, against which an echo in an error is recognised."""
    texts = {role: [m.content for m in question.messages if m.role == role] for role in ROLES}
    settings = requests.settings(question) if requests else sent_settings(question)
    return Sent(
        material="\n".join((*texts["user"], *texts["assistant"])),
        instructions="\n".join(texts["system"]),
        settings=tuple(settings),
    )


ROLES = ("system", "user", "assistant")


def open_direct(judge: ModelSettings, environ: Mapping[str, str] | None) -> DirectModel:
    """Open the direct way, as the registry wants it."""
    return DirectModel(judge, environ=environ)
