"""One source, three views: prompt text, reply schema and score name the same criteria."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics import Rubric, load_rubric
from rubrics.prompt import Wording, fill, render, render_pairwise, wording
from rubrics.reply_schema import (
    criterion_readings,
    overall,
    pairwise_schema,
    reply_model,
    reply_schema,
)
from tests.rubrics.samples import EDITIONS, library, tone


def headings(text: str) -> list[str]:
    return re.findall(r"^## ([a-z_]+)[:：]", text, flags=re.MULTILINE)


def shaped(text: str) -> list[str]:
    return re.findall(r'^  "([a-z_]+)": \{', text, flags=re.MULTILINE)


def any_reply(rubric: Rubric) -> Mapping[str, Mapping[str, str | int]]:
    return {c.id: {"reasoning": "r", "evidence": "", "score": c.scale.max} for c in rubric.criteria}


def properties(schema: Mapping[str, Any]) -> list[str]:
    return list(cast("Mapping[str, object]", schema["properties"]))


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_the_three_views_name_the_same_criteria(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)
    ids = [criterion.id for criterion in rubric.criteria]
    reply = reply_model(rubric).model_validate(any_reply(rubric))

    assert headings(render(rubric)) == ids
    assert shaped(render(rubric)) == ids
    assert headings(render_pairwise(rubric)) == ids
    assert shaped(render_pairwise(rubric)) == ids
    assert properties(reply_schema(rubric)) == ids
    assert properties(pairwise_schema(rubric)) == ids
    assert list(reply_model(rubric).model_fields) == ids
    assert [reading.criterion for reading in criterion_readings(rubric, reply)] == ids
    with pytest.raises(ValueError, match="no criterion 'other'"):
        overall(rubric, {"other": 1})


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_the_text_holds_every_question_and_every_anchor(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)
    texts = [rubric.instructions] + [
        text
        for criterion in rubric.criteria
        for text in (
            criterion.title,
            criterion.question,
            *(a.text for a in criterion.scale.anchors),
        )
    ]

    for told in (render(rubric), render_pairwise(rubric)):
        assert [text for text in texts if text not in told] == []


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_the_text_says_how_material_arrives_and_how_to_answer(name: str, language: str) -> None:
    told = render(load_rubric(name, language=language))

    assert "<<<MATERIAL code BEGIN>>>\n<<<MATERIAL code END>>>" in told
    assert told.count('"cannot_assess"') >= 2
    assert told.index("1. reasoning") < told.index("2. evidence") < told.index("3. score")
    for field in ("prompt", "response", "reference"):
        assert f"\n- {field}" in told


def test_the_pairwise_text_names_both_responses_and_their_verdicts() -> None:
    for rubric in library():
        told = render_pairwise(rubric)

        assert "response_1" in told
        assert "response_2" in told
        assert '"preference": "1" | "2" | "tie" | "cannot_assess"' in told
        assert '"score"' not in told


def test_texts_keep_to_their_language() -> None:
    for rubric in library():
        chinese = bool(re.search("[\u4e00-\u9fff]", render(rubric) + render_pairwise(rubric)))

        assert chinese == (rubric.language == "zh")


def test_chinese_texts_use_chinese_marks_between_chinese_words() -> None:
    told = [render(r, group=p) for r in library() if r.language == "zh" for p in _groups(r)]

    assert [re.findall("[\u4e00-\u9fff][,;:?!()][\u4e00-\u9fff]", text) for text in told] == (
        [[]] * len(told)
    )


def _groups(rubric: Rubric) -> list[str | None]:
    return [None, *(pack.group for pack in rubric.packs)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_group_brings_its_own_principles_and_no_others(language: str) -> None:
    rubric = load_rubric("responsibility", language=language)

    for pack in rubric.packs:
        told = render(rubric, group=pack.group)

        assert all(item.text in told for item in pack.items)
        assert sum(item.text in told for other in rubric.packs for item in other.items) == len(
            pack.items
        )


@given(group=st.text())
def test_the_name_of_a_group_never_enters_the_text(group: str) -> None:
    rubric = load_rubric("responsibility", language="en")

    if rubric.pack(group) is None:
        assert render(rubric, group=group) == render(rubric)


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_examples_are_answers_that_the_schema_accepts(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)
    lines = [line for line in render(rubric).split("\n") if line.startswith('{"')]
    materials, replies = lines[::2], lines[1::2]

    assert len(replies) == len(rubric.examples)
    for material, reply, example in zip(materials, replies, rubric.examples, strict=True):
        readings = criterion_readings(rubric, reply_model(rubric).model_validate_json(reply))
        shown = {"prompt": example.prompt, "response": example.response}
        reference = {} if example.reference is None else {"reference": example.reference}
        assert json.loads(material) == {**shown, **reference}
        assert [r.score for r in readings] == [grade.score for grade in example.grades]


def test_braces_in_a_rubric_are_never_read_as_places_to_fill() -> None:
    rubric = tone("Judge the tone of the reply.", "Judge {id} and {nonsense}, {{x}}.")

    assert "Judge {id} and {nonsense}, {{x}}." in render(rubric)


def test_a_rubric_without_examples_says_nothing_about_examples() -> None:
    rubric = tone()
    bare = rubric.model_copy(update={"examples": ()})

    assert "# Examples" in render(rubric)
    assert "# Examples" not in render(bare)


def test_each_direction_is_said_in_words() -> None:
    told = render(tone())

    assert "Is the reply friendly?\nHigher is better." in told
    assert "Does the reply use more words than it needs?\nLower is better." in told
    assert "Neither" not in told
    assert "neither end is better" in render(load_rubric("refusal", language="en"))


def test_steps_of_a_scale_are_the_choices_offered() -> None:
    assert '"score": 1 | 3 | 5 | "cannot_assess"}' in render(tone())


def places(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z_]+)\}", text))


@pytest.mark.parametrize("field", [name for name in Wording.model_fields if name != "language"])
def test_both_languages_have_the_same_places_to_fill(field: str) -> None:
    chinese, english = (str(getattr(wording(language), field)) for language in ("zh", "en"))

    assert places(chinese) == places(english)
    assert chinese != english


def test_what_is_put_in_is_not_read_again() -> None:
    assert fill("{a} and {b}", a="{b}", b="{a}") == "{b} and {a}"


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        fill("{a} {b}", a="1")


def test_other_braces_stay() -> None:
    assert fill('{"x": {} {A} {a b} {a}', a="1") == '{"x": {} {A} {a b} 1'
