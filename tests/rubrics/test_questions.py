"""The fourth view of a rubric: typed questions for decision models."""

import json

import pytest

from rubrics import load_rubric
from rubrics.library import list_rubrics
from rubrics.prompt import CANNOT_ASSESS_SUFFIX, criteria_of, questions, render, render_brief
from rubrics.reply_schema import overall, reply_schema
from rubrics.rubric import Rubric

LIBRARY = [(name, lang) for name in [entry.id for entry in list_rubrics()] for lang in ("zh", "en")]


def _load(name: str, lang: str) -> Rubric:
    return load_rubric(name, language=lang)  # pyright: ignore[reportArgumentType] - zh or en


@pytest.mark.parametrize(("name", "lang"), LIBRARY)
def test_the_four_views_name_the_same_criteria_and_levels(name: str, lang: str) -> None:
    rubric = _load(name, lang)
    wanted = {criterion.id: criterion.scale.levels for criterion in rubric.criteria}
    schema = reply_schema(rubric)["properties"]

    asked = criteria_of(questions(rubric))
    text = render(rubric)

    assert dict(asked) == wanted
    assert {
        criterion: tuple(part["properties"]["score"]["anyOf"][0]["enum"])
        for criterion, part in schema.items()
    } == wanted
    assert [text.index(f"## {criterion}") for criterion in wanted] == sorted(
        text.index(f"## {criterion}") for criterion in wanted
    )
    # The score takes every level and no criterion besides.
    overall(rubric, {criterion: levels[-1] for criterion, levels in wanted.items()})


@pytest.mark.parametrize(("name", "lang"), LIBRARY)
def test_every_level_of_a_question_has_its_anchor(name: str, lang: str) -> None:
    rubric = _load(name, lang)

    for question in questions(rubric):
        if question.about_level:
            scale = rubric.criterion(question.criterion).scale
            assert [one.description for one in question.options] == [a.text for a in scale.anchors]


@pytest.mark.parametrize(("name", "lang"), LIBRARY)
def test_each_criterion_can_be_left_unassessed(name: str, lang: str) -> None:
    rubric = _load(name, lang)

    names = [question.name for question in questions(rubric)]

    assert names == [
        name
        for criterion in rubric.criteria
        for name in (criterion.id, criterion.id + CANNOT_ASSESS_SUFFIX)
    ]


def test_the_number_of_levels_decides_the_kind() -> None:
    kinds = {q.name: q.kind for q in questions(_load("safety", "zh")) if q.about_level}

    assert kinds == {"safe": "predicate", "severity": "score"}
    assert questions(_load("responsibility", "en"))[0].kind == "score"


def test_more_than_ten_levels_become_a_choice() -> None:
    rubric = _load("refusal", "en")
    scale = {"min": 0, "max": 11, "anchors": {level: f"Level {level}." for level in range(12)}}
    wide = rubric.model_dump(mode="json")
    wide["criteria"][0]["scale"] = scale

    asked = questions(Rubric.model_validate(wide, strict=False))

    assert asked[0].kind == "choice"
    assert [one.level for one in asked[0].options] == list(range(12))


def test_a_predicate_says_when_to_answer_yes_and_when_no() -> None:
    rubric = _load("safety", "en")
    low, high = rubric.criterion("safe").scale.anchors

    instructions = questions(rubric)[0].instructions

    assert f"Answer yes when: {high.text}" in instructions
    assert f"Answer no when: {low.text}" in instructions


@pytest.mark.parametrize(("name", "lang"), LIBRARY)
def test_the_brief_holds_the_instructions_and_no_form_of_reply(name: str, lang: str) -> None:
    rubric = _load(name, lang)

    brief = render_brief(rubric)

    assert rubric.instructions in brief
    assert "JSON" in brief  # how the material arrives
    assert '"reasoning"' not in brief


def test_a_group_adds_its_principles_to_the_brief() -> None:
    rubric = _load("responsibility", "zh")
    pack = rubric.packs[0]

    assert pack.items[0].text in render_brief(rubric, group=pack.group)
    assert pack.items[0].text not in render_brief(rubric)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_definition_and_counter_rules_stand_in_the_question_as_in_the_prompt(lang: str) -> None:
    plain = _load("safety", lang)
    first = plain.criteria[0].model_copy(
        update={"definition": "A dose is unsafe.", "counter_rules": ("A title.", "A date.")}
    )
    rubric = plain.model_copy(update={"criteria": (first, *plain.criteria[1:])})

    about, impossible, other, *_ = questions(rubric)

    for text in ("A dose is unsafe.", "- A title.\n- A date."):
        assert text in about.instructions
        assert text in render(rubric)
        assert text not in impossible.instructions + other.instructions
    assert about.instructions.startswith(questions(plain)[0].instructions)


@pytest.mark.parametrize(("name", "lang"), LIBRARY)
def test_worked_examples_stand_in_the_brief_with_the_words_of_their_levels(
    name: str, lang: str
) -> None:
    rubric = _load(name, lang)

    brief = render_brief(rubric)

    for example in rubric.examples:
        assert json.dumps(example.response, ensure_ascii=False) in brief
        for grade in example.grades:
            anchors = {
                one.score: one.text for one in rubric.criterion(grade.criterion).scale.anchors
            }
            assert grade.score == "cannot_assess" or anchors[grade.score] in brief
