"""What litellm's exceptions mean; told by the names of their classes, without importing it."""

from collections.abc import Mapping
from typing import cast

from judge.errors import (
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    JudgeError,
    ModelError,
    ProviderFailed,
    RequestRejected,
)
from judge.models.faults import fault_of, wait_wanted
from judge.records import Rung

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
    "Timeout": (DeadlineExceeded, "no whole reply in time"),
    "APITimeoutError": (DeadlineExceeded, "no whole reply in time"),
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

TIME_CAUSES = frozenset({"APITimeoutError", "TimeoutException", "TimeoutError"})


def fault_from(error: BaseException, rung: Rung) -> JudgeError:
    """Name the error behind an exception that litellm raised.

    Parameters
    ----------
    error : BaseException
        Read for its class, status, headers and causes; its text is read for its class only.
    rung : Rung
        How a structured reply was asked for.

    Returns
    -------
    JudgeError
        A `ModelError`; or a `ConfigError` where litellm lacks a package it needs.
    """
    causes = _names_of_causes(error)
    if "ImportError" in causes:
        return ConfigError("litellm lacks a package for this provider; see `cvalues doctor`.")
    name = _telling_name(error, causes)
    if name in PLAIN:
        kind, meaning = PLAIN[name]
        return kind(meaning)
    status = STATUSES.get(name, getattr(error, "status_code", None))
    if not isinstance(status, int) or status < 300:
        return ConnectionFailed("litellm gave no reply")
    return fault_of(status, str(error), rung=rung, retry_after=wait_wanted(_headers(error)))


def _telling_name(error: BaseException, causes: set[str]) -> str:
    if causes & TIME_CAUSES:
        return "Timeout"
    if causes & CONNECTION_CAUSES:
        return "APIConnectionError"
    return next((name for name in _names(error) if name in PLAIN or name in STATUSES), "")


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def _names_of_causes(error: BaseException) -> set[str]:
    names: set[str] = set()
    cause = error.__cause__ or error.__context__
    while cause is not None:
        names.update(_names(cause))
        cause = cause.__cause__ or cause.__context__
    return names


def _headers(error: BaseException) -> Mapping[str, str]:
    for holder in (getattr(error, "response", None), error):
        for name in ("headers", "litellm_response_headers"):
            headers = getattr(holder, name, None)
            if isinstance(headers, Mapping) and headers:
                pairs = cast("Mapping[object, object]", headers).items()
                return {str(key).lower(): str(value) for key, value in pairs}
    return {}
