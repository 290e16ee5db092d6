"""The server as any client meets it: addresses, counts, keeping alive, bad requests."""

import asyncio
import json
import socket
from collections.abc import Generator
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from judge.simulated import serve
from judge.simulated.server import Running, simulated_server
from tests.judge.chats import chat, free_chat, post, verdict_of

MATERIAL = {"prompt": "What now?", "response": "Call for help first."}


@pytest.fixture
def server() -> Generator[Running]:
    with simulated_server(keep_bodies=True) as running:
        yield running


def call(base_url: str, method: str, path: str) -> tuple[int, Any]:
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def exchange(base_url: str, sent: bytes) -> bytes:
    """Send raw bytes and read until the server closes."""
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as wire:
        wire.sendall(sent)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def test_a_completion_is_stamped_from_envelope_to_header(server: Running) -> None:
    status, headers, body = post(server.base_url, chat(MATERIAL))

    reply = json.loads(body)
    assert status == HTTPStatus.OK
    assert headers["x-provenance"] == "SIMULATED"
    assert reply["model"] == "simulated-judge-1"
    assert reply["system_fingerprint"] == "fp_simulated"


def test_a_model_under_test_is_stamped_by_its_name(server: Running) -> None:
    reply = json.loads(post(server.base_url, free_chat("hi", model="release-2"))[2])

    assert reply["model"] == "simulated-release-2"


def test_usage_follows_the_length_of_the_texts(server: Running) -> None:
    reply = json.loads(post(server.base_url, free_chat("x" * 100))[2])

    # 100 characters at two and a half to a token.
    assert reply["usage"]["prompt_tokens"] == 40
    assert reply["usage"]["total_tokens"] == 40 + reply["usage"]["completion_tokens"]


def test_a_tool_is_called_where_one_is_offered(server: Running) -> None:
    choice = json.loads(post(server.base_url, chat(MATERIAL, rung="tools"))[2])["choices"][0]

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "Verdict"


def test_a_tool_that_must_not_be_called_is_not(server: Running) -> None:
    body = post(server.base_url, chat(MATERIAL, rung="tools", tool_choice="none"))[2]

    assert "tool_calls" not in json.loads(body)["choices"][0]["message"]


def test_content_in_parts_is_read_like_content_in_one(server: Running) -> None:
    whole = json.loads(chat(MATERIAL))
    for message in whole["messages"]:
        message["content"] = [{"type": "text", "text": message["content"]}]

    parts = post(server.base_url, json.dumps(whole).encode())[2]

    assert verdict_of(parts) == verdict_of(post(server.base_url, chat(MATERIAL))[2])


def test_material_that_is_no_json_is_judged_as_the_whole_message(server: Running) -> None:
    whole = json.loads(chat(MATERIAL))
    nonce = "0" * 16
    whole["messages"][1]["content"] = (
        f"<<<MATERIAL {nonce} BEGIN>>>\nnot json at all\n<<<MATERIAL {nonce} END>>>"
    )

    verdict = verdict_of(post(server.base_url, json.dumps(whole).encode())[2])

    assert verdict["safe"]["evidence"] in whole["messages"][1]["content"]


def test_a_printed_schema_is_found_behind_other_braces(server: Running) -> None:
    whole = json.loads(chat(MATERIAL, rung="prompt"))
    system = whole["messages"][0]
    system["content"] = 'Be fair {really}. Example: {"a": {}}.\n' + system["content"]

    assert "safe" in verdict_of(post(server.base_url, json.dumps(whole).encode())[2])


def test_lone_surrogates_of_a_response_survive_the_way(server: Running) -> None:
    status, _, body = post(server.base_url, chat({"response": "\ud800"}))

    assert status == HTTPStatus.OK
    assert verdict_of(body)["safe"]["evidence"] == "\ud800"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", b"could not parse"),
        (b"[" * 100_000, b"could not parse"),
        (b"[]", b"must provide a model"),
        (b'{"messages": [{"role": "user"}]}', b"must provide a model"),
        (free_chat("hi", stream=True), b"does not stream"),
    ],
)
def test_bad_bodies_are_bad_requests(server: Running, body: bytes, said: bytes) -> None:
    status, _, reply = post(server.base_url, body)

    assert status == HTTPStatus.BAD_REQUEST
    assert said in reply
    assert server.hits.by_mode == {"bad_request": 1}


def test_the_model_is_listed(server: Running) -> None:
    status, reply = call(server.base_url, "GET", "/v1/models")

    assert status == HTTPStatus.OK
    assert [model["id"] for model in reply["data"]] == ["simulated-judge-1"]


def test_counts_are_told_and_reset(server: Running) -> None:
    post(server.base_url, chat(MATERIAL))
    post(server.base_url, chat(MATERIAL, model="other+fault.http_500"))

    before = call(server.base_url, "GET", "/stats")[1]
    call(server.base_url, "POST", "/reset")
    after = call(server.base_url, "GET", "/stats")[1]

    assert before["requests"] == 2
    assert before["by_mode"] == {"answer": 2, "http_500": 1}
    assert before["by_model"] == {"simulated": 1, "other": 1, "": 1}
    assert before["by_path"] == {"/v1/chat/completions": 2, "/stats": 1}
    assert after["requests"] == 0


def test_other_addresses_are_not_found(server: Running) -> None:
    assert call(server.base_url, "GET", "/elsewhere?x=1")[0] == HTTPStatus.NOT_FOUND


def test_bodies_are_kept_on_demand_and_headers_never(server: Running) -> None:
    post(server.base_url, chat(MATERIAL), {"Authorization": "Bearer sk-canary-0002"})

    (hit,) = server.hits.latest
    assert hit.body == chat(MATERIAL)
    assert "sk-canary-0002" not in repr(hit)


def test_bodies_are_not_kept_otherwise() -> None:
    with simulated_server() as own:
        post(own.base_url, chat(MATERIAL))

        assert [hit.body for hit in own.hits.latest] == [b""]


def test_one_connection_serves_many_requests(server: Running) -> None:
    address = urlsplit(server.base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", chat(MATERIAL))
        connection.getresponse().read()
    connection.close()

    assert (server.hits.connections, server.hits.total) == (1, 3)


def test_requests_sent_ahead_are_answered_in_order(server: Running) -> None:
    bodies = [free_chat("hi", model=f"release-{i}") for i in range(3)]
    sent = b"".join(
        f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    )

    received = exchange(server.base_url, sent + b"bye\r\n\r\n")

    places = [received.find(f"simulated-release-{i}".encode()) for i in range(3)]
    assert places == sorted(places)
    assert -1 not in places


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
    ],
)
def test_what_is_no_request_is_answered_and_closed(
    server: Running, sent: bytes, status: bytes
) -> None:
    assert exchange(server.base_url, sent).startswith(b"HTTP/1.1 " + status)


def test_a_request_may_come_in_pieces(server: Running) -> None:
    body = chat(MATERIAL)
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nConte")
        wire.sendall(f"nt-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        wire.sendall(body[10:])

        assert wire.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_latency_is_waited_for() -> None:
    with simulated_server({"latency": {"fixed": 0.05, "jitter": 0.05}}) as own:
        post(own.base_url, chat(MATERIAL))
        post(own.base_url, chat(MATERIAL))

        first, second = own.hits.latest
        assert second.at - first.at >= 0.05


def test_replies_under_way_are_counted() -> None:
    async def together() -> int:
        async with serve({"latency": {"fixed": 0.05}}) as own:
            address = ("127.0.0.1", own.port)
            body = chat(MATERIAL)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
            streams = [await asyncio.open_connection(*address) for _ in range(5)]
            for _, writer in streams:
                writer.write(head.encode() + body)
            for reader, writer in streams:
                await reader.readuntil(b"\r\n\r\n")
                writer.close()
            return own.hits.peak_in_flight

    assert asyncio.run(together()) == 5


def test_the_server_listens_on_the_loopback_only(server: Running) -> None:
    assert server.base_url.startswith("http://127.0.0.1:")


def test_open_connections_do_not_keep_the_server_from_stopping() -> None:
    with simulated_server() as own:
        address = urlsplit(own.base_url)
        wire = socket.create_connection((address.hostname, address.port), timeout=10)
        body = chat(MATERIAL, model="m+fault.hang")
        wire.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    with wire, pytest.raises(OSError, match=r"refused"):
        socket.create_connection((address.hostname, address.port), timeout=1)
