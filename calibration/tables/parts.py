"""The XML parts of a workbook: walked without trusting any of them, and copied where needed.

A workbook library believes what a file says of itself: one attribute that promises four thousand
million strings makes it ask for so much memory that the whole program ends. So the copy that it
gets holds only the elements and attributes on a list, none of which promises anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Protocol
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from calibration.tables.archive import Archive
from calibration.tables.errors import TableError
from calibration.tables.printable import clipped

_RESAVE = "save the workbook again as .xlsx"

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
