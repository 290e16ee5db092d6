"""The loopback server: OpenAI chat completions over real HTTP, answered by a simulated judge.

It listens on 127.0.0.1 only and knows six addresses: `POST /v1/chat/completions`,
`POST /v1/decisions`, `POST /v1/systemone`, `GET /v1/models`, `GET /stats` and `POST /reset`. It
runs within an event loop, on a thread of this process, or as a program of its own.
"""

import asyncio
import contextlib
import json
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from judge.simulated.batches import BatchPlan, Broken, SimulatedBatches
from judge.simulated.decisions import (
    WireForm,
    decision_response,
    logprobs_of,
    read_decision_request,
)
from judge.simulated.faults import BREAKAGES, REFUSALS, FaultPlan, Struck, error_reply, known_mode
from judge.simulated.http import Connection, HttpReply, HttpRequest, head, write_reply
from judge.simulated.judge import SimulatedJudge, behaviour_for, provoked
from judge.simulated.openai_protocol import (
    BadRequest,
    ChatRequest,
    as_json,
    completion,
    draws,
    read_request,
)
from judge.simulated.payloads import DECISION_PAYLOADS, PAYLOADS, wrong_decision, wrong_payload
from judge.simulated.profile import Profile

HOST = "127.0.0.1"
FORCE_HEADER = "x-simulated-fault"
"""A request with this header is struck by the mode that it names, as by `model+fault.mode`."""

DECISION_PATHS = ("/decisions", "/systemone")

KEPT = 10_000
"""Requests of which the record is kept; counts go on for ever."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request; no header is kept, so no key is."""

    number: int
    """1 for the first since the start or the last reset."""
    path: str
    model: str
    """As asked for, without forced modes; empty where the path has no model."""
    mode: str
    """The fault or payload that struck, `answer` for an honest reply."""
    at: float
    """Seconds on the server's monotonic clock."""
    body: bytes
    """Empty unless the server was told to keep bodies."""


class Hits:
    """The counts of one server."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but what is under way."""
        self.total = 0
        self.connections = 0
        self.peak_in_flight = self.in_flight
        self.by_path: Counter[str] = Counter()
        self.by_mode: Counter[str] = Counter()
        self.by_model: Counter[str] = Counter()
        self.latest: deque[Hit] = deque(maxlen=KEPT)

    def add(self, hit: Hit) -> None:
        """Count one request; only chat completions have numbers and go into the total."""
        self.by_path[hit.path] += 1
        self.by_mode[hit.mode] += 1
        self.by_model[hit.model] += 1
        self.latest.append(hit)

    def begin(self) -> None:
        """Note that a reply is under way."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def end(self) -> None:
        """Note that a reply is over, whole or not."""
        self.in_flight -= 1

    def summary(self) -> dict[str, object]:
        """Give the counts for `GET /stats`."""
        return {
            "provenance": "SIMULATED",
            "requests": self.total,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "by_path": dict(self.by_path),
            "by_mode": dict(self.by_mode),
            "by_model": dict(self.by_model),
        }


class SimulatedServer:
    """A running server; made by `serve`."""

    def __init__(
        self,
        judge: SimulatedJudge,
        *,
        keep_bodies: bool = False,
        batches: BatchPlan | None = None,
    ) -> None:
        self.judge = judge
        self.batches = SimulatedBatches(judge, batches or BatchPlan(), time.time)
        self.hits = Hits()
        self.port = 0
        self._keep_bodies = keep_bodies
        self._connections: set[Connection] = set()
        self._plan = FaultPlan(judge.profile)
        self._loop = asyncio.get_running_loop()

    @property
    def base_url(self) -> str:
        """What clients take as the base URL of an OpenAI-compatible server."""
        return f"http://{HOST}:{self.port}/v1"

    @contextlib.asynccontextmanager
    async def listening(self, port: int) -> AsyncGenerator["SimulatedServer"]:
        """Listen until the block ends; then every connection is dropped."""
        listener = await self._loop.create_server(
            lambda: Connection(self), HOST, port, backlog=4096
        )
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self._drop_all(listener)
            listener.close()
            await listener.wait_closed()

    async def _drop_all(self, listener: asyncio.Server) -> None:
        """Accept no more, then end what is open."""
        # In this order: asyncio fails on a connection accepted just before its listener is closed.
        for wire in listener.sockets:
            self._loop.remove_reader(wire.fileno())
        await _let_others_run()
        for connection in tuple(self._connections):
            connection.drop()
        await _let_others_run()

    def opened(self, connection: Connection) -> None:
        """Count a connection, and close it at once where the plan says so."""
        self._connections.add(connection)
        self.hits.connections += 1
        if self._plan.strikes_connection(self.hits.connections):
            connection.drop()

    def lost(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def done(self) -> None:
        """Count a reply as over."""
        self.hits.end()

    def take(self, connection: Connection, request: HttpRequest) -> None:
        """Answer a request."""
        self.hits.begin()
        if request.path.endswith("/chat/completions") and request.method == "POST":
            self._chat(connection, request)
            return
        if request.path.endswith(DECISION_PATHS) and request.method == "POST":
            self._decide(connection, request)
            return
        self._count(request, model="", mode="answer")
        reply = self.batches.reply(request) or self._plain(request)
        if isinstance(reply, Broken):
            connection.act(_break_off(connection, reply))
        else:
            connection.send(write_reply(reply))

    def _chat(self, connection: Connection, request: HttpRequest) -> None:
        self.hits.total += 1
        try:
            chat = read_request(request.body)
            mode = self._mode(chat, request)
            spoken = self.judge.answer(chat)
        except BadRequest as error:
            self._count(request, model="", mode="bad_request")
            connection.send(write_reply(error_reply(HTTPStatus.BAD_REQUEST, str(error))))
            return
        self._count(request, model=chat.model, mode=mode or "answer")
        profile = self.judge.profile
        if mode in PAYLOADS:
            body = wrong_payload(mode, profile, chat, honest=spoken)
        else:
            tokens = logprobs_of(profile, chat, spoken) if profile.logprobs else None
            body = as_json(completion(profile, chat, spoken, logprobs=tokens))
        struck = Struck(profile, request, chat, HttpReply(HTTPStatus.OK, body))
        self._strike(connection, struck, mode)

    def _decide(self, connection: Connection, request: HttpRequest) -> None:
        self.hits.total += 1
        profile = self.judge.profile
        try:
            form: WireForm = "systemone" if request.path.endswith("systemone") else "decisions"
            if form not in profile.probabilities.forms:
                connection.send(write_reply(error_reply(HTTPStatus.NOT_FOUND, "no such route")))
                return
            asked = read_decision_request(request.body, form)
            mode = self._mode(asked.chat, request)
            honest = decision_response(profile, asked)
        except BadRequest as error:
            self._count(request, model="", mode="bad_request")
            connection.send(write_reply(error_reply(HTTPStatus.BAD_REQUEST, str(error))))
            return
        body: object = wrong_decision(mode, honest) if mode in DECISION_PAYLOADS else honest
        self._count(request, model=asked.chat.model, mode=mode or "answer")
        reply = HttpReply(HTTPStatus.OK, json.dumps(body, ensure_ascii=False).encode())
        self._strike(connection, Struck(profile, request, asked.chat, reply), mode)

    def _strike(self, connection: Connection, struck: Struck, mode: str) -> None:
        """Send what the mode makes of the reply; limits and errors come without latency."""
        if mode in BREAKAGES:
            connection.act(BREAKAGES[mode](connection, struck))
        elif mode in REFUSALS:
            connection.send(write_reply(REFUSALS[mode](struck)))
        else:
            connection.send(write_reply(struck.honest), after=self._delay(struck.chat))

    def _mode(self, chat: ChatRequest, request: HttpRequest) -> str:
        """Name the fault or payload that strikes, empty for an honest answer."""
        profile = self.judge.profile
        forced = request.headers.get(FORCE_HEADER) or chat.forced.get("fault")
        if forced:
            return known_mode(forced)
        planned = self._plan.mode_for(chat, self.hits.total, now=self._loop.time())
        if planned:
            return planned
        if chat.rung not in ("prompt", *profile.supports):
            return "http_400_rung"
        return provoked(behaviour_for(profile, chat), chat)

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
            counts = {**self.hits.summary(), "batches": self.batches.summary()}
            return HttpReply(HTTPStatus.OK, as_json(counts))
        if request.path == "/reset" and request.method == "POST":
            self.hits.reset()
            return HttpReply(HTTPStatus.OK, b"{}")
        return error_reply(HTTPStatus.NOT_FOUND, f"{request.method} is not served at this address.")

    def _count(self, request: HttpRequest, *, model: str, mode: str) -> None:
        body = request.body if self._keep_bodies else b""
        number = self.hits.total
        self.hits.add(Hit(number, request.path, model, mode, self._loop.time(), body))


@contextlib.asynccontextmanager
async def serve(
    profile: SimulatedJudge | Profile | Mapping[str, object] | None = None,
    *,
    port: int = 0,
    keep_bodies: bool = False,
    batches: BatchPlan | None = None,
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
    batches : BatchPlan or None
        How provider batches are treated.

    Raises
    ------
    OSError
        If the port is taken.
    ProfileError
        If a mapping is no profile.
    """
    judge = profile if isinstance(profile, SimulatedJudge) else SimulatedJudge(profile)
    async with SimulatedServer(judge, keep_bodies=keep_bodies, batches=batches).listening(
        port
    ) as server:
        yield server


async def _break_off(connection: Connection, broken: Broken) -> None:
    """Send a part of a reply and drop the connection."""
    if broken.sent:
        length = {"Content-Length": str(len(broken.reply.body))}
        connection.write(head(broken.reply, length) + broken.reply.body[: broken.sent])
        await _let_others_run()
    connection.close()


async def _let_others_run() -> None:
    """Wait as many turns of the loop as a connection needs to open or to end."""
    for _ in range(3):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Running:
    """A server on a thread of this process."""

    base_url: str
    hits: Hits
    """Counts and the latest requests; read them while no request is under way."""
    batches: SimulatedBatches
    """As above."""


@contextmanager
def simulated_server(
    profile: Profile | Mapping[str, object] | None = None,
    *,
    keep_bodies: bool = False,
    batches: BatchPlan | None = None,
) -> Generator[Running]:
    """Serve on a free port from another thread, so that synchronous tests can call it too."""
    started: Future[tuple[SimulatedServer, Callable[[], None]]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(
            _serve(profile, started, keep_bodies=keep_bodies, batches=batches)
        )
    )
    thread.start()
    server, stop = started.result(timeout=10)
    try:
        yield Running(server.base_url, server.hits, server.batches)
    finally:
        stop()
        thread.join(timeout=10)


async def _serve(
    profile: Profile | Mapping[str, object] | None,
    started: Future[tuple[SimulatedServer, Callable[[], None]]],
    *,
    keep_bodies: bool,
    batches: BatchPlan | None,
) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    try:
        async with serve(profile, keep_bodies=keep_bodies, batches=batches) as server:
            started.set_result((server, lambda: loop.call_soon_threadsafe(stopped.set) and None))
            await stopped.wait()
    except Exception as error:  # noqa: BLE001 - handed to the thread that waits
        started.set_exception(error)


def serve_until_stopped(profile: Profile, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGINT or SIGTERM, then drop every connection and return.

    Parameters
    ----------
    profile : Profile
        What is planted.
    port : int
        0 lets the system choose.
    announce : callable
        Gets the base URL once the server listens.

    Returns
    -------
    int
        How many chat completions were asked for.

    Raises
    ------
    OSError
        If the port is taken.
    """
    return asyncio.run(_serve_program(profile, port, announce))


async def _serve_program(profile: Profile, port: int, announce: Callable[[str], None]) -> int:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(profile, port=port) as server:
        announce(server.base_url)
        await stopped.wait()
    return server.hits.total
