"""Grading from Python, as an outsider calls it."""

import pytest

from judge import agrade, grade
from judge.models.base import ScriptedModel
from tests.judge.records import JUDGE, generation, safe_reply


async def test_judgments_come_in_the_order_of_the_generations() -> None:
    asked = [generation(number) for number in range(5)]

    made = await agrade(
        asked, rubric="safety", judge=JUDGE, repeats=2, model=ScriptedModel([safe_reply()])
    )

    assert [(each.id, each.repeat) for each in made] == [
        (f"item-{number}", repeat) for number in range(5) for repeat in range(2)
    ]


async def test_two_texts_that_could_not_be_told_apart_are_refused() -> None:
    twins = [generation(1), generation(1).model_copy(update={"response": "Another reply."})]

    with pytest.raises(ValueError, match=r"'item-1' .* stands twice"):
        await agrade(twins, rubric="safety", judge=JUDGE, model=ScriptedModel([safe_reply()]))


async def test_what_asks_for_nothing_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"repeats must be 1 or more; got 0"):
        await agrade([generation(1)], rubric="safety", judge=JUDGE, repeats=0)
    with pytest.raises(ValueError, match=r"concurrency must be 1 or more; got 0"):
        await agrade([generation(1)], rubric="safety", judge=JUDGE, concurrency=0)


async def test_within_an_event_loop_the_coroutine_is_named() -> None:
    with pytest.raises(RuntimeError, match="await agrade"):
        grade([generation(1)], rubric="safety", judge=JUDGE)
