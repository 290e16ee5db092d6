"""Budget, pace and pushback that all workers of a run share through its ledger.

A worker takes shares in advance and gives back what it does not use, so that the ledger is asked
seldom and no limit of the run is passed, however many workers there are or die.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from judge.models.limits import Budget, Limits
from judge.store.leases import Leases, Shared

AGAIN = 0.2
"""Seconds between two requests for a share while other workers may give some back."""

PATIENCE = 5.0
"""Seconds for which a worker waits for others to give back what they do not use."""

AHEAD = 1.0
"""Seconds' worth of a rate that a worker takes at once."""


class SharedBudget(Budget):
    """The limits of a run, of which this worker holds a share.

    Parameters
    ----------
    leases : Leases
    max_calls : int or None
        Calls of the whole run.
    max_usd : float or None
        US dollars of the whole run.
    """

    def __init__(self, leases: Leases, *, max_calls: int | None, max_usd: float | None) -> None:
        super().__init__(max_calls=max_calls, max_usd=max_usd)
        self._leases = leases
        self._limit_calls, self._limit_usd = max_calls, max_usd
        self._calls_left = 0
        self._usd_left = 0.0
        self._under_way = 0
        self._denied_at: float | None = None
        self._turn = asyncio.Lock()
        self.dearest: float | None = None
        """US dollars of the dearest call that this worker knows of."""

    async def reserve(self) -> float:
        """Set aside one call of this worker's share, asking for a larger one where it is used up.

        Raises
        ------
        BudgetExceeded
            If the call might cross a limit of the run.
        """
        if self._limit_calls is None and self._limit_usd is None:
            self._under_way += 1
            return 0.0
        async with self._turn:
            while (wanted := self._fitting()) is None:
                await self._ask_for_more()
            self._calls_left -= 1
            self._usd_left -= wanted
            self._under_way += 1
            return wanted

    def _fitting(self) -> float | None:
        """Give what a call sets aside, or None where the share is too small."""
        if self._limit_calls is not None and self._calls_left < 1:
            return None
        if self._limit_usd is None:
            return 0.0
        wanted = self._usd_left if self.dearest is None else self.dearest
        return wanted if 0.0 < wanted <= self._usd_left else None

    async def _ask_for_more(self) -> None:
        """Ask for a larger share; where there is none, give back what is too small, and wait."""
        need_calls = self._limit_calls is not None and self._calls_left < 1
        least = 0.0 if self.dearest is None else self.dearest - self._usd_left
        grant = await asyncio.to_thread(
            self._leases.grant,
            max_calls=self._limit_calls if need_calls else None,
            max_usd=self._limit_usd if least > 0.0 or self.dearest is None else None,
            least_usd=max(0.0, least),
        )
        self._calls_left += grant.calls
        self._usd_left += grant.usd
        if self._fitting() is not None:
            self._denied_at = None
            return
        calls, usd = max(0, self._calls_left), max(0.0, self._usd_left)
        self._calls_left -= calls
        self._usd_left -= usd
        await asyncio.to_thread(self._leases.give_back, calls=calls, usd=usd)
        self._denied_at = self._denied_at or time.monotonic()
        waited = time.monotonic() - self._denied_at
        if not self._under_way and (not grant.pending or waited > PATIENCE):
            limit = (
                f"{self._limit_calls} calls" if need_calls else f"{self._limit_usd:g} US dollars"
            )
            self._exceed(f"the limit of {limit} is reached")
        await asyncio.sleep(AGAIN)

    def settle(self, reserved: float, cost: float | None, *, replied: bool = True) -> None:
        """Replace what was set aside by what the call cost; an unknown cost keeps the reserve."""
        self._under_way -= 1
        if cost is not None:
            self._usd_left += reserved - cost
            self.dearest = max(self.dearest or 0.0, cost)
        elif not replied and self.dearest is None:
            self._usd_left += reserved


@dataclass(kw_only=True)
class SharedPace:
    """The calls and tokens a minute that all workers of a run share."""

    leases: Leases
    requests_per_minute: float | None
    tokens_per_minute: float | None
    workers: int = 1
    """Workers at work, as the last heartbeat told."""
    _slots: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])
    _tokens: dict[str, float] = field(default_factory=dict[str, float])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, provider: str, tokens: int) -> None:
        """Wait until one more call, and its tokens, may be used."""
        moment = time.monotonic()
        async with self._turn:
            if self.requests_per_minute is not None:
                moment = max(moment, await self._request(provider, self.requests_per_minute))
            if self.tokens_per_minute is not None and tokens:
                moment = max(moment, await self._use(provider, tokens, self.tokens_per_minute))
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    async def _request(self, provider: str, per_minute: float) -> float:
        slots = self._slots.setdefault(provider, deque())
        if not slots:
            count = max(1, int(per_minute / 60.0 * AHEAD / self.workers))
            wait = await asyncio.to_thread(
                self.leases.pace, provider, "requests", units=count, per_minute=per_minute
            )
            begin = time.monotonic() + wait
            slots.extend(begin + place * 60.0 / per_minute for place in range(count))
        return slots.popleft()

    async def _use(self, provider: str, tokens: int, per_minute: float) -> float:
        left = self._tokens.get(provider, 0.0)
        if left >= tokens:
            self._tokens[provider] = left - tokens
            return 0.0
        units = max(float(tokens) - left, per_minute / 60.0 * AHEAD / self.workers)
        wait = await asyncio.to_thread(
            self.leases.pace, provider, "tokens", units=units, per_minute=per_minute
        )
        self._tokens[provider] = left + units - tokens
        return time.monotonic() + wait


class SharedPushback:
    """What providers told any worker to slow down, brought to all of them by the heartbeat."""

    def __init__(self, leases: Leases, limits: Limits) -> None:
        self._leases = leases
        self._limits = limits
        self._told: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def tell(self) -> None:
        """Tell the ledger of pushbacks that this worker has met since it last did."""
        for provider, gate in self._limits.gates().items():
            if gate.pushbacks > self._told.get(provider, 0):
                self._told[provider] = gate.pushbacks
                self._known[provider] = self._leases.pushed_back(provider, gate.pause_left)

    def heed(self, shared: Shared) -> None:
        """Slow down for pushbacks that other workers have met."""
        for provider, count in shared.pushbacks.items():
            if count > self._known.setdefault(provider, count):
                self._known[provider] = count
                gate = self._limits.gate(provider)
                gate.pushed_back(self._limits.clock.now(), shared.pauses.get(provider))
                self._told[provider] = gate.pushbacks
