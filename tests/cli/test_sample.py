"""Sheets that `cvalues sample` draws, filled in and brought home."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from defusedxml import ElementTree
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from judge.exporters.tables import set_cell
from judge.manifest import KIND, Sample
from judge.store.store import open_store
from tests.cli.program import Ended, program
from tests.cli.test_calibrate import run_of


def drawn(folder: Path, name: str, *more: str) -> Ended:
    """Draw 20 of the 100 items of a run into a sheet."""
    run_of(folder, [])
    return program(
        "sample", "r", "--n", "20", "--out", folder / name, "--store", folder / "releases.db",
        *more, folder=folder,
    )  # fmt: skip


def brought_home(folder: Path, name: str, *more: str) -> Ended:
    """Import a sheet."""
    return program(
        "labels", "import", folder / name, "--run", "r", "--store", folder / "releases.db",
        *more, folder=folder,
    )  # fmt: skip


def on_record(folder: Path) -> Sample:
    """Read the draw from the store."""
    store = open_store(str(folder / "releases.db"))
    body = store.latest_document(store.runs()[0], KIND)
    store.close()
    assert body is not None
    return Sample.model_validate_json(body)


def edited(path: Path, edit: Callable[[Worksheet, dict[str, int]], None]) -> None:
    """Change a workbook as an expert would."""
    book = load_workbook(path)
    sheet = book.worksheets[0]
    columns = {str(cell.value): number for number, cell in enumerate(sheet[1], start=1)}
    edit(sheet, columns)
    book.save(path)


def fill(sheet: Worksheet, columns: dict[str, int]) -> None:
    """Call every item safe."""
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, columns["safe"], 1)
        sheet.cell(row, columns["rater"], "expert-1")


def test_a_sheet_shows_neither_system_nor_judge(tmp_path: Path) -> None:
    drawn(tmp_path, "s.csv")

    with (tmp_path / "s.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["task", "prompt", "response", "safe", "note", "rater", "text_sha256"]
    assert len({row["task"] for row in rows}) == 20
    assert not any(row["task"] in {f"p{n}" for n in range(100)} for row in rows)


def test_the_draw_is_on_record_with_its_probabilities(tmp_path: Path) -> None:
    drawn(tmp_path, "s.jsonl", "--design", "by-verdict", "--criterion", "safe")

    sample = on_record(tmp_path)
    assert sum(1 / item.probability for item in sample.items) == pytest.approx(100)
    assert {item.probability for item in sample.items} == {10 / 80, 10 / 20}
    digests = {item.id: item.text_sha256 for item in sample.items}
    for name, digest in digests.items():
        number = name.removeprefix("p")
        assert digest == hashlib.sha256(f"? {number}\0r {number}".encode()).hexdigest()


def test_a_criterion_may_be_named_as_tables_print_it(tmp_path: Path) -> None:
    drawn(tmp_path, "s.jsonl", "--criterion", "safety.safe")

    assert on_record(tmp_path).asked == ("safe",)


def test_the_same_seed_draws_the_same_items(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        drawn(folder, "s.jsonl", "--seed", "7")

    assert [item.id for item in on_record(first).items] == [
        item.id for item in on_record(second).items
    ]


def test_hidden_columns_are_hidden_and_cells_take_levels_only(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    sheet = load_workbook(tmp_path / "s.xlsx").worksheets[0]
    hidden = [key for key, column in sheet.column_dimensions.items() if column.hidden]
    assert hidden == ["A", "G"]
    (validation,) = sheet.data_validations.dataValidation
    assert (validation.type, validation.formula1) == ("list", '"0 Unsafe,1 Safe,?,0,1"')
    assert str(validation.sqref) == "D2:D21"
    assert sheet.protection.sheet


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("safe", "20 labels"),
        ("0 Unsafe", "20 labels"),
        ("1\u3000安全", "20 labels"),
        ("0 Safe", "cell D2 holds '0 Safe', no level of safe; use 0 unsafe, 1 safe, 0 不安全"),
        ("perhaps", "cell D2 holds 'perhaps', no level of safe"),
    ],
)
def test_a_level_may_be_written_by_its_name_in_either_language(
    tmp_path: Path, word: str, said: str
) -> None:
    drawn(tmp_path, "s.xlsx")

    def named(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(2, columns["safe"], word)

    edited(tmp_path / "s.xlsx", named)
    ended = brought_home(tmp_path, "s.xlsx")

    assert said in ended.out + ended.err


def test_a_filled_sheet_comes_home_and_calibrates_as_drawn(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx", "--by", "group")
    edited(tmp_path / "s.xlsx", fill)

    home = brought_home(tmp_path, "s.xlsx")
    ended = program(
        "calibrate", "--run", "r", "--store", tmp_path / "releases.db", "--json", folder=tmp_path
    )

    assert home.out == "20 labels from 1 rater for 20 items\n", home.err
    answer = json.loads(ended.out)
    assert answer["design"] == "as-drawn"
    assert answer["findings"][0]["n_labelled"] == 20


def test_an_edited_hidden_cell_is_refused_by_its_name(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(5, columns["text_sha256"], "0" * 64)

    edited(tmp_path / "s.xlsx", spoil)

    ended = brought_home(tmp_path, "s.xlsx")

    assert ended.code == 2
    assert "s.xlsx:5: cell G5, a hidden one, was edited" in ended.err


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(3, columns["response"], "something else")

    edited(tmp_path / "s.xlsx", spoil)

    assert "the text beside cell A3 is not the one" in brought_home(tmp_path, "s.xlsx").err


def test_a_task_of_no_draw_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(4, columns["task"], "t-0000000000")

    edited(tmp_path / "s.xlsx", spoil)

    assert "cell A4 holds no task of the run's draw" in brought_home(tmp_path, "s.xlsx").err


def test_a_score_that_is_no_level_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(6, columns["safe"], 0.5)

    edited(tmp_path / "s.xlsx", spoil)

    assert "cell D6 holds 0.5, no level of safe" in brought_home(tmp_path, "s.xlsx").err


@pytest.mark.parametrize("mark", ["?", "？"])
def test_an_expert_who_cannot_assess_says_so_and_gives_no_number(tmp_path: Path, mark: str) -> None:
    drawn(tmp_path, "s.xlsx")

    def doubt(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(6, columns["safe"], mark)

    edited(tmp_path / "s.xlsx", doubt)

    assert brought_home(tmp_path, "s.xlsx").out == "20 labels from 1 rater for 20 items\n"
    store = open_store(str(tmp_path / "releases.db"))
    scores = [label.score for label in store.labels(store.runs()[0])]
    store.close()
    assert (scores.count(None), scores.count(1)) == (1, 19)


def test_a_score_beyond_the_scale_is_refused_by_its_cell(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
        fill(sheet, columns)
        sheet.cell(6, columns["safe"], 2)

    edited(tmp_path / "s.xlsx", spoil)

    assert "cell D6 holds 2, no level of safe" in brought_home(tmp_path, "s.xlsx").err


def test_an_unfilled_sheet_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, "s.xlsx")

    ended = brought_home(tmp_path, "s.xlsx", "--rater", "e")

    assert ended.code == 2
    assert "no score is filled in" in ended.err


def test_label_studio_tasks_come_home_as_annotations(tmp_path: Path) -> None:
    drawn(tmp_path, "s.labelstudio.json")
    path = tmp_path / "s.labelstudio.json"
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks):
        region = {"from_name": "safe", "type": "choices", "value": {"choices": [str(number % 2)]}}
        task["annotations"] = [
            {"completed_by": {"email": "a@b.c"}, "result": [region]},
            {"completed_by": 2, "was_cancelled": True, "result": [region]},
        ]
    path.write_text(json.dumps(tasks), encoding="utf-8")

    assert brought_home(tmp_path, path.name).out == "20 labels from 1 rater for 20 items\n"


def test_a_sheet_of_an_unknown_kind_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    ended = drawn(tmp_path, "s.pdf")

    assert ended.code == 2
    assert ".xlsx, .csv, .jsonl or .labelstudio.json" in ended.err


def test_a_sheet_that_came_home_already_adds_nothing_and_may_not_contradict(
    tmp_path: Path,
) -> None:
    drawn(tmp_path, "s.xlsx")
    edited(tmp_path / "s.xlsx", fill)
    brought_home(tmp_path, "s.xlsx")

    again = brought_home(tmp_path, "s.xlsx")

    assert (again.code, again.out.splitlines()[0]) == (0, "0 labels from 0 raters for 0 items")
    assert "already imported: 20 labels" in again.out

    def change(sheet: Worksheet, columns: dict[str, int]) -> None:
        sheet.cell(2, columns["safe"], 0)

    edited(tmp_path / "s.xlsx", change)
    other = brought_home(tmp_path, "s.xlsx")
    assert other.code == 2
    assert "'expert-1' rated item" in other.err
    assert "1 for safe before, and 0 here" in other.err
    assert len(other.err.splitlines()) == 1


def test_a_top_up_voids_no_sheet_and_repeats_no_item(tmp_path: Path) -> None:
    drawn(tmp_path, "first.xlsx")
    topped = program(
        "sample", "r", "--add", "40", "--out", tmp_path / "second.xlsx",
        "--store", tmp_path / "releases.db", folder=tmp_path,
    )  # fmt: skip
    for name in ("second.xlsx", "first.xlsx"):
        edited(tmp_path / name, fill)

    homes = [brought_home(tmp_path, name) for name in ("second.xlsx", "first.xlsx")]
    ended = program(
        "calibrate", "--run", "r", "--store", tmp_path / "releases.db", "--json", folder=tmp_path
    )

    assert topped.out.startswith("sample draw-2: 40 of 100 responses")
    assert "at least 30 labels of each criterion" in topped.out
    assert [home.out.split()[0] for home in homes] == ["40", "20"]
    assert json.loads(ended.out)["findings"][0]["n_labelled"] == 60


def test_the_screen_of_label_studio_has_a_control_for_each_criterion(tmp_path: Path) -> None:
    drawn(tmp_path, "s.labelstudio.json")

    screen = ElementTree.fromstring((tmp_path / "s.labelstudio.xml").read_text(encoding="utf-8"))
    asked = {each.get("name"): [level.get("value", "") for level in each]
             for each in screen.iter("Choices")}  # fmt: skip
    assert list(asked) == ["safe"]
    assert [value.split(" ")[0] for value in asked["safe"]] == ["0", "1", "?"]


def test_a_text_that_was_changed_in_label_studio_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, "s.labelstudio.json")
    path = tmp_path / "s.labelstudio.json"
    tasks = json.loads(path.read_text(encoding="utf-8"))
    tasks[3]["data"]["response"] = "something else"
    tasks[3]["annotations"] = []
    path.write_text(json.dumps(tasks[3:4]), encoding="utf-8")

    ended = brought_home(tmp_path, path.name)

    assert ended.code == 2
    assert "is not the text that was drawn" in ended.err


@pytest.mark.parametrize(
    ("words", "title", "unknown"),
    [
        ((), "Safe or not", "?: cannot assess"),
        (("--lang", "zh"), "是否安全", "?: 无法判断"),
        (("--lang", "en"), "Safe or not", "?: cannot assess"),
    ],
)
def test_a_sheet_says_what_the_levels_mean_in_the_language_asked_for(
    tmp_path: Path, words: tuple[str, ...], title: str, unknown: str
) -> None:
    drawn(tmp_path, "s.xlsx", *words)

    sheet = load_workbook(tmp_path / "s.xlsx").worksheets[0]
    (validation,) = sheet.data_validations.dataValidation
    assert validation.promptTitle == title
    assert str(validation.prompt).splitlines()[-1] == unknown


def test_label_studios_short_export_is_refused_with_what_to_export(tmp_path: Path) -> None:
    drawn(tmp_path, "s.labelstudio.json")
    tasks = json.loads((tmp_path / "s.labelstudio.json").read_text(encoding="utf-8"))
    short = [{**task["data"], "safe": "1 Safe", "annotator": 1} for task in tasks]
    (tmp_path / "min.json").write_text(json.dumps(short), encoding="utf-8")

    ended = brought_home(tmp_path, "min.json")

    assert ended.code == 2
    said = "min.json: [0] is of Label Studio's JSON_MIN export; export as JSON"
    assert ended.err.strip().endswith(said)


def test_a_cell_reads_from_right_to_left_where_its_text_does(tmp_path: Path) -> None:
    texts = {"p0": "نعم، paracetamol أولاً", "p1": "(שלום) world", "p2": "yes، نعم", "p3": "好"}
    book = Workbook()
    sheet = book.worksheets[0]
    for number, text in enumerate(texts.values(), start=1):
        set_cell(cast("Cell", sheet.cell(number, 1)), text)
    book.save(tmp_path / "a.xlsx")

    cells = load_workbook(tmp_path / "a.xlsx").worksheets[0]["A"]

    orders = [cell.alignment.readingOrder for cell in cells]
    assert orders == [2.0, 2.0, 0.0, 0.0]
