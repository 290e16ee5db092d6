"""The rubrics that come with the package."""

import json

import pytest

from rubrics import RubricError, list_rubrics, load_rubric
from rubrics.library import LIBRARY, differences
from rubrics.lint import lint
from rubrics.reply_schema import rubric_digest
from tests.rubrics.samples import EDITIONS
from tests.shared_material import shared_file

# The public contract's table of built-in rubrics: criterion to (min, max).
SCALES = {
    "safety": {"safe": (0, 1), "severity": (0, 3)},
    "responsibility": {
        "overall": (1, 10),
        "direct": (1, 5),
        "informative": (1, 5),
        "empathetic": (1, 5),
        "readable": (1, 5),
        "prudent": (1, 5),
        "neutral": (1, 5),
    },
    "values-grade": {"grade": (1, 3)},
    "response-tier": {"tier": (0, 2)},
    "refusal": {"refusal": (0, 2)},
    "conversation-safety": {
        "safe": (0, 1),
        "severity": (0, 3),
        "attempt": (0, 2),
        "compliance": (0, 2),
    },
    "agent-safety": {
        "safe": (0, 1),
        "attempt": (0, 2),
        "compliance": (0, 2),
        "unapproved_action": (0, 2),
        "truthful": (0, 1),
    },
    "reference-answer": {
        "agrees": (0, 2),
        "contradicts": (0, 1),
        "omits": (0, 2),
        "clear": (0, 1),
    },
}

# CValues, expert-principles report, section 6: items of the three published blocks.
PUBLISHED = {"environmental_science": 5, "psychology": 4, "barrier_free": 5}
UNPUBLISHED = {
    "law",
    "social_science",
    "data_science",
    "intimate_relationship",
    "lesser_known_major",
}


def test_the_library_holds_each_rubric_in_both_languages() -> None:
    assert [entry.id for entry in list_rubrics()] == sorted(SCALES)
    assert all(entry.languages == ("zh", "en") for entry in list_rubrics())


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_criteria_and_scales_are_those_of_the_contract(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)

    scales = {c.id: (c.scale.min, c.scale.max) for c in rubric.criteria}

    assert scales == SCALES[name]
    assert list(scales) == list(SCALES[name])
    assert all(c.scale.step == 1 for c in rubric.criteria)


@pytest.mark.parametrize(("name", "language"), EDITIONS)
def test_every_library_rubric_is_lint_clean(name: str, language: str) -> None:
    assert lint(LIBRARY / f"{name}.{language}.yaml") == ()


@pytest.mark.parametrize("name", SCALES)
def test_the_two_editions_measure_the_same(name: str) -> None:
    chinese, english = (load_rubric(name, language=language) for language in ("zh", "en"))

    assert differences(chinese, english) == ()


@pytest.mark.parametrize("name", SCALES)
def test_the_two_editions_have_texts_of_their_own(name: str) -> None:
    chinese, english = (load_rubric(name, language=language) for language in ("zh", "en"))

    assert {e.prompt for e in chinese.examples}.isdisjoint(e.prompt for e in english.examples)
    assert len(chinese.examples) == len(english.examples)
    assert rubric_digest(chinese) != rubric_digest(english)


@pytest.mark.parametrize(
    ("name", "language"), [edition for edition in EDITIONS if edition[0] != "responsibility"]
)
def test_every_level_of_a_short_scale_has_an_example(name: str, language: str) -> None:
    rubric = load_rubric(name, language=language)
    first = rubric.criteria[0]

    shown = {example.grades[0].score for example in rubric.examples}

    assert shown == set(first.scale.levels)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_responsibility_shows_one_example_on_each_side_of_its_line(language: str) -> None:
    rubric = load_rubric("responsibility", language=language)

    overall = [example.grades[0].score for example in rubric.examples]

    assert overall == [8, 4]
    assert rubric.criterion("overall").threshold == 5


@pytest.mark.parametrize("language", ["zh", "en"])
def test_three_domains_have_published_principles_and_five_are_marked_as_the_projects(
    language: str,
) -> None:
    rubric = load_rubric("responsibility", language=language)

    published = {
        pack.group: len(pack.items)
        for pack in rubric.packs
        if all(item.source == "published" for item in pack.items)
    }
    project = {
        pack.group for pack in rubric.packs if all(item.source == "project" for item in pack.items)
    }

    assert published == PUBLISHED
    assert project == UNPUBLISHED


@pytest.mark.parametrize("language", ["zh", "en"])
def test_only_what_was_published_is_marked_published(language: str) -> None:
    published = {
        f"{rubric.id}.{criterion.id}"
        for rubric in (load_rubric(name, language=language) for name in SCALES)
        for criterion in rubric.criteria
        if criterion.source.kind == "published"
    }

    # No source scores the six answer criteria separately, nor grades severity.
    assert published == {
        "safety.safe",
        "responsibility.overall",
        "values-grade.grade",
        "response-tier.tier",
        "refusal.refusal",
    }


def test_published_principles_are_told_in_the_projects_own_words() -> None:
    path = shared_file("data", "cvalues", "expert_principles.json")
    report = json.loads(path.read_text(encoding="utf-8"))["principles"]
    rubric = load_rubric("responsibility", language="zh")

    for group, sentences in report.items():
        pack = rubric.pack(group)
        assert pack is not None
        assert len(pack.items) == len(sentences)
        assert {item.text for item in pack.items}.isdisjoint(sentences)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_groups_of_the_packs_are_the_domains_of_the_released_prompts(language: str) -> None:
    path = shared_file("data", "cvalues", "cvalues_responsibility_prompts.jsonl")
    lines = path.read_text(encoding="utf-8").strip().split("\n")
    domains = {json.loads(line)["domain_en"] for line in lines}

    assert {p.group for p in load_rubric("responsibility", language=language).packs} == domains


def test_an_unknown_rubric_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(RubricError, match=r"no rubric 'saftey'; did you mean 'safety'\?"):
        load_rubric("saftey")


def test_an_unknown_rubric_like_no_other_is_answered_with_the_whole_list() -> None:
    with pytest.raises(
        RubricError,
        match="the library has agent-safety, conversation-s",
    ):
        load_rubric("zzz")


def test_an_edition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RubricError, match="'safety' has no edition in 'fr'; choose zh or en"):
        load_rubric("safety", language="fr")


@pytest.mark.parametrize("ref", ["../safety", "safety.zh", "safety/zh", ""])
def test_what_is_not_an_id_is_taken_for_a_path(ref: str) -> None:
    with pytest.raises(RubricError, match="not a readable file"):
        load_rubric(ref)


def test_the_same_edition_is_read_once() -> None:
    assert load_rubric("safety") is load_rubric("safety", language="zh")


def test_an_entry_shows_both_titles() -> None:
    entry = next(entry for entry in list_rubrics() if entry.id == "refusal")

    assert entry.title == "拒答程度 / Refusal"
    assert entry.criteria == ("refusal",)
