"""The faults by name, and which of them strikes a request."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from judge.simulated import broken, refused
from judge.simulated.broken import Breakage
from judge.simulated.draws import draws
from judge.simulated.payloads import PAYLOADS
from judge.simulated.profile import PlannedFault, Profile, RateLimit
from judge.simulated.reading import BadRequest, ChatRequest
from judge.simulated.refused import Refusal

_REFUSALS: tuple[Refusal, ...] = (
    refused.http_429,
    refused.http_429_seconds,
    refused.http_429_date,
    refused.http_429_quota,
    refused.http_429_echo_key,
    refused.http_401_echo_key,
    refused.http_403,
    refused.http_404_model,
    refused.http_307,
    refused.http_408,
    refused.http_400_context_length,
    refused.http_400_content_filter,
    refused.http_400_rung,
    refused.http_422,
    refused.http_500,
    refused.http_500_empty,
    refused.http_502_html,
    refused.http_503,
    refused.http_504,
    refused.http_529,
)
_BREAKAGES: tuple[Breakage, ...] = (
    broken.hang,
    broken.drip,
    broken.slow_headers,
    broken.stalled_body,
    broken.never_close,
    broken.endless_blanks,
    broken.cut_body,
    broken.reset_body,
    broken.half_headers,
    broken.close_without_reply,
    broken.reset_without_reply,
    broken.close_after_accept,
    broken.close_after_reply,
    broken.bad_chunk,
    broken.short_length,
    broken.not_http,
)

REFUSALS: Mapping[str, Refusal] = MappingProxyType({fault.__name__: fault for fault in _REFUSALS})
"""Faults that are a whole reply."""

BREAKAGES: Mapping[str, Breakage] = MappingProxyType(
    {fault.__name__: fault for fault in _BREAKAGES}
)
"""Faults that need the connection to themselves."""

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        fault.__name__: (fault.__doc__ or "").partition("\n")[0]
        for fault in (*_REFUSALS, *_BREAKAGES)
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
