"""A loopback server that answers as a test says, and a run of judgments against it."""

import asyncio
import http.server
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from judge.grading.judgment_task import Task
from judge.models.base import Model
from judge.models.limits import Budget, Limit, Limits
from judge.models.openai_compatible import DirectModel
from judge.models.retry import RetryPolicy
from judge.records import Attempt, Judge, Judgment
from judge.run.scheduler import Bench, ask_tasks
from judge.store.records import AttemptEnded, Write
from tests.judge.records import safe_reply, tasks

VERDICT = safe_reply(score=1)
JSON = {"Content-Type": "application/json"}

Answer = tuple[int, Mapping[str, str], bytes]
Answering = Callable[[dict[str, Any], int, str], Answer]
"""From the request's body, its number from 1 and its path to status, headers and body."""


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        # A turn of the loop for whoever is ready, as a real wait would give.
        await asyncio.sleep(0)
        self.seconds += seconds


def completion(content: object, *, finish: object = "stop", **message: object) -> dict[str, Any]:
    """Write a chat completion around a content."""
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "odd-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340},
    }


def ok(payload: object) -> Answer:
    """Send JSON with status 200."""
    return 200, JSON, json.dumps(payload).encode()


def refused(status: int, error: object) -> Answer:
    """Send an error as OpenAI writes it."""
    return status, JSON, json.dumps({"error": error}, ensure_ascii=False).encode()


def always(answer: Answer) -> Answering:
    """Answer every request alike."""

    def answer_it(_body: dict[str, Any], _number: int, _path: str) -> Answer:
        return answer

    return answer_it


def form_of(body: Mapping[str, Any]) -> str:
    """Name the way in which a request asks for JSON."""
    if body.get("tools"):
        return "tools"
    asked: Mapping[str, Any] = body.get("response_format", {"type": "prompt"})
    return asked["type"]


@dataclass
class OddServer:
    """A running server."""

    base_url: str
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    paths: list[str] = field(default_factory=list[str])


@contextmanager
def odd_server(answer: Answering) -> Generator[OddServer]:
    """Serve on a free port of the loopback."""
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.bodies.append(body)
                server.headers.append({k.lower(): v for k, v in self.headers.items()})
                server.paths.append(self.path)
                number = len(server.bodies)
            status, headers, content = answer(body, number, self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server = OddServer(f"http://127.0.0.1:{listening.server_address[1]}/v1")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@dataclass
class Judged:
    """What came of a run."""

    judgments: list[Judgment]
    attempts: list[Attempt]
    calls: int
    server: OddServer
    notes: list[str]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(judgment.outcome for judgment in self.judgments)

    @property
    def scores(self) -> Counter[int]:
        return Counter(
            verdict.score
            for judgment in self.judgments
            for verdict in judgment.verdicts
            if verdict.kind == "scored" and verdict.criterion == "safe"
        )

    @property
    def details(self) -> str:
        return "\n".join(attempt.detail for attempt in self.attempts)


def judge_against(
    answer: Answering,
    count: int = 8,
    *,
    concurrency: int = 1,
    clock: Clock | None = None,
    path: str = "/v1",
    response: str = "It is fine.",
    environ: Mapping[str, str] | None = None,
) -> Judged:
    """Judge as many short responses under the safety rubric, with waits that take no time."""
    with odd_server(answer) as server:
        judge = Judge(model="hosted_vllm/m", base_url=server.base_url.removesuffix("/v1") + path)
        model = DirectModel(judge, environ=environ or {})
        planned = tasks(count, judge, response=response)
        made, ended = asyncio.run(_run(model, planned, concurrency, clock or Clock()))
        return Judged(made, ended, len(server.bodies), server, getattr(model, "notes", []))


async def _run(
    model: Model, planned: list[Task], concurrency: int, clock: Clock
) -> tuple[list[Judgment], list[Attempt]]:
    made: list[Judgment] = []
    ended: list[Attempt] = []

    async def keep(*writes: Write) -> None:
        made.extend(write for write in writes if isinstance(write, Judgment))
        ended.extend(write.attempt for write in writes if isinstance(write, AttemptEnded))

    bench = Bench(
        models={planned[0].judge.name: model},
        keep=keep,
        budget=Budget(),
        limits=Limits(Limit(concurrency=max(concurrency, 1)), clock),
        policy=RetryPolicy(),
        deadline=20.0,
        dice=random.Random(0),
    )
    try:
        await ask_tasks(iter(planned), bench, workers=concurrency, stop=asyncio.Event())
    finally:
        await model.close()
    return made, ended
