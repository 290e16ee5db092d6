"""Odd replies of status 200: a verdict in one costs one call, and so does what never changes.

Each is served as bytes on a socket, so that headers may lie and bodies may end too early.
"""

import asyncio
import gzip
import json
import random
import socket
import socketserver
import threading
import zlib
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from judge.models.base import Model
from judge.models.limits import Limit, Limits
from judge.models.litellm import LitellmModel
from judge.models.openai_compatible import DirectModel
from judge.models.retry import RetryPolicy, ask_with_retries
from judge.records import Judge
from tests.judge.models.asking import NotingLedger, question
from tests.judge.models.odd_servers import VERDICT, Clock, completion

WAYS: tuple[type[DirectModel | LitellmModel], ...] = (DirectModel, LitellmModel)
COMPLETION = completion(VERDICT)
WHOLE = json.dumps(COMPLETION).encode()
MESSAGE = COMPLETION["choices"][0]["message"]


def head(*lines: str, status: str = "200 OK") -> bytes:
    """Write the head of a reply."""
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "Connection: close", "", "")).encode()


def reply(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """Write a whole reply of JSON, with further headers."""
    lines = lines or ("Content-Type: application/json",)
    return head(*lines, f"Content-Length: {len(body)}", status=status) + body


def as_json(value: object) -> bytes:
    """Write a whole reply that holds a value."""
    return reply(json.dumps(value, ensure_ascii=False).encode())


@contextmanager
def serving(raw: bytes) -> Generator[tuple[str, list[int]]]:
    """Serve the same bytes to every request, and count them."""
    seen: list[int] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length, begun = 0, self.request.recv(1, socket.MSG_PEEK)
            # A server without TLS reads a handshake as a request that it cannot understand.
            while begun != b"\x16" and (line := self.rfile.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            seen.append(1)
            self.wfile.write(raw)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
        finally:
            server.shutdown()
            thread.join()


def asked(
    raw: bytes, way: type[DirectModel | LitellmModel], scheme: str = "http"
) -> tuple[str | None, int]:
    """Ask a server that sends these bytes: what it said or why nothing, and in how many calls."""
    with serving(raw) as (url, seen):
        judge = Judge(model="hosted_vllm/m", base_url=url.replace("http", scheme, 1))
        came = asyncio.run(_ask(way(judge, environ={})))
    return came, len(seen)


async def _ask(model: Model) -> str | None:
    limits = Limits(Limit(concurrency=1), Clock())
    try:
        came = await ask_with_retries(
            model,
            question(),
            policy=RetryPolicy(),
            limits=limits,
            ledger=NotingLedger(),
            dice=random.Random(0),
        )
    except Exception as error:  # noqa: BLE001 - each class is an outcome here
        return f"{type(error).__name__}: {error}"
    finally:
        await model.close()
    return came.text


VERDICTS = {
    "choices is the choice itself": as_json({**COMPLETION, "choices": COMPLETION["choices"][0]}),
    "choices is an object of choices": as_json(
        {**COMPLETION, "choices": {"0": COMPLETION["choices"][0]}}
    ),
    "a choice is a text": as_json({"choices": [VERDICT]}),
    "a message is a text": as_json({"choices": [{"message": VERDICT}]}),
    "the completion is alone in a list": as_json([COMPLETION]),
    "the completion is JSON within JSON": as_json(json.dumps(COMPLETION)),
    "two completions in one body": reply(WHOLE + b"\n" + WHOLE),
    "text before the completion": reply(b": PROCESSING\n\n" + WHOLE + b"\n"),
    "text after the completion": reply(WHOLE + b"\n-- served by edge-7\n"),
    "Ollama's own form": as_json({"model": "m", "message": MESSAGE, "done": True}),
    "Anthropic's own form": as_json(
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "…"},
                {"type": "text", "text": VERDICT},
            ],
            "stop_reason": "end_turn",
        }
    ),
    "Google's own form": as_json(
        {
            "candidates": [
                {"content": {"parts": [{"text": "hm", "thought": True}, {"text": VERDICT}]}}
            ]
        }
    ),
    "the form of OpenAI's Responses": as_json(
        {
            "object": "response",
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "content": [{"type": "output_text", "text": VERDICT}]},
            ],
        }
    ),
    "a text generation server's form": as_json([{"generated_text": VERDICT}]),
    "compressed without saying so": reply(gzip.compress(WHOLE)),
    "compressed in the other way than it says": reply(
        zlib.compress(WHOLE), "Content-Type: application/json", "Content-Encoding: gzip"
    ),
    "compressed as it says, though not asked for": reply(
        gzip.compress(WHOLE), "Content-Type: application/json", "Content-Encoding: gzip"
    ),
    "said to be compressed and is not": reply(
        WHOLE, "Content-Type: application/json", "Content-Encoding: gzip"
    ),
    "called a web page": reply(WHOLE, "Content-Type: text/html"),
    "in UTF-16": reply(json.dumps(COMPLETION).encode("utf-16")),
    "status 201": reply(WHOLE, status="201 Created"),
    "no Content-Length": head("Content-Type: application/json") + WHOLE,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_in_an_odd_envelope_costs_one_call(name: str) -> None:
    assert asked(VERDICTS[name], DirectModel) == (VERDICT, 1)


PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in</body></html>"
NOT_ASKED_AGAIN = {
    "a login page": (reply(PAGE, "Content-Type: text/html"), "a web page is served at the address"),
    "a page under a false type": (reply(b"\n" + PAGE), "a web page is served at the address"),
    "plain text": (reply(b"ok", "Content-Type: text/plain"), "no chat completion (HTTP 200): ok"),
    "a number": (as_json(42), "no chat completion"),
    "a list": (as_json([1, 2]), "no chat completion"),
    "an empty object": (as_json({}), "no chat completion"),
    "a message to people": (
        as_json({"message": "Welcome to the gateway"}),
        "no chat completion (HTTP 200): Welcome to the gateway",
    ),
    "a job that was taken in": (
        as_json({"task_id": "7", "status": "queued"}),
        "no chat completion (HTTP 200): queued",
    ),
    "choices is a text": (as_json({"choices": "none"}), "no chat completion"),
    "a content of numbers": (
        as_json({"choices": [{"message": {"content": [1]}}]}),
        "neither a text nor parts of one",
    ),
    "packed in a way nobody asked for": (
        reply(b"\x1b\x07\x00\xf8\x8d\x94\x6e", "Content-Encoding: br"),
        "packed as 'br'",
    ),
    "a broken packing": (reply(b"\x1f\x8b\x08" + b"x" * 40), "compression is broken"),
    "an account without money": (as_json({"message": "Insufficient Balance"}), "lack of credit"),
    "a redirect to a login page": (
        reply(b"", "Location: https://sso.example/login?token=t", status="302 Found"),
        "redirects to https://sso.example/login (HTTP 302)",
    ),
    "a redirect to the same over TLS": (
        reply(b"", "Location: https://api.example/v1/chat/completions", status="308 Permanent"),
        "redirects to https://api.example/v1/chat/completions (HTTP 308)",
    ),
}


@pytest.mark.parametrize("name", NOT_ASKED_AGAIN)
def test_what_never_changes_is_said_after_one_call(name: str) -> None:
    raw, told = NOT_ASKED_AGAIN[name]

    came, calls = asked(raw, DirectModel)

    assert told in str(came)
    assert calls == 1


PASSING = {
    "an empty body": reply(b""),
    "blanks only": reply(b"\n\n \n"),
    "status 204": head(status="204 No Content"),
    "JSON that was cut": reply(WHOLE[:-40]),
    "a body shorter than it says": head(f"Content-Length: {len(WHOLE) + 9}") + WHOLE[:-40],
    "pieces of which the last is missing": (
        head("Transfer-Encoding: chunked") + b"%x\r\n" % len(WHOLE) + WHOLE[:100]
    ),
    "a stream without its end": reply(b'data: {"choices": [{"delta": {"content": "{"}}]}\n\n'),
    "packed and cut": reply(gzip.compress(WHOLE)[:-30]),
    "a text that asks to wait": as_json({"message": "Too many requests, slow down"}),
    "a model that loads": as_json({"status": "loading model"}),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_come_right_is_asked_for_again(name: str) -> None:
    came, calls = asked(PASSING[name], DirectModel)

    assert calls == 4
    assert str(came).split(":")[0] in {"ConnectionFailed", "RateLimited", "ModelLoading"}


EMPTY = {
    "choices is null": as_json({**COMPLETION, "choices": None}),
    "choices is empty": as_json({**COMPLETION, "choices": []}),
    "no choices in a completion": as_json({"object": "chat.completion", "model": "m"}),
    "message is null": as_json({"choices": [{"message": None, "finish_reason": "stop"}]}),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_reply_that_says_nothing_is_asked_for_once_in_another_way(name: str) -> None:
    assert asked(EMPTY[name], DirectModel) == (None, 2)


BOTH_WAYS = (
    *(
        "choices is the choice itself",
        "said to be compressed and is not",
        "a choice is a text",
        "the completion is alone in a list",
    ),
    *("Anthropic's own form", "a login page", "plain text", "a message to people"),
    *("a redirect to a login page", "an empty body", "JSON that was cut", "choices is null"),
)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_both_ways_read_what_is_odd_alike(name: str) -> None:
    raw = {
        **VERDICTS,
        **PASSING,
        **EMPTY,
        **{each: served for each, (served, _) in NOT_ASKED_AGAIN.items()},
    }[name]

    assert asked(raw, LitellmModel) == asked(raw, DirectModel)


@pytest.mark.parametrize("way", WAYS)
def test_an_address_without_tls_is_said_to_be_one_after_one_call(
    way: type[DirectModel | LitellmModel],
) -> None:
    came, calls = asked(head() + WHOLE, way, scheme="https")

    assert came == (
        "AddressRejected: no TLS is spoken at the address; a base URL with http:// may be"
    )
    assert calls == 1
