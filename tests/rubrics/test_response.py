"""The shape of a reply: what is let in and what is not."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from rubrics import load_rubric
from rubrics.reply_schema import (
    criterion_readings,
    pairwise_model,
    pairwise_schema,
    reply_model,
    reply_schema,
)
from tests.rubrics.samples import EDITIONS, tone

SAFETY = load_rubric("safety", language="en")

# OpenAI, "Structured model outputs", supported schemas: what these schemas keep to.
STRICT_KEYWORDS = {
    "title",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "description",
    "enum",
    "anyOf",
}


def graded(score: object = 1, **more: object) -> dict[str, object]:
    return {"reasoning": "It warns.", "evidence": "", "score": score, **more}


def safe_reply(**changes: object) -> dict[str, object]:
    return {"safe": graded(1), "severity": graded(0), **changes}


def keywords(schema: Mapping[str, Any]) -> set[str]:
    """Collect the keywords of a schema and of all schemas in it."""
    inner: list[Mapping[str, Any]] = [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
    ]
    return set(schema) | {word for part in inner for word in keywords(part)}


def fits(schema: Mapping[str, Any], reply: object) -> bool:
    """Ask an independent validator."""
    validator: Any = Draft202012Validator(schema)  # untyped where replies may be any object
    return bool(validator.is_valid(reply))


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_schemas_keep_to_the_subset_of_strict_mode(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)

    for schema in (reply_schema(rubric), pairwise_schema(rubric)):
        Draft202012Validator.check_schema(schema)
        assert keywords(schema) <= STRICT_KEYWORDS


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_every_object_is_closed_and_requires_all_its_keys_in_order(
    name: str, language: str
) -> None:
    rubric = load_rubric(name, language=language)

    for schema, keys in (
        (reply_schema(rubric), ["reasoning", "evidence", "score"]),
        (pairwise_schema(rubric), ["reasoning", "preference"]),
    ):
        for closed in (schema, *schema["properties"].values()):
            assert closed["additionalProperties"] is False
            assert closed["required"] == list(closed["properties"])
        assert all(list(part["properties"]) == keys for part in schema["properties"].values())


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_the_models_publish_the_hand_written_schema(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)

    assert reply_model(rubric).model_json_schema() == reply_schema(rubric)
    assert pairwise_model(rubric).model_json_schema() == pairwise_schema(rubric)


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_the_judge_reads_each_question_in_the_schema(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)
    parts = reply_schema(rubric)["properties"]

    for criterion in rubric.criteria:
        score = parts[criterion.id]["properties"]["score"]
        assert criterion.question in score["description"]
        assert score["anyOf"][0]["enum"] == list(criterion.scale.levels)


def test_a_whole_reply_is_read() -> None:
    reply = reply_model(SAFETY).model_validate_json(json.dumps(safe_reply()))

    assert [(r.criterion, r.score) for r in criterion_readings(SAFETY, reply)] == [
        ("safe", 1),
        ("severity", 0),
    ]


def test_cannot_assess_is_an_answer_without_a_score() -> None:
    text = json.dumps(safe_reply(severity=graded("cannot_assess")))

    reading = criterion_readings(SAFETY, reply_model(SAFETY).model_validate_json(text))[1]

    assert reading.score is None
    assert reading.reasoning == "It warns."


WRONG: dict[str, tuple[Mapping[str, object], str]] = {
    "criterion missing": ({"safe": graded(1)}, "missing"),
    "criterion added": (safe_reply(kind=graded(1)), "extra_forbidden"),
    "key added": (safe_reply(safe=graded(1, confidence=1)), "extra_forbidden"),
    "score off the scale": (safe_reply(safe=graded(2)), "off_scale"),
    "negative score": (safe_reply(severity=graded(-1)), "off_scale"),
    "score in quotes": (safe_reply(safe=graded("1")), "score_type"),
    "score with a point": (safe_reply(safe=graded(1.0)), "score_type"),
    "true for 1": (safe_reply(safe=graded(True)), "score_type"),
    "no score": (safe_reply(safe=graded(None)), "score_type"),
    "list of scores": (safe_reply(safe=graded([1])), "score_type"),
    "score in words": (safe_reply(safe=graded("safe")), "score_type"),
    "number as reasoning": (safe_reply(safe={**graded(1), "reasoning": 5}), "string_type"),
    "no evidence": (safe_reply(safe={**graded(1), "evidence": None}), "string_type"),
    "score alone": (safe_reply(safe=1), "model_type"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_reply_of_another_shape_is_refused_and_says_why(name: str) -> None:
    reply, kind = WRONG[name]

    with pytest.raises(ValidationError) as from_values:
        reply_model(SAFETY).model_validate(reply)
    with pytest.raises(ValidationError) as from_text:
        reply_model(SAFETY).model_validate_json(json.dumps(reply))

    assert kind in {error["type"] for error in from_values.value.errors()}
    assert len(from_text.value.errors()) == len(from_values.value.errors())


@pytest.mark.parametrize("name", [name for name in WRONG if name != "score with a point"])
def test_the_schema_refuses_what_the_model_refuses(name: str) -> None:
    assert not fits(reply_schema(SAFETY), WRONG[name][0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"score": 1', '"score": 0, "score": 1'),
        ('"severity"', '"safe": {"reasoning": "", "evidence": "", "score": 0}, "severity"'),
    ],
    ids=["score twice", "criterion twice"],
)
def test_a_key_that_stands_twice_is_refused(old: str, new: str) -> None:
    text = json.dumps(safe_reply()).replace(old, new, 1)

    with pytest.raises(ValidationError) as refusal:
        reply_model(SAFETY).model_validate_json(text)

    assert refusal.value.errors()[0]["type"] == "duplicate_key"


@pytest.mark.parametrize("text", ["", "no JSON", "[", "NaN", "[" * 10_000, '{"safe": NaN}'])
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        reply_model(SAFETY).model_validate_json(text)


@pytest.mark.parametrize("preference", ["1", "2", "tie", "cannot_assess"])
def test_a_comparison_knows_four_answers(preference: str) -> None:
    part = {"reasoning": "Both warn.", "preference": preference}
    reply = {"safe": part, "severity": part}

    read_back = pairwise_model(SAFETY).model_validate(reply)

    assert read_back.model_dump() == reply
    assert fits(pairwise_schema(SAFETY), reply)


@pytest.mark.parametrize("preference", [1, "3", "", "response_1", None, "TIE"])
def test_a_comparison_knows_no_other_answer(preference: object) -> None:
    part = {"reasoning": "Both warn.", "preference": preference}

    with pytest.raises(ValidationError):
        pairwise_model(SAFETY).model_validate({"safe": part, "severity": part})
    assert not fits(pairwise_schema(SAFETY), {"safe": part, "severity": part})


def test_equal_rubrics_share_one_model() -> None:
    assert reply_model(tone()) is reply_model(tone())


scores = st.one_of(
    st.integers(-2, 6),
    st.sampled_from(["cannot_assess", "1", "", True, False, None]),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer()),
)
part = st.fixed_dictionaries(
    {"reasoning": st.text(), "evidence": st.one_of(st.text(), st.integers()), "score": scores},
    optional={"more": st.none()},
)
replies = st.fixed_dictionaries({"friendly": part, "wordy": part}, optional={"safe": part})


@settings(max_examples=300)
@given(replies)
def test_model_and_schema_agree_on_any_reply(reply: dict[str, Any]) -> None:
    rubric = tone()

    by_schema = fits(reply_schema(rubric), reply)
    try:
        reply_model(rubric).model_validate_json(json.dumps(reply))
        by_model = True
    except ValidationError:
        by_model = False

    assert by_model == by_schema
