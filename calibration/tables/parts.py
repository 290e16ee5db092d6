"""The XML parts of a workbook, walked element by element without trusting any of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from xml.parsers import expat

from calibration.tables.archive import Archive
from calibration.tables.errors import TableError
from calibration.tables.printable import clipped

_RESAVE = "save the workbook again as .xlsx"


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
