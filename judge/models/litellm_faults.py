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
from judge.models.sessions import OneCall
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


def fault_from(error: BaseException, call: OneCall, rung: Rung) -> JudgeError:
    """Name the error behind an exception that litellm raised.

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
