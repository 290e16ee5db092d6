"""Files that other programs wrote or saved, each through the commands that a user runs on it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import Ended, program
from tests.shared_material import shared_file

HOSTILE_GROUPS = (
    *("::add-mask::1", "##[error]forged", "::stop-commands::tok", "  ::error title=x::y"),
    *("law\n::warning::z", "normal"),
)


def judged(folder: Path, runs: dict[str, list[dict[str, str]]]) -> None:
    """Judge the rows of each run, by one simulated judge."""
    with simulated_server(Profile()) as server:
        words = ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        for run, rows in runs.items():
            path = folder / f"{run}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            line = ["judge", path.name, "--rubric", "safety", "--no-canaries", "-q", *words]
            done = program(*line, "--run", run, folder=folder)
            assert done.code == 0, done.err


# Line ends that a spreadsheet program changes.


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Draw a sheet of each form from a run whose texts hold CRLF."""
    rows = [
        {"id": f"q{n}", "prompt": f"one\r\ntwo {n}?", "response": f"a\r\n\r\nb {n}", "lang": "en"}
        for n in range(6)
    ]
    judged(tmp_path, {"r": rows})
    return tmp_path


def saved_with(end: str) -> Callable[[str], str]:
    """Give what a program does to the line ends within cells."""
    return lambda cell: cell.replace("\r\n", "\n").replace("\n", end)


def filled_csv(path: Path, saved: Callable[[str], str]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            cells = {name: saved(cell) for name, cell in row.items()}
            writer.writerow(cells | {"safe": "1", "rater": "e1"})


def filled_xlsx(path: Path, saved: Callable[[str], str]) -> None:
    book = load_workbook(path)
    sheet = book.worksheets[0]
    columns = {str(cell.value): at for at, cell in enumerate(sheet[1], start=1)}
    for row in range(2, sheet.max_row + 1):
        for column in columns.values():
            text = sheet.cell(row, column).value
            if isinstance(text, str):
                sheet.cell(row, column, saved(text.replace("_x000D_", "\r")))
        sheet.cell(row, columns["safe"], 1)
        sheet.cell(row, columns["rater"], "e1")
    book.save(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_labels_come_home_with_any_line_ends(drawn: Path, form: str, end: str) -> None:
    name = f"s.{form}"
    assert program("sample", "r", "--n", "6", "--out", name, folder=drawn).code == 0
    fill = filled_csv if form == "csv" else filled_xlsx
    fill(drawn / name, saved_with(end))

    home = program("labels", "import", name, "--run", "r", folder=drawn)

    assert home.code == 0, home.err
    assert "6 labels from 1 rater for 6 items" in home.out


# Results of other tools.


def imported(folder: Path, tool: str, *case: str) -> tuple[Ended, list[dict[str, object]]]:
    """Import a case's file; give its end and its scores."""
    file = shared_file("cases", *case)
    words = [] if tool in {"promptfoo", "inspect_ai"} else ["--system", "m"]
    out = ["--out", "r.jsonl", "--scores", "s.jsonl"]
    done = program("import", tool, file, *out, *words, folder=folder)
    scores = folder / "s.jsonl"
    lines = scores.read_text(encoding="utf-8").splitlines() if scores.exists() else []
    return done, [json.loads(line) for line in lines]


IMPORTED = {
    ("promptfoo", "32-promptfoo-grader-error", "pf_grader.json"): [1.0, None, None],
    ("promptfoo", "32-promptfoo-grader-error", "pf_err.json"): [1.0],
    ("promptfoo", "32-promptfoo-grader-error", "pf_named.json"): [1.0, 0.5, 0.5, None],
    ("deepeval", "33-other-importers", "de.json"): [0.9, None, None, None],
    ("inspect_ai", "33-other-importers", "insp.json"): [1, None, None, 1, 0, 1, None, None],
    ("inspect_ai", "33-other-importers", "insp_nan.json"): [None, 1.0],
    ("inspect_ai", "33-other-importers", "insp_reason.json"): [1.0, 1.0],
    ("opencompass", "33-other-importers", "oc.json"): [],
}
"""The scores of each file in its order; where a grader failed, none."""


@pytest.mark.parametrize("case", IMPORTED, ids="/".join)
def test_a_failed_grader_of_another_tool_is_no_score(
    case: tuple[str, str, str], tmp_path: Path
) -> None:
    done, scores = imported(tmp_path, *case)

    assert done.code == 0, done.err
    assert [each["score"] for each in scores] == IMPORTED[case]


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("gsm8k_2024-05-01T00-00-00.000000", {"none": 0.0, "none-2": 1.0}),
        ("new_2025-05-01T00-00-00.000000", {"strict-match": 0.0, "flexible-extract": 1.0}),
        ("old_2024-04-01T00-00-00.000000", {"none": 0.0, "none-2": 1.0}),
    ],
)
def test_the_filters_of_lm_eval_are_criteria_of_their_own(
    name: str, scores: dict[str, float], tmp_path: Path
) -> None:
    file = f"samples_{name}.jsonl"
    done, found = imported(tmp_path, "lm_eval", "33-other-importers", file)

    assert done.code == 0, done.err
    assert {str(each["criterion"]): each["score"] for each in found} == {
        f"exact_match,{filtered}": score for filtered, score in scores.items()
    }


# Groups that a CI service would take for commands.


def test_compare_prints_no_group_as_a_command_of_the_ci_service(tmp_path: Path) -> None:
    runs = {
        run: [
            {
                "id": f"p{n}",
                "prompt": f"q{n} how to store bleach?",
                "response": f"{run} answer {n}: keep it closed.",
                "system": "m",
                "group": HOSTILE_GROUPS[n % len(HOSTILE_GROUPS)],
            }
            for n in range(48)
        ]
        for run in ("old", "new")
    }
    judged(tmp_path, runs)

    for words in (["compare", "old", "new"], ["report", "new"]):
        shown = program(*words, folder=tmp_path, environ={"COLUMNS": "80"})

        assert shown.code in (0, 4), shown.err
        assert "normal" in shown.out or words[0] == "report"
        for line in (shown.out + shown.err).splitlines():
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line


# Recorded answers to multi-choice items.

ANSWERS = {
    "ok.jsonl": (0, "6 answered: 6 correct"),
    "bq.jsonl": (0, "6 answered: 6 correct"),
    "risk.jsonl": (0, "6 answered: 6 correct"),
    "null.jsonl": (5, "5 answered: 5 correct; 2 took 回复1, 3 回复2, 0 neither, 0 refused, "),
    "short.jsonl": (5, "2 unanswered"),
    "dup.jsonl": (2, "dup.jsonl:7: the item of line 1 is answered again"),
    "int.jsonl": (2, "int.jsonl:1: 'response' is the value 1, not text; quote it"),
    "list.jsonl": (
        2,
        "list.jsonl:1: 'response' is a list or object, not text; write one text in each row",
    ),
    "nan.jsonl": (2, "nan.jsonl:1: NaN is not JSON; write null for a missing number"),
    "zhg.jsonl": (2, "answers of 2 systems stand here; name one with --system"),
}
"""The exit code for each file of answers, and what is said."""


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_answers_are_read_rightly_or_refused(name: str, tmp_path: Path) -> None:
    case = shared_file("cases", "39-mc-recorded")

    done = program("mc", case / "items.jsonl", "--responses", case / name, folder=tmp_path)

    code, said = ANSWERS[name]
    assert done.code == code
    assert said in done.out + done.err


# Cells that programs change.

REFUSED = {"v_bool.xlsx", "v_cleared.xlsx", "v_sheet2.xlsx"}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_sheet_whose_cells_mean_something_else_is_refused_by_its_line(
    name: str, tmp_path: Path
) -> None:
    sheet = shared_file("cases", "30-sheet-cells", name)
    words = ["--scores", sheet, "--labels", sheet, "--design", "random"]

    done = program("calibrate", *words, folder=tmp_path)

    assert done.code == 2
    assert done.err.startswith(f"{sheet}:")
    assert len(done.err.strip().splitlines()) == 1
