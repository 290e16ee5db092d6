"""ODS: one sheet of an OpenDocument workbook, with a header in row 1.

Its cells are read here and not by a library: an attribute that repeats a cell a thousand million
times costs nothing, because empty cells are counted and not kept. Formulas, merged cells and text
in place of a number's value are refused as in XLSX, of which the rows have the same types.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from judge.files.decoding import Place, TableError, clipped, open_plain
from judge.files.row import MAX_CELL, MAX_COLUMNS, Columns, Row
from judge.files.workbook import MAX_CELLS, Starts, column_letters, open_archive, table_rows, walk

CONTENT: Final = "content.xml"
_MANIFEST: Final = "META-INF/manifest.xml"
_NUMBERS: Final = frozenset(("float", "percentage", "currency"))
_SPACE: Final = {"s": " ", "tab": "\t", "line-break": "\n"}
_Cells = list[object]


def read_opendocument(columns: Columns, sheet: str | None) -> Iterator[Row]:
    """Give one row for each row of a sheet; rows empty at the end are ignored.

    Numbers come as float, dates as `datetime` values, empty cells as ``""``.

    Raises
    ------
    TableError
        If the workbook is damaged or hostile, has several sheets and none is named, or the sheet
        is no plain table.
    """
    place = Place(columns.source)
    with open_plain(columns.source) as file:
        scan = _Scan(place, sheet)
        archive = open_archive(file, columns.source, holds=CONTENT)
        if _MANIFEST.lower() in archive.entries and any(
            b"encryption-data" in chunk for chunk in archive.chunks(_MANIFEST)
        ):
            raise place.error("the workbook is encrypted", "save it without a password")
        walk(archive, CONTENT, scan)
    return table_rows(columns, iter(scan.rows()))


class _Scan(Starts):
    """Visits the content of a workbook and keeps the cells of one sheet."""

    def __init__(self, place: Place, wanted: str | None) -> None:
        self._place = place
        self._wanted = wanted
        self._names: list[str] = []
        self._kept: list[tuple[int, _Cells]] = []
        self._row: _Cells = []
        self._line = 0
        self._times = 1
        """How often the row is repeated."""
        self._blank = 0
        """Empty cells since the last one that holds something."""
        self._cell: dict[str, str] | None = None
        self._paragraphs: list[str] = []
        self._aside = 0
        """Elements open within a comment, whose text is not the cell's."""

    def rows(self) -> list[tuple[int, _Cells]]:
        """Give the rows that hold something, with their numbers, once the sheet is known."""
        if self._wanted is not None and self._wanted not in self._names:
            shown = ", ".join(f"'{clipped(name, 20)}'" for name in self._names[:6])
            raise self._place.error(
                f"no sheet is named '{clipped(self._wanted)}'", f"name one of {shown or 'none'}"
            )
        if not self._names:
            raise self._place.error("the workbook has no sheet", "save the workbook again as .ods")
        if self._wanted is None and len(self._names) != 1:
            shown = ", ".join(f"'{clipped(name, 20)}'" for name in self._names[:6])
            raise self._place.error(
                f"{len(self._names)} sheets where one should be: {shown}",
                "keep one, or say which",
            )
        return list(self._padded())

    def _padded(self) -> Iterator[tuple[int, _Cells]]:
        """Give each row the same number of cells, and one empty row for each gap."""
        widest = max((len(cells) for _, cells in self._kept), default=0)
        last = 0
        for line, cells in self._kept:
            if line > last + 1:
                yield last + 1, [""] * widest
            yield line, cells + [""] * (widest - len(cells))
            last = line

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Take the beginning of the next element."""
        if self._aside or name == "annotation":
            self._aside += 1
        elif name == "table":
            self._names.append(fields.get("table:name", ""))
            self._line = 0
        elif name == "table-row":
            self._row, self._blank = [], 0
            self._times = _times(fields.get("table:number-rows-repeated"))
        elif name in {"table-cell", "covered-table-cell"}:
            self._begin_cell(name, fields)
        elif name == "p" and self._cell is not None:
            self._paragraphs.append("")
        elif name in _SPACE and self._paragraphs:
            times = _times(fields.get("text:c"))
            if len(self._paragraphs[-1]) + times > MAX_CELL:
                raise self._error(f"holds more than {MAX_CELL} characters", "use JSONL")
            self._paragraphs[-1] += _SPACE[name] * times

    def text(self, words: str) -> None:
        """Take text between elements."""
        if self._paragraphs and not self._aside:
            self._paragraphs[-1] += words

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if self._aside:
            self._aside -= 1
        elif name in {"table-cell", "covered-table-cell"}:
            self._end_cell()
        elif name == "table-row":
            self._end_row()

    def _begin_cell(self, name: str, fields: Mapping[str, str]) -> None:
        spanned = fields.get("table:number-columns-spanned", "1")
        if name.startswith("covered") or spanned != "1":
            raise self._error("is merged with others", "unmerge the cells")
        if "table:formula" in fields:
            raise self._error("holds a formula", "copy the column and paste it back as values")
        self._cell = dict(fields)
        self._paragraphs = []

    def _end_cell(self) -> None:
        fields = self._cell or {}
        value = self._value(fields)
        times = _times(fields.get("table:number-columns-repeated"))
        if value == "":
            self._blank += times
        else:
            filled = len(self._row) + self._blank + times
            if filled > MAX_COLUMNS:
                raise self._error(
                    f"is beyond column {MAX_COLUMNS}", "remove the columns not needed"
                )
            self._row += [""] * self._blank + [value] * times
            self._blank = 0
        self._cell = None
        self._paragraphs = []

    def _end_row(self) -> None:
        first, self._line = self._line + 1, self._line + self._times
        if not self._row or self._wanted not in {None, self._names[-1] if self._names else ""}:
            return
        if self._line * len(self._row) > MAX_CELLS:
            raise self._place.error(f"the sheet is larger than {MAX_CELLS} cells", "use CSV")
        self._kept += [(line, self._row) for line in range(first, self._line + 1)]

    def _value(self, fields: Mapping[str, str]) -> object:
        kind = fields.get("office:value-type") or fields.get("calcext:value-type")
        if kind in _NUMBERS:
            return self._number(fields.get("office:value", ""))
        if kind == "boolean":
            return fields.get("office:boolean-value") == "true"
        if kind == "date":
            return self._date(fields.get("office:date-value", ""))
        if kind == "error":
            raise self._error("holds an error", "type its value")
        return fields.get("office:string-value") or "\n".join(self._paragraphs)

    def _number(self, written: str) -> float:
        try:
            number = float(written)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self._error("holds no finite number", "type it again")
        return number

    def _date(self, written: str) -> datetime:
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            raise self._error("holds no date", "type it again") from None

    def _error(self, what: str, fix: str) -> TableError:
        letters = column_letters(min(len(self._row) + self._blank + 1, MAX_COLUMNS))
        return self._place.error(f"cell {letters}{self._line + 1} {what}", fix)


def _times(written: str | None) -> int:
    if written is None or not (written.isascii() and written.isdecimal()):
        return 1
    return int(written) if len(written) < 10 else _MOST


_MOST: Final = 10**9
"""More often than any sheet has rows: what is repeated so often is refused, unless it is empty."""
