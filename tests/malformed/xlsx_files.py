"""Fifty bad XLSX files."""

import datetime
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Literal

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.malformed.case import Case, Write, bytes_of, sound_row

SHEET = "xl/worksheets/sheet1.xml"
HEADER = ["id", "prompt", "response"]
MEBIBYTE = 1024 * 1024
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
Label = str | float | datetime.date | datetime.time
Touch = Callable[[Worksheet], None]
ODD_LABELS: dict[str, Label] = {
    "date as label": datetime.date(2026, 1, 5),
    "time as label": datetime.time(5, 0),
    "TRUE as label": True,
    "half a level": 2.5,
    "label 0": 0,
    "label 6": 6,
    "label in words": "五",
    "label with its unit": "5 分",
}
ODD_BYTES: dict[str, tuple[bytes, bytes]] = {
    "cell far away": (b'r="A2"', b'r="XFD1048576"'),
    "column beyond all letters": (b'r="A2"', b'r="ZZZZZZ2"'),
    "cell twice": (b'r="B2"', b'r="A2"'),
    "rows out of order": (b'<row r="3"', b'<row r="2"'),
    "unknown type of cell": (b'r="A2" t="inlineStr"', b'r="A2" t="table"'),
    "index without shared strings": (
        b'r="A2" t="inlineStr"><is><t>p0</t></is>',
        b'r="A2" t="s"><v>7</v>',
    ),
    "inline text missing": (b"</sheetData>", b"</sheetDate>"),
    "internal entity": (b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aa">]><worksheet'),
    "external entity": (b"<worksheet", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet'),
    "GBK inside": (b"<worksheet", b'<?xml version="1.0" encoding="GBK"?><worksheet'),
    "NUL inside": (b"<t>p0</t>", b"<t>p0_x0000_</t>"),
    "formula with a stored value": (b"<is><t>p0</t></is>", b"<f>A1</f><v>5</v>"),
    "error as id": (b't="inlineStr"><is><t>p0</t></is>', b't="e"><v>#DIV/0!</v>'),
}
ODD_CELLS: dict[str, tuple[str, str | float]] = {
    "formula without a value": ("C3", "=1+4"),
    "error cell": ("C3", "#N/A"),
    "16384 columns": ("XFD1", "last"),
    "million empty rows": ("A1000001", "p9"),
    "empty row": ("A12", "p9"),
    "column named twice": ("D1", "id"),
    "number as column name": ("D1", 2026),
    "cell beside the table": ("F4", "a remark"),
    "no id column": ("A1", "item"),
    "empty prompt": ("B4", ""),
}


def table(rng: Random) -> Workbook:
    """Nine sound rows on one sheet."""
    rows = [sound_row(n, rng) for n in range(9)]
    return book_of([HEADER, *([row[name] for name in HEADER] for row in rows)])


def book_of(rows: Sequence[Sequence[object]]) -> Workbook:
    """A workbook of one sheet."""
    book = Workbook()
    sheet = book.create_sheet("table")
    del book["Sheet"]
    for row in rows:
        sheet.append(list(row))
    return book


def rows_alone(rows: Sequence[Sequence[object]]) -> Write:
    """A workbook of exactly these rows."""

    def write(path: Path, _rng: Random) -> None:
        book_of(rows).save(path)

    return write


def touched(touch: Touch) -> Write:
    """Sound rows after one thing was done to their sheet."""

    def write(path: Path, rng: Random) -> None:
        book = table(rng)
        touch(book["table"])
        book.save(path)

    return write


def with_cell(cell: str, value: str | float) -> Write:
    """Sound rows with another value in a cell."""

    def touch(sheet: Worksheet) -> None:
        sheet[cell] = value

    return touched(touch)


def merge(sheet: Worksheet) -> None:
    """Merge two cells."""
    sheet.merge_cells("A2:A3")


def remark_on_top(sheet: Worksheet) -> None:
    """Push the header to row 3."""
    sheet.insert_rows(1, 2)


def second_sheet(state: Literal["visible", "hidden", "veryHidden"]) -> Write:
    """Sound rows, and another sheet."""

    def write(path: Path, rng: Random) -> None:
        book = table(rng)
        other = book.create_sheet("notes")
        other["A1"] = "id"
        other.sheet_state = state
        book.save(path)

    return write


def labels(value: Label, *, from_1904: bool = False) -> Write:
    """Labels of which one that is drawn is bad."""

    def write(path: Path, rng: Random) -> None:
        rows: list[list[object]] = [[f"p{n}", "m", "r1", rng.randint(1, 5)] for n in range(9)]
        rows[rng.randrange(9)][3] = value
        book = book_of([["id", "system", "rater", "score"], *rows])
        if from_1904:
            book.epoch = datetime.datetime(1904, 1, 1)  # noqa: DTZ001 - sheets know no time zone
        book.save(path)

    return write


def rewritten(change: Callable[[str, bytes], bytes | None]) -> Write:
    """Sound rows, each part of the archive put through a change; None leaves it out."""

    def write(path: Path, rng: Random) -> None:
        packed = io.BytesIO()
        table(rng).save(packed)
        with (
            zipfile.ZipFile(packed) as old,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for name in old.namelist():
                content = change(name, old.read(name))
                if content is not None:
                    new.writestr(name, content)

    return write


def with_bytes(old: bytes, new: bytes) -> Write:
    """Sound rows with some bytes of their sheet exchanged."""
    return rewritten(lambda name, part: part.replace(old, new) if name == SHEET else part)


def without(unwanted: str) -> Write:
    """Sound rows without a part of the archive."""
    return rewritten(lambda name, part: None if name == unwanted else part)


def with_entry(name: str, content: bytes = b"", times: int = 1) -> Write:
    """Sound rows and more entries in the archive."""

    def write(path: Path, rng: Random) -> None:
        table(rng).save(path)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
            for number in range(times):
                packed.writestr(name.format(number), content)

    return write


def cut(path: Path, rng: Random) -> None:
    """A workbook that ends too early."""
    table(rng).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(100, len(content) - 30)])


def locked(path: Path, rng: Random) -> None:
    """A workbook with an entry marked as encrypted."""
    table(rng).save(path)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def bombs() -> list[tuple[str, Write]]:
    """Archives that unpack to far more than they are."""
    dense = Random(0).randbytes(MEBIBYTE // 32) + bytes(MEBIBYTE - MEBIBYTE // 32)
    blanks = b"<worksheet>" + b" " * 90 * MEBIBYTE
    return [
        ("bomb in the sheet", rewritten(lambda name, part: blanks if name == SHEET else part)),
        ("bomb beside the sheet", with_entry("xl/media/a.bin", bytes(90 * MEBIBYTE))),
        ("bomb of many parts", with_entry("xl/media/{}.bin", dense * 10, times=11)),
        ("bomb of 10001 entries", with_entry("xl/media/{}", times=10_001)),
    ]


def xlsx_cases() -> list[Case]:
    """Give all of them; their order never changes."""
    cases = [
        ("CSV named as workbook", bytes_of(b"id,prompt,response\np1,a,b\n")),
        ("cut off", cut),
        ("encrypted", bytes_of(OLE + "EncryptedPackage".encode("utf-16-le"))),
        ("old workbook renamed", bytes_of(OLE + bytes(512))),
        ("encrypted entry", locked),
        ("path out of the archive", with_entry("../../evil.xml")),
        *bombs(),
        *((fault, with_bytes(*change)) for fault, change in ODD_BYTES.items()),
        *((fault, with_cell(*change)) for fault, change in ODD_CELLS.items()),
        ("merged cells", touched(merge)),
        ("header in row 3", touched(remark_on_top)),
        ("second sheet", second_sheet("visible")),
        ("hidden sheet", second_sheet("hidden")),
        ("no rows", rows_alone([])),
        ("header alone", rows_alone([HEADER])),
        ("macros", with_entry("xl/vbaProject.bin")),
        ("values from other files", with_entry("xl/externalLinks/externalLink1.xml")),
    ]
    return [
        *(Case(name, "bad.xlsx", write) for name, write in cases),
        *(Case(name, "bad.xlsx", labels(value), "labels") for name, value in ODD_LABELS.items()),
        Case(
            "date as label, days from 1904",
            "bad.xlsx",
            labels(datetime.date(2026, 1, 5), from_1904=True),
            "labels",
        ),
    ]
