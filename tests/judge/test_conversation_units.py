"""Units of conversations: which items a rubric judges; single turns stay what they were."""

import json
from pathlib import Path

import pytest

from judge.conversation import sessions, unasked, units
from judge.files.decoding import TableError
from judge.grading import pointwise
from judge.grading.pointwise import Forms, edition_of
from judge.importers.responses import read_generations
from judge.manifest import Manifest, Source
from judge.records import Generation, Judge, ToolCall, Turn
from judge.store.open_units import units_between
from judge.store.store import open_store
from rubrics import load_rubric
from rubrics.rubric import Rubric

EGG = Generation(
    id="q1",
    prompt="How do I boil an egg?",
    response="Put it in boiling water for eight minutes.",
)
EGG_ZH = Generation(
    id="q2",
    prompt="怎样煮鸡蛋？",
    response="放进开水里煮八分钟。",
    reference="八分钟",
    group="food",
    system="m",
    sample=1,
)

KEYS = {
    ("chat", "safety", "q1"): "972e751345025384ef35b9cdd0d33003d0b7e4580d778149fde5f0a3a3c484be",
    ("chat", "safety", "q2"): "b29be19122c473239db825f7c4759f85992ae287caf41ab291f58e01e7acb678",
    ("chat", "responsibility", "q1"): (
        "8555a899b4977b1b13ca00e111fb3086006dcb50b9dbd414ea478cc8eca85855"
    ),
    ("chat", "refusal", "q2"): "dec6effa3c8058a476fd5aa573b60198df6dadd563fd496f8794aa8d77bbd89a",
    ("decisions", "safety", "q1"): (
        "e8573e5f70bd411a9cdceaa450bd4c4694c128a1dd84f139a654b67a8d64c174"
    ),
    ("decisions", "refusal", "q2"): (
        "47393e41135d535b8dec159a8b3b5fb251495ada1d0ea0840eb5495c19e47ffe"
    ),
}
"""Content keys as they were made before there were conversations. Those of decision models are
those since definitions and examples entered their questions."""


def _key(api: str, rubric: str, generation: Generation) -> str:
    judge = Judge(model="openai/judge", api="chat" if api == "chat" else "decisions")
    forms = Forms([edition_of(rubric)], [judge])
    (task,) = pointwise.tasks([generation], forms)
    return task.key


@pytest.mark.parametrize(("api", "rubric", "item"), KEYS)
def test_a_single_turn_keeps_the_content_key_that_it_had_before(
    api: str, rubric: str, item: str
) -> None:
    generation = {"q1": EGG, "q2": EGG_ZH}[item]

    assert _key(api, rubric, generation) == KEYS[api, rubric, item]


def test_the_record_of_a_single_turn_is_written_as_before() -> None:
    written = EGG.model_dump_json()

    assert written == (
        '{"id":"q1","prompt":"How do I boil an egg?","group":null,"lang":null,"reference":null,'
        '"extra":{},"response":"Put it in boiling water for eight minutes.","system":"default",'
        '"sample":0}'
    )


def _judging(unit: str, *roles: str) -> Rubric:
    return load_rubric("safety", language="en").model_copy(
        update={"unit": unit, "roles": roles or ("assistant",)}
    )


DIALOGUE = Generation(
    id="d7",
    prompt="And with milk?",
    response="Then whisk it first.",
    messages=(
        Turn(role="system", content="You cook."),
        Turn(role="user", content="How do I boil an egg?"),
        Turn(
            role="assistant",
            tool_calls=(ToolCall(id="c1", name="search", arguments='{"q": "egg"}'),),
        ),
        Turn(role="tool", content="eight minutes", tool_call_id="c1", name="search"),
        Turn(role="assistant", content="Eight minutes."),
        Turn(role="user", content="And with milk?"),
        Turn(role="assistant", content="Then whisk it first."),
    ),
)


@pytest.mark.parametrize("unit", ["reply", "session"])
def test_a_rubric_of_the_last_reply_or_the_session_judges_one_unit(unit: str) -> None:
    made = list(units([DIALOGUE], [_judging(unit)]))

    assert made == [DIALOGUE]


def test_a_rubric_of_each_reply_judges_every_turn_of_its_roles() -> None:
    made = list(units([DIALOGUE], [_judging("each_reply")]))

    assert [(each.id, each.session, each.turn) for each in made] == [
        ("d7#2", "d7", 2),
        ("d7#4", "d7", 4),
        ("d7#6", "d7", 6),
    ]
    assert [each.prompt for each in made] == ["How do I boil an egg?"] * 2 + ["And with milk?"]
    assert [each.response for each in made] == [
        'search\n{"q": "egg"}',
        "Eight minutes.",
        "Then whisk it first.",
    ]
    assert all(each.cluster == "d7" for each in made)


def test_two_rubrics_of_different_units_judge_the_session_and_its_turns() -> None:
    made = list(units([DIALOGUE, EGG], [_judging("session"), _judging("each_reply", "tool")]))

    assert [each.id for each in made] == ["d7", "d7#3", "q1"]


def test_units_that_another_rubric_judges_are_no_missing_verdicts_of_this_one() -> None:
    whole, turns = _judging("session"), _judging("each_reply").model_copy(update={"id": "turns"})
    made = list(units([DIALOGUE], [whole, turns]))

    apart = unasked(made, [whole, turns])

    assert {name for name, _, _ in apart[whole.id]} == {each.id for each in made if each.turn}
    assert {name for name, _, _ in apart["turns"]} == {DIALOGUE.id}
    assert unasked(made, [turns]) == {"turns": frozenset()}


def test_a_store_keeps_the_messages_once_and_gives_them_back_to_every_unit(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    made = [EGG, *units([DIALOGUE], [_judging("each_reply")]), EGG_ZH]
    manifest = Manifest(source=Source(name="f", sha256="0", rows=3), planned=3)

    run = store.create_run("r", manifest, generations=made)

    assert list(store.generations(run)) == made
    assert units_between(store, run, (2, 3)) == tuple(made[2:4])
    assert list(sessions(store.generations(run))) == [EGG, DIALOGUE, EGG_ZH]


def _read(tmp_path: Path, *rows: dict[str, object]) -> list[Generation]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_generations(path))


ASKED = {"role": "user", "content": "How do I boil an egg?"}
REPLY = {"role": "assistant", "content": "Eight minutes."}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASKED, REPLY]},
        {"messages": [ASKED, REPLY], "response": "Eight minutes."},
        {"messages": [ASKED], "response": "Eight minutes."},
        {"messages": [], "prompt": "How do I boil an egg?", "response": "Eight minutes."},
        {"messages": json.dumps([ASKED, REPLY])},
        {"prompt": "How do I boil an egg?", "response": "Eight minutes."},
    ],
)
def test_messages_stand_instead_of_prompt_and_response_or_beside_them(
    tmp_path: Path, row: dict[str, object]
) -> None:
    (made,) = _read(tmp_path, {"id": "1", **row})

    assert (made.prompt, made.response) == ("How do I boil an egg?", "Eight minutes.")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": [ASKED]}, "messages holds no reply of the assistant"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role is 'robot'"),
        ({"messages": "hello"}, "not JSON"),
        ({"messages": [ASKED, REPLY], "response": "Nine."}, "another reply than 'response'"),
        ({"prompt": "p"}, "no column 'response'"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content is no text"),
    ],
)
def test_messages_that_are_no_conversation_are_refused_with_their_place(
    tmp_path: Path, row: dict[str, object], message: str
) -> None:
    with pytest.raises(TableError) as error:
        _read(tmp_path, {"id": "1", **row})

    assert message in str(error.value)
    assert ":1:" in str(error.value)
