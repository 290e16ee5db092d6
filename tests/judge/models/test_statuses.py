"""From an HTTP status, its headers and its body to one error."""

from datetime import UTC, datetime

import pytest

from judge.errors import (
    AuthRejected,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    ModelError,
    ProviderFailed,
    RateLimited,
    RequestRejected,
    RungRejected,
)
from judge.models.faults import fault_of, wait_wanted
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
        (404, RequestRejected),
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
