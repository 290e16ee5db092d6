"""What a run may ask for: calls at once, calls a minute, and money.

One gate serves all judges that share a provider.

The number of calls in flight grows while they succeed and is halved when the provider pushes
back (additive increase, multiplicative decrease). After a 429 the whole provider pauses, and the
first call after the pause goes alone, as a probe. Times are seconds of a monotonic clock.
"""

import asyncio
import functools
import importlib.util
import json
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn, Protocol, TypedDict, cast, get_args

from pydantic import Field

from judge.errors import BudgetExceeded, ConfigError
from judge.events import happened
from judge.files.decoding import counted
from judge.models.base import NOTHING, DialectLearner, Learnt, Model
from judge.records import Attempt, Judge, Record, Usage

# What a run may spend, reserved before each call and settled after it, and what models cost.


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


class Limit(Record):
    """What a user allows for one provider."""

    concurrency: int = Field(default=32, ge=1)
    """Most calls in flight."""
    start: int = Field(default=16, ge=1)
    """Calls in flight before anything is known of the provider."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    retry_share: float = Field(default=0.1, ge=0, le=1)
    """Retries of failed calls, as a share of the calls of the last minute."""
    retry_floor: int = Field(default=32, ge=0)
    """Retries that are always allowed in a minute, so that a small run never starves."""


class Clock(Protocol):
    """Time as gates and retries see it, so that a test can run an hour in a moment."""

    def now(self) -> float:
        """Give seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class TokenBucket:
    """A budget that refills evenly: at most ten seconds' worth may be saved up.

    Parameters
    ----------
    per_minute : float
        Units that flow in each minute.
    clock : Clock
    """

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._rate = per_minute / 60.0
        self._size = max(1.0, per_minute / 6.0)
        self._level = self._size
        self._clock = clock
        self._filled = clock.now()

    def take(self, units: float) -> float:
        """Take units now and give the seconds to wait before using them.

        The bucket may go below zero, which makes later takers wait longer: first come, first
        served, and a call of more units than the bucket holds is made too.
        """
        now = self._clock.now()
        self._level = min(self._size, self._level + (now - self._filled) * self._rate)
        self._filled = now
        self._level -= units
        return max(0.0, -self._level / self._rate)


class RetryBudget:
    """How many failed calls of a provider may be retried, so that an outage is not made worse.

    Parameters
    ----------
    share : float
        Retries allowed as a fraction of the calls in the window.
    floor : int
        Retries always allowed in a window.
    clock : Clock
    """

    WINDOW = 60

    def __init__(self, share: float, floor: int, clock: Clock) -> None:
        self._share = share
        self._floor = floor
        self._clock = clock
        self._calls: Counter[int] = Counter()
        self._retries: Counter[int] = Counter()

    def called(self) -> None:
        """Note one call."""
        self._calls[self._second()] += 1

    def spend(self) -> bool:
        """Take one retry from the budget; False when it is spent."""
        second = self._second()
        if self._retries.total() >= max(self._floor, self._share * self._calls.total()):
            return False
        self._retries[second] += 1
        return True

    def _second(self) -> int:
        """Give the current second, and forget those that left the window."""
        second = int(self._clock.now())
        if second not in self._calls:
            for counted in (self._calls, self._retries):
                for old in [past for past in counted if past <= second - self.WINDOW]:
                    del counted[old]
        return second


class ProviderGate:
    """The door to one provider.

    Parameters
    ----------
    limit : Limit
    clock : Clock
    pace : coroutine function or None
        Waits for one more call of so many tokens, where a rate is shared with other programs.
    name : str
        The provider's, for events.
    """

    def __init__(
        self,
        limit: Limit,
        clock: Clock,
        *,
        pace: Callable[[int], Awaitable[None]] | None = None,
        name: str = "",
    ) -> None:
        self._name = name
        self.pushbacks = 0
        """How often the calls in flight were halved."""
        self._shared_pace = pace
        self.retries = RetryBudget(limit.retry_share, limit.retry_floor, clock)
        self.in_flight = 0
        self._clock = clock
        self._most = float(limit.concurrency)
        self._allowed = float(min(limit.start, limit.concurrency))
        self._slow_start = True
        self._paused_until = float("-inf")
        self._pushed_at = float("-inf")
        self._probing = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._requests = _bucket(limit.requests_per_minute, clock)
        self._tokens = _bucket(limit.tokens_per_minute, clock)

    @property
    def allowed(self) -> int:
        """Calls that may be in flight now."""
        return 1 if self._probing else max(1, int(self._allowed))

    async def enter(self, tokens: int = 0) -> float:
        """Take a place among the calls in flight; every entry needs a `leave`.

        Parameters
        ----------
        tokens : int
            Tokens that the call is expected to use; they count only where a limit is set.

        Returns
        -------
        float
            When the place was taken, in seconds of the clock.
        """
        await self._pace(tokens)
        await self._take_place()
        self.retries.called()
        return self._clock.now()

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._wake()

    async def _take_place(self) -> None:
        if self.in_flight < self.allowed and not self._waiting:
            self.in_flight += 1
        else:
            await self._queue()
        # In a pause one place is allowed, so that whoever waits here waits alone.
        while (pause := self._paused_until - self._clock.now()) > 0.0:
            try:
                await self._clock.sleep(pause)
            except BaseException:
                self.leave()
                raise

    async def _queue(self) -> None:
        """Wait until somebody hands over a place."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    @property
    def pause_left(self) -> float | None:
        """Seconds until calls may be made again; None where they may."""
        left = self._paused_until - self._clock.now()
        return left if left > 0.0 else None

    async def _pace(self, tokens: int) -> None:
        if self._shared_pace is not None:
            await self._shared_pace(tokens)
            return
        if self._requests is None and self._tokens is None:
            return
        waits = [
            bucket.take(units)
            for bucket, units in ((self._requests, 1), (self._tokens, tokens))
            if bucket is not None and units
        ]
        if waits and max(waits) > 0.0:
            await self._clock.sleep(max(waits))

    def _wake(self) -> None:
        """Hand free places to those who wait, first come, first served."""
        while self.in_flight < self.allowed and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def succeeded(self, started: float) -> None:
        """Note an answer to a call won at ``started``: more calls may be in flight."""
        if started < self._paused_until:
            return
        self._probing = False
        grown = self._allowed + (1.0 if self._slow_start else 1.0 / self._allowed)
        self._allowed = min(self._most, grown)

    def pushed_back(self, started: float, pause: float | None = None) -> None:
        """Note a 429, a server error or a timeout: halve the calls in flight, perhaps pause.

        Calls that were in flight together are pushed back together and count once.

        Parameters
        ----------
        started : float
            When the call won its slot.
        pause : float or None
            Seconds during which nobody calls, after which one call goes alone.
        """
        if started >= self._pushed_at:
            self._allowed = max(1.0, self._allowed / 2.0)
            self._pushed_at = self._clock.now()
            self.pushbacks += 1
            happened(
                "limit_lowered", provider=self._name, allowed=int(self._allowed), pause_s=pause
            )
        self._slow_start = False
        if pause is not None:
            self.pause(pause)

    def pause(self, seconds: float) -> None:
        """Let nobody call for some seconds, and then one call alone."""
        self._probing = True
        self._paused_until = max(self._paused_until, self._clock.now() + seconds)


def _bucket(per_minute: float | None, clock: Clock) -> TokenBucket | None:
    return None if per_minute is None else TokenBucket(per_minute, clock)


class Limits:
    """What all calls of a run share: the gates of its providers, the dialects of its models.

    Parameters
    ----------
    limit : Limit
        What holds for each provider.
    clock : Clock or None
        None for the machine's.
    pace : coroutine function or None
        Waits for one more call of a provider, where a rate is shared with other programs.
    """

    def __init__(
        self,
        limit: Limit | None = None,
        clock: Clock | None = None,
        *,
        pace: Callable[[str, int], Awaitable[None]] | None = None,
    ) -> None:
        self._pace = pace
        self.clock: Clock = clock or SystemClock()
        self._limit = limit or Limit()
        self._gates: dict[str, ProviderGate] = {}
        self._dialects: dict[int, tuple[Model, DialectLearner]] = {}

    def dialects(self, model: Model) -> DialectLearner:
        """Give what the run has learnt of how a model takes its settings."""
        if id(model) not in self._dialects:
            # Kept with its model: while that lives nothing else can have its identity.
            self._dialects[id(model)] = (model, DialectLearner())
        return self._dialects[id(model)][1]

    def teach(self, models: Mapping[str, Model], learnt: Mapping[str, Learnt]) -> None:
        """Say what an earlier part of the run has learnt, by the models' names."""
        for name, model in models.items():
            if name in learnt:
                self._dialects[id(model)] = (model, DialectLearner(learnt[name]))

    def learnt(self, models: Mapping[str, Model]) -> dict[str, Learnt]:
        """Give what has been learnt so far, by the models' names; what is usual is left out."""
        found = {name: self.dialects(model).learnt for name, model in models.items()}
        return {name: each for name, each in found.items() if each != NOTHING}

    def gate(self, provider: str) -> ProviderGate:
        """Give the one gate of a provider."""
        if provider not in self._gates:
            pace = None if self._pace is None else partial(self._pace, provider)
            self._gates[provider] = ProviderGate(self._limit, self.clock, pace=pace, name=provider)
        return self._gates[provider]

    def gates(self) -> Mapping[str, ProviderGate]:
        """Give the gates of all providers that were asked so far."""
        return self._gates
