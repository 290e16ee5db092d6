"""How many calls a provider is asked at once, and how fast: one gate for all judges that share it.

The number of calls in flight grows while they succeed and is halved when the provider pushes
back (additive increase, multiplicative decrease). After a 429 the whole provider pauses, and the
first call after the pause goes alone, as a probe. Times are seconds of a monotonic clock.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

from pydantic import Field

from judge.events import happened
from judge.models.base import Model
from judge.models.dialect import NOTHING, DialectLearner, Learnt
from judge.records import Record


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
