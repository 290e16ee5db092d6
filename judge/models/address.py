"""Where a judge lives: its provider, its address and its key, checked once at the border."""

import os
import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from judge.errors import ConfigError
from judge.records import ModelSettings

NO_KEY = "no-key-needed"
"""Sent to servers that want some key but do not look at it."""

DIRECT_PREFIXES = ("openai", "hosted_vllm")
"""Prefixes of model strings that name any OpenAI-compatible server."""

USUAL_KEYS: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "hosted_vllm": "HOSTED_VLLM_API_KEY",
}
"""Environment variables that hold the key where the judge names none."""

USUAL_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE",),
}
"""Environment variables that hold the address where the judge has none; the first that is set."""

OPENAI_ITSELF = "https://api.openai.com/v1"

Settings = TypeVar("Settings", bound=ModelSettings)


def addressed(judge: Settings, environ: Mapping[str, str] | None = None) -> Settings:
    """Give a model the address that its usual variable names, so that it is kept and compared.

    Parameters
    ----------
    judge : ModelSettings
    environ : mapping of str to str, or None
        None for the process's environment.

    Returns
    -------
    ModelSettings
        Unchanged where it has an address, or no variable names another one.
    """
    environ = os.environ if environ is None else environ
    head, slash, _ = judge.model.partition("/")
    if judge.base_url is not None or not slash:
        return judge
    named = (environ.get(name, "").strip() for name in USUAL_ADDRESSES.get(head, ()))
    address = next(filter(None, named), OPENAI_ITSELF)
    if address.rstrip("/") == OPENAI_ITSELF:
        return judge
    return judge.model_copy(update={"base_url": address})


def prefix_of(judge: ModelSettings) -> str:
    """Give the part of a model string before the first slash; ``openai`` where there is none."""
    head, slash, _ = judge.model.partition("/")
    return head if slash else "openai"


def netloc_of(url: str) -> str:
    """Give host and port of a base URL: whose rate limits its judges share.

    Raises
    ------
    ConfigError
        If it is no HTTP address, or carries a name, password or query, where keys would hide.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ConfigError("the base URL must look like http://host:port/v1.")
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the base URL must hold no user, password or query; keys come by variable."
        )
    return parts.netloc


def refuse_secrets(model: ModelSettings) -> None:
    """Refuse settings that hold a key themselves, before anything of them is kept or printed.

    Raises
    ------
    ConfigError
        If the base URL carries a user, password or query, or a key stands where the name of a
        variable belongs; the message repeats neither.
    """
    if model.base_url is not None:
        netloc_of(model.base_url)
    if model.api_key_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", model.api_key_env):
        raise ConfigError("--api-key-env takes the NAME of a variable, never the key itself.")


def key_of(judge: ModelSettings, environ: Mapping[str, str]) -> str | None:
    """Read a judge's key.

    Returns
    -------
    str or None
        None where neither the judge nor the provider's custom names a variable that is set.

    Raises
    ------
    ConfigError
        If the judge names a variable that is not set, or the variable holds no key.
    """
    variable = judge.api_key_env or USUAL_KEYS.get(prefix_of(judge), "")
    key = environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the variable {variable} holds no key: it has characters no key has.")
    if judge.api_key_env and not key:
        raise ConfigError(
            f"the variable {variable} is not set; export it with the key of the judge."
        )
    return key or None
