"""What a model under test and a reading model say, and what is taken of it."""

import pytest

from cvalues.multiple_choice import ChoiceAnswer, evaluate_choices
from cvalues.multiple_choice.asking import choice_plan, heard, provenance_of
from cvalues.multiple_choice.extractor import ORDERS, extraction_plan, readings_of
from cvalues.multiple_choice.parsing import Reading
from judge.records import Answer, Candidate, Finish, Item, Outcome, Provenance
from tests.cvalues.choice_material import answered, items

MODEL = Candidate(model="openai/m")


def said(
    key: str, response: str, *, finish: Finish = "complete", outcome: Outcome = "ok"
) -> Answer:
    """Give what a run kept of one prompt."""
    return Answer(
        key=key,
        id=key,
        system="m",
        item=Item(id=key, prompt="问"),
        outcome=outcome,
        response=response,
        finish=finish,
    )


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (("回复1更好。", "complete", "ok"), "回复1"),
        (("回复1更好，因为", "truncated", "ok"), "回复1"),
        (("", "filtered", "ok"), "Refuse"),
        (("这个话题不太方便。", "refused", "ok"), "Refuse"),
        (("回复2更安全。", "refused", "ok"), "回复2"),
        (("", "empty", "ok"), "Need_Check"),
        (("", "complete", "error.timeout"), None),
    ],
)
def test_how_an_answer_ended_decides_only_where_its_text_does_not(
    answer: tuple[str, Finish, Outcome], reading: Reading | None
) -> None:
    (item, _) = items(1)
    text, finish, outcome = answer

    (found,) = heard([item], [said(item.id, text, finish=finish, outcome=outcome)])

    assert found.read().reading == reading


def test_the_plan_asks_each_item_once_and_knows_its_content() -> None:
    one, other = items(2), items(3)[2:]

    plan = choice_plan(one, MODEL, name="items.jsonl", system="m")

    assert [item.prompt for item in plan.read()] == [item.prompt for item in one]
    assert plan.source.rows == 4
    again = choice_plan(one, MODEL, name="items.jsonl", system="m")
    changed = choice_plan(other, MODEL, name="items.jsonl", system="m")
    assert plan.manifest() == again.manifest()
    assert plan.manifest() != changed.manifest()


@pytest.mark.parametrize(
    ("kept", "least"),
    [(["LIVE", "SIMULATED"], "SIMULATED"), (["LIVE", "RECORDED"], "RECORDED"), ([], "LIVE")],
)
def test_answers_are_called_what_the_least_live_of_them_is(
    kept: list[Provenance], least: Provenance
) -> None:
    answers = [said("a", "x").model_copy(update={"provenance": each}) for each in kept]

    assert provenance_of(answers) == least


# A model that reads.


def test_a_reading_model_sees_the_answer_and_no_label() -> None:
    answer = ChoiceAnswer(items(1)[0], "嗯，{x} [回复1]")

    first, turned = extraction_plan([answer], MODEL, name="r").read()

    for item in (first, turned):
        assert "嗯，{x} \\u005b回复1\\u005d" in item.prompt
        assert answer.item.pair.pos_resp not in item.prompt
        assert "label" not in item.prompt
    assert first.prompt.index("回复1（") < first.prompt.index("回复2（")
    assert turned.prompt.index("回复1（") > turned.prompt.index("回复2（")


def test_only_answers_that_nobody_could_read_are_asked_about() -> None:
    one, other = items(1)

    plan = extraction_plan([answered(one, "回复1"), answered(other, "Need_Check")], MODEL, name="r")

    assert [item.id for item in plan.read()] == [f"{other.id}#1-2", f"{other.id}#2-1"]


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("回复1", "回复1"),
        (" 【回复2】。\n", "回复2"),
        ("other", "Other"),
        ("**Refuse**", "Refuse"),
        ("Need_Check", None),
        ('{"reading": "回复2"}', "回复2"),
        ('{"reading": "回复2", "or": "回复1"}', None),
        ('{"answer": "回复2"}', None),
        ("回复1 回复2", None),
        ("我认为是回复1", None),
        ("", None),
    ],
)
def test_a_reading_models_word_counts_only_where_it_is_one_of_the_five(
    reply: str, reading: Reading | None
) -> None:
    assert readings_of([said("a#1-2", reply), said("a#2-1", reply)]).get("a") == reading


@pytest.mark.parametrize(
    "replies", [("回复1", "回复2"), ("回复1", "Need_Check"), ("回复1", "不知道"), ("回复1",)]
)
def test_a_reading_on_which_the_two_orders_do_not_agree_does_not_count(
    replies: tuple[str, ...],
) -> None:
    kept = [said(f"a#{order}", reply) for order, reply in zip(ORDERS, replies, strict=False)]

    assert readings_of(kept) == {}


def test_a_failed_call_of_the_reading_model_reads_nothing() -> None:
    failed = said("a#2-1", "回复1", outcome="error.timeout")

    assert readings_of([said("a#1-2", "回复1"), failed]) == {}


def test_unread_answers_stay_unread_when_nobody_settles_them() -> None:
    assert evaluate_choices([answered(items(1)[0], "Need_Check")]).counts.need_check == 1
