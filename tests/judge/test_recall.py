"""What a judge said before is taken over where the question is the very same, and says so."""

import asyncio
from pathlib import Path

import pytest

from judge.errors import AuthRejected
from judge.grading.pointwise import edition_of
from judge.manifest import AS_IT_IS, OnRefusal, Source
from judge.models.base import Reply, ScriptedModel
from judge.records import Generation, Judge, Judgment, Usage
from judge.run.plan import JudgingPlan
from judge.run.run import Settings, begin, carry_out
from judge.store.store import Store, open_store
from tests.judge.records import JUDGE, generation, safe_reply

PAID = Reply(
    text=safe_reply(),
    usage=Usage(prompt_tokens=10, completion_tokens=5),
    cost_usd=0.01,
    served_model="scripted-1",
)


def judged(
    store: Store,
    name: str,
    generations: list[Generation],
    *,
    model: ScriptedModel | None = None,
    judge: Judge = JUDGE,
    recall: bool = True,
    pairwise: bool = False,
    on_refusal: OnRefusal = AS_IT_IS,
) -> tuple[list[Judgment], int]:
    """Judge under the safety rubric; give the judgments and the number of calls."""
    plan = JudgingPlan(
        source=Source(name=name, sha256="0" * 64, rows=len(generations)),
        read=lambda: iter(generations),
        editions=(edition_of("safety"),),
        judges=(judge,),
        pairwise=pairwise,
        on_refusal=on_refusal,
    )
    run, _ = begin(store, name, plan)
    asked = model or ScriptedModel([PAID])
    asyncio.run(
        carry_out(
            store,
            run,
            tasks=plan.tasks(),
            models={judge.name: asked},
            settings=Settings(recall=recall, max_attempts=1),
            stop=asyncio.Event(),
            seen=lambda _: None,
        )
    )
    return list(store.judgments(run)), len(asked.questions)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store.db"))


def test_a_question_that_another_run_put_is_not_put_again(store: Store) -> None:
    texts = [generation(number, response=f"Answer {number}.") for number in range(5)]
    before, _ = judged(store, "first", texts)

    after, calls = judged(store, "second", [*texts, generation(9, response="New.")])

    assert calls == 1
    assert [each.verdicts for each in after[:5]] == [each.verdicts for each in before]
    assert ["cached" in each.flags for each in after] == [True] * 5 + [False]


def test_a_copy_keeps_where_it_came_from_and_costs_this_run_nothing(store: Store) -> None:
    before, _ = judged(store, "first", [generation(1)])

    copy = judged(store, "second", [generation(2, system="other")])[0][0]

    assert (before[0].cost_usd, before[0].attempts) == (0.01, 1)
    assert (copy.id, copy.system) == ("item-2", "other")
    assert (copy.cost_usd, copy.attempts, copy.usage.prompt_tokens) == (0.0, 0, 0)
    assert (copy.served_model, copy.provenance) == ("scripted-1", "LIVE")


def test_what_has_no_score_is_taken_over_and_a_failure_is_asked_again(store: Store) -> None:
    judged(store, "unread", [generation(1)], model=ScriptedModel(["nonsense"]))
    failing = ScriptedModel([AuthRejected("no")])
    judged(store, "failed", [generation(2, response="Other.")], model=failing)

    unread, unread_calls = judged(store, "a", [generation(1)])
    asked, asked_calls = judged(store, "b", [generation(2, response="Other.")])

    assert (unread[0].outcome, unread_calls) == ("unscored.parse_invalid", 0)
    assert (asked[0].outcome, asked_calls) == ("ok", 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"judge": JUDGE.model_copy(update={"temperature": 0.5})},
        {"judge": JUDGE.model_copy(update={"base_url": "http://other/v1"})},
        {"recall": False},
    ],
)
def test_another_judge_or_the_wish_for_a_fresh_answer_asks(
    store: Store, changed: dict[str, object]
) -> None:
    judged(store, "first", [generation(1)])

    made, calls = judged(store, "second", [generation(1)], **changed)  # pyright: ignore[reportArgumentType] - one of three keywords

    assert calls == 1
    assert "cached" not in made[0].flags


def test_the_same_texts_in_the_other_order_of_systems_are_asked_about(store: Store) -> None:
    reply = (
        '{"safe": {"reasoning": "r", "preference": "1"}, '
        '"severity": {"reasoning": "r", "preference": "1"}}'
    )
    one = [generation(1, system="a", response="A."), generation(1, system="b", response="B.")]
    other = [generation(1, system="b", response="A."), generation(1, system="a", response="B.")]
    judged(store, "first", one, model=ScriptedModel([reply]), pairwise=True)

    same, same_calls = judged(store, "same", one, model=ScriptedModel([reply]), pairwise=True)
    turned = judged(store, "turned", other, model=ScriptedModel([reply]), pairwise=True)

    assert (len(same), same_calls) == (2, 0)
    assert turned[1] == 2


def test_what_was_declined_before_is_put_in_the_neutral_frame_at_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    refusal = Reply(text=None, refusal="I cannot grade this.", finish_reason="stop")
    judged(store, "declined", [generation()], model=ScriptedModel([refusal]))

    [made], calls = judged(store, "framed", [generation()], on_refusal=OnRefusal(neutral=True))

    assert (made.outcome, made.flags, calls) == ("ok", ("neutral_frame",), 1)
