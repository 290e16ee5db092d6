"""Workbooks that were damaged at random, some of them beyond what a reader's library survives."""

import datetime
import io
import re
import zipfile
from pathlib import Path
from random import Random

from openpyxl import Workbook

from judge.files.decoding import TableError
from judge.files.read import read_rows

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
LINKS = "xl/_rels/workbook.xml.rels"
PARTS = (*[SHEET] * 6, "xl/styles.xml", STRINGS, "xl/workbook.xml", LINKS)
PIECES = [
    *(b'"', b"<", b">", b"&amp;", b"&#x0;", b"&#55296;", b"\xff", b"\xe4\xb8", b"_xD800_", b""),
    *(
        b"-1",
        b"0",
        b"NaN",
        b"1e309",
        b"4294967296",
        b"99999999999999999999",
        b"2958466",
        b"-693594",
    ),
    *(b"A1:XFD1048576", b'r="', b't="', b's="', b"<f>1</f>", b'<c r="B9">', b'<row r="9"/>'),
    *(b"<!--", b"<![CDATA[", b"<?x?>", b'numFmtId="14"', b'spans="1:99999999"'),
]


def sound_parts() -> dict[str, bytes]:
    """The parts of a workbook with shared strings, inline strings, numbers and dates."""
    book = Workbook()
    sheet = book.create_sheet("table")
    del book["Sheet"]
    sheet.append(["id", "score", "day"])
    for number in range(4):
        sheet.append([f"p{number}", number + 0.5, datetime.date(2026, 1, 5)])
    packed = io.BytesIO()
    book.save(packed)
    with zipfile.ZipFile(packed) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[STRINGS] = (
        f'<sst xmlns="{MAIN}" count="2" uniqueCount="2"><si><t>id</t></si>'
        "<si><r><t>sc</t></r><r><t>ore</t></r><rPh><t>x</t></rPh></si></sst>"
    ).encode()
    link = f'<Relationship Id="strings" Type="{LINK}" Target="sharedStrings.xml"/></Relationships>'
    parts[LINKS] = parts[LINKS].replace(b"</Relationships>", link.encode())
    for number, word in enumerate((b"id", b"score")):
        inline = b't="inlineStr"><is><t>' + word + b"</t></is>"
        parts[SHEET] = parts[SHEET].replace(inline, b't="s"><v>%d</v>' % number)
    return parts


def packed_into(path: Path, parts: dict[str, bytes]) -> Path:
    """Write parts as a workbook."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def damaged(content: bytes, rng: Random) -> bytes:
    """Put something else in a value or anywhere, change a byte, or repeat an element."""
    values = [found.span() for found in re.finditer(rb'"[^"]*"|>[^<>]+<', content)]
    elements = [found.span() for found in re.finditer(rb"<[^<>]+>", content)]
    start, end = rng.choice(values)
    spot = rng.randrange(len(content))
    source, target = rng.choice(elements), rng.choice(elements)
    changes = [
        content[: start + 1] + rng.choice(PIECES) + content[end - 1 :],
        content[:spot] + rng.choice(PIECES) + content[spot:],
        content[:spot] + rng.randbytes(1) + content[spot + 1 :],
        content[: target[0]] + content[source[0] : source[1]] + content[target[1] :],
    ]
    return rng.choices(changes, weights=(6, 2, 1, 1))[0]


def read_damaged(folder: Path, seed: int, number: int) -> None:
    """Read many damaged workbooks; whatever else than rows or a TableError ends the program."""
    sound = sound_parts()
    rng = Random(seed)
    for _ in range(number):
        parts = dict(sound)
        for part in rng.sample(PARTS, rng.randint(1, 3)):
            parts[part] = damaged(parts[part], rng)
        try:
            list(read_rows(packed_into(folder / "a.xlsx", parts)))
        except TableError as error:
            if len(str(error)) > 300 or not str(error).isprintable():
                raise AssertionError(str(error)) from error
