"""Where a provider that speaks OpenAI's chat protocol is reached, with which key, at which price.

Addresses and keys come from the table beside this file and from litellm's own list of OpenAI-like
providers; prices and what a model takes come from litellm's price list. Both files of litellm are
read without importing it, which would take seconds.
"""

import importlib.util
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from judge.errors import ConfigError
from judge.models.base import (
    DIRECT_PREFIXES,
    NO_KEY,
    SHORTEST_KEY,
    Dialect,
    key_of,
    netloc_of,
    prefix_of,
)
from judge.models.budget import Price
from judge.records import ModelSettings, Rung

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
