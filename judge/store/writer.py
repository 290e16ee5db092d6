"""One writer for each run: whoever writes waits until the database has it for good.

Writes that arrive while a transaction is on its way are kept together in the next one, at most
`GROUP` at a time, so nobody waits for a timer and a thousand waiting calls cost few transactions.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread

from judge.store.records import Write

GROUP = 100
"""Rows in one transaction: what a crash can lose of what nobody was told is kept."""

BUSY = 0.005
"""Seconds since the last transaction below which writes are taken to follow closely."""

GATHER = 0.002
"""Seconds for which a group waits for more rows while writes follow closely."""

Keep = Callable[[Sequence[Write]], None]

_Entry = tuple[tuple[Write, ...], "asyncio.Future[None]"]


class Writer:
    """Groups writes into transactions; an async context that ends when all are kept.

    The thread takes from its queue itself. A task that handed it groups would wait for its turn
    in the event loop, behind all the calls, several times for each transaction.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: SimpleQueue[_Entry | None] = SimpleQueue()
        self._held_over: list[_Entry | None] = []

    async def __aenter__(self) -> "Writer":
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._work, name="store")
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    async def put(self, *writes: Write) -> None:
        """Return once the writes are kept, all in one transaction.

        Raises
        ------
        StoreError
            If the database refused them.
        """
        kept = self._loop.create_future()
        self._waiting.put((writes, kept))
        await kept

    def _work(self) -> None:
        ended = 0.0
        while (entry := self._next()) is not None:
            if time.monotonic() - ended < BUSY:
                # Writes follow closely, and a transaction costs as much as twenty rows.
                time.sleep(GATHER)
            group = self._gather(entry)
            failure = self._attempt([write for written, _ in group for write in written])
            ended = time.monotonic()
            self._loop.call_soon_threadsafe(_tell, group, failure)

    def _next(self) -> _Entry | None:
        return self._held_over.pop() if self._held_over else self._waiting.get()

    def _gather(self, entry: _Entry) -> list[_Entry]:
        """Add what is waiting to an entry; what no longer fits is held over."""
        group = [entry]
        rows = len(entry[0])
        while not self._waiting.empty():
            following = self._waiting.get()
            if following is None or rows + len(following[0]) > GROUP:
                self._held_over.append(following)
                break
            group.append(following)
            rows += len(following[0])
        return group

    def _attempt(self, writes: Sequence[Write]) -> Exception | None:
        try:
            self._keep(writes)
        except Exception as error:  # noqa: BLE001 - handed to those who wait for the write
            return error
        return None


def _tell(group: Sequence[_Entry], error: Exception | None) -> None:
    for _, kept in group:
        if kept.cancelled():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
