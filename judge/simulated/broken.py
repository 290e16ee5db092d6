"""Faults of the wire: replies that never come, come slowly, end early, or are no HTTP.

Each function has the connection to itself from the whole request on; its docstring is the
description that `FAULTS` shows. When the client gives up, it is cancelled.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from judge.simulated.chat import ChatRequest
from judge.simulated.http import Connection, HttpReply, HttpRequest, head, write_reply
from judge.simulated.profile import Profile


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that a fault strikes."""

    profile: Profile
    request: HttpRequest
    chat: ChatRequest
    honest: HttpReply
    """What would have been sent otherwise."""


Breakage = Callable[[Connection, Struck], Coroutine[None, None, None]]

DRIP_SECONDS = 0.5
"""Pause before each byte of a dripping reply."""


async def hang(_connection: Connection, _struck: Struck) -> None:
    """Never answer."""
    await _for_ever()


async def drip(connection: Connection, struck: Struck) -> None:
    """Send the headers, then one byte of the body each half second."""
    connection.write(_whole_head(struck))
    await _drip(connection, struck.honest.body)


async def slow_headers(connection: Connection, struck: Struck) -> None:
    """Send one byte of the headers each half second."""
    await _drip(connection, write_reply(struck.honest))


async def stalled_body(connection: Connection, struck: Struck) -> None:
    """Send half of the body, then nothing more."""
    connection.write(_whole_head(struck) + _half(struck))
    await _for_ever()


async def never_close(connection: Connection, struck: Struck) -> None:
    """Send the whole body without a length, and keep the connection open."""
    connection.write(head(struck.honest, {"Connection": "close"}) + struck.honest.body)
    await _for_ever()


async def endless_blanks(connection: Connection, struck: Struck) -> None:
    """Send a chunk with a blank each half second, as some providers do while they wait."""
    connection.write(head(struck.honest, {"Transfer-Encoding": "chunked"}))
    while True:
        await asyncio.sleep(DRIP_SECONDS)
        connection.write(b"1\r\n \r\n")


async def cut_body(connection: Connection, struck: Struck) -> None:
    """Send half of the body and close in order."""
    connection.write(_whole_head(struck) + _half(struck))
    connection.close()


async def reset_body(connection: Connection, struck: Struck) -> None:
    """Send half of the body and reset the connection."""
    connection.write(_whole_head(struck) + _half(struck))
    _reset(connection)


async def half_headers(connection: Connection, struck: Struck) -> None:
    """Send half of the headers and close."""
    whole = _whole_head(struck)
    connection.write(whole[: len(whole) // 2])
    connection.close()


async def close_without_reply(connection: Connection, _struck: Struck) -> None:
    """Read the request and close."""
    connection.close()


async def reset_without_reply(connection: Connection, _struck: Struck) -> None:
    """Read the request and reset the connection."""
    _reset(connection)


async def close_after_accept(connection: Connection, _struck: Struck) -> None:
    """Close as soon as a connection is accepted; forced by a request, once that is read.

    In a profile its numbers and shares count connections, not requests.
    """
    connection.drop()


async def close_after_reply(connection: Connection, struck: Struck) -> None:
    """Answer well, then close without having said so: the client's next request meets nobody."""
    connection.write(write_reply(struck.honest))
    connection.close()


async def bad_chunk(connection: Connection, struck: Struck) -> None:
    """Promise chunks and send what is none."""
    start = head(struck.honest, {"Transfer-Encoding": "chunked"})
    connection.write(start + b"zz\r\nSIMULATED\r\n")
    connection.close()


async def short_length(connection: Connection, struck: Struck) -> None:
    """Tell a length that is half of the body's, and close after the whole."""
    told = {"Content-Length": str(len(struck.honest.body) // 2)}
    connection.write(head(struck.honest, told) + struck.honest.body)
    connection.close()


async def not_http(connection: Connection, _struck: Struck) -> None:
    """Send a greeting of another protocol and close."""
    connection.write(b"220 simulated.example ESMTP\r\n")
    connection.close()


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def _drip(connection: Connection, payload: bytes) -> None:
    for byte in payload:
        await asyncio.sleep(DRIP_SECONDS)
        connection.write(bytes((byte,)))
    connection.close()


def _whole_head(struck: Struck) -> bytes:
    return head(struck.honest, {"Content-Length": str(len(struck.honest.body))})


def _half(struck: Struck) -> bytes:
    return struck.honest.body[: len(struck.honest.body) // 2]


def _reset(connection: Connection) -> None:
    """Close with lingering switched off: the system then sends a reset in place of an end."""
    own: socket.socket = connection.transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.drop()


BREAKAGES: Mapping[str, Breakage] = MappingProxyType(
    {
        fault.__name__: fault
        for fault in (
            hang,
            drip,
            slow_headers,
            stalled_body,
            never_close,
            endless_blanks,
            cut_body,
            reset_body,
            half_headers,
            close_without_reply,
            reset_without_reply,
            close_after_accept,
            close_after_reply,
            bad_chunk,
            short_length,
            not_http,
        )
    }
)
"""Faults that need the connection to themselves."""
