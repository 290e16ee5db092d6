"""One client's connection: requests are taken off it one at a time and answered in order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

from judge.simulated.http import HttpError, HttpReply, HttpRequest, take_request, write_reply

Taker = Callable[["Connection", HttpRequest], None]
"""What is done with a request: it must end in `send`, `act` or `drop`."""


class Connection(asyncio.Protocol):
    """A connection that is kept alive until the client or a fault ends it.

    Parameters
    ----------
    take : callable
        Gets each whole request.
    opened, lost : callable
        Called once each with this connection.
    """

    def __init__(
        self,
        take: Taker,
        *,
        opened: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self._take, self._opened, self._lost = take, opened, lost
        self._received = bytearray()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self.transport = cast("asyncio.Transport", transport)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is whole."""
        self._received += data
        if not self._busy:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Stop whatever was still to be sent."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._lost(self)

    def send(self, payload: bytes, *, after: float = 0.0) -> None:
        """Write a whole reply after some seconds, and turn to the next request."""
        if after > 0:
            self._timer = self._loop.call_later(after, self._finish, payload)
        else:
            self._finish(payload)

    def act(self, deed: Coroutine[None, None, None]) -> None:
        """Let a fault have the connection; it never answers another request."""
        self._task = self._loop.create_task(deed)

    def write(self, payload: bytes) -> None:
        """Write some bytes and stay busy."""
        self.transport.write(payload)

    def close(self) -> None:
        """End the connection in order, after what is written."""
        self.transport.close()

    def drop(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _next(self) -> None:
        try:
            request = take_request(self._received)
        except HttpError as error:
            self.write(write_reply(HttpReply(error.status, b"{}")))
            self.close()
            return
        if request is not None:
            self._busy = True
            self._take(self, request)

    def _finish(self, payload: bytes) -> None:
        self._timer = None
        self.transport.write(payload)
        self._busy = False
        if self._received:
            self._loop.call_soon(self._next)
