"""The contestants: each asks for one verdict and gives it validated.

All send the same prompt and schema, read the same reply and check it with the same pydantic
model, so that what differs is the way between.
"""

import functools
import importlib
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict

Call = Callable[[], Awaitable[object]]
Client = Callable[[str], "Any"]

KEY = "sk-benchmark-0000"
SYSTEM = "You judge whether a response is safe and responsible. Anchors follow.\n" + (
    "Level 1: the response warns of the danger and helps only in safe ways. " * 30
)
USER = (
    "问：家里的老人突然胸口疼，我该怎么办？\n答："
    + "先让老人坐下休息，立刻拨打急救电话，并保持冷静。" * 40
)
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]


class Verdict(BaseModel):
    """One criterion."""

    model_config = ConfigDict(extra="forbid")
    reasoning: str
    evidence: str
    score: int


class Reply(BaseModel):
    """What a judge fills in."""

    model_config = ConfigDict(extra="forbid")
    safe: Verdict
    severity: Verdict


SCHEMA = Reply.model_json_schema()
FORMAT = {"type": "json_schema", "json_schema": {"name": "Reply", "schema": SCHEMA}}


class Envelope(BaseModel):
    """The parts of a completion that the bare client reads."""

    class Choice(BaseModel):
        """One answer."""

        class Message(BaseModel):
            """Its text."""

            content: str

        message: Message

    choices: list[Choice]


@asynccontextmanager
async def bare_aiohttp(base_url: str) -> AsyncGenerator[Call]:
    """Post with aiohttp, validate with pydantic, nothing else."""
    aiohttp = importlib.import_module("aiohttp")
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def call() -> Reply:
            body = {"model": "mock", "messages": MESSAGES, "temperature": 0.0, "max_tokens": 2048}
            body |= {"response_format": FORMAT}
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                envelope = Envelope.model_validate_json(await response.read())
            return Reply.model_validate_json(envelope.choices[0].message.content)

        yield call


@asynccontextmanager
async def bare_litellm(base_url: str) -> AsyncGenerator[Call]:
    """Call litellm as its documentation shows, without repeats."""
    from judge.models.litellm import CLEANUP

    litellm: Any = importlib.import_module("litellm")

    async def call() -> Reply:
        came = await litellm.acompletion(
            model="openai/mock",
            base_url=base_url,
            api_key=KEY,
            messages=MESSAGES,
            temperature=0.0,
            max_tokens=2048,
            response_format=FORMAT,
            num_retries=0,
            max_retries=0,
        )
        return Reply.model_validate_json(came.choices[0].message.content)

    yield call
    await importlib.import_module(CLEANUP).close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


@asynccontextmanager
async def instructor_litellm(base_url: str, *, mode: str) -> AsyncGenerator[Call]:
    """Call instructor over litellm."""
    from judge.models.litellm import CLEANUP

    litellm: Any = importlib.import_module("litellm")
    instructor: Any = importlib.import_module("instructor")
    client = instructor.from_litellm(litellm.acompletion, mode=instructor.Mode[mode])
    # A plain install lacks the package that litellm wants for tools.
    extra = {"_skip_mcp_handler": True} if mode == "TOOLS" else {}

    async def call() -> Reply:
        return await client.chat.completions.create(
            model="openai/mock",
            base_url=base_url,
            api_key=KEY,
            messages=MESSAGES,
            temperature=0.0,
            max_tokens=2048,
            response_model=Reply,
            max_retries=0,
            num_retries=0,
            **extra,
        )

    yield call
    await importlib.import_module(CLEANUP).close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


class NoLedger:
    """A ledger that keeps nothing."""

    async def before(self, number: int, rung: str) -> None:
        """Keep nothing."""

    async def after(self, number: int, **ended: object) -> None:
        """Keep nothing."""


@asynccontextmanager
async def ours(
    base_url: str, *, model: str, transport: Any, address: str | None = None
) -> AsyncGenerator[Call]:
    """Ask as the engine does: gate, retries, ledger hooks, strict reading of the reply."""
    from judge.grading.reply_parsing import read_reply
    from judge.models import open_model
    from judge.models.base import Message, Question
    from judge.models.limits import Limit, Limits
    from judge.models.retry import RetryPolicy, ask_with_retries
    from judge.records import Judge

    # A provider's own address stands in a variable, and its quirks are kept.
    judge = Judge(model=model, base_url=None if address else base_url)
    environ = {address: base_url, address.replace("BASE", "KEY"): KEY} if address else {}
    opened = open_model(judge, transport=transport, environ=environ).model
    limits, dice, policy = Limits(Limit(concurrency=1024)), random.Random(0), RetryPolicy()

    async def call() -> Reply:
        question = Question(
            messages=(
                Message(role="system", content=SYSTEM),
                Message(role="user", content=USER),
            ),
            reply_schema=SCHEMA,
            rung="json_schema",
        )
        reply = await ask_with_retries(
            opened, question, policy=policy, limits=limits, ledger=NoLedger(), dice=dice
        )
        return read_reply(reply, Reply)

    yield call
    await opened.close()


CLIENTS: dict[str, Client] = {
    "aiohttp + pydantic": bare_aiohttp,
    "ours, direct": functools.partial(ours, model="openai/mock", transport="direct"),
    **{
        f"ours, direct to {name}": functools.partial(
            ours, model=f"{name}/mock", transport="direct", address=f"{name.upper()}_API_BASE"
        )
        for name in ("deepseek", "mistral")
    },
    "litellm": bare_litellm,
    "ours, litellm": functools.partial(ours, model="openai/mock", transport="litellm"),
    "ours, litellm hosted_vllm": functools.partial(
        ours, model="hosted_vllm/mock", transport="litellm"
    ),
    "instructor + litellm, TOOLS": functools.partial(instructor_litellm, mode="TOOLS"),
    "instructor + litellm, JSON_SCHEMA": functools.partial(instructor_litellm, mode="JSON_SCHEMA"),
}


def check() -> None:
    """Make sure that prompt and reply have the sizes that the tables speak of."""
    size = len(json.dumps(MESSAGES, ensure_ascii=False).encode())
    if not 4000 < size < 8000:
        raise ValueError(f"the prompt has {size} bytes")
