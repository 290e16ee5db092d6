"""What a sheet must not hold: formulas, error cells, merged cells, and cells out of their place.

The scan runs before a workbook library reads the sheet. The library would give the stale value
of a formula, an empty text for an error, and ends the whole program when one cell claims to
stand very far from the others.
"""

import re
from collections.abc import Mapping

from calibration.tables.errors import Place, TableError
from calibration.tables.parts import Starts
from calibration.tables.printable import clipped
from calibration.tables.rows import MAX_COLUMNS

MAX_CELLS = 2_000_000
"""Cells of the rectangle from A1 to the last row and column in use, empty ones included."""

_MAX_ROW = 1_048_576
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_NUMBER = re.compile(r"[1-9][0-9]{0,6}")
_TYPES = {"b", "d", "e", "inlineStr", "n", "s", "str"}
_WITHIN_CELL = {"f", "v", "is", "t", "r", "rPr", "rPh", "phoneticPr"}
_RESAVE = "save the workbook again as .xlsx"


class SheetScan(Starts):
    """Visits the elements of one sheet in order; a bad one raises a TableError.

    Parameters
    ----------
    place : Place
        The file, for messages.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._row = 0
        self._column = 0
        self._widest = 0
        self._tables = 0
        self._in_cell = False

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Take the beginning of the next element."""
        # Drop-down lists have formulas too, in an 'f' that stands in no cell.
        self._in_cell = name == "c" or (self._in_cell and name in _WITHIN_CELL)
        if name == "c":
            self._cell(fields)
        elif name == "row":
            self._next_row(fields.get("r"))
        elif name == "f" and self._in_cell:
            raise self._error("holds a formula", "copy the column and paste it back as values")
        elif name == "mergeCell":
            raise self._place.error(
                f"the cells {clipped(fields.get('ref', ''))} are merged", "unmerge them"
            )
        elif name == "sheetData":
            self._tables += 1
            if self._tables > 1:
                raise self._place.error("the sheet holds two tables", _RESAVE)

    def _next_row(self, number: str | None) -> None:
        if number is not None and not _NUMBER.fullmatch(number):
            raise self._place.error(f"a row is numbered '{clipped(number)}'", _RESAVE)
        row = self._row + 1 if number is None else int(number)
        if not self._row < row <= _MAX_ROW:
            raise self._place.error(f"row {row} stands after row {self._row}", _RESAVE)
        self._row = row
        self._column = 0

    def _cell(self, fields: Mapping[str, str]) -> None:
        column = self._column + 1
        if "r" in fields:
            column = self._column_of(fields["r"])
        before, self._column = self._column, column
        if column <= before:
            raise self._error(f"stands after cell {column_letters(before)}{self._row}", _RESAVE)
        self._widest = max(self._widest, column)
        if column > MAX_COLUMNS:
            raise self._error(
                f"is beyond column {MAX_COLUMNS}", "remove the columns that are not needed"
            )
        if self._row * self._widest > MAX_CELLS:
            raise self._error(
                f"makes the sheet larger than {MAX_CELLS} cells",
                "delete the empty rows below the table, or use CSV",
            )
        self._check_type(fields.get("t", "n"))

    def _column_of(self, reference: str) -> int:
        found = _REFERENCE.fullmatch(reference)
        if found is None or int(found[2]) != self._row:
            raise self._place.error(
                f"a cell of row {self._row} calls itself '{clipped(reference)}'", _RESAVE
            )
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - 64
        return column

    def _check_type(self, kind: str) -> None:
        if kind not in _TYPES:
            raise self._error(f"is of the unknown type '{clipped(kind)}'", _RESAVE)
        if kind == "e":
            raise self._error("holds an error such as #N/A", "put a value there, or clear it")
        if kind == "d":
            raise self._error("holds a date", "format the column as text and type it again")

    def _error(self, what: str, fix: str) -> TableError:
        where = Place(self._place.source, self._row or None)
        return where.error(f"cell {column_letters(self._column)}{self._row} {what}", fix)


def column_letters(number: int) -> str:
    """Name a column as sheets do.

    Examples
    --------
    >>> column_letters(1), column_letters(28)
    ('A', 'AB')
    """
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
