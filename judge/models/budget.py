"""What a run may spend, reserved before each call and settled after it, and what models cost."""

import asyncio
import functools
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, TypedDict, cast, get_args

from judge.errors import BudgetExceeded, ConfigError
from judge.files.decoding import counted
from judge.records import Attempt, Judge, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars for each token."""

    prompt: float
    completion: float
    cached: float | None = None
    """For tokens of the prompt that came from the provider's cache; None for the full price."""

    def cost(self, usage: Usage) -> float | None:
        """Price a call; None where its tokens were not counted."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        cached = 0 if self.cached is None else min(usage.cached_tokens or 0, usage.prompt_tokens)
        read = self.prompt * (usage.prompt_tokens - cached) + (self.cached or 0.0) * cached
        return read + self.completion * usage.completion_tokens


class Budget:
    """Limits shared by all calls of a run, those of its earlier sittings included."""

    def __init__(
        self,
        *,
        max_calls: int | None = None,
        max_usd: float | None = None,
        calls: int = 0,
        usd: float = 0.0,
    ) -> None:
        self._max_calls = max_calls
        self._max_usd = max_usd
        self._calls = calls
        self._usd = usd
        self._dearest: float | None = None
        self._open = 0
        self._settled = asyncio.Event()
        self.exceeded: str | None = None
        """Which limit ended the run, in a clause; None while none has."""

    async def reserve(self) -> float:
        """Set aside one call, and as many dollars as the dearest call so far has cost.

        While no cost is known a call sets aside all that is left, so that it goes alone. Where
        the dollars that calls in flight have set aside leave too few, it waits for their costs.

        Returns
        -------
        float
            What was set aside, to be given back to `settle`.

        Raises
        ------
        BudgetExceeded
            If the call might cross a limit.
        """
        wanted = 0.0
        if self._max_usd is not None:
            wanted = await self._share_of(self._max_usd)
        if self._max_calls is not None and self._calls + 1 > self._max_calls:
            self._exceed(f"the limit of {counted(self._max_calls, 'call')} is reached")
        self._calls += 1
        self._usd += wanted
        self._open += 1
        return wanted

    async def _share_of(self, most: float) -> float:
        while True:
            left = most - self._usd
            wanted = left if self._dearest is None else self._dearest
            if wanted <= left and left > 0.0:
                return wanted
            if not self._open:
                self._exceed(f"the limit of {most:g} US dollars is reached")
            self._settled.clear()
            await self._settled.wait()

    def _exceed(self, why: str) -> NoReturn:
        self.exceeded = why
        raise BudgetExceeded(why)

    def settle(self, reserved: float, cost: float | None, *, replied: bool = True) -> None:
        """Replace what was set aside by what the call cost; an unknown cost keeps the reserve.

        A call without a reply, before any cost is known, gives it back: it says nothing of costs.
        """
        self._open -= 1
        if cost is not None:
            self._usd += cost - reserved
            self._dearest = max(self._dearest or 0.0, cost)
        elif not replied and self._dearest is None:
            self._usd -= reserved
        self._settled.set()


class Spent(TypedDict):
    """What all calls of one task cost together."""

    usage: Usage
    cost_usd: float | None
    latency_ms: float | None
    attempts: int


def spent(attempts: Sequence[Attempt]) -> Spent:
    """Add up the calls of one task; what is not known stays unknown."""
    return Spent(
        usage=_total(attempts),
        cost_usd=_cost(attempts),
        latency_ms=_latency(attempts),
        attempts=len(attempts),
    )


def _total(attempts: Sequence[Attempt]) -> Usage:
    if len(attempts) == 1:
        return attempts[0].usage
    return Usage(
        prompt_tokens=_sum([attempt.usage.prompt_tokens for attempt in attempts]),
        completion_tokens=_sum([attempt.usage.completion_tokens for attempt in attempts]),
        cached_tokens=_sum([attempt.usage.cached_tokens for attempt in attempts]),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """Add what is known; None when nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _cost(attempts: Sequence[Attempt]) -> float | None:
    """Add the costs of all calls that reached a model; None when one of them is not known."""
    costs = [attempt.cost_usd for attempt in attempts if attempt.usage.prompt_tokens is not None]
    return None if None in costs or not costs else sum(cost for cost in costs if cost is not None)


def _latency(attempts: Sequence[Attempt]) -> float | None:
    known = [attempt.latency_ms for attempt in attempts if attempt.latency_ms is not None]
    return sum(known) if known else None


# What litellm's list says of a model, read from its file: importing litellm takes seconds.

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
