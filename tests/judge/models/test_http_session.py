"""One call for one question, and a cap on what is read, whatever a library or a server does."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from judge.errors import (
    ConnectionFailed,
    ModelError,
    ReplyTooLarge,
    RequestRejected,
)
from judge.models.http_session import BODY_CAP, one_call, open_session, proxy_for
from judge.models.litellm import LitellmModel
from judge.models.openai_compatible import DirectModel
from judge.records import Judge
from tests.judge.models.asking import ENVIRON, question

COMPLETION = (
    b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,'
    b' "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'
)


@dataclass
class Canned:
    """A server that answers every request with the same bytes."""

    port: int = 0
    hits: int = 0


@asynccontextmanager
async def canned(head: str, body: bytes = b"") -> AsyncGenerator[Canned]:
    """Serve one reply; {port} in the head becomes the server's port."""
    served = Canned()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        length = int(asked.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
        await reader.readexactly(length)
        served.hits += 1
        start = head.format(port=served.port).replace("\n", "\r\n")
        writer.write(start.encode() + b"\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served


@pytest.fixture(params=[DirectModel, LitellmModel])
def kind(request: pytest.FixtureRequest) -> type[DirectModel | LitellmModel]:
    return request.param


async def ask(kind: type[DirectModel | LitellmModel], served: Canned) -> str | None:
    """Ask once and close."""
    judge = Judge(model="hosted_vllm/m", base_url=f"http://127.0.0.1:{served.port}/v1")
    model = kind(judge, environ=ENVIRON)
    try:
        return (await model.ask(question())).text
    finally:
        await model.close()


async def test_a_redirect_is_not_followed(kind: type[DirectModel | LitellmModel]) -> None:
    head = "HTTP/1.1 307 Go\nLocation: http://127.0.0.1:{port}/elsewhere\nContent-Length: 0"

    async with canned(head) as served:
        with pytest.raises(RequestRejected):
            await ask(kind, served)

    assert served.hits == 1


@pytest.mark.parametrize("length", [f"Content-Length: {BODY_CAP + 1}", "Connection: close"])
async def test_a_reply_over_the_cap_is_not_read_to_its_end(
    length: str, kind: type[DirectModel | LitellmModel]
) -> None:
    body = COMPLETION.replace(b"hello", b"x" * BODY_CAP)

    async with canned(f"HTTP/1.1 200 OK\n{length}", body) as served:
        with pytest.raises(ReplyTooLarge):
            await ask(kind, served)


async def test_a_compressed_reply_is_read(kind: type[DirectModel | LitellmModel]) -> None:
    body = gzip.compress(COMPLETION)
    head = f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(body)}"

    async with canned(head, body) as served:
        assert await ask(kind, served) == "hello"


async def test_a_compressed_bomb_is_not_unpacked(kind: type[DirectModel | LitellmModel]) -> None:
    body = gzip.compress(COMPLETION.replace(b"hello", b"x" * 100_000_000))
    head = f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(body)}"

    async with canned(head, body) as served:
        with pytest.raises(ReplyTooLarge):
            await ask(kind, served)


async def test_a_second_request_within_one_call_is_refused() -> None:
    async with canned("HTTP/1.1 200 OK\nContent-Length: 0") as served:
        session = open_session(guarded=True)
        address = f"http://127.0.0.1:{served.port}/"
        with one_call() as call:
            await (await session.get(address)).read()
            with pytest.raises(RequestRejected):
                await session.get(address)
        await session.close()

    assert (call.status, served.hits) == (200, 1)


async def test_a_refused_connection_is_named_before_a_library_can_repeat_it() -> None:
    async with canned("HTTP/1.1 200 OK") as served:
        port = served.port
    session = open_session(guarded=True)

    with one_call() as call, pytest.raises(ConnectionFailed):
        await session.get(f"http://127.0.0.1:{port}/")

    assert call.status is None
    await session.close()


async def test_a_server_that_is_not_there_is_a_failed_connection(
    kind: type[DirectModel | LitellmModel],
) -> None:
    async with canned("HTTP/1.1 200 OK") as served:
        pass

    with pytest.raises(ModelError) as caught:
        await ask(kind, served)

    assert type(caught.value) is ConnectionFailed


async def test_closing_one_model_leaves_the_others_their_connections() -> None:
    body = COMPLETION
    async with canned(f"HTTP/1.1 200 OK\nContent-Length: {len(body)}", body) as served:
        judge = Judge(model="hosted_vllm/m", base_url=f"http://127.0.0.1:{served.port}/v1")
        first, second = LitellmModel(judge, environ={}), LitellmModel(judge, environ={})
        await first.ask(question())
        await second.ask(question())

        await first.close()
        reply = await second.ask(question())
        await second.close()

    assert reply.text == "hello"


def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")

    assert proxy_for("https://api.example/v1") == "http://proxy.example:3128"
    assert proxy_for("https://127.0.0.1:8000/v1") is None
