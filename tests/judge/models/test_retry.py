"""One owner of retries: what is asked again, when, how often, and what is written down of it."""

import random

import pytest

from judge.errors import (
    AuthRejected,
    BudgetExceeded,
    ConnectionFailed,
    ContentFiltered,
    ModelError,
    ProviderFailed,
    RateLimited,
    RequestRejected,
    RungRejected,
    TransportError,
)
from judge.models.base import Question, Reply, Script, ScriptedModel
from judge.models.limits import Limit, Limits
from judge.models.retry import RetryPolicy, ask_with_retries
from judge.records import Rung
from tests.judge.models.asking import NotingLedger, question
from tests.judge.models.virtual import VirtualClock

GOOD = Reply(text="{}", finish_reason="stop")
CUT = Reply(text='{"sa', finish_reason="length")
POLICY = RetryPolicy()


class Asked:
    """A scripted model, its ledger and its clock, and what came of one question."""

    def __init__(
        self,
        *script: Script,
        policy: RetryPolicy = POLICY,
        rungs: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt"),
        limit: Limit | None = None,
    ) -> None:
        self.model = ScriptedModel(script, rungs=rungs)
        self.ledger = NotingLedger()
        self.clock = VirtualClock()
        self._policy = policy
        self._limits = Limits(limit, clock=self.clock)

    async def reply(self, asked: Question | None = None) -> Reply:
        return await self.clock.run(
            ask_with_retries(
                self.model,
                asked or question(),
                policy=self._policy,
                limits=self._limits,
                ledger=self.ledger,
                dice=random.Random(7),
            )
        )

    @property
    def outcomes(self) -> list[str | None]:
        return [call.outcome for call in self.ledger.calls]


async def test_a_reply_at_once_is_one_call_without_a_wait() -> None:
    asked = Asked(GOOD)

    reply = await asked.reply()

    assert reply == GOOD
    assert asked.outcomes == ["ok"]
    assert asked.clock.slept == []


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (ConnectionFailed("cut"), "error.transport"),
        (ProviderFailed("down"), "error.provider_5xx"),
        (RateLimited("slow down"), "error.rate_limited"),
    ],
)
async def test_what_a_retry_can_help_is_asked_again(failure: ModelError, outcome: str) -> None:
    asked = Asked(failure, failure, GOOD)

    reply = await asked.reply()

    assert reply == GOOD
    assert asked.outcomes == [outcome, outcome, "ok"]


@pytest.mark.parametrize(
    "refusal", [AuthRejected("no"), RequestRejected("no"), ContentFiltered("no")]
)
async def test_what_a_retry_cannot_help_is_asked_once(refusal: ModelError) -> None:
    asked = Asked(refusal, GOOD)

    with pytest.raises(type(refusal)):
        await asked.reply()

    assert asked.outcomes == [refusal.outcome]


@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test_a_storm_of_errors_takes_no_more_calls_than_the_policy_has(attempts: int) -> None:
    asked = Asked(ProviderFailed("down"), policy=RetryPolicy(max_attempts=attempts))

    with pytest.raises(ProviderFailed, match="down"):
        await asked.reply()

    assert [call.number for call in asked.ledger.calls] == [*range(1, attempts + 1)]


async def test_waits_double_and_stay_between_half_and_the_whole() -> None:
    asked = Asked(ProviderFailed("down"), policy=RetryPolicy(base_wait=1.0, max_wait=3.0))

    with pytest.raises(ProviderFailed):
        await asked.reply()

    first, second, third = asked.clock.slept
    assert 0.5 <= first <= 1.0
    assert 1.0 <= second <= 2.0
    assert 1.5 <= third <= 3.0


@pytest.mark.parametrize("kind", [RateLimited, ProviderFailed])
@pytest.mark.parametrize("header", [0.0, 3.0, 120.0])
async def test_a_provider_is_waited_for_as_long_as_it_asks_and_a_fifth_more_at_most(
    header: float, kind: type[TransportError]
) -> None:
    asked = Asked(kind("slow down", header), GOOD)

    await asked.reply()

    assert header <= asked.clock.time <= header * 1.2


async def test_a_provider_that_asks_for_more_than_two_minutes_is_not_waited_for() -> None:
    asked = Asked(RateLimited("slow down", 121.0), GOOD)

    with pytest.raises(RateLimited):
        await asked.reply()

    assert asked.outcomes == ["error.rate_limited"]
    assert asked.clock.time == 0.0


async def test_a_rung_that_the_provider_does_not_know_is_replaced_without_a_wait() -> None:
    asked = Asked(RungRejected("no"), RungRejected("no"), GOOD)

    await asked.reply()

    assert [call.rung for call in asked.ledger.calls] == ["json_schema", "tools", "json_object"]
    assert asked.outcomes == ["error.bad_request", "error.bad_request", "ok"]
    assert asked.clock.time == 0.0


async def test_steps_down_the_ladder_count_as_attempts() -> None:
    asked = Asked(RungRejected("no"), policy=RetryPolicy(max_attempts=2))

    with pytest.raises(RungRejected):
        await asked.reply()

    assert [call.rung for call in asked.ledger.calls] == ["json_schema", "tools"]


async def test_below_the_last_rung_there_is_nothing() -> None:
    asked = Asked(RungRejected("no"), rungs=("json_schema",))

    with pytest.raises(RungRejected):
        await asked.reply()

    assert len(asked.ledger.calls) == 1


async def test_the_ladder_starts_where_the_question_says() -> None:
    asked = Asked(RungRejected("no"), GOOD)

    await asked.reply(question(rung="tools"))

    assert [call.rung for call in asked.ledger.calls] == ["tools", "json_object"]


async def test_a_truncated_reply_is_asked_for_once_more_with_twice_the_tokens() -> None:
    asked = Asked(CUT, GOOD)

    reply = await asked.reply(question(max_tokens=500))

    assert reply == GOOD
    assert [q.max_tokens for q in asked.model.questions] == [500, 1000]
    assert asked.outcomes == ["unscored.truncated", "ok"]


async def test_a_reply_truncated_twice_is_given_as_it_is() -> None:
    asked = Asked(CUT)

    reply = await asked.reply()

    assert reply == CUT
    assert asked.outcomes == ["unscored.truncated", "unscored.truncated"]


@pytest.mark.parametrize("failure", [RequestRejected("too long"), ProviderFailed("down")])
async def test_when_the_longer_call_fails_the_truncated_reply_is_given(failure: ModelError) -> None:
    asked = Asked(CUT, failure)

    assert await asked.reply() == CUT


async def test_a_truncated_reply_to_the_last_attempt_is_given() -> None:
    asked = Asked(ProviderFailed("down"), CUT, policy=RetryPolicy(max_attempts=2))

    assert await asked.reply() == CUT
    assert len(asked.ledger.calls) == 2


async def test_faults_of_every_kind_together_stay_within_the_attempts() -> None:
    asked = Asked(ConnectionFailed("cut"), RungRejected("no"), CUT, ProviderFailed("down"), GOOD)

    assert await asked.reply() == CUT
    assert len(asked.ledger.calls) == 4


async def test_a_ledger_that_refuses_prevents_the_call() -> None:
    asked = Asked(GOOD)

    async def refuse(number: int, rung: Rung) -> None:
        raise BudgetExceeded(f"call {number} as {rung} is too much")

    asked.ledger.before = refuse

    with pytest.raises(BudgetExceeded):
        await asked.reply()

    assert asked.model.questions == []


async def test_a_call_is_written_down_before_it_is_made() -> None:
    ledger = NotingLedger()
    noted: list[int] = []

    def answer(_question: Question) -> Reply:
        noted.append(len(ledger.calls))
        return GOOD

    clock = VirtualClock()
    await ask_with_retries(
        ScriptedModel(answer),
        question(),
        policy=POLICY,
        limits=Limits(clock=clock),
        ledger=ledger,
        dice=random.Random(0),
    )

    assert noted == [1]


async def test_retries_end_when_the_budget_of_the_provider_is_spent() -> None:
    asked = Asked(ProviderFailed("down"), limit=Limit(retry_floor=2, retry_share=0.1))

    with pytest.raises(ProviderFailed):
        await asked.reply()

    assert len(asked.ledger.calls) == 3
