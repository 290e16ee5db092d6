"""Faults that a provider reports by a status: limits, overload, keys, filters, lacking features.

Each function gives the whole reply to a request; its docstring is the description that `FAULTS`
shows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate

from judge.simulated.http import HttpReply, HttpRequest
from judge.simulated.profile import Profile
from judge.simulated.reading import ChatRequest
from judge.simulated.replies import as_json


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that a fault strikes."""

    profile: Profile
    request: HttpRequest
    chat: ChatRequest
    honest: HttpReply
    """What would have been sent otherwise."""


Refusal = Callable[[Struck], HttpReply]


def http_429(_struck: Struck) -> HttpReply:
    """Answer 429 without Retry-After."""
    return error_reply(429, "Rate limit reached (SIMULATED).", kind="requests")


def http_429_seconds(struck: Struck) -> HttpReply:
    """Answer 429 with Retry-After in seconds."""
    return _later(429, f"{struck.profile.retry_after:g}")


def http_429_date(struck: Struck) -> HttpReply:
    """Answer 429 with Retry-After as an HTTP date."""
    return _later(429, formatdate(time.time() + struck.profile.retry_after, usegmt=True))


def http_429_quota(_struck: Struck) -> HttpReply:
    """Answer 429 because the account is empty, which no wait will mend."""
    return error_reply(429, "You exceeded your current quota.", code="insufficient_quota")


def http_429_echo_key(struck: Struck) -> HttpReply:
    """Answer 429 and repeat the key in the message."""
    return error_reply(429, f"Rate limit reached for key {_key(struck)}.", kind="requests")


def http_401_echo_key(struck: Struck) -> HttpReply:
    """Answer 401 and repeat the key in the message."""
    message = f"Incorrect API key provided: {_key(struck)}."
    return error_reply(401, message, code="invalid_api_key")


def http_403(_struck: Struck) -> HttpReply:
    """Answer 403: the key may not use this model."""
    return error_reply(403, "You are not allowed to use this model.", kind="permission_error")


def http_404_model(struck: Struck) -> HttpReply:
    """Answer 404: there is no such model."""
    message = f"The model {struck.chat.model!r} does not exist."
    return error_reply(404, message, code="model_not_found")


def http_307(struck: Struck) -> HttpReply:
    """Answer 307: the same request, key and all, is to go to another address."""
    reply = error_reply(307, "Moved for now (SIMULATED).", kind="redirect")
    return replace(reply, headers=(("Location", struck.request.path),))


def http_408(_struck: Struck) -> HttpReply:
    """Answer 408: the request took too long to arrive."""
    return error_reply(408, "Request timed out (SIMULATED).", kind="timeout")


def http_400_context_length(_struck: Struck) -> HttpReply:
    """Answer 400: the prompt is longer than the model's context."""
    message = "This model's maximum context length is 8192 tokens."
    return error_reply(400, message, code="context_length_exceeded")


def http_400_content_filter(_struck: Struck) -> HttpReply:
    """Answer 400: the prompt was stopped by a filter, as Azure words it."""
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


def http_400_rung(struck: Struck) -> HttpReply:
    """Answer 400: this way of asking for JSON is not supported."""
    rung = struck.chat.rung
    if rung == "tools":
        return error_reply(400, "tools is not supported in this model.", param="tools")
    message = f"Invalid parameter: 'response_format' of type '{rung}' is not supported."
    return error_reply(400, message, param="response_format")


def http_422(_struck: Struck) -> HttpReply:
    """Answer 422: a parameter is not understood."""
    return error_reply(422, "Unprocessable request (SIMULATED).")


def http_500(_struck: Struck) -> HttpReply:
    """Answer 500."""
    return error_reply(500, "The server had an error (SIMULATED).", kind="server_error")


def http_500_empty(_struck: Struck) -> HttpReply:
    """Answer 500 without a body."""
    return HttpReply(500, b"")


def http_502_html(_struck: Struck) -> HttpReply:
    """Answer 502 with a gateway's HTML page."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body>SIMULATED</body></html>"
    return HttpReply(502, page, content_type="text/html")


def http_503(struck: Struck) -> HttpReply:
    """Answer 503 with Retry-After in seconds."""
    return _later(503, f"{struck.profile.retry_after:g}")


def http_504(_struck: Struck) -> HttpReply:
    """Answer 504: the gateway gave up."""
    return HttpReply(504, b"upstream request timeout", content_type="text/plain")


def http_529(_struck: Struck) -> HttpReply:
    """Answer 529: overloaded, a status that no standard has."""
    return error_reply(529, "Overloaded (SIMULATED).", kind="overloaded_error")


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


def _later(status: int, retry_after: str) -> HttpReply:
    reply = error_reply(status, f"Please retry after {retry_after} (SIMULATED).", kind="requests")
    return replace(reply, headers=(("Retry-After", retry_after),))


def _key(struck: Struck) -> str:
    return struck.request.headers.get("authorization", "").removeprefix("Bearer ")
