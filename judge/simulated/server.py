"""The loopback server: OpenAI chat completions over real HTTP, answered by a simulated judge.

It listens on 127.0.0.1 only and knows four addresses: `POST /v1/chat/completions`,
`GET /v1/models`, `GET /stats` and `POST /reset`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from judge.simulated.connection import Connection
from judge.simulated.draws import draws
from judge.simulated.hits import Hit, Hits
from judge.simulated.http import HttpReply, HttpRequest, write_reply
from judge.simulated.judge import SimulatedJudge
from judge.simulated.profile import Profile
from judge.simulated.reading import BadRequest, ChatRequest, read_request
from judge.simulated.replies import as_json, completion

HOST = "127.0.0.1"


class SimulatedServer:
    """A running server; made by `serve`."""

    def __init__(self, judge: SimulatedJudge, *, keep_bodies: bool = False) -> None:
        self.judge = judge
        self.hits = Hits()
        self.port = 0
        self._keep_bodies = keep_bodies
        self._connections: set[Connection] = set()
        self._loop = asyncio.get_running_loop()

    @property
    def base_url(self) -> str:
        """What clients take as the base URL of an OpenAI-compatible server."""
        return f"http://{HOST}:{self.port}/v1"

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncGenerator["SimulatedServer"]:
        """Listen until the block ends; then every connection is dropped."""
        listener = await self._loop.create_server(self._connect, HOST, port, backlog=4096)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            for connection in tuple(self._connections):
                connection.drop()
            await listener.wait_closed()

    def _connect(self) -> Connection:
        return Connection(self._take, opened=self._opened, lost=self._connections.discard)

    def _opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        self.hits.connections += 1

    def _take(self, connection: Connection, request: HttpRequest) -> None:
        if request.path.endswith("/chat/completions") and request.method == "POST":
            self._chat(connection, request)
            return
        self._count(request, model="", mode="answer")
        connection.send(write_reply(self._plain(request)))

    def _chat(self, connection: Connection, request: HttpRequest) -> None:
        self.hits.total += 1
        try:
            chat = read_request(request.body)
            body = as_json(completion(self.judge.profile, chat, self.judge.answer(chat)))
        except BadRequest as error:
            self._count(request, model="", mode="bad_request")
            connection.send(write_reply(_error(HTTPStatus.BAD_REQUEST, str(error))))
            return
        self._count(request, model=chat.model, mode="answer")
        connection.send(write_reply(HttpReply(HTTPStatus.OK, body)), after=self._delay(chat))

    def _delay(self, chat: ChatRequest) -> float:
        latency = self.judge.profile.latency
        if not latency.jitter:
            return latency.fixed
        draw = draws(self.judge.profile.seed, *chat.identity)
        return latency.fixed + latency.jitter * draw("latency")

    def _plain(self, request: HttpRequest) -> HttpReply:
        """Answer everything that is not a chat completion."""
        if request.path.endswith("/models"):
            model = {"id": self.judge.profile.served_model, "object": "model", "created": 0}
            return HttpReply(HTTPStatus.OK, as_json({"object": "list", "data": [model]}))
        if request.path == "/stats":
            return HttpReply(HTTPStatus.OK, as_json(self.hits.summary()))
        if request.path == "/reset" and request.method == "POST":
            self.hits.reset()
            return HttpReply(HTTPStatus.OK, b"{}")
        return _error(HTTPStatus.NOT_FOUND, f"{request.method} is not served at this address.")

    def _count(self, request: HttpRequest, *, model: str, mode: str) -> None:
        body = request.body if self._keep_bodies else b""
        number = self.hits.total
        self.hits.add(Hit(number, request.path, model, mode, self._loop.time(), body))


@asynccontextmanager
async def serve(
    profile: SimulatedJudge | Profile | Mapping[str, object] | None = None,
    *,
    port: int = 0,
    keep_bodies: bool = False,
) -> AsyncGenerator[SimulatedServer]:
    """Serve a simulated judge on the loopback for as long as the block lasts.

    Parameters
    ----------
    profile : SimulatedJudge, Profile, mapping or None
        What is planted.
    port : int
        0 lets the system choose; read `SimulatedServer.base_url`.
    keep_bodies : bool
        Keep the bodies of the latest requests in `hits.latest`, for tests that read prompts.

    Raises
    ------
    OSError
        If the port is taken.
    ProfileError
        If a mapping is no profile.
    """
    judge = profile if isinstance(profile, SimulatedJudge) else SimulatedJudge(profile)
    async with SimulatedServer(judge, keep_bodies=keep_bodies).listening(port) as server:
        yield server


def _error(status: int, message: str) -> HttpReply:
    kind = "invalid_request_error"
    error = {"message": message, "type": kind, "param": None, "code": None}
    return HttpReply(status, as_json({"error": error}))
