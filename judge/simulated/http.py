"""HTTP/1.1 as far as the simulated server needs it, bytes in and bytes out.

Written by hand because faults need control of every byte, and because a test server should cost
next to nothing beside the client that it tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

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
    return HttpRequest(method, target.partition("?")[0], headers, body)


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
