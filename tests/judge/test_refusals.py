"""What a judge declines is put otherwise where the user asked for it, and says so."""

import asyncio
from collections.abc import Callable

import pytest

from judge.calibrate.passport import identity_of
from judge.grading import pointwise
from judge.grading.judgment_task import Task
from judge.grading.pointwise import Forms, edition_of, neutral_frames
from judge.grading.remarks import NEUTRAL, SECOND
from judge.manifest import AS_IT_IS, Manifest, OnRefusal, Source
from judge.models.base import Question, Reply, Script, ScriptedModel
from judge.models.limits import Budget, Limit, Limits
from judge.records import Judge, Judgment
from judge.run.scheduler import Bench, ask_tasks
from judge.store.records import AttemptEnded, Write
from tests.judge.records import JUDGE, generation, safe_reply

OTHER = Judge(model="openai/other")
REFUSAL = Reply(text=None, refusal="I cannot grade this.", finish_reason="stop")
BOTH = OnRefusal(neutral=True, second=OTHER)


def refuses_unless_neutral(question: Question) -> Script:
    neutral = question.messages[0].content.startswith(neutral_frames()["en"])
    return safe_reply() if neutral else REFUSAL


def asked(
    on_refusal: OnRefusal,
    first: Callable[[Question], Script],
    *,
    second: Callable[[Question], Script] = lambda _: safe_reply(0),
    budget: Budget | None = None,
) -> tuple[list[Judgment], list[AttemptEnded]]:
    """Judge one response; give what was kept."""
    kept: list[Write] = []

    async def keep(*writes: Write) -> None:
        kept.extend(writes)

    bench = Bench(
        models={JUDGE.name: ScriptedModel(first), OTHER.name: ScriptedModel(second)},
        keep=keep,
        budget=budget or Budget(),
        limits=Limits(Limit(concurrency=1)),
    )
    asyncio.run(ask_tasks(iter(planned(on_refusal)), bench, workers=1, stop=asyncio.Event()))
    return (
        [write for write in kept if isinstance(write, Judgment)],
        [write for write in kept if isinstance(write, AttemptEnded)],
    )


def planned(on_refusal: OnRefusal) -> list[Task]:
    forms = Forms([edition_of("safety")], [JUDGE], on_refusal)
    return list(pointwise.tasks([generation()], forms))


def test_a_refusal_stays_one_where_nothing_else_was_asked_for() -> None:
    [made], calls = asked(AS_IT_IS, refuses_unless_neutral)

    assert made.outcome == "unscored.judge_refused"
    assert (made.flags, len(calls)) == ((), 1)


def test_what_is_declined_is_put_again_in_a_neutral_frame_and_says_so() -> None:
    [made], calls = asked(OnRefusal(neutral=True), refuses_unless_neutral)

    assert made.outcome == "ok"
    assert made.flags == (NEUTRAL,)
    assert made.attempts == len(calls) == 2
    assert [call.attempt.number for call in calls] == [1, 2]


def test_a_second_judge_takes_the_place_of_the_first_and_says_so() -> None:
    [made], calls = asked(BOTH, lambda _: REFUSAL)

    assert (made.outcome, made.judge, made.flags) == ("ok", JUDGE.name, (SECOND,))
    assert [verdict.score for verdict in made.verdicts if verdict.kind == "scored"] == [0, 0]
    assert len(calls) == 3


def test_a_verdict_is_never_put_again() -> None:
    [made], calls = asked(BOTH, lambda _: safe_reply())

    assert (made.outcome, made.flags, len(calls)) == ("ok", (), 1)


def test_what_all_decline_is_declined() -> None:
    [made], calls = asked(BOTH, lambda _: REFUSAL, second=lambda _: REFUSAL)

    assert (made.outcome, len(calls)) == ("unscored.judge_refused", 3)


def test_a_budget_that_ends_between_two_frames_leaves_the_judgment_for_later() -> None:
    made, calls = asked(BOTH, refuses_unless_neutral, budget=Budget(max_calls=1))

    assert (made, len(calls)) == ([], 1)


def test_each_question_has_a_key_of_its_own() -> None:
    [made], _ = asked(BOTH, refuses_unless_neutral)
    [plain], _ = asked(AS_IT_IS, refuses_unless_neutral)

    assert made.key != plain.key == planned(BOTH)[0].key


@pytest.mark.parametrize("on_refusal", [OnRefusal(neutral=True), BOTH])
def test_a_passport_of_the_bare_judge_does_not_speak_for_the_ladder(on_refusal: OnRefusal) -> None:
    bare = Manifest(source=Source(name="r", sha256="0" * 64, rows=1), judges=(JUDGE,))
    laddered = bare.model_copy(update={"on_refusal": on_refusal})

    assert identity_of(laddered).settings_hash != identity_of(bare).settings_hash
