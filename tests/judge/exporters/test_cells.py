"""Exported cells: no text of a data set or a model is ever run, and all come back whole."""

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from judge.exporters.tables import MAX_SHEET_TEXT, Value, csv_cell, set_cell, sheet_text
from judge.files.decoding import restored
from judge.files.read import read_rows

TEXTS = [
    "=1+1",
    "+1",
    "-1+1|cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''=1",
    "a\rb\r\nc\nd",
    "_x0041_ _x005F_",
    " \t\n",
    "\u2028\n",
    " \u3000",
    "  blanks  ",
    "\x1b[31m\x00"[:-1],
    "\ufeff中文",
    "🙂",
    '"quoted", and, separated;',
]
SHEET_TEXTS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\x00\ufffe\uffff"), max_size=50
)


def sheet_with(path: Path, texts: list[str]) -> Path:
    book = Workbook()
    sheet = book.create_sheet("t")
    del book["Sheet"]
    for line, value in enumerate(["text", *texts], 1):
        set_cell(sheet.cell(line, 1), value)
        set_cell(sheet.cell(line, 2), "end")
    book.save(path)
    return path


def test_texts_come_back_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "k"], *([csv_cell(text), "end"] for text in TEXTS)])

    assert [restored(str(row.values["text"])) for row in read_rows(path)] == TEXTS


def test_texts_come_back_from_xlsx(tmp_path: Path) -> None:
    path = sheet_with(tmp_path / "a.xlsx", TEXTS)

    assert [row.values["text"] for row in read_rows(path)] == TEXTS


@given(texts=st.lists(SHEET_TEXTS | st.text(alphabet="_x0041F=' \t\r\n\u3000"), min_size=1))
def test_any_text_comes_back_from_xlsx(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = sheet_with(tmp_path_factory.mktemp("xlsx") / "a.xlsx", texts)

    assert [row.values["text"] for row in read_rows(path)] == texts


def test_no_cell_of_a_sheet_is_a_formula(tmp_path: Path) -> None:
    book = load_workbook(sheet_with(tmp_path / "a.xlsx", TEXTS))

    kinds = {cell.data_type for row in book["t"].rows for cell in row}

    assert kinds == {"s"}


@pytest.mark.parametrize(
    ("value", "written"),
    [(5, 5), (-0.5, -0.5), (None, ""), (True, "true"), (False, "false"), ("-5", "-5")],
)
def test_numbers_stay_numbers_in_csv(value: Value, written: object) -> None:
    assert csv_cell(value) == written


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_none_are_inert_words(value: float) -> None:
    cell = Workbook().create_sheet("t").cell(1, 1)

    set_cell(cell, value)

    assert cell.data_type == "s"
    assert csv_cell(value) == {"inf": "inf", "-inf": "'-inf", "nan": "nan"}[str(value)]


@pytest.mark.parametrize("value", [5, 2.5, True, None])
def test_numbers_stay_numbers_in_a_sheet(value: Value) -> None:
    cell = Workbook().create_sheet("t").cell(1, 1)

    set_cell(cell, value)

    assert cell.value == value


def test_a_text_that_a_cell_cannot_hold_is_refused_not_cut() -> None:
    assert sheet_text("x" * MAX_SHEET_TEXT) == "x" * MAX_SHEET_TEXT
    with pytest.raises(ValueError, match="32768 characters does not fit a cell of 32767"):
        sheet_text("x" * (MAX_SHEET_TEXT + 1))
