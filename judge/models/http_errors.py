"""What a failed call means: from a status and body, or litellm's exception, to one of our errors.

What the body says comes before the bare status, by the table of `judge.models.provider_error`. An
echo of the request in it neither decides the class nor reaches the message.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast

from judge.errors import (
    AddressRejected,
    AuthRejected,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    JudgeError,
    ModelError,
    ModelLoading,
    ParameterRejected,
    ProviderFailed,
    RateLimited,
    RequestRejected,
    RungRejected,
)
from judge.models.provider_error import ProviderError, Sent, provider_words, read_error, squash
from judge.records import Rung

if TYPE_CHECKING:
    from judge.models.http_session import OneCall

NO_CREDIT = "refused the account for lack of credit"

PLAIN_FAULTS: Mapping[int, tuple[type[ModelError], str]] = {
    401: (AuthRejected, "refused the key"),
    402: (AuthRejected, NO_CREDIT),
    403: (AuthRejected, "does not allow this key to use the model"),
    408: (DeadlineExceeded, "gave up waiting"),
    409: (ConnectionFailed, "asked to try again"),
    425: (ConnectionFailed, "asked to try again"),
}
"""Statuses whose meaning does not depend on the body, unless that names a class of its own."""

SETTINGS_REFUSED_BY = frozenset({400, 404, 405, 415, 422, 500, 501})
"""Statuses with which servers refuse a setting or a way of asking; some of them wrongly use 500."""

STATUSES: Mapping[str, int] = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "PaymentRequiredError": 402,
    "NotFoundError": 404,
    "BadRequestError": 400,
    "InvalidRequestError": 400,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "InternalServerError": 500,
    "BadGatewayError": 502,
    "ServiceUnavailableError": 503,
}
"""litellm's classes that stand for one HTTP status; their subclasses come by inheritance."""

PLAIN: Mapping[str, tuple[type[ModelError], str]] = {
    "ContentPolicyViolationError": (ContentFiltered, "the provider's content filter stopped it"),
    "GuardrailRaisedException": (ContentFiltered, "a guardrail stopped the call"),
    "BlockedPiiEntityError": (ContentFiltered, "a guardrail stopped the call"),
    "ModifyResponseException": (ContentFiltered, "a guardrail stopped the call"),
    "SensitiveDataRouteException": (ContentFiltered, "a guardrail stopped the call"),
    "ContextWindowExceededError": (RequestRejected, "the request is longer than the model takes"),
    "LiteLLMUnknownProvider": (RequestRejected, "litellm does not know the provider"),
    "ModelNotMappedError": (RequestRejected, "litellm does not know the model"),
    "BudgetExceededError": (RequestRejected, "litellm's own budget is spent"),
    "APIResponseValidationError": (ConnectionFailed, "the reply was no chat completion"),
    "MockException": (ProviderFailed, "the provider failed"),
    "APIConnectionError": (ConnectionFailed, "the connection was refused, reset or cut"),
}
"""litellm's classes whose meaning is not a status."""

CONNECTION_CAUSES = frozenset(
    {"APIConnectionError", "TransportError", "ClientError", "ConnectionError", "JSONDecodeError"}
)
"""Classes of openai, httpx, aiohttp, Python and json for a call that was refused or cut."""

TIME_CAUSES = frozenset({"Timeout", "APITimeoutError", "TimeoutException", "TimeoutError"})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed call, as far as it is known."""

    status: int
    """HTTP status of the reply, or the one that the body names."""
    said: ProviderError
    rung: Rung
    retry_after: float | None = None
    """Seconds that the provider asked to wait; None where it did not say."""
    sent: Sent | None = None
    """What the request held. Where nobody knows it, an echo of it cannot be told from the
    provider's words, and no message quotes them."""
    secrets: tuple[str, ...] = ()
    """Keys, which no message may show."""
    where: str = ""
    """Where the status stands, for the message; empty for the reply's own."""

    @property
    def wait(self) -> float | None:
        """The wait by the headers, else by the body."""
        return self.retry_after if self.retry_after is not None else self.said.wait

    def message(self, meaning: str, *, quoted: bool = True) -> str:
        """Say what it means, and what the provider said."""
        shown = self.said.shown(self.secrets) if quoted and self.sent is not None else ""
        where = self.where or f"HTTP {self.status}"
        return f"the provider {meaning} ({where})" + (f": {shown}" if shown else "")


def fault_of(
    status: int,
    body: str | bytes,
    *,
    rung: Rung,
    retry_after: float | None = None,
    sent: Sent | None = None,
    secrets: tuple[str, ...] = (),
) -> ModelError:
    """Name the error behind an HTTP status.

    Parameters
    ----------
    status : int
        HTTP status of the reply, 300 or more.
    body : str or bytes
        Body of the reply.
    rung : Rung
        How a structured reply was asked for.
    retry_after : float or None
        Seconds that the provider asked to wait; None where it did not say.
    sent : Sent or None
        What the request held, so that an echo of it neither decides nor shows.
    secrets : tuple of str
        Keys, which the message must not show.

    Returns
    -------
    ModelError
        To be raised by the caller.
    """
    said = read_error(body, sent)
    return name_failure(
        Failure(
            status=status,
            said=said,
            rung=rung,
            retry_after=retry_after,
            sent=sent,
            secrets=secrets,
        )
    )


def fault_within(
    said: ProviderError, *, rung: Rung, sent: Sent | None = None, secrets: tuple[str, ...] = ()
) -> ModelError:
    """Name the error that stands in a reply whose HTTP status is good."""
    status = said.status or 500
    named = f"error {said.status}" if said.status else "an error"
    return name_failure(
        Failure(
            status=status,
            said=said,
            rung=rung,
            sent=sent,
            secrets=secrets,
            where=f"{named} in a reply of HTTP 200",
        )
    )


def name_statement(
    said: ProviderError, *, rung: Rung, sent: Sent | None = None, secrets: tuple[str, ...] = ()
) -> ModelError:
    """Name what a body of a good status says that is neither a reply nor marked as an error.

    Its words alone may tell that it passes, or what is refused; else it comes again as it is, until
    somebody mends the address.
    """
    for status in (500, 400):
        failure = Failure(
            status=status, said=said, rung=rung, sent=sent, secrets=secrets, where="HTTP 200"
        )
        named = name_failure(failure)
        if type(named) not in (ProviderFailed, RequestRejected):
            return named
    shown = said.shown(secrets) if sent is not None else ""
    return AddressRejected("the reply is no chat completion (HTTP 200)" + (shown and f": {shown}"))


def name_failure(failure: Failure) -> ModelError:
    """Name the error behind a failed call; what the body says comes before the bare status."""
    for rule in (_filtered, _without_account, _passing, _too_long, _refused_setting, _wrong_place):
        found = rule(failure)
        if found is not None:
            return found
    status = failure.status
    if status >= 500:
        return ProviderFailed(failure.message("failed"), failure.wait)
    if status in PLAIN_FAULTS:
        kind, meaning = PLAIN_FAULTS[status]
        return kind(failure.message(meaning, quoted=kind is not AuthRejected))
    return RequestRejected(failure.message("rejected the request"))


def _says(failure: Failure, group: str) -> bool:
    """Tell whether the provider's words, or its codes, belong to a group of the table."""
    table = provider_words().words
    codes = {squash(code) for code in failure.said.codes}
    return any(word in failure.said.words for word in table[group]) or not codes.isdisjoint(
        table.get(f"{group}_codes", ())
    )


def _filtered(failure: Failure) -> ModelError | None:
    codes = tuple(map(squash, failure.said.codes))
    message = squash(failure.said.message)
    for word in provider_words().filters:
        if (
            (not word.code or word.code in codes)
            and (not word.code_part or any(word.code_part in code for code in codes))
            and (not word.message or word.message in message)
            and (not word.status or word.status == failure.status)
        ):
            return ContentFiltered(failure.message("stopped the prompt by its content filter"))
    return None


def _without_account(failure: Failure) -> ModelError | None:
    if failure.status < 500 and failure.said.wait is None and _says(failure, "credit"):
        return AuthRejected(failure.message(NO_CREDIT, quoted=False))
    if failure.status in {400, 500} and _says(failure, "key"):
        return AuthRejected(failure.message("refused the key", quoted=False))
    return None


def _passing(failure: Failure) -> ModelError | None:
    """Find what another call may overcome: a model that loads, a limit on the rate."""
    if (failure.status >= 500 or failure.status == 429) and _says(failure, "loading"):
        return ModelLoading(failure.message("is still loading the model"), failure.wait)
    if failure.status == 429 or (failure.status not in {401, 402} and _says(failure, "pause")):
        return RateLimited(failure.message("asked for a pause"), failure.wait)
    return None


def _too_long(failure: Failure) -> ModelError | None:
    told = failure.status < 500 or failure.said.structured
    if told and failure.status not in {401, 402, 403} and _says(failure, "context"):
        return RequestRejected(failure.message("found the request longer than the model takes"))
    return None


def _refused_setting(failure: Failure) -> ModelError | None:
    if failure.status not in SETTINGS_REFUSED_BY:
        return None
    named = squash(failure.said.param)
    words = failure.said.words
    settings = {squash(name): name for name in (failure.sent or Sent()).settings}
    if named in settings:
        return _parameter_rejected(failure, settings[named])
    marks = provider_words().rungs[failure.rung]
    if any(mark in words or mark in named for mark in marks):
        return RungRejected(failure.message(f"does not take {failure.rung}"))
    if any(word in words for word in provider_words().words["unsupported"]):
        places = {words.find(name): name for name in settings if name in words}
        if places:
            return _parameter_rejected(failure, settings[places[min(places)]])
    return None


def _parameter_rejected(failure: Failure, name: str) -> ParameterRejected:
    only = _ONLY_VALUE.search(failure.said.message)
    value = float(only[1]) if only else None
    return ParameterRejected(failure.message(f"does not take {name} as it was sent"), name, value)


_ONLY_VALUE = re.compile(r"(?:default|only)\D{0,16}(\d+(?:\.\d+)?)", re.IGNORECASE)


def _wrong_place(failure: Failure) -> ModelError | None:
    if failure.status not in {404, 405} or "model" in failure.said.words:
        return None
    return AddressRejected(failure.message("serves no chat completions at this address"))


def wait_wanted(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how long the provider asks to wait.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the reply, looked up without regard to case where the mapping does so.
    now : datetime or None
        The time against which a date is measured; None for the machine's clock.

    Returns
    -------
    float or None
        Seconds, 0 or more; None where the headers do not say or make no sense.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    header = headers.get("retry-after")
    seconds = _seconds(header)
    return seconds if seconds is not None or header is None else _until(header, now)


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0.0 else None


def _until(header: str, now: datetime | None) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def fault_from(
    error: BaseException,
    call: "OneCall",
    rung: Rung,
    *,
    sent: Sent | None = None,
    secrets: tuple[str, ...] = (),
) -> JudgeError:
    """Name the error behind an exception that litellm raised, without importing litellm.

    Parameters
    ----------
    error : BaseException
        Read for its class and causes; its text only where no body was seen.
    call : OneCall
        How the provider answered, which litellm's classes do not always tell.
    rung : Rung
        How a structured reply was asked for.
    sent : Sent or None
        What the request held.
    secrets : tuple of str
        Keys, which the message must not show.

    Returns
    -------
    JudgeError
        A `ModelError`; or a `ConfigError` where litellm lacks a package it needs.
    """
    if (ours := own_fault(error)) is not None:
        return ours
    names = [kind.__name__ for link in _chain(error) for kind in type(link).__mro__]
    if "ImportError" in names:
        return ConfigError("litellm lacks a package for this provider; see `cvalues doctor`.")
    if call.status is None:
        return _by_class(error, names, rung)
    if call.status < 300:
        return _unreadable(call, rung, sent=sent, secrets=secrets)
    return fault_of(
        call.status,
        bytes(call.body) or str(error),
        rung=rung,
        retry_after=wait_wanted(call.headers),
        sent=sent,
        secrets=secrets,
    )


def _unreadable(
    call: "OneCall", rung: Rung, *, sent: Sent | None, secrets: tuple[str, ...]
) -> ModelError:
    said = read_error(bytes(call.body), sent)
    if said.structured and b'"choices"' not in call.body:
        return fault_within(said, rung=rung, sent=sent, secrets=secrets)
    return ConnectionFailed("the reply was cut, or was no chat completion")


def own_fault(error: BaseException) -> ModelError | None:
    """Find the error that our own session raised beneath a library's."""
    return next((link for link in _chain(error) if isinstance(link, ModelError)), None)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _by_class(error: BaseException, names: list[str], rung: Rung) -> ModelError:
    """Name the error where no reply was seen: none came, or it came by another transport."""
    if TIME_CAUSES.intersection(names):
        return DeadlineExceeded("no whole reply in time")
    own = [kind.__name__ for kind in type(error).__mro__]
    name = next((name for name in own if name in PLAIN or name in STATUSES), "")
    if name in PLAIN:
        kind, meaning = PLAIN[name]
        return kind(meaning)
    status = STATUSES.get(name, getattr(error, "status_code", None))
    if CONNECTION_CAUSES.intersection(names) or not isinstance(status, int) or status < 300:
        return ConnectionFailed("the connection was refused, reset or cut")
    return fault_of(status, str(error), rung=rung, retry_after=_asked_wait(error))


def _asked_wait(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return wait_wanted(cast("Mapping[str, str]", headers)) if headers else None
