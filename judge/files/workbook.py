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
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Protocol
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from judge.files.decoding import Place, TableError, clipped, open_plain
from judge.files.row import MAX_COLUMNS, Columns, Row, check_names, refuse_header_again

# The zip archive around a workbook, checked before anything in it is parsed.

MAX_PACKED = 32 * 1024 * 1024
"""Bytes of the file."""

MAX_UNPACKED = 100 * 1024 * 1024
"""Bytes of all entries together."""

MAX_ENTRIES = 10_000
MAX_RATIO = 100
"""Bytes unpacked for each byte packed, in entries above 1 MiB; real sheets stay under 30."""

_SMALL = 1024 * 1024
_CHUNK = 64 * 1024
_OFFICE = b"\xd0\xcf\x11\xe0"

_RESAVE = "save the workbook again as .xlsx"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose list of entries is sound.

    Attributes
    ----------
    place : Place
        The file, for messages.
    entries : Mapping[str, ZipInfo]
        By name in lower case: Office takes names as equal in any case.
    """

    place: Place
    packed: zipfile.ZipFile
    entries: Mapping[str, zipfile.ZipInfo]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Unpack one entry piece by piece, never more than it declared.

        Raises
        ------
        TableError
            If it is missing or damaged.
        """
        entry = self.entries.get(name.lower())
        if entry is None:
            raise self.place.error(f"the workbook has no part '{clipped(name)}'", _RESAVE)
        try:
            with self.packed.open(entry) as part:
                while chunk := part.read(_CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise self.place.error(f"the part '{clipped(name)}' is damaged", _RESAVE) from error


def open_archive(file: BinaryIO, path: Path, *, holds: str = "xl/workbook.xml") -> Archive:
    """Open a workbook's archive after checking its sizes, names and kinds of entries.

    Parameters
    ----------
    file : binary file at its start
    path : Path
        As the user named it, for messages.
    holds : str
        The entry that makes it a workbook of its kind.

    Raises
    ------
    TableError
        If the archive is damaged, encrypted, hostile, or holds macros or links to other files.
    """
    place = Place(path)
    _check_kind(file, place)
    try:
        packed = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise place.error("the archive is damaged or cut off", _RESAVE) from error
    found = packed.infolist()
    if len(found) > MAX_ENTRIES:
        raise place.error(f"{len(found)} entries, more than {MAX_ENTRIES}", _RESAVE)
    for entry in found:
        _check_entry(entry, place)
    if sum(entry.file_size for entry in found) > MAX_UNPACKED:
        raise place.error("it unpacks to more than 100 MiB", "use CSV or JSONL for large tables")
    entries = {entry.filename.lower(): entry for entry in found}
    if len(entries) != len(found):
        raise place.error("two entries have the same name", _RESAVE)
    _check_contents(entries, place, holds)
    return Archive(place, packed, entries)


def _check_kind(file: BinaryIO, place: Place) -> None:
    head = file.read(8)
    size = file.seek(0, 2)
    file.seek(0)
    if head.startswith(_OFFICE):
        raise place.error(
            "the workbook is encrypted or in the old .xls format",
            "save it as .xlsx without a password",
        )
    if not head.startswith(b"PK\x03\x04"):
        raise _no_workbook(place)
    if size > MAX_PACKED:
        raise place.error("the workbook is larger than 32 MiB", "use CSV or JSONL for large tables")


def _check_entry(entry: zipfile.ZipInfo, place: Place) -> None:
    name = entry.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(mark in name for mark in "\\:\0"):
        raise place.error(f"an entry is named '{clipped(name)}', outside the workbook", _RESAVE)
    if entry.flag_bits & 1:
        raise place.error("the workbook is encrypted", "save it without a password")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise place.error("an unusual way of compression", _RESAVE)
    if entry.file_size > max(_SMALL, MAX_RATIO * entry.compress_size):
        raise place.error(
            f"an entry unpacks to more than {MAX_RATIO} times its size",
            "use CSV, if the table is really that large",
        )


def _no_workbook(place: Place) -> TableError:
    kind = place.source.suffix.lower() or ".xlsx"
    return place.error(f"this is no {kind} workbook", f"save it as {kind}, or name it what it is")


def _check_contents(names: Mapping[str, object], place: Place, holds: str) -> None:
    if any(PurePosixPath(name).name == "vbaproject.bin" for name in names):
        raise place.error("the workbook holds macros", "save it as .xlsx, without macros")
    if any(name.startswith("xl/externallinks/") for name in names):
        raise place.error(
            "the workbook takes values from other files", "break the links, keeping the values"
        )
    if holds not in names:
        raise _no_workbook(place)


# The XML parts of a workbook: walked without trusting any of them, and copied where needed.
#
# A workbook library believes what a file says of itself: one attribute that promises four
# thousand million strings makes it ask for so much memory that the whole program ends. So the
# copy that it gets holds only the elements and attributes on a list, none of which promises
# anything.


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Kept = Mapping[str, tuple[str, ...]]
"""Elements that are copied, each with the attributes that are."""

_TEXT: Kept = {"t": ("xml:space",), "r": (), "rPh": ()}
SHEET: Kept = {
    "worksheet": (),
    "sheetData": (),
    "row": ("r",),
    "c": ("r", "s", "t"),
    "v": (),
    "is": (),
    **_TEXT,
}
STRINGS: Kept = {"sst": (), "si": (), **_TEXT}
STYLES: Kept = {
    "styleSheet": (),
    "numFmts": (),
    "numFmt": ("numFmtId", "formatCode"),
    "cellXfs": (),
    "xf": ("numFmtId",),
}

_WITH_WORDS = frozenset(("t", "v"))
_FULL = 64 * 1024


class Visitor(Protocol):
    """Is shown a part in order; what it refuses it raises as a TableError."""

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Take the beginning of an element: its name without prefix, and its attributes."""
        ...

    def end(self, name: str) -> None:
        """Take the end of an element."""
        ...

    def text(self, words: str) -> None:
        """Take text between elements."""
        ...


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of the workbook.

    Attributes
    ----------
    name : str
        As its tab shows.
    part : str
        Name of the archive's entry.
    """

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a workbook holds.

    Attributes
    ----------
    sheets : tuple of Sheet
        Hidden ones too, in the order of their tabs.
    strings, styles : str or None
        The entries that cells refer to.
    since_1904 : bool
        Whether days are counted from 1904, as old Macintosh files do.
    """

    sheets: tuple[Sheet, ...]
    strings: str | None
    styles: str | None
    since_1904: bool


def read_contents(archive: Archive) -> Contents:
    """Read which sheets there are, and where.

    Raises
    ------
    TableError
        If the workbook's own parts are damaged or hostile.
    """
    links = _Links()
    book = _Book()
    walk(archive, "xl/_rels/workbook.xml.rels", links)
    walk(archive, "xl/workbook.xml", book)
    by_kind = dict(links.found.values())
    sheets = [(name, *links.found.get(link, ("", ""))) for name, link in book.sheets]
    return Contents(
        sheets=tuple(Sheet(name, part) for name, kind, part in sheets if kind == "worksheet"),
        strings=by_kind.get("sharedStrings"),
        styles=by_kind.get("styles"),
        since_1904=book.since_1904,
    )


class Starts:
    """A visitor that looks at the beginnings of elements alone."""

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Take the beginning of an element: its name without prefix, and its attributes."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def text(self, words: str) -> None:
        """Take text between elements."""


class _Links(Starts):
    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        if name == "Relationship":
            kind = fields.get("Type", "").rpartition("/")[2]
            target = fields.get("Target", "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            self.found[fields.get("Id", "")] = (kind, part)


class _Book(Starts):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        if name == "sheet":
            link = next((fields[key] for key in fields if _local(key) == "id"), "")
            self.sheets.append((fields.get("name", ""), link))
        elif name == "workbookPr":
            self.since_1904 = fields.get("date1904") in {"1", "true"}


def walk(archive: Archive, part: str, visitor: Visitor) -> None:
    """Show a visitor each element of a part, and the text in between.

    Raises
    ------
    TableError
        If the part is no well-formed XML in UTF-8, or declares entities.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    shown = clipped(part)
    damaged = archive.place.error(f"the part '{shown}' is damaged", _RESAVE)
    foreign = archive.place.error(f"the part '{shown}' is not in UTF-8", _RESAVE)

    def refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise foreign

    def refuse_entities(*_: object) -> None:
        raise archive.place.error(f"the part '{shown}' declares a document type", _RESAVE)

    parser.XmlDeclHandler = refuse_encoding
    parser.StartDoctypeDeclHandler = refuse_entities
    parser.StartElementHandler = lambda name, fields: visitor.start(_local(name), fields)
    parser.EndElementHandler = lambda name: visitor.end(_local(name))
    parser.CharacterDataHandler = visitor.text
    for number, chunk in enumerate(archive.chunks(part)):
        if number == 0 and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise foreign
        _feed(parser, chunk, damaged)
    _feed(parser, b"", damaged)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _feed(parser: expat.XMLParserType, chunk: bytes, damaged: TableError) -> None:
    try:
        parser.Parse(chunk, not chunk)
    except expat.ExpatError as error:
        raise damaged from error


class PlainCopy(Starts):
    """Visits a part and writes what is kept of it; elements not kept go with all they hold.

    Parameters
    ----------
    target : binary file
    kept : Kept
    check : Starts, optional
        Is shown every beginning first, of the elements that are not kept too.
    """

    def __init__(self, target: IO[bytes], kept: Kept, check: Starts | None = None) -> None:
        self._target = target
        self._kept = kept
        self._check = check or Starts()
        self._open: list[str] = []
        self._left_out = 0
        self._pieces: list[str] = []

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Copy the beginning of an element, or leave it out."""
        self._check.start(name, fields)
        if self._left_out or name not in self._kept:
            self._left_out += 1
            return
        space = "" if self._open else f' xmlns="{MAIN}"'
        self._open.append(name)
        kept = (key for key in self._kept[name] if key in fields)
        words = "".join(f" {key}={quoteattr(fields[key])}" for key in kept)
        self._write(f"<{name}{space}{words}>")

    def end(self, name: str) -> None:
        """Copy the end of an element, or leave it out."""
        if self._left_out:
            self._left_out -= 1
            return
        self._open.pop()
        self._write(f"</{name}>")
        if not self._open:
            self._flush()

    def text(self, words: str) -> None:
        """Copy text where there is some to read."""
        if not self._left_out and self._open and self._open[-1] in _WITH_WORDS:
            self._write(escape(words, {"\r": "&#13;"}))

    def _write(self, piece: str) -> None:
        self._pieces.append(piece)
        if len(self._pieces) > _FULL // 8:
            self._flush()

    def _flush(self) -> None:
        self._target.write("".join(self._pieces).encode())
        self._pieces.clear()


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
    return table_rows(columns, _cells(checked, place))


def table_rows(columns: Columns, found: Iterator[tuple[int, list[object]]]) -> Iterator[Row]:
    """Give the rows of a sheet's cells, of which the first row names the columns.

    Raises
    ------
    TableError
        If the cells are no plain table.
    """
    rows = _filled(found, Place(columns.source))
    line, header = next(rows, (1, list[object]()))
    names = _names(header, Place(columns.source, line))
    columns.check(names, line)
    for line, cells in rows:
        refuse_header_again(names, cells, Place(columns.source, line))
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
        f"{len(found)} sheets where one should be: {names}",
        "keep one, or say which (hidden too)",
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
