"""Faults that load and should not stay."""

from pathlib import Path

import pytest

from rubrics.lint import lint
from tests.rubrics.samples import TONE, swapped, write

# For each rule what to replace by what, and the line and words of the finding.
FAULTS: dict[str, tuple[str, str, int, str]] = {
    "anchors-repeat": (
        "Cold but correct.",
        "Rude, or mocking!",
        16,
        "levels 0 and 1 of friendly say the same; say what sets them apart",
    ),
    "placeholder": ("Warm and polite.", "TODO", 17, "'TODO' looks like a placeholder"),
    "boundary": (
        "Judge the tone of the reply.",
        "Judge what is in <<<MATERIAL>>>.",
        6,
        "imitates the material's boundary",
    ),
    "language": ("Rambling.", "啰嗦。", 34, "'啰嗦。' is not English; write it in English"),
    "source": ("reference: A style guide", "reference: n/a", 39, "source 'n/a' names nothing"),
    "origin": (
        "takes.\n        source: project",
        "takes.\n        source: published",
        64,
        "a published principle in a pack whose source is the project",
    ),
    "example-evidence": (
        "evidence: Have a good trip!",
        "evidence: Have a nice trip!",
        50,
        "evidence 'Have a nice trip!' is not in the example's response",
    ),
    "threshold-idle": ("threshold: 1", "threshold: 0", 20, "no score of friendly is beyond"),
}


def rules(path: Path) -> list[str]:
    return [finding.rule for finding in lint(path)]


def test_the_sample_is_clean(tmp_path: Path) -> None:
    assert lint(write(tmp_path, TONE)) == ()


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_with_its_line_and_a_remedy(rule: str, tmp_path: Path) -> None:
    old, new, line, words = FAULTS[rule]
    path = write(tmp_path, swapped(old, new))

    (finding,) = lint(path)

    assert finding.rule == rule
    assert str(finding).startswith(f"{path}:{line}: ")
    assert words in str(finding)


@pytest.mark.parametrize(
    "text",
    ["TBD", "fixme later", "See {response}.", "Use {{ x }}.", "Ask <your name>.", "Lorem ipsum."],
)
def test_unfinished_text_is_found(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, swapped("Warm and polite.", f'"{text}"'))

    assert rules(path) == ["placeholder"]


@pytest.mark.parametrize("text", ["Todos los dias.", "a < b and b > c", "Write {} for none."])
def test_finished_text_is_left_alone(text: str, tmp_path: Path) -> None:
    assert lint(write(tmp_path, swapped("Warm and polite.", f'"{text}"'))) == ()


def test_examples_that_all_give_one_score_are_warned_of(tmp_path: Path) -> None:
    example = TONE[TONE.index("  - prompt") : TONE.index("packs:")]

    found = lint(write(tmp_path, swapped("packs:", f"{example}packs:")))

    assert [(f.rule, f.severity, f.line) for f in found] == [
        ("example-spread", "warning", 44),
        ("example-spread", "warning", 44),
    ]


def test_a_chinese_rubric_with_an_english_text_is_found(tmp_path: Path) -> None:
    chinese = write(tmp_path, swapped("language: en", "language: zh"))

    assert set(rules(chinese)) == {"language"}


def test_a_file_that_does_not_load_gives_all_its_faults_at_once(tmp_path: Path) -> None:
    text = swapped("    weight", "    wieght").replace("max: 5", "max: five")

    found = lint(write(tmp_path, text))

    assert [(f.rule, f.severity, f.line) for f in found] == [
        ("document", "error", 18),
        ("document", "error", 8),
        ("document", "error", 29),
    ]


def test_a_file_that_is_not_yaml_gives_one_fault(tmp_path: Path) -> None:
    assert [f.what for f in lint(write(tmp_path, "a: [\n"))] != []
    assert rules(write(tmp_path, "a: [\n")) == ["document"]


TWINS: dict[str, tuple[str, str, int, str]] = {
    "version": ('"1.0"', '"1.1"', 2, "version differs between the editions"),
    "level": ("title: Tone", "title: Tone\nlevel: 2", 5, "level differs"),
    "groups": ("criteria:", "groups: [travel]\ncriteria:", 7, "groups differs"),
    "veto": ("level: 0", "level: 1", 41, "veto differs"),
    "weights": ("0.75", "0.7501", 18, "weight of friendly differs"),
    "threshold": ("threshold: 1", "threshold: 2", 20, "threshold of friendly differs"),
    "direction": ("lower_is_better", "higher_is_better", 36, "direction of wordy differs"),
    "source": ("kind: published", "kind: project", 37, "source of wordy differs"),
    "scale": ("step: 2", "step: 4", 27, "scale of wordy differs"),
    "packs": ("group: travel", "group: law", 56, "the packs are for other groups"),
    "principles": (
        "takes.\n        source: project\n",
        "takes.\n        source: project\n      - text: Be brief.\n        source: project\n",
        62,
        "pack 'travel' has other principles",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_editions_that_measure_different_things_are_found(name: str, tmp_path: Path) -> None:
    old, new, line, words = TWINS[name]
    write(tmp_path, _in_chinese(TONE), "tone.zh.yaml")
    text = swapped(old, new).replace(
        "        3: Somewhat long.\n", "" if name == "scale" else "        3: Somewhat long.\n"
    )
    path = write(tmp_path, text)

    (finding,) = lint(path)

    assert finding.rule == "twin"
    assert finding.line == line
    assert words in finding.what
    assert finding.fix == "make it agree with tone.zh.yaml"


def test_editions_with_other_criteria_are_found(tmp_path: Path) -> None:
    write(tmp_path, _in_chinese(TONE.replace("wordy", "long")), "tone.zh.yaml")

    (finding,) = lint(write(tmp_path, TONE))

    assert finding.what == "criteria are 'friendly, wordy' here and 'friendly, long' there"


def test_an_edition_whose_twin_does_not_load_is_told_so(tmp_path: Path) -> None:
    write(tmp_path, "id: tone\n", "tone.zh.yaml")

    (finding,) = lint(write(tmp_path, TONE))

    assert "tone.zh.yaml, does not load" in finding.what


def test_a_file_of_another_name_has_no_twin(tmp_path: Path) -> None:
    write(tmp_path, "id: tone\n", "tone.zh.yaml")

    assert lint(write(tmp_path, TONE, "mine.yaml")) == ()


def _in_chinese(text: str) -> str:
    """Give the sample another language; its texts stay, for no rule of twins reads them."""
    return text.replace("language: en", "language: zh")
