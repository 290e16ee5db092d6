"""From a status, its headers and its body, or from litellm's exception, to one of our errors.

Every exception of litellm has a name of ours, and a new one does not go unseen.
"""

import inspect
from datetime import UTC, datetime

import httpx
import pytest

from judge.errors import (
    AddressRejected,
    AuthRejected,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    JudgeError,
    ModelError,
    ProviderFailed,
    RateLimited,
    ReplyTooLarge,
    RequestRejected,
    RungRejected,
)
from judge.models.http_errors import fault_from, fault_of, wait_wanted
from judge.models.http_session import OneCall
from judge.models.litellm import load_litellm
from judge.records import Rung

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (307, RequestRejected),
        (400, RequestRejected),
        (401, AuthRejected),
        (402, AuthRejected),
        (403, AuthRejected),
        (404, AddressRejected),
        (408, DeadlineExceeded),
        (409, ConnectionFailed),
        (413, RequestRejected),
        (422, RequestRejected),
        (429, RateLimited),
        (500, ProviderFailed),
        (529, ProviderFailed),
    ],
)
def test_a_status_has_one_meaning(status: int, error: type[ModelError]) -> None:
    assert type(fault_of(status, "", rung="json_schema")) is error


@pytest.mark.parametrize(
    ("body", "rung", "error"),
    [
        ("'response_format' of type 'json_schema' is not supported", "json_schema", RungRejected),
        ("This response_format type is unavailable now", "json_object", RungRejected),
        ("tools is not supported in this model", "tools", RungRejected),
        ("response_format is not supported", "prompt", RequestRejected),
        ("maximum context length is 8192 tokens", "json_schema", RequestRejected),
        ('{"code": "data_inspection_failed"}', "json_schema", ContentFiltered),
        ("prompt triggering Azure OpenAI's content management policy", "tools", ContentFiltered),
        ("系统检测到输入包含敏感内容", "json_schema", ContentFiltered),
    ],
)
def test_a_rejected_request_is_told_apart_by_its_body(
    body: str, rung: Rung, error: type[ModelError]
) -> None:
    assert type(fault_of(400, body, rung=rung)) is error


def test_an_empty_account_is_not_waited_for() -> None:
    fault = fault_of(429, '{"error": {"code": "insufficient_quota"}}', rung="prompt")

    assert isinstance(fault, AuthRejected)


def test_only_the_opening_of_a_body_is_read() -> None:
    assert type(fault_of(400, "x" * 5000 + "content_filter", rung="prompt")) is RequestRejected


def test_no_word_of_the_body_reaches_the_message() -> None:
    fault = fault_of(401, "Incorrect API key provided: sk-secret.", rung="prompt")

    assert str(fault) == "the provider refused the key (HTTP 401)"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:59:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 99 Nov 2026 11:59:00 GMT"}, None),
    ],
)
def test_the_wait_is_read_in_seconds_milliseconds_or_as_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wait_wanted(headers, NOON) == seconds


MEANINGS: dict[str, type[JudgeError]] = {
    "APIConnectionError": ConnectionFailed,
    "APIError": ConnectionFailed,
    "APIResponseValidationError": ConnectionFailed,
    "AuthenticationError": AuthRejected,
    "BadGatewayError": ProviderFailed,
    "BadRequestError": RequestRejected,
    "BlockedPiiEntityError": ContentFiltered,
    "BudgetExceededError": RequestRejected,
    "CallerCredentialAuthenticationError": AuthRejected,
    "CallerCredentialRateLimitError": RateLimited,
    "ContentPolicyViolationError": ContentFiltered,
    "ContextWindowExceededError": RequestRejected,
    "EndpointNotSupportedByModelError": RequestRejected,
    "GuardrailRaisedException": ContentFiltered,
    "ImageFetchError": RequestRejected,
    "InternalServerError": ProviderFailed,
    "InvalidRequestError": RequestRejected,
    "JSONSchemaValidationError": ConnectionFailed,
    "LiteLLMUnknownProvider": RequestRejected,
    "MalformedRequestFieldError": RequestRejected,
    "MidStreamFallbackError": ProviderFailed,
    "MockException": ProviderFailed,
    "ModelNotMappedError": RequestRejected,
    "ModifyResponseException": ContentFiltered,
    "NotFoundError": AddressRejected,
    "OpenAIError": ConnectionFailed,
    "PaymentRequiredError": AuthRejected,
    "PermissionDeniedError": AuthRejected,
    "RateLimitError": RateLimited,
    "RejectedRequestError": RequestRejected,
    "SensitiveDataRouteException": ContentFiltered,
    "ServiceUnavailableError": ProviderFailed,
    "Timeout": DeadlineExceeded,
    "UnprocessableEntityError": RequestRejected,
    "UnsupportedEndpointError": RequestRejected,
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
