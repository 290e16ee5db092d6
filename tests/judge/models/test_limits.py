"""How many calls are in flight at a provider, and how it is left alone when it asks for it."""

import asyncio
import random
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from judge.errors import RateLimited
from judge.models.base import Question, Reply, ScriptedModel
from judge.models.limits import Limit, Limits, ProviderGate, RetryBudget, TokenBucket
from judge.models.retry import RetryPolicy, ask_with_retries
from tests.judge.models.asking import NotingLedger, question
from tests.judge.models.virtual import VirtualClock


async def call(gate: ProviderGate, clock: VirtualClock, seconds: float = 1.0) -> None:
    """Make one call that succeeds."""
    started = await gate.enter()
    await clock.sleep(seconds)
    gate.succeeded(started)
    gate.leave()


async def test_calls_in_flight_start_few_and_double_while_all_goes_well() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=64, start=4), clock)

    await clock.run(_all(call(gate, clock) for _ in range(4)))
    after_one = gate.allowed
    await clock.run(_all(call(gate, clock) for _ in range(8)))

    assert (after_one, gate.allowed) == (8, 16)


async def test_no_more_are_in_flight_than_the_user_allows() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=5, start=5), clock)
    most = 0

    async def work() -> None:
        nonlocal most
        started = await gate.enter()
        most = max(most, gate.in_flight)
        await clock.sleep(1.0)
        gate.succeeded(started)
        gate.leave()

    await clock.run(_all(work() for _ in range(50)))

    assert most == 5
    assert clock.time == pytest.approx(10.0)


async def test_calls_pushed_back_together_halve_once() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=32, start=16), clock)

    async def work() -> None:
        started = await gate.enter()
        await clock.sleep(1.0)
        gate.pushed_back(started)
        gate.leave()

    await clock.run(_all(work() for _ in range(16)))

    assert gate.allowed == 8


async def test_after_a_push_back_calls_in_flight_grow_by_one_in_each_round() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=32, start=16), clock)
    gate.pushed_back(await gate.enter())
    gate.leave()

    await clock.run(_all(call(gate, clock) for _ in range(9)))

    assert gate.allowed == 9


async def test_after_a_pause_one_call_goes_alone_and_the_others_follow_its_success() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=8, start=8), clock)
    gate.pushed_back(await gate.enter(), 30.0)
    gate.leave()
    entered: list[float] = []

    async def work() -> None:
        started = await gate.enter()
        entered.append(clock.time)
        await clock.sleep(2.0)
        gate.succeeded(started)
        gate.leave()

    await clock.run(_all(work() for _ in range(4)))

    assert entered == [30.0, 32.0, 32.0, 32.0]


async def test_a_reply_from_before_the_pause_does_not_end_it() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=8, start=8), clock)
    early, pushed = await gate.enter(), await gate.enter()

    gate.pushed_back(pushed, 10.0)
    gate.succeeded(early)

    assert gate.allowed == 1


async def test_whoever_is_cancelled_while_waiting_takes_no_place() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=1, start=1), clock)
    await gate.enter()
    waiting = asyncio.ensure_future(gate.enter())
    await asyncio.sleep(0)

    waiting.cancel()
    gate.leave()
    await asyncio.gather(waiting, return_exceptions=True)

    assert gate.in_flight == 0
    await gate.enter()


async def test_a_place_handed_to_somebody_who_is_cancelled_is_given_back() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=1, start=1), clock)
    await gate.enter()
    waiting = asyncio.ensure_future(gate.enter())
    await asyncio.sleep(0)

    gate.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert gate.in_flight == 0


async def test_a_pause_that_is_prolonged_is_waited_out() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=4, start=4), clock)
    early = await gate.enter()
    gate.pause(10.0)

    async def prolong() -> None:
        await clock.sleep(5.0)
        gate.pushed_back(early, 20.0)
        gate.leave()

    async def work() -> float:
        return await gate.enter()

    entered = await clock.run(_both(work(), prolong()))

    assert entered == 25.0


async def test_whoever_is_cancelled_in_a_pause_gives_the_place_back() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(concurrency=2, start=2), clock)
    gate.pause(60.0)
    waiting = asyncio.ensure_future(gate.enter())
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert gate.in_flight == 0


async def test_requests_are_spread_over_the_minute() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(requests_per_minute=60.0), clock)

    await clock.run(_all(call(gate, clock, 0.0) for _ in range(70)))

    # Ten at once, which is what ten seconds allow, then one each second.
    assert clock.time == pytest.approx(60.0)


async def test_tokens_are_spread_over_the_minute() -> None:
    clock = VirtualClock()
    gate = ProviderGate(Limit(tokens_per_minute=6000.0), clock)

    async def work() -> None:
        await gate.enter(1000)
        gate.leave()

    await clock.run(_all(work() for _ in range(7)))

    assert clock.time == pytest.approx(60.0)


def test_a_call_larger_than_the_bucket_is_made_after_a_longer_wait() -> None:
    bucket = TokenBucket(600.0, VirtualClock())

    assert bucket.take(700.0) == pytest.approx(60.0)


def test_a_small_run_may_always_retry_and_a_large_one_a_tenth() -> None:
    clock = VirtualClock()
    small, large = RetryBudget(0.1, 3, clock), RetryBudget(0.1, 3, clock)
    for _ in range(100):
        large.called()

    assert [small.spend() for _ in range(5)] == [True, True, True, False, False]
    assert [large.spend() for _ in range(11)].count(True) == 10


def test_the_budget_for_retries_comes_back_after_a_minute() -> None:
    clock = VirtualClock()
    budget = RetryBudget(0.1, 1, clock)
    spent = budget.spend(), budget.spend()

    clock.time = 61.0

    assert (*spent, budget.spend()) == (True, False, True)


async def test_judges_of_one_provider_share_its_gate() -> None:
    limits = Limits()

    assert limits.gate("api.example") is limits.gate("api.example")
    assert limits.gate("api.example") is not limits.gate("other.example")


@dataclass
class LimitedProvider:
    """A provider that takes so many requests in each second and asks the others to wait."""

    clock: VirtualClock
    requests: int
    seen: list[float] = field(default_factory=list[float])

    def __call__(self, _question: Question) -> Reply | RateLimited:
        now = self.clock.time
        self.seen.append(now)
        if sum(1 for moment in self.seen if moment > now - 1.0) > self.requests:
            return RateLimited("slow down", 1.0)
        return Reply(text="{}", finish_reason="stop")


class SlowModel(ScriptedModel):
    """A scripted model whose replies take a fifth of a second."""

    def __init__(self, provider: LimitedProvider) -> None:
        super().__init__(provider)
        self._clock = provider.clock

    async def ask(self, question: Question) -> Reply:
        await self._clock.sleep(0.2)
        return await super().ask(question)


async def test_under_a_hard_limit_no_question_of_a_thousand_is_lost() -> None:
    clock = VirtualClock()
    provider = LimitedProvider(clock, requests=50)
    limits = Limits(Limit(concurrency=64, start=64), clock=clock)
    model, dice, left = SlowModel(provider), random.Random(3), iter(range(1000))
    replies: list[Reply] = []

    async def work() -> None:
        for _ in left:
            ledger, policy = NotingLedger(), RetryPolicy()
            reply = await ask_with_retries(
                model, question(), policy=policy, limits=limits, ledger=ledger, dice=dice
            )
            replies.append(reply)

    await clock.run(_all(work() for _ in range(64)))

    assert len(replies) == 1000
    assert len(provider.seen) <= 1.3 * 1000


async def _both(work: Coroutine[Any, Any, float], beside: Coroutine[Any, Any, None]) -> float:
    moment, _ = await asyncio.gather(work, beside)
    return moment


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*work)
