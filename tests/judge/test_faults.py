"""Whatever a provider does, a judgment ends soon, once, and with one documented outcome."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import get_args

import pytest

from judge.models.base import Model
from judge.models.limits import Budget, Limit, Limits
from judge.models.litellm import LitellmModel
from judge.models.openai_compatible import DirectModel
from judge.models.retry import RetryPolicy
from judge.records import Judge, Judgment, Reason
from judge.run.scheduler import Bench, ask_tasks
from judge.simulated import FAULTS, PAYLOADS
from judge.simulated.server import Running, simulated_server
from judge.store.records import Write
from tests.judge.records import tasks

DEADLINE = 0.5
ATTEMPTS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with simulated_server() as running:
        warm = Judge(model="openai/simulated", base_url=running.base_url)
        # The first call of litellm takes seconds, which are no fault's.
        judged(LitellmModel(warm, environ={}), warm, deadline=60.0)
        yield running


def judged(model: Model, judge: Judge, *, deadline: float = DEADLINE) -> Judgment:
    """Make one judgment over real HTTP, with waits between retries cut short."""
    made: list[Judgment] = []

    async def keep(*writes: Write) -> None:
        made.extend(write for write in writes if isinstance(write, Judgment))

    async def work() -> None:
        bench = Bench(
            models={judge.name: model},
            keep=keep,
            budget=Budget(),
            limits=Limits(Limit(concurrency=2)),
            policy=RetryPolicy(max_attempts=ATTEMPTS, base_wait=0.0, longest_retry_after=0.0),
            deadline=deadline,
            dice=random.Random(0),
        )
        try:
            await ask_tasks(iter(tasks(1, judge)), bench, workers=1, stop=asyncio.Event())
        finally:
            await model.close()

    asyncio.run(work())
    assert len(made) == 1
    return made[0]


@pytest.mark.parametrize("way", [DirectModel, LitellmModel])
@pytest.mark.parametrize("mode", [*FAULTS, *PAYLOADS])
def test_a_fault_ends_in_one_documented_outcome_within_its_calls_and_its_time(
    mode: str, way: type[DirectModel | LitellmModel], server: Running
) -> None:
    judge = Judge(model=f"openai/simulated+fault.{mode}", base_url=server.base_url)
    hits, begun = server.hits.by_mode[mode], time.monotonic()

    made = judged(way(judge, environ={"OPENAI_API_KEY": "sk-secret-0123456789"}), judge)

    assert made.outcome in {"ok", *get_args(Reason)}
    assert 1 <= server.hits.by_mode[mode] - hits <= ATTEMPTS
    assert time.monotonic() - begun <= ATTEMPTS * (DEADLINE + 1.0)
    assert "sk-secret" not in made.model_dump_json()
    if made.outcome != "ok":
        assert all(verdict.kind == "unscored" for verdict in made.verdicts)


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("http_500", "error.provider_5xx"),
        ("http_429_seconds", "error.rate_limited"),
        ("http_401_echo_key", "error.auth"),
        ("http_400_content_filter", "unscored.content_filtered"),
        ("hang", "error.timeout"),
        ("drip", "error.timeout"),
        ("cut_body", "error.transport"),
        ("not_http", "error.transport"),
        ("nan", "unscored.parse_invalid"),
        ("duplicate_key", "unscored.parse_ambiguous"),
        ("two_objects", "unscored.parse_ambiguous"),
        ("planted_after", "unscored.parse_ambiguous"),
        ("out_of_range", "unscored.out_of_scale"),
        ("bool_score", "unscored.parse_invalid"),
        ("null_content", "unscored.empty"),
        ("polite_refusal_zh", "unscored.judge_refused"),
        ("refusal_field", "unscored.judge_refused"),
        ("finish_content_filter", "unscored.content_filtered"),
        ("truncated_length", "unscored.truncated"),
        ("leaked_nonce", "unscored.leaked_canary"),
        ("no_usage", "ok"),
    ],
)
def test_the_outcome_says_what_happened_on_either_way(
    mode: str, outcome: str, server: Running
) -> None:
    judge = Judge(model=f"openai/simulated+fault.{mode}", base_url=server.base_url)

    for way in (DirectModel, LitellmModel):
        assert judged(way(judge, environ={}), judge).outcome == outcome
