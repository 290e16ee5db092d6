"""What a failed call means: from a status and body, or litellm's exception, to one of our errors.

A body is read to classify it and then dropped: providers echo keys and prompts, so no message
holds a word of it.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

from judge.errors import (
    AuthRejected,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    JudgeError,
    ModelError,
    ProviderFailed,
    RateLimited,
    RequestRejected,
    RungRejected,
)
from judge.models.http_session import OneCall
from judge.records import Rung

READ_FOR_CLASS = 4096
"""Characters of an error body that are read to classify it."""

FILTER_MARKS = (
    "content_filter",
    "content filter",
    "content policy",
    "content_policy",
    "content management policy",
    "data_inspection_failed",
    "datainspectionfailed",
    "responsibleaipolicy",
    "sensitive_words",
    "内容安全",
    "敏感",
)
"""Words by which providers say that a filter stopped the prompt (OpenAI, Azure, DashScope, ...)."""

CREDIT_MARKS = ("insufficient_quota", "current quota", "insufficient balance", "余额不足", "欠费")
"""Words by which a provider says, with a 429, that the account is empty and no wait will help."""

PLAIN_FAULTS: Mapping[int, tuple[type[ModelError], str]] = {
    401: (AuthRejected, "refused the key"),
    402: (AuthRejected, "refused the account for lack of credit"),
    403: (AuthRejected, "does not allow this key to use the model"),
    408: (DeadlineExceeded, "gave up waiting"),
    429: (AuthRejected, "refused the account for lack of credit"),
    409: (ConnectionFailed, "asked to try again"),
}
"""Statuses whose meaning does not depend on the body."""

RUNG_MARKS: Mapping[Rung, tuple[str, ...]] = {
    "json_schema": ("response_format", "json_schema", "structured output", "guided", "schema"),
    "tools": ("tool", "function"),
    "json_object": ("response_format", "json_object", "json mode", "structured output"),
    "prompt": (),
    "decisions": (),
    "systemone": (),
}
"""Words by which providers say that they do not know a way of asking for a structured reply."""


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


def fault_of(status: int, body: str, *, rung: Rung, retry_after: float | None = None) -> ModelError:
    """Name the error behind an HTTP status.

    Parameters
    ----------
    status : int
        HTTP status of the reply, 300 or more.
    body : str
        Body of the reply; read for its class only, never kept.
    rung : Rung
        How a structured reply was asked for.
    retry_after : float or None
        Seconds that the provider asked to wait; None where it did not say.

    Returns
    -------
    ModelError
        To be raised by the caller; its message names the status only.
    """
    text = body[:READ_FOR_CLASS].lower()
    if status == 429 and not any(mark in text for mark in CREDIT_MARKS):
        return RateLimited("the provider asked for a pause (HTTP 429)", retry_after)
    if status >= 500:
        return ProviderFailed(f"the provider failed (HTTP {status})", retry_after)
    if status in PLAIN_FAULTS:
        kind, meaning = PLAIN_FAULTS[status]
        return kind(f"the provider {meaning} (HTTP {status})")
    return _rejection(status, text, rung)


def _rejection(status: int, text: str, rung: Rung) -> ModelError:
    if any(mark in text for mark in FILTER_MARKS):
        return ContentFiltered(f"the provider's content filter stopped the prompt (HTTP {status})")
    if any(mark in text for mark in RUNG_MARKS[rung]):
        return RungRejected(f"the provider does not take {rung} (HTTP {status})")
    return RequestRejected(f"the provider rejected the request (HTTP {status})")


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


def fault_from(error: BaseException, call: OneCall, rung: Rung) -> JudgeError:
    """Name the error behind an exception that litellm raised, without importing litellm.

    Parameters
    ----------
    error : BaseException
        Read for its class and causes; its text is read for its class only.
    call : OneCall
        How the provider answered, which litellm's classes do not always tell.
    rung : Rung
        How a structured reply was asked for.

    Returns
    -------
    JudgeError
        A `ModelError`; or a `ConfigError` where litellm lacks a package it needs.
    """
    chain = _chain(error)
    ours = next((link for link in chain if isinstance(link, ModelError)), None)
    if ours is not None:
        return ours
    names = [kind.__name__ for link in chain for kind in type(link).__mro__]
    if "ImportError" in names:
        return ConfigError("litellm lacks a package for this provider; see `cvalues doctor`.")
    return _by_status(error, call, rung) if call.status else _by_class(error, names, rung)


def _by_status(error: BaseException, call: OneCall, rung: Rung) -> ModelError:
    status = call.status or 0
    if status < 300:
        return ConnectionFailed("the reply was cut, or was no chat completion")
    return fault_of(status, str(error), rung=rung, retry_after=wait_wanted(call.headers))


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
