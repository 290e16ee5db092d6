"""The faults by name: of the connection, and those that a provider reports by a status.

A fault of the connection is a function that has it to itself from the whole request on; its
docstring is the description that `FAULTS` shows. When the client gives up, it is cancelled.
"""

import asyncio
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from types import MappingProxyType

from judge.simulated.http import Connection, HttpReply, HttpRequest, head, write_reply
from judge.simulated.openai_protocol import BadRequest, ChatRequest, as_json, draws
from judge.simulated.payloads import DECISION_PAYLOADS, PAYLOADS
from judge.simulated.profile import PlannedFault, Profile, RateLimit


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


Refusal = Callable[[Struck], HttpReply]


def error_reply(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
) -> HttpReply:
    """Write an error as OpenAI does."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return HttpReply(status, as_json({"error": error}))


def _always(reply: HttpReply) -> Refusal:
    return lambda _struck: reply


def _later(status: int, wait: Callable[[float], str]) -> Refusal:
    """Ask for the profile's pause, written by ``wait``, in Retry-After."""

    def refuse(struck: Struck) -> HttpReply:
        pause = wait(struck.profile.retry_after)
        reply = error_reply(status, f"Please retry after {pause} (SIMULATED).", kind="requests")
        return replace(reply, headers=(("Retry-After", pause),))

    return refuse


def _seconds(pause: float) -> str:
    return f"{pause:g}"


def _date(pause: float) -> str:
    return formatdate(time.time() + pause, usegmt=True)


def _key(struck: Struck) -> str:
    return struck.request.headers.get("authorization", "").removeprefix("Bearer ")


def _moved(struck: Struck) -> HttpReply:
    reply = error_reply(307, "Moved for now (SIMULATED).", kind="redirect")
    return replace(reply, headers=(("Location", struck.request.path),))


def _filtered(_struck: Struck) -> HttpReply:
    verdict = {"hate": {"filtered": False, "severity": "safe"}, "self_harm": {"filtered": True}}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": verdict}
    error = {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content "
        "management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": inner,
    }
    return HttpReply(400, as_json({"error": error}))


def _rung(struck: Struck) -> HttpReply:
    rung = struck.chat.rung
    if rung == "tools":
        return error_reply(400, "tools is not supported in this model.", param="tools")
    message = f"Invalid parameter: 'response_format' of type '{rung}' is not supported."
    return error_reply(400, message, param="response_format")


_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>SIMULATED</body></html>"

_REFUSALS: Mapping[str, tuple[str, Refusal]] = {
    "http_429": (
        "Answer 429 without Retry-After.",
        _always(error_reply(429, "Rate limit reached (SIMULATED).", kind="requests")),
    ),
    "http_429_seconds": ("Answer 429 with Retry-After in seconds.", _later(429, _seconds)),
    "http_429_date": ("Answer 429 with Retry-After as an HTTP date.", _later(429, _date)),
    "http_429_quota": (
        "Answer 429 because the account is empty, which no wait will mend.",
        _always(error_reply(429, "You exceeded your current quota.", code="insufficient_quota")),
    ),
    "http_429_echo_key": (
        "Answer 429 and repeat the key in the message.",
        lambda struck: error_reply(
            429, f"Rate limit reached for key {_key(struck)}.", kind="requests"
        ),
    ),
    "http_401_echo_key": (
        "Answer 401 and repeat the key in the message.",
        lambda struck: error_reply(
            401, f"Incorrect API key provided: {_key(struck)}.", code="invalid_api_key"
        ),
    ),
    "http_403": (
        "Answer 403: the key may not use this model.",
        _always(
            error_reply(403, "You are not allowed to use this model.", kind="permission_error")
        ),
    ),
    "http_404_model": (
        "Answer 404: there is no such model.",
        lambda struck: error_reply(
            404, f"The model {struck.chat.model!r} does not exist.", code="model_not_found"
        ),
    ),
    "http_307": (
        "Answer 307: the same request, key and all, is to go to another address.",
        _moved,
    ),
    "http_408": (
        "Answer 408: the request took too long to arrive.",
        _always(error_reply(408, "Request timed out (SIMULATED).", kind="timeout")),
    ),
    "http_400_context_length": (
        "Answer 400: the prompt is longer than the model's context.",
        _always(
            error_reply(
                400,
                "This model's maximum context length is 8192 tokens.",
                code="context_length_exceeded",
            )
        ),
    ),
    "http_400_content_filter": (
        "Answer 400: the prompt was stopped by a filter, as Azure words it.",
        _filtered,
    ),
    "http_400_rung": ("Answer 400: this way of asking for JSON is not supported.", _rung),
    "http_422": (
        "Answer 422: a parameter is not understood.",
        _always(error_reply(422, "Unprocessable request (SIMULATED).")),
    ),
    "http_500": (
        "Answer 500.",
        _always(error_reply(500, "The server had an error (SIMULATED).", kind="server_error")),
    ),
    "http_500_empty": ("Answer 500 without a body.", _always(HttpReply(500, b""))),
    "http_502_html": (
        "Answer 502 with a gateway's HTML page.",
        _always(HttpReply(502, _PAGE, content_type="text/html")),
    ),
    "http_503": ("Answer 503 with Retry-After in seconds.", _later(503, _seconds)),
    "http_504": (
        "Answer 504: the gateway gave up.",
        _always(HttpReply(504, b"upstream request timeout", content_type="text/plain")),
    ),
    "http_529": (
        "Answer 529: overloaded, a status that no standard has.",
        _always(error_reply(529, "Overloaded (SIMULATED).", kind="overloaded_error")),
    ),
}
"""By name: what the fault does, in one sentence, and what makes it so."""

REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {name: refuse for name, (_, refuse) in _REFUSALS.items()}
)
"""Faults that are a whole reply."""

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        **{name: does for name, (does, _) in _REFUSALS.items()},
        **{
            name: (breakage.__doc__ or "").partition("\n")[0]
            for name, breakage in BREAKAGES.items()
        },
    }
)
"""Name of each fault and what it does, in one sentence."""

_LIMIT_MODES = {"seconds": "http_429_seconds", "date": "http_429_date", "none": "http_429"}


class FaultPlan:
    """Decides which mode strikes; it counts attempts, and requests within the rate limit.

    Parameters
    ----------
    profile : Profile
        Its `faults` and `rate_limit`; the modes must exist.
    """

    def __init__(self, profile: Profile) -> None:
        self._seed = profile.seed
        accepted = tuple(p for p in profile.faults if p.mode == "close_after_accept")
        self._on_accept = accepted
        self._on_request = tuple(p for p in profile.faults if p not in accepted)
        self._counts_attempts = any(p.share is not None or p.attempts for p in self._on_request)
        self._attempts: Counter[int] = Counter()
        self._limit = profile.rate_limit
        self._window = (0, 0)

    def strikes_connection(self, number: int) -> bool:
        """Tell whether the connection of that number is closed at once."""
        return any(
            _strikes(planned, number, draws(self._seed, "connection", number)("share"))
            for planned in self._on_accept
        )

    def mode_for(self, chat: ChatRequest, number: int, *, now: float) -> str:
        """Name the mode that strikes a request, empty for none.

        Parameters
        ----------
        chat : ChatRequest
            What is asked; a share strikes by the question and the attempt, not by the order.
        number : int
            Of the request, from 1.
        now : float
            Seconds on a monotonic clock.
        """
        if self._limit is not None and self._exceeds(self._limit, now):
            return _LIMIT_MODES[self._limit.header]
        attempt = self._attempt(chat) if self._counts_attempts else 1
        for index, planned in enumerate(self._on_request):
            if planned.attempts is not None and attempt > planned.attempts:
                continue
            share = draws(self._seed, "fault", index, attempt, *_question(chat))("share")
            if _strikes(planned, number, share):
                return planned.mode
        return ""

    def _attempt(self, chat: ChatRequest) -> int:
        key = hash(_question(chat))
        self._attempts[key] += 1
        return self._attempts[key]

    def _exceeds(self, limit: RateLimit, now: float) -> bool:
        window = int(now // limit.window)
        count = self._window[1] + 1 if window == self._window[0] else 1
        self._window = (window, count)
        return count > limit.requests


def known_mode(mode: str) -> str:
    """Give back the name of a fault or a payload.

    Raises
    ------
    BadRequest
        If there is none of that name.
    """
    if mode not in FAULTS and mode not in PAYLOADS and mode not in DECISION_PAYLOADS:
        raise BadRequest(f"unknown mode {mode!r}; `cvalues simulate-judge --list-faults` shows all")
    return mode


def _strikes(planned: PlannedFault, number: int, share: float) -> bool:
    if planned.requests is not None:
        return number in planned.requests
    if planned.every is not None:
        return number % planned.every == 0
    return planned.share is not None and share < planned.share


def _question(chat: ChatRequest) -> tuple[str, ...]:
    """Tell questions apart; the two orders of a pair are two."""
    return (*chat.identity, chat.responses[0] if chat.form else "")
