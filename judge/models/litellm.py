"""The way to every provider: litellm makes the call, instructor builds the request for JSON.

Both are imported on first use only, since litellm takes seconds. litellm is held to one HTTP call
for each question, to our deadline, and to silence; instructor never sees a message.
"""

import asyncio
import contextlib
import functools
import gc
import importlib
import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from judge.errors import ConfigError, DeadlineExceeded, ModelError
from judge.models.base import (
    DIRECT_PREFIXES,
    NO_KEY,
    Question,
    Reply,
    Token,
    key_of,
    netloc_of,
    prefix_of,
    provenance_of,
    secrets_of,
)
from judge.models.chat_completion import (
    counted_usage,
    finish_of,
    holds_secret,
    model_name,
    read_completion,
    read_message,
    read_tokens,
)
from judge.models.http_errors import fault_from, own_fault
from judge.models.http_session import OneCall, Wire, join_wire, one_call
from judge.models.limits import Price
from judge.models.openai_compatible import KEPT, sent_by, sent_settings
from judge.records import ModelSettings, Rung, Usage

MODES: Mapping[Rung, str] = {"json_schema": "JSON_SCHEMA", "tools": "TOOLS", "json_object": "JSON"}
"""The name of each rung in instructor; free text needs no mode."""

FIRST_CALL_MODULES = ("litellm.llms.github_copilot.per_user_auth",)
"""Modules that litellm imports within the first call, whatever the provider; some warn as they
load, and where warnings are errors every call would end as a broken connection."""

CLEANUP = "litellm.llms.custom_httpx.async_client_cleanup"

LOCAL_SERVERS = frozenset(
    {"hosted_vllm", "ollama", "ollama_chat", "lm_studio", "llamafile", "xinference", "vllm"}
)
"""Prefixes of servers that take a JSON schema whatever model they run."""


class LitellmModel:
    """One judge model, reached through litellm.

    Parameters
    ----------
    judge : ModelSettings
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If litellm does not know the provider, or the key's variable is not set.

    Attributes
    ----------
    left_out : tuple of str
        Settings that are not sent, because the model takes no such value.
    priced : bool
        Whether its replies come with what they cost.
    """

    transport: str = "litellm"

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        self._litellm = load_litellm()
        environ = os.environ if environ is None else environ
        self._fixed = _fixed_options(judge, environ)
        if judge.base_url is None and judge.api_key_env is None:
            _require_key(self._litellm, judge, environ)
        provider = _provider(self._litellm, judge)
        self.provider = provider if judge.base_url is None else netloc_of(judge.base_url)
        self.rungs = _ladder(self._litellm, judge, provider)
        self.left_out = _not_taken(self._litellm, judge, provider)
        unwanted = ("top_logprobs",) if "logprobs" in self.left_out else ()
        self._omitted = frozenset((*self.left_out, *unwanted, *judge.omit))
        self._extra_body = judge.extra_body
        self._secrets = secrets_of(judge, environ)
        self._as_is = _sent_as_is(self._litellm, judge, provider)
        self._cost_counts = judge.base_url is None or provider not in DIRECT_PREFIXES
        self.priced = self._cost_counts and _price_is_listed(self._litellm, judge)
        self._built: dict[tuple[Rung, int], tuple[object, Mapping[str, object]]] = {}
        self._wire: Wire | None = None

    async def ask(self, question: Question) -> Reply:
        """Make one HTTP call.

        Raises
        ------
        ModelError
            If no reply arrived within the deadline, or the provider refused.
        """
        options = self._options(question)
        if self._wire is None:
            self._wire = join_wire(self)
        timer = asyncio.timeout(question.deadline)
        leave_unlogged()
        with one_call() as call:
            try:
                async with timer:
                    came = await self._litellm.acompletion(
                        **options, shared_session=self._wire.session
                    )
                reply = _reply(came, question, self._secrets)
            except Exception as error:  # noqa: BLE001 - litellm raises its own and everyone else's
                if timer.expired():
                    raise DeadlineExceeded(f"no whole reply in {question.deadline:g} s") from None
                reply = self._odd_reply(error, call, question)
        # A price is the provider's; what somebody else's server asks for is not known.
        return reply if self._cost_counts else reply.model_copy(update={"cost_usd": None})

    def _odd_reply(self, error: Exception, call: OneCall, question: Question) -> Reply:
        """Read a reply of a good status that litellm cannot, as the direct way reads it."""
        sent = functools.partial(sent_by, question)
        if not call.kept_whole or own_fault(error):
            raise fault_from(
                error, call, question.rung, sent=sent(), secrets=self._secrets
            ) from None
        try:
            return read_completion(
                bytes(call.body), question, headers=call.headers, sent=sent, secrets=self._secrets
            )
        except ModelError as named:
            raise named from None

    def _options(self, question: Question) -> dict[str, object]:
        messages = [{"role": m.role, "content": m.content} for m in question.messages]
        options: dict[str, object] = {
            **self._fixed,
            "messages": messages,
            "timeout": question.deadline,
            **sent_settings(question),
        }
        if question.reply_schema is not None and question.rung in MODES:
            options |= self._structured(question.rung, question.reply_schema)
        if self._extra_body:
            added = cast("Mapping[str, object]", options.get("extra_body", {}))
            options["extra_body"] = {**added, **self._extra_body}
        return {name: value for name, value in options.items() if name not in self._omitted}

    def _structured(self, rung: Rung, schema: Mapping[str, object]) -> Mapping[str, object]:
        # Kept together with the schema: while that lives nothing else can have its identity.
        kept = self._built.get((rung, id(schema)))
        if kept is None:
            if len(self._built) >= KEPT:
                self._built.clear()
            options = structured_options(rung, schema)
            if self._as_is and "response_format" in options:
                # openai's client walks through every value of an argument that it has a type for.
                options = {"extra_body": options}
            kept = self._built[rung, id(schema)] = (schema, options)
        return kept[1]

    async def close(self) -> None:
        """Give up the connections; the last model of an event loop closes them."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await leave_litellm(wire, self)


async def leave_litellm(wire: Wire, user: object) -> None:
    """Give up the connections of a user of litellm; the last of an event loop closes them."""
    if wire.leave(user):
        cleanup: Any = importlib.import_module(CLEANUP)
        await cleanup.close_litellm_async_clients()
        load_litellm().in_memory_llm_clients_cache.flush_cache()
        await wire.session.close()


def open_litellm(judge: ModelSettings, environ: Mapping[str, str] | None) -> LitellmModel:
    """Open the litellm way, as the registry wants it."""
    return LitellmModel(judge, environ=environ)


@functools.cache
def load_litellm() -> Any:
    """Import litellm once: without network, without logs that may hold keys, without callbacks."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).disabled = True
    for name in ("httpx", "openai", "instructor"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Of its own types, which pydantic completes only when the first reply is built.
        warnings.simplefilter("ignore")
        litellm: Any = importlib.import_module("litellm")
        litellm.ModelResponse()
        for module in FIRST_CALL_MODULES:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = False
    gc.collect()
    gc.freeze()
    return litellm


def leave_unlogged() -> None:
    """Mark the calls of this task as litellm marks its own, which it neither logs nor budgets.

    The attempts of a run say all that its log would, and the log takes a tenth of each call.
    """
    with contextlib.suppress(ImportError, AttributeError):
        importlib.import_module("litellm._internal_context").is_internal_call.set(True)


def structured_options(rung: Rung, schema: Mapping[str, object]) -> Mapping[str, object]:
    """Let instructor build what asks a provider for JSON; messages are never shown to it.

    Parameters
    ----------
    rung : Rung
        Any but ``prompt``.
    schema : mapping
        The JSON schema of the reply; its title names it.

    Returns
    -------
    mapping
        ``response_format``, or ``tools`` and ``tool_choice``, to add to the request.
    """
    instructor: Any = importlib.import_module("instructor.v2")
    mode = instructor.mode_registry.get_handlers(
        instructor.Provider.OPENAI, instructor.Mode[MODES[rung]]
    )
    built = mode.request_handler(_reply_class(schema), {"messages": []})[1]
    options = {name: value for name, value in built.items() if name != "messages"}
    if "tools" in options:
        # Without this litellm imports `mcp`, which a plain install does not have.
        options["_skip_mcp_handler"] = True
    return options


def _reply_class(schema: Mapping[str, object]) -> type[BaseModel]:
    """Make the class that instructor wants, whose schema is exactly ours."""
    title = str(schema.get("title", "Reply"))

    def model_json_schema(_cls: type[BaseModel]) -> dict[str, object]:
        return {**schema, "title": title}

    described = str(schema.get("description", "Give the reply in this form."))
    members = {"model_json_schema": classmethod(model_json_schema), "__doc__": described}
    return type(title, (BaseModel,), {**members, "__module__": __name__})


def _fixed_options(judge: ModelSettings, environ: Mapping[str, str]) -> dict[str, object]:
    key = key_of(judge, environ)
    options: dict[str, object] = {"model": judge.model, "num_retries": 0, "max_retries": 0}
    if judge.base_url is not None:
        options["base_url"] = judge.base_url
        # Elsewhere litellm itself knows which variable holds the key, or that none is needed.
        key = key or (NO_KEY if prefix_of(judge) in DIRECT_PREFIXES else None)
    if key is not None:
        options["api_key"] = key
    return options


def _require_key(litellm: Any, judge: ModelSettings, environ: Mapping[str, str]) -> None:
    """Refuse before the first call what could only fail, and as a failure of the server.

    Providers that want more than one key, or one of several, are left to litellm: there an
    account of the machine may stand in for them.
    """
    missing: list[str] = litellm.validate_environment(judge.model)["missing_keys"]
    if len(missing) == 1 and missing[0].endswith("_API_KEY") and not environ.get(missing[0]):
        raise ConfigError(
            f"{judge.model} needs a key: export {missing[0]}, name another variable with "
            "--api-key-env, or give a server of your own with --base-url."
        )


def _provider(litellm: Any, judge: ModelSettings) -> str:
    try:
        return litellm.get_llm_provider(judge.model, api_base=judge.base_url)[1]
    except litellm.exceptions.BadRequestError:
        raise ConfigError(
            f"no provider is known for {judge.model!r}; write it as provider/model."
        ) from None


def _not_taken(litellm: Any, judge: ModelSettings, provider: str) -> tuple[str, ...]:
    """Find the settings that litellm would refuse for this model before any call."""
    refused: list[str] = []
    told = True if getattr(judge, "api", "chat") == "logprobs" else None
    settings = {"temperature": judge.temperature, "seed": judge.seed, "logprobs": told}
    for name, value in settings.items():
        wanted = {} if value is None else {name: value}
        model = judge.model.removeprefix(f"{provider}/")
        try:
            litellm.get_optional_params(model=model, custom_llm_provider=provider, **wanted)
        except litellm.exceptions.UnsupportedParamsError:
            refused.append(name)
    return tuple(refused)


def _ladder(litellm: Any, judge: ModelSettings, provider: str) -> tuple[Rung, ...]:
    if provider in LOCAL_SERVERS or judge.base_url is not None:
        return ("json_schema", "tools", "json_object", "prompt")
    taken: list[str] = litellm.get_supported_openai_params(judge.model, provider) or []
    rungs: dict[Rung, bool] = {
        "json_schema": litellm.supports_response_schema(judge.model),
        "tools": "tools" in taken,
        "json_object": "response_format" in taken,
        "prompt": True,
    }
    return tuple(rung for rung, known in rungs.items() if known)


def list_price(model: str) -> Price | None:
    """Give the price that litellm's list has for a model; None where it has none, or nothing.

    Parameters
    ----------
    model : str
        As litellm names it, like ``openai/gpt-4.1``.
    """
    try:
        listed = load_litellm().get_model_info(model)
    except Exception:  # noqa: BLE001 - litellm raises a plain Exception for a model it does not know
        return None
    price = Price(
        prompt=listed.get("input_cost_per_token") or 0.0,
        completion=listed.get("output_cost_per_token") or 0.0,
    )
    return price if price.prompt or price.completion else None


def cached_share(model: str) -> float:
    """Give the price of a prompt token from the provider's cache, as a share of a fresh one's.

    Returns
    -------
    float
        1.0 where the list knows of no discount.
    """
    try:
        listed = load_litellm().get_model_info(model)
    except Exception:  # noqa: BLE001 - litellm raises a plain Exception for a model it does not know
        return 1.0
    fresh = listed.get("input_cost_per_token")
    cached = listed.get("cache_read_input_token_cost")
    return cached / fresh if fresh and cached else 1.0


def _sent_as_is(litellm: Any, judge: ModelSettings, provider: str) -> bool:
    """Whether a request goes to chat completions by openai's own client, which sends what it gets.

    Models that litellm reaches by the Responses API want other names for the same thing.
    """
    if provider != "openai" or "responses/" in judge.model:
        return False
    return judge.base_url is not None or _mode(litellm, judge) == "chat"


def _mode(litellm: Any, judge: ModelSettings) -> str | None:
    return _known_of(litellm, judge).get("mode")


def _price_is_listed(litellm: Any, judge: ModelSettings) -> bool:
    return bool(_known_of(litellm, judge).get("output_cost_per_token"))


def _known_of(litellm: Any, judge: ModelSettings) -> Mapping[str, Any]:
    try:
        return litellm.get_model_info(judge.model)
    except Exception:  # noqa: BLE001 - litellm raises a plain Exception for a model it does not know
        return {}


def _reply(came: Any, asked: Question, secrets: tuple[str, ...]) -> Reply:
    served = model_name(came.model)
    empty = Reply(
        text=None,
        served_model=None if holds_secret(served, secrets) else served,
        usage=_usage(getattr(came, "usage", None)),
        cost_usd=came._hidden_params.get("response_cost") or None,  # noqa: SLF001 - its only place
        provenance=provenance_of(served, getattr(came, "system_fingerprint", None)),
    )
    return empty.model_copy(update=_said(came.choices, asked, secrets)) if came.choices else empty


def _said(choices: Any, asked: Question, secrets: tuple[str, ...]) -> dict[str, object]:
    message = choices[0].message
    fields: Any = getattr(message, "provider_specific_fields", None) or {}
    words = read_message(_members(message), asked)
    leaked = holds_secret(words.text, secrets)
    others = [read_message(_members(choice.message), asked).text for choice in choices[1:]]
    return {
        "text": None if leaked else words.text,
        "tokens": _tokens(choices[0]) if asked.logprobs else None,
        "tool_calls": words.tool_calls,
        "contradiction": words.contradiction or any(text != words.text for text in others),
        "thoughts": words.thoughts,
        "leaked": leaked,
        "finish_reason": finish_of(choices[0].finish_reason),
        "refusal": getattr(message, "refusal", None) or fields.get("refusal"),
    }


def _tokens(choice: Any) -> tuple[Token, ...] | None:
    given: Any = getattr(choice, "logprobs", None)
    return read_tokens(given.model_dump() if isinstance(given, BaseModel) else given)


def _members(message: Any) -> dict[str, object]:
    """Give what is read of a message in the form in which an endpoint sends it."""
    calls: Any = message.tool_calls or []
    functions = [
        {"function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in calls
    ]
    return {
        "content": message.content,
        "tool_calls": functions,
        "reasoning_content": getattr(message, "reasoning_content", None),
    }


def _usage(counted: Any) -> Usage:
    details = getattr(counted, "prompt_tokens_details", None)
    return counted_usage(
        getattr(counted, "prompt_tokens", None),
        getattr(counted, "completion_tokens", None),
        getattr(details, "cached_tokens", None),
    )
