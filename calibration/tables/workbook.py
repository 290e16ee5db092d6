"""XLSX: one sheet with a header in row 1, read after everything in the file has been checked.

The parts that are needed are checked and copied into an archive of our own, and only that goes to
calamine: it sees nothing that was not checked. Formulas, error cells, merged cells, cells out of
their place and links to other files are refused: the library would give the stale value of a
formula and an empty text for an error, and ends the whole program when one cell claims to stand
very far from the others. Hidden rows and columns are read like others; a sheet that is hidden
counts when the only sheet is looked for.
"""

import io
import math
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from calibration.tables.archive import Archive, open_archive
from calibration.tables.errors import Place, TableError
from calibration.tables.parts import (
    MAIN,
    SHEET,
    STRINGS,
    STYLES,
    Contents,
    PlainCopy,
    Sheet,
    Starts,
    read_contents,
    walk,
)
from calibration.tables.printable import clipped
from calibration.tables.rows import MAX_COLUMNS, Columns, Row, check_names
from calibration.tables.source import open_plain

_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

MAX_CELLS = 2_000_000
"""Cells of the rectangle from A1 to the last row and column in use, empty ones included."""

_MAX_ROW = 1_048_576
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_NUMBER = re.compile(r"[1-9][0-9]{0,6}")
_TYPES = {"b", "d", "e", "inlineStr", "n", "s", "str"}
_WITHIN_CELL = {"f", "v", "is", "t", "r", "rPr", "rPh", "phoneticPr"}
_RESAVE = "save the workbook again as .xlsx"


def read_workbook(columns: Columns, sheet: str | None) -> Iterator[Row]:
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
        archive = open_archive(file, columns.source)
        contents = read_contents(archive)
        checked = _checked_copy(archive, contents, _chosen(contents.sheets, sheet, place))
    rows = _filled(_cells(checked, place), place)
    line, header = next(rows, (1, list[object]()))
    names = _names(header, Place(columns.source, line))
    columns.check(names, line)
    for line, cells in rows:
        yield _row(Place(columns.source, line), names, cells)


def _chosen(sheets: Sequence[Sheet], name: str | None, place: Place) -> Sheet:
    found = [sheet for sheet in sheets if name in {None, sheet.name}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"'{clipped(sheet.name, 20)}'" for sheet in sheets[:6])
    if name is not None and not found:
        raise place.error(f"no sheet is named '{clipped(name)}'", f"name one of {names or 'none'}")
    if not sheets:
        raise place.error("the workbook has no sheet", "save the workbook again as .xlsx")
    raise place.error(
        f"{len(found)} sheets where one should be: {names}", "keep one, or say which (hidden too)"
    )


def _checked_copy(archive: Archive, contents: Contents, sheet: Sheet) -> io.BytesIO:
    copy = io.BytesIO()
    parts = {"sharedStrings": (contents.strings, STRINGS), "styles": (contents.styles, STYLES)}
    needed = ["worksheet", *(kind for kind, (part, _) in parts.items() if part is not None)]
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("_rels/.rels", _links_xml({"officeDocument": "xl/workbook.xml"}))
        packed.writestr("xl/workbook.xml", _workbook_xml(since_1904=contents.since_1904))
        links = _links_xml({kind: f"{kind}.xml" for kind in needed})
        packed.writestr("xl/_rels/workbook.xml.rels", links)
        with packed.open("xl/worksheet.xml", "w") as target:
            walk(archive, sheet.part, PlainCopy(target, SHEET, SheetScan(archive.place)))
        for kind, (part, kept) in parts.items():
            if part is not None:
                with packed.open(f"xl/{kind}.xml", "w") as target:
                    walk(archive, part, PlainCopy(target, kept))
    copy.seek(0)
    return copy


def _workbook_xml(*, since_1904: bool) -> str:
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{_LINKS}"><workbookPr date1904="{since_1904:d}"/>'
        '<sheets><sheet name="table" sheetId="1" r:id="worksheet"/></sheets></workbook>'
    )


def _links_xml(targets: Mapping[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="{kind}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>'


def _cells(checked: io.BytesIO, place: Place) -> Iterator[tuple[int, list[object]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        table = CalamineWorkbook.from_filelike(checked).get_sheet_by_index(0)
    except CalamineError as error:
        raise place.error(
            f"the sheet cannot be read: {clipped(str(error), 80)}",
            "save the workbook again as .xlsx",
        ) from error
    for line, cells in enumerate(table.to_python(skip_empty_area=False), 1):
        yield line, list[object](cells)


def _filled(
    rows: Iterator[tuple[int, list[object]]], place: Place
) -> Iterator[tuple[int, list[object]]]:
    """Leave out the empty rows at the end."""
    blank: int | None = None
    for line, cells in rows:
        if all(cell == "" for cell in cells):
            blank = blank or line
            continue
        if blank is not None:
            raise Place(place.source, blank).error("the row is empty", "delete it")
        yield line, cells


def _names(header: Sequence[object], place: Place) -> list[str]:
    names: list[str] = []
    for cell in header:
        if not isinstance(cell, str):
            raise place.error(
                f"the column name {clipped(str(cell))} is not text", "name the columns in row 1"
            )
        names.append(cell)
    while names and not names[-1]:
        names.pop()
    if not names:
        raise place.error("there is no header", "name the columns in row 1")
    check_names(names, place)
    return names


def _row(place: Place, names: Sequence[str], cells: Sequence[object]) -> Row:
    if any(cell != "" for cell in cells[len(names) :]):
        raise place.error(
            "a cell stands to the right of the last named column", "name the column, or clear it"
        )
    for name, cell in zip(names, cells, strict=False):
        _check_cell(place, name, cell)
    return Row(place.line or 1, dict(zip(names, cells, strict=False)), place.source, "xlsx")


def _check_cell(place: Place, name: str, cell: object) -> None:
    if isinstance(cell, float) and not math.isfinite(cell):
        raise place.error(f"'{clipped(name)}' holds no finite number", "type it again")
    if isinstance(cell, str) and (found := _UNSTORABLE.search(cell)):
        raise place.error(
            f"'{clipped(name)}' holds U+{ord(found.group()):04X}, which is no character",
            "type it again",
        )


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
