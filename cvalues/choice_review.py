"""Answers that a person has to read: out as a sheet, back as readings.

The sheet shows no right answer. Each row carries a digest of its texts, so that an edited text is
noticed; only the column ``reading`` is to be filled in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from calibration.tables import Row, TableError, choice, read_rows, text
from cvalues.choice_parsing import READINGS, Reading
from cvalues.multiple_choice import ChoiceAnswer
from judge.exporters.atomic import replacing
from judge.exporters.cells import MAX_SHEET_TEXT, set_cell

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

COLUMNS: Final = ("id", "prompt", "response", "reading", "digest")
_WIDTHS: Final = (22, 70, 70, 14, 20)
_CUT = " […]"
_MOST = MAX_SHEET_TEXT // 7
"""Characters of a text that a cell shows; written as ``_xHHHH_`` each still fits."""


def write_review(path: Path, answers: Iterable[ChoiceAnswer]) -> int:
    """Write the answers that the parser left to a person.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` file; replaced only when everything has been written.
    answers : iterable of ChoiceAnswer

    Returns
    -------
    int
        Answers written. Without any, the file holds the header alone.
    """
    from openpyxl import Workbook

    unread = [answer for answer in answers if answer.read().reading == "Need_Check"]
    book = Workbook()
    sheet: Worksheet = book.create_sheet("review", 0)
    del book["Sheet"]
    for line, values in enumerate([COLUMNS, *map(_cells, unread)], 1):
        for column, value in enumerate(values, 1):
            set_cell(cast("Cell", sheet.cell(line, column)), value)
    _lay_out(sheet, rows=len(unread))
    with replacing(path) as file:
        book.save(file)
    return len(unread)


def read_review(path: str | Path, answers: Iterable[ChoiceAnswer]) -> dict[str, Reading]:
    """Read back what a person decided.

    Parameters
    ----------
    path : str or Path
        What `write_review` wrote, with ``reading`` filled in; rows may be missing.
    answers : iterable of ChoiceAnswer
        Those that the sheet was written for.

    Returns
    -------
    dict of str to Reading
        By item id; rows still at ``Need_Check`` are left out.

    Raises
    ------
    TableError
        If another cell was edited, a reading is none of the five, a row stands twice, or answers
        no item.
    """
    known = {answer.item.id: answer for answer in answers}
    readings: dict[str, Reading] = {}
    seen: dict[str, int] = {}
    for row in read_rows(path, required=COLUMNS, min_rows=0):
        key = text(row, "id")
        if key in seen:
            raise row.error(f"the item stands in row {seen[key]} too", "keep one of the two")
        seen[key] = row.line
        _check(row, known)
        reading = _reading(row)
        if reading != "Need_Check":
            readings[key] = reading
    return readings


def _cells(answer: ChoiceAnswer) -> tuple[str, ...]:
    response = answer.response or ""
    shown = (_shown(answer.item.prompt), _shown(response))
    return (answer.item.id, *shown, "Need_Check", _digest(answer.item.prompt, response))


def _reading(row: Row) -> Reading:
    word = choice(row, "reading", READINGS)
    return next(reading for reading in READINGS if reading == word)


def _check(row: Row, known: Mapping[str, ChoiceAnswer]) -> None:
    answer = known.get(text(row, "id"))
    if answer is None:
        raise row.error("no item of the run has this id", "give the sheet of this run")
    written = dict(zip(COLUMNS, _cells(answer), strict=True))
    for name in ("digest", "prompt", "response"):
        if text(row, name, empty=True) != written[name]:
            raise _edited(row, name)


def _edited(row: Row, name: str) -> TableError:
    letter = chr(ord("A") + list(row.values).index(name))
    return row.error(
        f"cell {letter}{row.line} ('{name}') is not what was written",
        "undo the edit; only 'reading' is to be filled in",
    )


def _shown(written: str) -> str:
    return written if len(written) <= _MOST else written[:_MOST] + _CUT


def _digest(*texts: str) -> str:
    joined = "\x1f".join(texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _lay_out(sheet: "Worksheet", *, rows: int) -> None:
    from openpyxl.styles import Alignment
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet.freeze_panes = "A2"
    for column, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row in sheet.iter_rows(min_row=2, max_row=rows + 1):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    menu = f'"{",".join(READINGS)}"'
    filled = f"D2:D{max(rows, 1) + 1}"
    sheet.add_data_validation(DataValidation(type="list", formula1=menu, sqref=filled))
