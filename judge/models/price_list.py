"""What litellm's list says of a model, read from its file: importing litellm takes seconds."""

import functools
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast, get_args

from judge.errors import ConfigError
from judge.models.budget import Price
from judge.records import Judge

DECISION_MODES = frozenset({"decisions", "evaluation"})
"""Modes of models that answer with probabilities only."""

DECISIONS_ENDPOINT = "/v1/decisions"


Api = Literal["auto", "chat", "decisions", "logprobs"]
"""What a user may ask for."""


def with_api(judge: Judge, api: Api = "auto") -> Judge:
    """Say what kind of model a judge is.

    Parameters
    ----------
    judge : Judge
    api : {"auto", "chat", "decisions", "logprobs"}
        ``auto`` asks for probabilities where litellm's list says that the model gives them and the
        judge has no address of its own; a server of one's own is taken for a chat model.

    Raises
    ------
    ConfigError
        If ``api`` is none of these.
    """
    if api not in get_args(Api):
        raise ConfigError(f"--api {api!r} is not known; use {', '.join(get_args(Api))}.")
    if api == "auto":
        api = "decisions" if judge.base_url is None and speaks_decisions(judge.model) else "chat"
    return judge if judge.api == api else judge.model_copy(update={"api": api})


def speaks_decisions(model: str) -> bool:
    """Tell whether litellm's list says that a model answers typed questions.

    The list is read from its file, since importing litellm takes seconds.

    Parameters
    ----------
    model : str
        As litellm names it, like ``openai/gpt-6-luna``.
    """
    known = _listed(model)
    endpoints = known.get("supported_endpoints") or ()
    return known.get("mode") in DECISION_MODES or DECISIONS_ENDPOINT in cast("list[str]", endpoints)


def decision_price(model: str) -> Price | None:
    """Give the price that litellm's list has for typed questions; None where it has none.

    Parameters
    ----------
    model : str
        As litellm names it.
    """
    known = _listed(model)
    prompt = known.get("input_cost_per_token_decisions", known.get("input_cost_per_token"))
    if not isinstance(prompt, int | float) or not prompt:
        return None
    completion = known.get("output_cost_per_token_decisions", 0.0)
    return Price(prompt=float(prompt), completion=float(cast("float", completion or 0.0)))


def _listed(model: str) -> Mapping[str, object]:
    models = _price_list()
    head, slash, rest = model.partition("/")
    return models.get(model) or (models.get(rest, {}) if slash and head == "openai" else {})


@functools.cache
def _price_list() -> Mapping[str, Mapping[str, object]]:
    found = importlib.util.find_spec("litellm")
    places = found.submodule_search_locations if found else None
    if not places:
        return {}
    path = Path(next(iter(places))) / "model_prices_and_context_window_backup.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
