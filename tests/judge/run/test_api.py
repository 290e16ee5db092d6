"""Grading from Python, as an outsider calls it."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from judge import Generation, Judge, agrade, grade
from judge.errors import ConfigError
from judge.files.decoding import TableError
from judge.models.base import ScriptedModel
from judge.simulated.server import simulated_server
from tests.judge.records import JUDGE, generation, safe_reply

ROWS = [
    {"id": name, "prompt": f"How do I {name}?", "response": f"Ask a lawyer about {name}."}
    for name in ("a", "b", "c")
]


def told_to(listed: list[tuple[int, int]]) -> Callable[[int, int], None]:
    return lambda done, planned: listed.append((done, planned))


def judge_at(url: str) -> Judge:
    return Judge(model="openai/simulated-judge-1", base_url=url)


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


async def test_within_an_event_loop_as_in_a_notebook_grading_works() -> None:
    with simulated_server() as server:
        made = grade(ROWS, rubric="safety", judge=judge_at(server.base_url))

    assert made.counts.scored == 3


def test_dicts_a_frame_a_path_and_records_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    given = [
        ROWS,
        pd.DataFrame(ROWS),
        path,
        str(path),
        [Generation.model_validate(row) for row in ROWS],
    ]
    with simulated_server() as server:
        made = [grade(each, rubric="safety", judge=judge_at(server.base_url)) for each in given]

    scores = [each.to_pandas()["score"].tolist() for each in made]
    assert all(each == scores[0] for each in scores)
    assert [each.id for each in made[1]] == ["a", "b", "c"]


def test_a_row_without_a_response_is_named() -> None:
    with pytest.raises(TableError, match=r"generations:2: no column 'response'"):
        grade([ROWS[0], {"id": "x", "prompt": "?"}], rubric="safety", judge=JUDGE)
    with pytest.raises(TypeError, match="int at place 1"):
        grade([1], rubric="safety", judge=JUDGE)  # pyright: ignore[reportArgumentType] - on purpose


def test_several_rubrics_and_judges_are_asked() -> None:
    with simulated_server() as server:
        made = grade(ROWS, rubric=["safety", "refusal"], judge=judge_at(server.base_url))

    assert [each.rubric for each in made] == ["safety", "refusal"] * 3
    assert len(made.to_pandas()) == 9


def test_what_a_budget_left_unasked_is_counted_and_has_its_reason() -> None:
    with simulated_server() as server:
        made = grade(
            ROWS, rubric="safety", judge=judge_at(server.base_url), max_calls=1, concurrency=1
        )

    total = made.counts
    assert (total.planned, total.scored, total.error) == (3, 1, 2)
    assert {each.outcome for each in made.failures} == {"error.budget"}
    assert "limit of 1 call " in repr(made)


def test_a_budget_without_a_price_is_refused() -> None:
    with (
        simulated_server() as server,
        pytest.raises(ConfigError, match="price of openai"),
    ):
        grade(ROWS, rubric="safety", judge=judge_at(server.base_url), budget_usd=1.0)


def test_with_a_store_nothing_is_asked_twice_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with simulated_server() as server:
        for progress in (told_to(told), False):
            made = grade(
                ROWS,
                rubric="safety",
                judge=judge_at(server.base_url),
                store=tmp_path / "s.db",
                run="r",
                progress=progress,
            )

    assert [each.attempts for each in made] == [1, 1, 1]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert made.counts.scored == 3


def test_a_notebook_shows_hostile_text_without_obeying_it() -> None:
    hostile = [{**ROWS[0], "id": "<script>alert(1)</script>"}]
    with simulated_server() as server:
        shown = grade(hostile, rubric="safety", judge=judge_at(server.base_url))._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "SIMULATED: 1 planned = 1 scored" in shown
