"""One writer for each run: whoever writes waits until the database has it for good.

Writes that arrive while a transaction is on its way are kept together in the next one, at most
`GROUP` at a time, so a thousand waiting calls cost few transactions. On a server, where each
transaction costs as much as several rows, a group also waits for a small part of the time that a
call takes, as long as more writes are expected meanwhile: slow replies come one by one.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import chain
from queue import SimpleQueue
from threading import Thread

from judge.store.records import AttemptEnded, Write

GROUP = 100
"""Rows in one transaction: what a crash can lose of what nobody was told is kept."""

BUSY = 0.005
"""Seconds since the last transaction below which writes are taken to follow closely."""

GATHER = 0.002
"""Seconds for which a group waits for more rows while writes follow closely."""

SHARE = 0.15
"""Part of a call's time for which a group waits on a server."""

LONGEST = 0.25
"""Most seconds for which a group waits there: what a worker that is killed has to ask again."""

EXPECTED = 4.0
"""Writes that must be expected meanwhile; for fewer nobody is kept waiting."""

RECENT = 0.2
"""Weight of the latest group in what is known of calls and of writes a second."""

Keep = Callable[[Sequence[Write]], None]

_Entry = tuple[tuple[Write, ...], "asyncio.Future[None]"]


class Pause:
    """How long a group waits for more writes, from the calls and writes seen so far.

    Parameters
    ----------
    share : float
        Part of a call's time that a group may wait; 0 where transactions are cheap.
    now : callable
        Gives seconds of a clock that never goes back.
    """

    def __init__(self, share: float, now: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._now = now
        self._latency = 0.0
        self._rate = 0.0
        self._ended = now()

    def seconds(self) -> float:
        """Give the seconds to wait now that a write has come."""
        # Writes follow closely, and a transaction costs as much as twenty rows.
        least = GATHER if self._now() - self._ended < BUSY else 0.0
        share = min(self._share * self._latency, LONGEST)
        return max(least, share) if self._rate * share >= EXPECTED else least

    def ended(self, group: Sequence[Sequence[Write]]) -> None:
        """Note that a group was kept, given as what each of those who wait has written."""
        now = self._now()
        self._rate += RECENT * (len(group) / max(now - self._ended, GATHER) - self._rate)
        self._ended = now
        for write in chain.from_iterable(group):
            if isinstance(write, AttemptEnded) and write.attempt.latency_ms is not None:
                seconds = write.attempt.latency_ms / 1000.0
                self._latency += RECENT * (seconds - self._latency)


class Writer:
    """Groups writes into transactions; an async context that ends when all are kept.

    The thread takes from its queue itself. A task that handed it groups would wait for its turn
    in the event loop, behind all the calls, several times for each transaction.

    Parameters
    ----------
    keep : callable
        Keeps a group of writes in one transaction.
    share : float
        Part of a call's time for which a group waits for more writes; 0 not to wait.
    """

    def __init__(self, keep: Keep, *, share: float = 0.0) -> None:
        self._keep = keep
        self._pause = Pause(share)
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

    def put(self, *writes: Write) -> "asyncio.Future[None]":
        """Take writes, in this order; the future ends once all are kept, in one transaction.

        Raises
        ------
        StoreError
            By the future, if the database refused them.
        """
        kept: asyncio.Future[None] = self._loop.create_future()
        self._waiting.put((writes, kept))
        return kept

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            if pause := self._pause.seconds():
                time.sleep(pause)
            group = self._gather(entry)
            written = [writes for writes, _ in group]
            failure = self._attempt(list(chain.from_iterable(written)))
            self._pause.ended(written)
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
