"""Cells of spreadsheets that are never run: the one sink for text from data sets and models."""

import math
import re
from typing import TYPE_CHECKING

from calibration.tables.printable import inert

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

MAX_SHEET_TEXT = 32_767
"""Characters that a cell of a sheet holds; openpyxl cuts what is longer without a word."""

Value = str | int | float | bool | None

_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_BLANK = re.compile("[ \t\n]")
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


def csv_cell(value: Value) -> str | int | float:
    """Prepare a value for `csv.writer` in a file that people may open in a spreadsheet program.

    Parameters
    ----------
    value : str, int, float, bool or None
        Texts that would run become inert, headers included; finite numbers stay numbers; None
        is an empty cell.

    Returns
    -------
    str, int or float
        `calibration.tables.printable.restored` gives a text back unchanged.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    return value if math.isfinite(value) else inert(str(value))


def sheet_text(text: str) -> str:
    """Write a text the way a sheet stores it, with what XML cannot hold as ``_xHHHH_``.

    Excel and `calibration.tables` read the text back unchanged, save the non-characters U+FFFE
    and U+FFFF, which calamine leaves written out.

    Raises
    ------
    ValueError
        If the cell could not hold it whole.
    """
    stored = _NOT_XML.sub(_code, _ESCAPED.sub("_x005F_", text))
    if not stored.strip():
        # openpyxl does not mark a text of blanks alone as one, and readers would drop them.
        stored = _BLANK.sub(_code, stored)
    if len(stored) > MAX_SHEET_TEXT:
        raise ValueError(
            f"a text of {len(stored)} characters does not fit a cell of {MAX_SHEET_TEXT}; "
            "export it as CSV or JSONL."
        )
    return stored


def set_cell(cell: "Cell", value: Value) -> None:
    """Put a value into a sheet so that no text of it is ever run.

    Parameters
    ----------
    cell : openpyxl cell
    value : str, int, float, bool or None
        Texts are stored as texts whatever they start with; numbers stay numbers.

    Raises
    ------
    ValueError
        If a text is longer than a cell can hold.
    """
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = sheet_text(value)
    cell.data_type = "s"


def _code(found: re.Match[str]) -> str:
    return f"_x{ord(found.group()):04X}_"
