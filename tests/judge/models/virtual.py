"""Virtual time: everything that waits, waits in order, and an hour passes in a moment."""

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TURNS = 30
"""Turns of the event loop after which everything that could go on has gone on."""


class VirtualClock:
    """A clock that jumps to the next sleeper whenever everybody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), wake))
        await wake

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out work that waits on this clock alone."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if not task.done():
                self._wake_next()
        return await task

    def _wake_next(self) -> None:
        while self._sleepers:
            moment, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                self.time = max(self.time, moment)
                wake.set_result(None)
                return
        raise RuntimeError("everybody waits and nobody sleeps")
