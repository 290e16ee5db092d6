"""What a run may spend: calls and money, reserved before each call and settled after it."""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

from judge.errors import BudgetExceeded
from judge.records import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars for each token."""

    prompt: float
    completion: float

    def cost(self, usage: Usage) -> float | None:
        """Price a call; None where its tokens were not counted."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return self.prompt * usage.prompt_tokens + self.completion * usage.completion_tokens


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
            self._exceed(f"the limit of {self._max_calls} calls is reached")
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
