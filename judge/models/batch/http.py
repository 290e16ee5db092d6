"""HTTP for batches: small JSON calls, long uploads, and downloads that are read line by line.

Nothing of a body reaches a message, no redirect is followed, and a key goes to no other host.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

import aiohttp

from judge.errors import ConnectionFailed, DeadlineExceeded
from judge.models.http_errors import fault_of, wait_wanted
from judge.models.http_session import BODY_CAP, proxy_for

CALL = 120.0
"""Seconds for one call that carries no file."""

UPLOAD = 1800.0
"""Seconds for one upload."""

SILENCE = 120.0
"""Seconds without a byte after which a download counts as cut."""

JSON_CAP = 64 * 1024 * 1024
"""Bytes of a JSON reply that are read at most; a list of batches is some kilobytes."""

Object = Mapping[str, Any]


class BatchHttp:
    """The calls to one provider.

    Parameters
    ----------
    base : str
        Address that all paths stand below.
    headers : mapping of str to str
        Sent with every call; holds the key.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        self._base = base.rstrip("/")
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Name the address, never the key."""
        return f"BatchHttp({self._base!r})"

    async def call(
        self,
        method: str,
        path: str,
        *,
        data: object = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float = CALL,
    ) -> tuple[Object, Mapping[str, str]]:
        """Make one call and read its JSON object.

        Returns
        -------
        mapping
            The object; empty where the reply has no body.
        mapping of str to str
            Headers of the reply.

        Raises
        ------
        ModelError
            If no reply came in time, it was no JSON object, or its status is no success.
        """
        try:
            async with asyncio.timeout(deadline):
                return await self._call(
                    method, path, data=data, query=query or {}, headers=headers or {}
                )
        except TimeoutError:
            raise DeadlineExceeded(f"no whole reply in {deadline:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ConnectionFailed("the connection was refused, reset or cut") from None

    async def _call(
        self,
        method: str,
        path: str,
        *,
        data: object,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[Object, Mapping[str, str]]:
        async with self._open().request(
            method,
            self._base + path,
            data=data,
            params=query,
            headers=headers,
            allow_redirects=False,
        ) as response:
            content = await response.content.read(JSON_CAP) if response.status >= 300 else b""
            if response.status >= 300:
                text = content.decode("utf-8", "replace")
                wait = wait_wanted(response.headers)
                raise fault_of(response.status, text, rung="prompt", retry_after=wait)
            return _object(await response.read()), response.headers

    async def lines(self, path: str) -> AsyncGenerator[bytes]:
        """Stream the lines of a file, without their line breaks; empty ones are left out.

        Raises
        ------
        ConnectionFailed
            If the file was cut, which a last line without a line break may be, too: the caller
            sees whether that line can be read.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE)
        try:
            async with self._open().get(
                self._base + path, allow_redirects=False, timeout=timeout
            ) as response:
                if response.status >= 300:
                    text = (await response.content.read(BODY_CAP)).decode("utf-8", "replace")
                    wait = wait_wanted(response.headers)
                    raise fault_of(response.status, text, rung="prompt", retry_after=wait)
                async for line in _split(response.content):
                    yield line
        except TimeoutError:
            raise ConnectionFailed(f"no byte in {SILENCE:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ConnectionFailed("the download was cut") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers=self._headers,
                proxy=proxy_for(self._base),
            )
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _split(content: aiohttp.StreamReader) -> AsyncGenerator[bytes]:
    """Cut a stream into lines; a line longer than any reply may be ends the download."""
    rest = b""
    async for piece in content.iter_chunked(1 << 20):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > BODY_CAP:
            raise ConnectionFailed("a line of the results is longer than any reply")
    if rest.strip():
        yield rest


def _object(content: bytes) -> Object:
    if not content.strip():
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise ConnectionFailed("the reply was cut, or was no JSON") from None
    if not isinstance(value, dict):
        raise ConnectionFailed("the reply was no JSON object")
    return cast("Object", value)


def line_object(line: bytes) -> Object:
    """Read one line of a file of results.

    Raises
    ------
    ConnectionFailed
        If it is no JSON object: then the file was cut.
    """
    return _object(line)


def member(value: object, *names: str) -> Any:
    """Follow names into nested objects; None where one is missing."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = cast("Object", value).get(name)
    return value


def object_of(value: object) -> Object:
    """Take a value for an object; an empty one where it is none."""
    return cast("Object", value) if isinstance(value, Mapping) else {}


def objects_of(value: object) -> Sequence[Object]:
    """Take a value for a list of objects; what is none of it is left out."""
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Object", each) for each in found if isinstance(each, Mapping)]


def code(value: object) -> str:
    """Give a provider's code as it may be shown: letters, digits, dot, dash, underscore."""
    text = str(value or "")[:60]
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in "._-"))
