"""`cvalues rubrics`: list, show, lint, diff."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.cli.console import guarded
from judge.cli.rubrics import app
from judge.grading.prompt_injection import reveal
from rubrics import load_rubric
from rubrics.library import LIBRARY
from rubrics.prompt import render
from rubrics.reply_schema import rubric_digest
from tests.cli.program import program
from tests.rubrics.samples import TONE, swapped, write
from tests.shared_material import attack_strings

Run = Callable[..., tuple[int, str, str]]

ITEM = {"id": "a", "prompt": "怎么办？", "response": "先报警。", "group": "law", "note": "kept"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as the program does; give its exit code, output and errors."""

    def command(*words: str | Path) -> tuple[int, str, str]:
        code = guarded(lambda: app(list(map(str, words))))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


def item_file(folder: Path, **changes: object) -> Path:
    path = folder / "item.json"
    path.write_text(json.dumps({**ITEM, **changes}), encoding="utf-8")
    return path


def test_list_names_every_rubric_and_criterion(run: Run) -> None:
    code, out, err = run("list")

    assert (code, err) == (0, "")
    for word in ("refusal", "response-tier", "responsibility", "safety", "values-grade", "safe,"):
        assert word in out


def test_list_as_json_has_languages_titles_and_criteria(run: Run) -> None:
    _, out, _ = run("list", "--json")

    assert json.loads(out)[6] == {
        "id": "safety",
        "languages": ["zh", "en"],
        "titles": ["安全性", "Safety"],
        "criteria": ["safe", "severity"],
    }


@pytest.mark.parametrize(("lang", "title"), [("zh", "安全性"), ("en", "Safety")])
def test_show_gives_every_level_and_its_source(run: Run, lang: str, title: str) -> None:
    rubric = load_rubric("safety", language=lang)

    code, out, _ = run("show", "safety", "--lang", lang)

    assert code == 0
    assert title in out
    assert rubric_digest(rubric) in out
    for criterion in rubric.criteria:
        assert criterion.source.reference in out
        assert all(anchor.text in out for anchor in criterion.scale.anchors)


def test_show_marks_where_each_principle_comes_from(run: Run) -> None:
    _, out, _ = run("show", "responsibility", "--lang", "en")

    assert out.count("  [published] ") == 14
    assert out.count("  [project] ") == 24
    assert "acceptable from 5" in out


def test_show_as_json_loads_back_as_the_same_rubric(run: Run) -> None:
    _, out, _ = run("show", "responsibility", "--json")
    shown = json.loads(out)

    assert shown["digest"] == rubric_digest(load_rubric("responsibility"))
    assert next(iter(shown["reply_schema"]["properties"])) == "overall"
    assert shown["packs"][3]["group"] == "law"


def test_render_prints_the_very_messages_of_a_call(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("show", "responsibility", "--render", item_file(tmp_path), "--json")
    system, user = json.loads(out)["messages"]

    assert code == 0
    assert system == {
        "role": "system",
        "content": render(load_rubric("responsibility"), group="law"),
    }
    assert user["role"] == "user"
    assert reveal(user["content"]) == {"prompt": "怎么办？", "response": "先报警。"}


def test_render_follows_the_language_of_the_item(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("show", "safety", "--render", item_file(tmp_path, lang="en"))

    assert "\n# Task\n" in out
    assert "--- system ---" in out
    assert "--- user ---" in out


def test_hostile_material_stays_in_its_block(run: Run, tmp_path: Path) -> None:
    quiet = run("show", "safety", "--render", item_file(tmp_path))[1]
    trusted = quiet.split("--- user ---")[0]

    for attack in attack_strings()[::10]:
        path = item_file(tmp_path, response=attack["text"])
        out = run("show", "safety", "--render", path)[1]

        assert out.startswith(trusted)
        assert len(out[len(trusted) :].strip().split("\n")) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "item.json:1: "),
        (b'{"id": "a",\n"prompt": }', "item.json:2: "),
        (b"[1]", "not an object; write one item"),
        (b"\xff\xfe", "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON in UTF-8"),
        (b'{"id": "a", "prompt": "b"}', "response is missing; an item has id, prompt and response"),
        (b'{"id": 1, "prompt": "b", "response": "c"}', "id has the wrong kind of value"),
        (b" " * (4 * 1024 * 1024 + 1), "larger than 4 MiB"),
    ],
)
def test_a_bad_item_is_refused_in_one_line(
    run: Run, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "item.json"
    path.write_bytes(content)

    code, out, err = run("show", "safety", "--render", path)

    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_an_item_that_is_not_there_is_bad_input(run: Run, tmp_path: Path) -> None:
    code, _, err = run("show", "safety", "--render", tmp_path / "none.json")

    assert code == 2
    assert "none.json: No such file or directory" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "safty"), "no rubric 'safty'; did you mean 'safety'?\n"),
        (("show", "safety", "--lang", "fr"), "rubric 'safety' has no edition in 'fr'; choose"),
        (("diff", "safety", "nothing.yaml"), "nothing.yaml: not a readable file; name a YAML"),
    ],
)
def test_a_wrong_name_ends_with_one_line_and_exit_code_2(
    run: Run, words: tuple[str, ...], message: str
) -> None:
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_lint_finds_nothing_in_the_library(run: Run) -> None:
    code, out, err = run("lint", *sorted(LIBRARY.glob("*.yaml")))

    assert (code, out) == (0, "")
    assert err == "nothing to mend in 16 files\n"


def test_lint_says_where_a_file_does_not_load(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, swapped("instructions:", "instruction:"))

    code, out, err = run("lint", path)

    assert (code, out) == (2, "")
    assert err == (
        f"{path}:6: unknown key 'instruction'; did you mean 'instructions'? [document] "
        "(and 1 more)\n"
    )


def test_lint_prints_findings_and_fails_on_errors(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, swapped("Rambling.", "TODO"))

    code, out, err = run("lint", path)

    assert code == 2
    assert out == f"{path}:34: 'TODO' looks like a placeholder; write it out [placeholder]\n"
    assert err == "1 of 1 finding must be mended\n"


def test_lint_passes_warnings(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("lint", write(tmp_path, swapped("threshold: 1", "threshold: 0")))

    assert code == 0
    assert "[threshold-idle]" in out


def test_lint_as_json_gives_rows(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, swapped("Rambling.", "TODO"))

    code, out, _ = run("lint", path, "--json")

    assert code == 2
    assert json.loads(out) == [
        {
            "rule": "placeholder",
            "severity": "error",
            "path": str(path),
            "line": 34,
            "what": "'TODO' looks like a placeholder",
            "fix": "write it out",
        }
    ]


def test_diff_puts_changes_of_meaning_first(run: Run, tmp_path: Path) -> None:
    one = write(tmp_path, TONE, "one.yaml")
    changed = swapped("Cold but correct.", "Cool but correct.").replace(
        "title: Tone", "title: Mood"
    )
    two = write(tmp_path, changed, "two.yaml")

    code, out, _ = run("diff", one, two)

    assert code == 0
    assert out.split("\n")[1:] == [
        "",
        "1 alter what a judge is told, may answer, or is scored:",
        "  criteria.friendly.anchors.1 [prompt]",
        "    - Cold but correct.",
        "    + Cool but correct.",
        "",
        "1 no judge and no score can notice:",
        "  title",
        "    - Tone",
        "    + Mood",
        "",
    ]


def test_diff_of_equal_rubrics_says_so(run: Run) -> None:
    code, out, _ = run("diff", "safety", "safety")

    assert code == 0
    assert out.endswith("\nno difference\n")


def test_diff_shows_long_texts_from_where_they_part(run: Run, tmp_path: Path) -> None:
    long = "Judge the tone. " * 20
    one = write(tmp_path, swapped("Judge the tone of the reply.", f"{long}End."), "one.yaml")
    two = write(tmp_path, swapped("Judge the tone of the reply.", f"{long}Stop."), "two.yaml")

    _, out, _ = run("diff", one, two)

    assert "    - …udge the tone. End.\n" in out
    assert "    + …udge the tone. Stop.\n" in out


def test_diff_as_json_tells_whether_the_meaning_is_the_same(run: Run, tmp_path: Path) -> None:
    one = write(tmp_path, TONE, "one.yaml")
    two = write(tmp_path, swapped("title: Tone", "title: Mood"), "two.yaml")

    _, out, _ = run("diff", one, two, "--json")
    told = json.loads(out)

    assert told["same_meaning"] is True
    assert told["before"]["digest"] == told["after"]["digest"]
    assert told["changes"] == [{"at": "title", "before": "Tone", "after": "Mood", "alters": []}]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_rubric_is_printed_as_a_file_that_can_be_read_again(tmp_path: Path, lang: str) -> None:
    shown = program("rubrics", "show", "safety", "--lang", lang, "--yaml", folder=tmp_path)
    (tmp_path / "mine.yaml").write_text(shown.out, encoding="utf-8")

    linted = program("rubrics", "lint", "mine.yaml", folder=tmp_path)

    assert linted.code == 0, linted.err
