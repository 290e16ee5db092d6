"""One client's connection: requests are taken off it one at a time and answered in order."""

import asyncio
from collections.abc import Coroutine
from typing import Protocol, cast

from judge.simulated.http import HttpError, HttpReply, HttpRequest, take_request, write_reply


class Owner(Protocol):
    """What a connection tells the server that accepted it."""

    def opened(self, connection: "Connection") -> None:
        """Learn of a new connection."""

    def take(self, connection: "Connection", request: HttpRequest) -> None:
        """Answer a request by `Connection.send` or `Connection.act`."""

    def done(self) -> None:
        """Learn that a reply is over, whole or not."""

    def lost(self, connection: "Connection") -> None:
        """Learn that a connection has ended."""


class Connection(asyncio.Protocol):
    """A connection that is kept alive until the client or a fault ends it.

    Parameters
    ----------
    owner : Owner
        Gets each whole request, and hears of beginning and end.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._received = bytearray()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self.transport = cast("asyncio.Transport", transport)
        self._owner.opened(self)

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
        if self._busy:
            self._owner.done()
        self._owner.lost(self)

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
            self._owner.take(self, request)

    def _finish(self, payload: bytes) -> None:
        self._timer = None
        self._busy = False
        # Counted before it is written: the client may read the counts as soon as it has the reply.
        self._owner.done()
        self.transport.write(payload)
        if self._received:
            self._loop.call_soon(self._next)
