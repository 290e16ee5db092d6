"""The digest: one name for one meaning."""

import subprocess
import sys
from pathlib import Path

import pytest

from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from tests.rubrics.samples import EDITIONS, TONE, library, swapped, tone, write

# Changes with the wording of every prompt, so a change here belongs into the changelog.
SAMPLE_DIGEST = "749729fe7d98d0f2c6eab7df2665814922dc031bc63677715a2cd2227005f7ab"

MEANING = {
    "instructions": ("Judge the tone", "Grade the tone"),
    "title of a criterion": ("title: Friendly", "title: Friendliness"),
    "question": ("Is the reply friendly?", "Is this reply friendly?"),
    "anchor": ("Cold but correct.", "Cool but correct."),
    "weights": ("weight: 0.75", "weight: 0.7505"),
    "direction": ("lower_is_better", "higher_is_better"),
    "threshold": ("threshold: 1", "threshold: 2"),
    "veto level": ("level: 0", "level: 1"),
    "veto": ("veto:\n  criterion: friendly\n  level: 0\n", ""),
    "example's response": ("Straight on, then left. H", "Straight on, then left! H"),
    "example's reasoning": ("wishes the user well", "wishes them well"),
    "example's evidence": ("evidence: Have a good trip!", "evidence: Have a good"),
    "example's score": ("score: 2", "score: 1"),
    "title of a pack": ("title: Travel", "title: Travelling"),
    "principle": ("how long the way takes", "how long it takes"),
    "group of a pack": ("group: travel", "group: tourism"),
}

NO_MEANING = {
    "id": ("id: tone", "id: mood"),
    "version": ('"1.0"', '"1.1"'),
    "title": ("title: Tone", "title: Mood"),
    "purpose": ("Tells how", "Says how"),
    "level": ("title: Tone", "title: Tone\nlevel: 2"),
    "groups": ("criteria:", "groups: [travel]\ncriteria:"),
    "kind of source": ("kind: published", "kind: project"),
    "reference": ("A style guide", "Another style guide"),
    "note": ("The wording is ours.", "Typo corrected."),
    "comment and blank line": ("criteria:", "\n# What is asked:\ncriteria:"),
    "quotes": ("title: Friendly", 'title: "Friendly"'),
}


@pytest.mark.parametrize("name", MEANING)
def test_a_change_that_a_judge_or_a_score_can_notice_changes_the_digest(name: str) -> None:
    assert rubric_digest(tone(*MEANING[name])) != rubric_digest(tone())


@pytest.mark.parametrize("name", NO_MEANING)
def test_a_change_that_no_judge_and_no_score_can_notice_keeps_the_digest(name: str) -> None:
    assert rubric_digest(tone(*NO_MEANING[name])) == rubric_digest(tone())


def test_the_order_of_criteria_is_part_of_the_meaning() -> None:
    safety = load_rubric("safety")
    turned = safety.model_copy(update={"criteria": safety.criteria[::-1], "examples": ()})

    assert rubric_digest(turned) != rubric_digest(safety.model_copy(update={"examples": ()}))


def test_every_edition_of_the_library_has_a_digest_of_its_own() -> None:
    digests = {rubric_digest(rubric) for rubric in library()}

    assert len(digests) == len(EDITIONS)
    assert all(len(digest) == 64 and int(digest, 16) for digest in digests)


def test_the_digest_of_the_sample_is_known() -> None:
    assert rubric_digest(tone()) == SAMPLE_DIGEST


def test_another_process_finds_the_same_digest(tmp_path: Path) -> None:
    path = write(tmp_path, TONE)
    script = "import sys, rubrics; print(rubrics.rubric_digest(rubrics.load_rubric(sys.argv[1])))"

    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(path)],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert found == {rubric_digest(tone())}


def test_the_keys_of_a_file_may_stand_in_any_order() -> None:
    moved = swapped("title: Tone\n", "") + "title: Tone\n"

    assert rubric_digest(tone(TONE, moved)) == rubric_digest(tone())


def test_a_rubric_that_went_through_json_is_the_same_rubric() -> None:
    from rubrics import Rubric

    for rubric in [tone(), *library()]:
        again = Rubric.model_validate_json(rubric.model_dump_json())

        assert again == rubric
        assert rubric_digest(again) == rubric_digest(rubric)
