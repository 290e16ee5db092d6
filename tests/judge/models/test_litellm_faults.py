"""Every exception of litellm has a name of ours, and a new one does not go unseen."""

import inspect

import httpx
import pytest

from judge.errors import (
    AuthRejected,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    JudgeError,
    ProviderFailed,
    RateLimited,
    ReplyTooLarge,
    RequestRejected,
    RungRejected,
)
from judge.models.litellm import load_litellm
from judge.models.litellm_faults import fault_from
from judge.models.sessions import OneCall

MEANINGS: dict[str, type[JudgeError]] = {
    "APIConnectionError": ConnectionFailed,
    "APIError": ConnectionFailed,
    "APIResponseValidationError": ConnectionFailed,
    "AuthenticationError": AuthRejected,
    "BadGatewayError": ProviderFailed,
    "BadRequestError": RequestRejected,
    "BlockedPiiEntityError": ContentFiltered,
    "BudgetExceededError": RequestRejected,
    "ContentPolicyViolationError": ContentFiltered,
    "ContextWindowExceededError": RequestRejected,
    "GuardrailRaisedException": ContentFiltered,
    "ImageFetchError": RequestRejected,
    "InternalServerError": ProviderFailed,
    "InvalidRequestError": RequestRejected,
    "JSONSchemaValidationError": ConnectionFailed,
    "LiteLLMUnknownProvider": RequestRejected,
    "MidStreamFallbackError": ProviderFailed,
    "MockException": ProviderFailed,
    "ModelNotMappedError": RequestRejected,
    "ModifyResponseException": ContentFiltered,
    "NotFoundError": RequestRejected,
    "OpenAIError": ConnectionFailed,
    "PaymentRequiredError": AuthRejected,
    "PermissionDeniedError": AuthRejected,
    "RateLimitError": RateLimited,
    "RejectedRequestError": RequestRejected,
    "SensitiveDataRouteException": ContentFiltered,
    "ServiceUnavailableError": ProviderFailed,
    "Timeout": DeadlineExceeded,
    "UnprocessableEntityError": RequestRejected,
    "UnsupportedParamsError": RequestRejected,
    "VectorStoreSearchError": RequestRejected,
}
"""What each class means where nothing else is known than the class."""


def classes() -> dict[str, type[Exception]]:
    """Give every exception class that litellm defines."""
    module = load_litellm().exceptions
    return {
        name: member
        for name, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Exception) and member.__module__ == module.__name__
    }


def bare(kind: type[Exception], text: str = "") -> Exception:
    """Make an exception of a class without the arguments that it wants."""

    def say(_self: Exception) -> str:
        return text

    def take_nothing(_self: Exception) -> None:
        pass

    return type(kind.__name__, (kind,), {"__init__": take_nothing, "__str__": say})()


def answered(status: int, **headers: str) -> OneCall:
    """Give a call that was answered with a status."""
    call = OneCall()
    call.made, call.status, call.headers = True, status, headers
    return call


def test_no_class_of_litellm_is_forgotten() -> None:
    assert set(classes()) == set(MEANINGS)


@pytest.mark.parametrize("name", MEANINGS)
def test_a_class_has_a_meaning_without_a_status(name: str) -> None:
    fault = fault_from(bare(classes()[name]), OneCall(), "json_schema")

    assert type(fault) is MEANINGS[name]


def test_a_refused_parameter_is_a_refused_rung() -> None:
    error = bare(classes()["UnsupportedParamsError"], "does not support ['response_format']")

    assert type(fault_from(error, OneCall(), "json_schema")) is RungRejected


def test_the_status_that_came_is_believed_before_the_class() -> None:
    error = bare(classes()["Timeout"])

    assert type(fault_from(error, answered(504), "prompt")) is ProviderFailed


def test_the_wait_is_read_from_the_headers_that_came() -> None:
    fault = fault_from(
        bare(classes()["RateLimitError"]), answered(429, **{"retry-after": "7"}), "prompt"
    )

    assert isinstance(fault, RateLimited)
    assert fault.retry_after == 7.0


def test_whatever_litellm_makes_of_a_good_status_the_reply_was_unreadable() -> None:
    error = bare(classes()["InternalServerError"])

    assert type(fault_from(error, answered(200), "prompt")) is ConnectionFailed


def test_an_error_of_ours_under_theirs_is_found() -> None:
    error = bare(classes()["APIConnectionError"])
    error.__cause__ = RuntimeError("wrapped")
    error.__cause__.__context__ = ReplyTooLarge("too long")

    assert type(fault_from(error, answered(200), "prompt")) is ReplyTooLarge


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (httpx.ConnectError("refused"), ConnectionFailed),
        (httpx.ReadTimeout("slow"), DeadlineExceeded),
        (TimeoutError(), DeadlineExceeded),
        (ConnectionResetError(), ConnectionFailed),
        (ModuleNotFoundError("No module named 'mcp'"), ConfigError),
    ],
)
def test_a_server_error_without_a_status_is_what_caused_it(
    cause: Exception, meaning: type[JudgeError]
) -> None:
    error = bare(classes()["InternalServerError"])
    error.__cause__ = cause

    assert type(fault_from(error, OneCall(), "prompt")) is meaning
