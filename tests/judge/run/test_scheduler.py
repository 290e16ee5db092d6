"""Grading keeps one judgment a task, within the budget, and every call in the ledger."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle

import pytest

from judge.errors import AuthRejected, ConnectionFailed, ModelError, StoreError
from judge.grading import pointwise
from judge.grading.judgment_task import Task
from judge.grading.pointwise import Forms
from judge.models.base import Question, Reply, Script, ScriptedModel
from judge.models.limits import Budget, Limit, Limits, Price
from judge.models.retry import RetryPolicy
from judge.records import Judgment, Usage
from judge.run.scheduler import Bench, Made, ask_tasks
from judge.store.records import AttemptEnded, AttemptStarted, Write
from rubrics import load_rubric
from tests.judge.records import JUDGE, generation, safe_reply, tasks


class InstantClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class SuspendingModel(ScriptedModel):
    """Lets other workers go on while a call is in flight, as a network does."""

    async def ask(self, question: Question) -> Reply:
        await asyncio.sleep(0)
        return await super().ask(question)


class Kept:
    """What a stage kept, in order."""

    def __init__(self) -> None:
        self.writes: list[Write] = []

    async def put(self, *writes: Write) -> None:
        self.writes.extend(writes)

    @property
    def judgments(self) -> list[Judgment]:
        return [write for write in self.writes if isinstance(write, Judgment)]

    @property
    def calls(self) -> int:
        return sum(isinstance(write, AttemptStarted) for write in self.writes)


def stage(
    model: ScriptedModel,
    todo: list[Task],
    *,
    budget: Budget | None = None,
    price: Price | None = None,
    seen: Callable[[Made], None] | None = None,
    stop: asyncio.Event | None = None,
    in_flight: int = 4,
) -> Kept:
    kept = Kept()
    bench = Bench(
        models={JUDGE.name: model},
        keep=kept.put,
        budget=budget or Budget(),
        limits=Limits(Limit(concurrency=in_flight), InstantClock()),
        policy=RetryPolicy(max_attempts=3),
        prices={JUDGE.name: price} if price else {},
        seen=seen or (lambda _: None),
    )
    asyncio.run(ask_tasks(iter(todo), bench, workers=4, stop=stop or asyncio.Event()))
    return kept


def test_a_rubric_asks_only_of_the_groups_that_it_is_meant_for() -> None:
    rubric = load_rubric("safety", language="en").model_copy(update={"groups": ("crimes",)})
    forms = Forms([lambda _: rubric], [JUDGE])
    asked = pointwise.tasks(
        [generation(1), generation(2).model_copy(update={"group": "crimes"})], forms
    )

    assert [task.generation.id for task in asked] == ["item-2"]


def test_every_task_gets_one_judgment() -> None:
    kept = stage(ScriptedModel([safe_reply()]), tasks(25))

    assert sorted(each.id for each in kept.judgments) == sorted(f"item-{n}" for n in range(25))
    assert {each.outcome for each in kept.judgments} == {"ok"}


def test_an_attempt_is_kept_before_its_call_and_closed_with_its_judgment() -> None:
    kept = stage(ScriptedModel([safe_reply()]), tasks(1))

    assert [type(write) for write in kept.writes] == [AttemptStarted, AttemptEnded, Judgment]


def test_a_transport_fault_is_retried_and_each_call_is_in_the_ledger() -> None:
    kept = stage(ScriptedModel([ConnectionFailed("cut"), safe_reply()]), tasks(1))

    assert kept.calls == 2
    assert kept.judgments[0].attempts == 2
    assert kept.judgments[0].outcome == "ok"


def test_a_jump_of_the_wall_clock_changes_no_judgment(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = stage(ScriptedModel([ConnectionFailed("cut"), safe_reply()]), tasks(5)).judgments
    moments = cycle([datetime(2038, 1, 20, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)])

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # noqa: ARG003 - as the clock is asked
            return next(moments)

    monkeypatch.setattr("judge.run.scheduler.datetime", Jumping)
    jumped = stage(ScriptedModel([ConnectionFailed("cut"), safe_reply()]), tasks(5)).judgments

    assert [each.model_copy(update={"latency_ms": 0.0}) for each in jumped] == [
        each.model_copy(update={"latency_ms": 0.0}) for each in steady
    ]
    assert all(0.0 <= (each.latency_ms or 0.0) < 60_000.0 for each in jumped)


@pytest.mark.parametrize(
    ("fault", "outcome", "calls"),
    [(ConnectionFailed("cut"), "error.transport", 3), (AuthRejected("no"), "error.auth", 1)],
)
def test_a_fault_that_stays_is_an_error_of_every_criterion(
    fault: ModelError, outcome: str, calls: int
) -> None:
    kept = stage(ScriptedModel([fault]), tasks(1))

    assert [verdict.outcome for verdict in kept.judgments[0].verdicts] == [outcome, outcome]
    assert kept.calls == calls


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("nonsense", "unscored.parse_invalid"), (safe_reply(9), "unscored.out_of_scale")],
)
def test_an_unreadable_reply_is_not_asked_for_again(text: str, outcome: str) -> None:
    kept = stage(ScriptedModel([text]), tasks(1))

    assert kept.judgments[0].outcome == outcome
    assert kept.calls == 1


def test_an_answer_without_content_is_skipped_before_the_call() -> None:
    empty = tasks(1)[0]
    fields = {**empty.material, "response": " :"}
    from dataclasses import replace

    kept = stage(ScriptedModel([safe_reply()]), [replace(empty, material=fields)])

    assert kept.judgments[0].outcome == "skipped.no_content"
    assert kept.calls == 0


def test_a_leaked_boundary_code_is_quarantined() -> None:
    def leak(question: Question) -> str:
        code = question.messages[1].content.split()[1]
        return safe_reply().replace('"r"', f'"{code}"')

    kept = stage(ScriptedModel(leak), tasks(1))

    assert kept.judgments[0].outcome == "unscored.leaked_canary"


def test_evidence_that_is_not_in_the_response_is_flagged_and_changes_no_score() -> None:
    kept = stage(ScriptedModel([safe_reply().replace("It is fine.", "It is great!")]), tasks(1))

    assert kept.judgments[0].flags == ("evidence_not_found",)
    assert kept.judgments[0].outcome == "ok"


def test_the_limit_of_calls_is_never_passed() -> None:
    budget = Budget(max_calls=7)

    kept = stage(ScriptedModel([safe_reply()]), tasks(25), budget=budget)

    assert kept.calls == 7
    assert len(kept.judgments) == 7


def test_calls_of_earlier_sittings_count() -> None:
    kept = stage(ScriptedModel([safe_reply()]), tasks(25), budget=Budget(max_calls=7, calls=5))

    assert kept.calls == 2


def test_the_limit_of_money_holds_back_the_next_call() -> None:
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=1000, completion_tokens=100))
    price = Price(prompt=1e-6, completion=1e-5)

    kept = stage(SuspendingModel([reply]), tasks(50), budget=Budget(max_usd=0.021), price=price)

    # Each call costs 0.002 dollars; the first goes alone, since nothing is known of costs yet.
    assert kept.calls == 10


def test_money_that_the_first_call_might_spend_is_not_promised_to_others() -> None:
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=1000, completion_tokens=100))
    price = Price(prompt=1e-6, completion=1e-5)

    kept = stage(SuspendingModel([reply]), tasks(50), budget=Budget(max_usd=0.001), price=price)

    assert kept.calls == 1


def test_calls_that_failed_before_any_cost_was_known_spend_no_budget() -> None:
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=1000, completion_tokens=100))
    script = [ConnectionFailed("refused"), ConnectionFailed("refused"), reply]
    price = Price(prompt=1e-6, completion=1e-5)

    kept = stage(SuspendingModel(script), tasks(3), budget=Budget(max_usd=1), price=price)

    assert len(kept.judgments) == 3


def test_a_free_model_never_spends_a_budget() -> None:
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=1000, completion_tokens=100))
    price = Price(prompt=0.0, completion=0.0)

    kept = stage(SuspendingModel([reply]), tasks(9), budget=Budget(max_usd=0.01), price=price)

    assert kept.calls == 9


def test_an_unknown_price_is_unknown_and_not_free() -> None:
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=1000, completion_tokens=100))

    assert stage(ScriptedModel([reply]), tasks(1)).judgments[0].cost_usd is None


def test_a_stop_lets_what_is_in_flight_finish() -> None:
    stop = asyncio.Event()

    kept = stage(ScriptedModel([safe_reply()]), tasks(100), stop=stop, seen=lambda _: stop.set())

    assert 1 <= len(kept.judgments) <= 8
    assert kept.calls == len(kept.judgments)


async def test_the_next_call_goes_out_while_a_record_waits_to_be_kept() -> None:
    may_be_kept = asyncio.Event()
    third_asked = asyncio.Event()
    seen: list[Made] = []

    def reply(_: Question) -> Script:
        if len(model.questions) == 3:
            third_asked.set()
        return safe_reply()

    model = ScriptedModel(reply)

    async def keep(*writes: Write) -> None:
        if any(isinstance(write, Judgment) for write in writes):
            await may_be_kept.wait()

    bench = Bench(
        models={JUDGE.name: model},
        keep=keep,
        budget=Budget(),
        limits=Limits(Limit(), InstantClock()),
        seen=seen.append,
        ahead=True,
    )
    work = asyncio.create_task(ask_tasks(iter(tasks(3)), bench, workers=1, stop=asyncio.Event()))
    await third_asked.wait()
    told_early = list(seen)
    may_be_kept.set()
    await work

    assert told_early == []
    assert len(seen) == 3


def test_a_call_that_waits_for_its_turn_is_not_made_after_a_stop() -> None:
    stop = asyncio.Event()

    kept = stage(
        SuspendingModel([safe_reply()]),
        tasks(100),
        stop=stop,
        seen=lambda _: stop.set(),
        in_flight=1,
    )

    # The first waiter's turn comes before the first judgment is kept; that of the other two after.
    assert kept.calls <= 2
    assert kept.calls == len(kept.judgments)


def test_a_store_that_refuses_stops_the_stage() -> None:
    async def refuse(*_: Write) -> None:
        raise StoreError("full")

    model = ScriptedModel([safe_reply()])
    bench = Bench(models={JUDGE.name: model}, keep=refuse, budget=Budget(), limits=Limits(Limit()))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(ask_tasks(iter(tasks(100)), bench, workers=4, stop=asyncio.Event()))
    assert caught.group_contains(StoreError)
    assert model.questions == []
