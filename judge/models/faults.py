"""What a provider's refusal means: from an HTTP status and body to one error of `judge.errors`.

A body is read to classify it and then dropped: providers echo keys and prompts, so no message
holds a word of it.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

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
}
"""Words by which providers say that they do not know a way of asking for a structured reply."""


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
