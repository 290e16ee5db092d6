"""The faults that a provider reports by a status, all faults by name, and when they strike."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from types import MappingProxyType

from judge.simulated.broken import BREAKAGES, Struck
from judge.simulated.chat import BadRequest, ChatRequest, as_json
from judge.simulated.draws import draws
from judge.simulated.http import HttpReply
from judge.simulated.payloads import PAYLOADS
from judge.simulated.profile import PlannedFault, Profile, RateLimit

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
    if mode not in FAULTS and mode not in PAYLOADS:
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
