"""One writer for each run: whoever writes waits until the database has it for good.

Writes that arrive while a transaction is on its way are kept together in the next one, at most
`GROUP` at a time, so nobody waits for a timer and a thousand waiting calls cost few transactions.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from judge.store.base import Write

GROUP = 20
"""Rows in one transaction: what a crash can lose of what nobody was told is kept."""

Keep = Callable[[Sequence[Write]], None]


class Writer:
    """Groups writes into transactions; an async context that ends when all are kept."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: asyncio.Queue[tuple[Write, asyncio.Future[None]] | None] = asyncio.Queue()

    async def __aenter__(self) -> "Writer":
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._waiting.put_nowait(None)
        await self._task
        self._thread.shutdown()

    async def put(self, write: Write) -> None:
        """Return once the write is kept.

        Raises
        ------
        StoreError
            If the database refused it.
        """
        kept = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((write, kept))
        await kept

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while (first := await self._waiting.get()) is not None:
            group, last = self._gather(first)
            try:
                await loop.run_in_executor(self._thread, self._keep, [w for w, _ in group])
            except Exception as error:  # noqa: BLE001 - handed to those who wait for the write
                _tell(group, error)
            else:
                _tell(group, None)
            if last:
                return

    def _gather(
        self, first: tuple[Write, asyncio.Future[None]]
    ) -> tuple[list[tuple[Write, asyncio.Future[None]]], bool]:
        group = [first]
        while len(group) < GROUP and not self._waiting.empty():
            entry = self._waiting.get_nowait()
            if entry is None:
                return group, True
            group.append(entry)
        return group, False


def _tell(group: Sequence[tuple[Write, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, kept in group:
        if kept.cancelled():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
