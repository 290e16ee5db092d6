"""The XML parts of a workbook, walked element by element without trusting any of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from calibration.tables.archive import Archive
from calibration.tables.errors import TableError
from calibration.tables.printable import clipped

_RESAVE = "save the workbook again as .xlsx"

Visit = Callable[[str, Mapping[str, str]], None]
"""Called with each element's name, without its prefix, and its attributes."""


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
    links: dict[str, tuple[str, str]] = {}
    found: list[tuple[str, str]] = []
    since_1904: list[bool] = []

    def visit_link(name: str, fields: Mapping[str, str]) -> None:
        if name == "Relationship":
            kind = fields.get("Type", "").rpartition("/")[2]
            links[fields.get("Id", "")] = (kind, _resolved(fields.get("Target", "")))

    def visit_workbook(name: str, fields: Mapping[str, str]) -> None:
        if name == "sheet":
            link = next((fields[key] for key in fields if key.rpartition(":")[2] == "id"), "")
            found.append((fields.get("name", ""), link))
        elif name == "workbookPr":
            since_1904.append(fields.get("date1904") in {"1", "true"})

    walk(archive, "xl/_rels/workbook.xml.rels", visit_link)
    walk(archive, "xl/workbook.xml", visit_workbook)
    by_kind = dict(links.values())
    return Contents(
        sheets=tuple(Sheet(name, links[link][1]) for name, link in found if _is_sheet(links, link)),
        strings=by_kind.get("sharedStrings"),
        styles=by_kind.get("styles"),
        since_1904=any(since_1904),
    )


def walk(archive: Archive, part: str, visit: Visit) -> None:
    """Visit each element of a part; see `walked` for what is refused."""
    for _ in walked(archive, part, visit):
        pass


def walked(archive: Archive, part: str, visit: Visit) -> Iterator[bytes]:
    """Visit each element of a part, and give its bytes on as they are found sound.

    Raises
    ------
    TableError
        If the part is no well-formed XML in UTF-8, or declares entities.
    """
    parser = expat.ParserCreate()
    shown = clipped(part)
    damaged = archive.place.error(f"the part '{shown}' is damaged", _RESAVE)

    def refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise archive.place.error(f"the part '{shown}' is not in UTF-8", _RESAVE)

    def refuse_entities(*_: object) -> None:
        raise archive.place.error(f"the part '{shown}' declares a document type", _RESAVE)

    def start(name: str, fields: dict[str, str]) -> None:
        visit(name.rpartition(":")[2], fields)

    parser.XmlDeclHandler = refuse_encoding
    parser.StartDoctypeDeclHandler = refuse_entities
    parser.StartElementHandler = start
    first = True
    for chunk in archive.chunks(part):
        if first and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise archive.place.error(f"the part '{shown}' is not in UTF-8", _RESAVE)
        first = False
        _feed(parser, chunk, damaged)
        yield chunk
    _feed(parser, b"", damaged)


def _feed(parser: expat.XMLParserType, chunk: bytes, damaged: TableError) -> None:
    try:
        parser.Parse(chunk, not chunk)
    except expat.ExpatError as error:
        raise damaged from error


def _resolved(target: str) -> str:
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _is_sheet(links: Mapping[str, tuple[str, str]], link: str) -> bool:
    return links.get(link, ("", ""))[0] == "worksheet"
