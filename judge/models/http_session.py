"""HTTP sessions that hold whoever uses them to what a model promises.

A reply is read up to a cap, and within `one_call` a second request is refused before it is sent:
client libraries repeat calls and follow redirects on their own.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader

from judge.errors import (
    AddressRejected,
    ConnectionFailed,
    ModelError,
    ReplyTooLarge,
    RequestRejected,
)

BODY_CAP = 2 * 1024 * 1024
"""Bytes of a reply that are read at most; a judge's reply is a few kilobytes."""

ENCODED_CAP = 64 * 1024
"""Bytes where a reply is compressed: these may be counted before they are unpacked, and deflate
unpacks to a thousand times as much at most."""

KEPT_OF_BODY = 16 * 1024
"""Bytes of a reply that a guarded call keeps, to tell an error by what its body says."""

KEEP_ALIVE = 60.0
"""Seconds for which an idle connection is kept."""


class OneCall:
    """The HTTP request that one `one_call` allows, and how it was answered.

    Attributes
    ----------
    made : bool
        Whether the request went out.
    status : int or None
        HTTP status of the reply; None while no head of one has come.
    headers : mapping of str to str
        Headers of the reply, looked up without regard to case.
    body : bytearray
        The first `KEPT_OF_BODY` bytes of the reply.
    """

    def __init__(self) -> None:
        self.made = False
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()

    @property
    def kept_whole(self) -> bool:
        """Whether a reply of a good status is all in ``body``, as far as it came."""
        return (self.status or 500) < 300 and len(self.body) < KEPT_OF_BODY


_call: ContextVar[OneCall | None] = ContextVar("call", default=None)


@contextmanager
def one_call() -> Generator[OneCall]:
    """Allow one HTTP request in this context, on sessions made by `open_session`."""
    call = OneCall()
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


def open_session(
    *, headers: Mapping[str, str] | None = None, proxy: str | None = None, guarded: bool = False
) -> aiohttp.ClientSession:
    """Open a session without cookies, without a limit of connections, with capped replies.

    Parameters
    ----------
    headers : mapping of str to str, or None
        Sent with every request.
    proxy : str or None
        Address through which every request goes.
    guarded : bool
        Whether `one_call` is enforced; it costs a little for each request.

    Returns
    -------
    aiohttp.ClientSession
        To be closed by the caller.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers=headers,
        proxy=proxy,
        # What is packed is known by its bytes: headers lie (`chat_completion`).
        auto_decompress=guarded,
        response_class=CappedResponse,
        trace_configs=[_guard()] if guarded else None,
    )


# litellm's cache of clients is global, so what guards it must be too.
_wires: WeakKeyDictionary[asyncio.AbstractEventLoop, "Wire"] = WeakKeyDictionary()


class Wire:
    """The session that all litellm models of one event loop share, and who is using it.

    litellm keeps its HTTP clients in a cache of the whole process and can only close them all, so
    the models count who is still using them, and the last to leave closes them.
    """

    def __init__(self) -> None:
        self.session = open_session(guarded=True)
        self._users: set[object] = set()

    def enter(self, user: object) -> None:
        """Count a user in."""
        self._users.add(user)

    def leave(self, user: object) -> bool:
        """Count a user out; True for the last, who has to close the session."""
        self._users.discard(user)
        if self._users:
            return False
        _wires.pop(asyncio.get_running_loop(), None)
        return True


def join_wire(user: object) -> Wire:
    """Count a user into the wire of the running event loop, opening it for the first."""
    loop = asyncio.get_running_loop()
    if loop not in _wires:
        _wires[loop] = Wire()
    _wires[loop].enter(user)
    return _wires[loop]


def proxy_for(url: str) -> str | None:
    """Give the proxy that the environment names for an address, None for the straight way."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)


def _guard() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(_refuse_second)
    trace.on_request_end.append(_note_answer)
    trace.on_request_exception.append(_name_failure)
    return trace


async def _refuse_second(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    _sent: aiohttp.TraceRequestStartParams,
) -> None:
    call = _call.get()
    if call is None:
        return
    if call.made:
        if call.status is not None and 300 <= call.status < 400:
            raise redirect_refused(call.status, call.headers)
        # A library tries again on its own.
        raise RequestRejected("a second call for one question was refused")
    call.made = True


def redirect_refused(status: int, headers: Mapping[str, str]) -> AddressRejected:
    """Name a redirect, which is not followed: a key goes to no address that the user did not give.

    Parameters
    ----------
    status : int
    headers : mapping of str to str
        Of the reply. Of the place it names the query is left out, which may hold a token.
    """
    place = headers.get("Location", "").split("?")[0][:120]
    shown = "".join(mark for mark in place if mark.isprintable()) or "another address"
    return AddressRejected(
        f"the address redirects to {shown} (HTTP {status}), which is not followed; give the "
        "API's root as the base URL, or log in where a proxy asks for it"
    )


async def _note_answer(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    ended: aiohttp.TraceRequestEndParams,
) -> None:
    call = _call.get()
    if call is not None:
        call.status, call.headers = ended.response.status, ended.response.headers


async def _name_failure(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    failed: aiohttp.TraceRequestExceptionParams,
) -> None:
    """Give a broken connection our own name, which no library takes for a reason to repeat."""
    broken = isinstance(failed.exception, aiohttp.ClientError | OSError)
    if _call.get() is not None and broken and not isinstance(failed.exception, TimeoutError):
        raise broken_connection(failed.exception)


def broken_connection(error: BaseException) -> ModelError:
    """Name what aiohttp raises: a server that is down may come up, its certificate stays as it is.

    Parameters
    ----------
    error : BaseException
        An `aiohttp.ClientError` or `OSError`.
    """
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return AddressRejected(
            "the server's certificate is not trusted; name its authority in SSL_CERT_FILE"
        )
    if isinstance(error, aiohttp.ClientSSLError):
        return AddressRejected("no TLS is spoken at the address; a base URL with http:// may be")
    return ConnectionFailed("the connection was refused, reset or cut")


class CappedResponse(aiohttp.ClientResponse):
    """A response of which no more than the cap is read."""

    async def start(self, connection: Connection) -> "CappedResponse":
        """Read the head, and put the cap on the body."""
        await super().start(connection)
        encoded = self.headers.get("Content-Encoding", "identity").lower() != "identity"
        cap = ENCODED_CAP if encoded else BODY_CAP
        if (self.content_length or 0) > cap:
            raise _too_large(cap)
        self.content = _CappedStream(self.content, cap)  # pyright: ignore[reportAttributeAccessIssue] - stands in for it
        return self


class _CappedStream:
    """A body that fails once more than the cap was read."""

    def __init__(self, stream: StreamReader, cap: int) -> None:
        self._stream = stream
        self._left = cap
        self._cap = cap

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    async def read(self) -> bytes:
        """Read to the end."""
        return b"".join([piece async for piece in self.iter_chunked(BODY_CAP)])

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Give pieces of at most ``size`` bytes."""
        call = _call.get()
        while piece := await self._stream.read(size):
            self._left -= len(piece)
            if self._left < 0:
                raise _too_large(self._cap)
            if call is not None and len(call.body) < KEPT_OF_BODY:
                call.body += piece[: KEPT_OF_BODY - len(call.body)]
            yield piece


def _too_large(cap: int) -> ReplyTooLarge:
    return ReplyTooLarge(f"the reply is longer than {cap} bytes")
