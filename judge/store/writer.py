"""One writer for each run: whoever writes waits until the database has it for good.

Writes that arrive while a transaction is on its way are kept together in the next one, at most
`GROUP` at a time, so nobody waits for a timer and a thousand waiting calls cost few transactions.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from judge.store.base import Write

GROUP = 100
"""Rows in one transaction: what a crash can lose of what nobody was told is kept."""

Keep = Callable[[Sequence[Write]], None]


_Entry = tuple[tuple[Write, ...], "asyncio.Future[None]"]


class Writer:
    """Groups writes into transactions; an async context that ends when all are kept."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: asyncio.Queue[_Entry | None] = asyncio.Queue()
        self._held_over: list[_Entry | None] = []

    async def __aenter__(self) -> "Writer":
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._waiting.put_nowait(None)
        await self._task
        self._thread.shutdown()

    async def put(self, *writes: Write) -> None:
        """Return once the writes are kept, all in one transaction.

        Raises
        ------
        StoreError
            If the database refused them.
        """
        kept = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((writes, kept))
        await kept

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while (entry := await self._next()) is not None:
            group = self._gather(entry)
            writes = [write for written, _ in group for write in written]
            try:
                await loop.run_in_executor(self._thread, self._keep, writes)
            except Exception as error:  # noqa: BLE001 - handed to those who wait for the write
                _tell(group, error)
            else:
                _tell(group, None)

    async def _next(self) -> _Entry | None:
        if self._held_over:
            return self._held_over.pop()
        return await self._waiting.get()

    def _gather(self, entry: _Entry) -> list[_Entry]:
        """Add what is waiting to an entry; what no longer fits is held over."""
        group = [entry]
        rows = len(entry[0])
        while not self._waiting.empty():
            following = self._waiting.get_nowait()
            if following is None or rows + len(following[0]) > GROUP:
                self._held_over.append(following)
                break
            group.append(following)
            rows += len(following[0])
        return group


def _tell(group: Sequence[_Entry], error: Exception | None) -> None:
    for _, kept in group:
        if kept.cancelled():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
