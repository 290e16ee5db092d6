"""HTTP/1.1 as far as the simulated server needs it: messages, and a client's connection.

Written by hand because faults need control of every byte, and because a test server should cost
next to nothing beside the client that it tests.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, cast

MAX_HEAD = 65_536
MAX_BODY = 64 * 1024 * 1024


class HttpError(Exception):
    """The request cannot be read; the connection ends after the reply.

    Attributes
    ----------
    status : int
        What to answer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request."""

    method: str
    path: str
    """Without the query."""
    headers: Mapping[str, str]
    """Names in lower case; of repeated headers the last."""
    body: bytes
    query: str = ""
    """What follows the question mark, as it was sent."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One whole reply."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def take_request(buffer: bytearray) -> HttpRequest | None:
    r"""Remove one whole request from the front of what was received.

    Returns
    -------
    HttpRequest or None
        None while more bytes are needed; the buffer is then as it was.

    Raises
    ------
    HttpError
        If what was received is no request, or is too large.

    Examples
    --------
    >>> received = bytearray(b"GET /stats?x=1 HTTP/1.1\r\n\r\nrest")
    >>> take_request(received).path
    '/stats'
    >>> bytes(received)
    b'rest'
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return None
    line, *fields = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    start, length = end + 4, _length(headers)
    if len(buffer) < start + length:
        return None
    body = bytes(buffer[start : start + length])
    del buffer[: start + length]
    method, target = _request_line(line)
    path, _, query = target.partition("?")
    return HttpRequest(method, path, headers, body, query)


def write_reply(reply: HttpReply) -> bytes:
    """Write a reply whose length is told."""
    return head(reply, {"Content-Length": str(len(reply.body))}) + reply.body


def head(reply: HttpReply, more: Mapping[str, str]) -> bytes:
    """Write the status line and the headers, up to and with the empty line."""
    phrase = _PHRASES.get(reply.status, "Unknown")
    lines = [
        f"HTTP/1.1 {reply.status} {phrase}",
        f"Content-Type: {reply.content_type}",
        "X-Provenance: SIMULATED",
        *(f"{name}: {value}" for name, value in reply.headers),
        *(f"{name}: {value}" for name, value in more.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def _request_line(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise HttpError(HTTPStatus.BAD_REQUEST)
    return parts[0], parts[1]


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise HttpError(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise HttpError(HTTPStatus.BAD_REQUEST)
    if int(length) > MAX_BODY:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(length)


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
