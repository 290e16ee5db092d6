"""Workbooks: one plain sheet is read; everything that is no plain value is refused by cell."""

import datetime
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.datavalidation import DataValidation

from judge.files.read import read_rows
from tests.judge.files.tables_material import complaint, repacked, values, workbook

SHEET = "xl/worksheets/sheet1.xml"
ROWS: list[list[object]] = [["id", "score", "note"], ["a", 5, "好"], ["b", 2.5, None]]


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """A workbook of ROWS with some bytes of its sheet exchanged."""
    workbook(path, ROWS)

    def exchange(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return repacked(path, {SHEET: exchange})


def test_values_keep_their_types_and_rows_their_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)

    rows = list(read_rows(path))

    assert [(row.line, row.format) for row in rows] == [(2, "xlsx"), (3, "xlsx")]
    assert [dict(row.values) for row in rows] == [
        {"id": "a", "score": 5.0, "note": "好"},
        {"id": "b", "score": 2.5, "note": ""},
    ]


def test_dates_and_booleans_come_as_such(tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 5)
    path = workbook(tmp_path / "a.xlsx", [["id", "day", "flag"], ["a", day, True]])

    assert values(path) == [{"id": "a", "day": day, "flag": True}]


def test_days_counted_from_1904_are_the_same_days(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = datetime.datetime(1904, 1, 1)  # noqa: DTZ001 - sheets know no time zone
    book.create_sheet("table").append(["day"])
    book["table"].append([datetime.date(2026, 1, 5)])
    del book["Sheet"]
    book.save(tmp_path / "a.xlsx")

    assert values(tmp_path / "a.xlsx") == [{"day": datetime.date(2026, 1, 5)}]


def test_empty_rows_at_the_end_and_unnamed_empty_columns_are_left_out(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["id", "", ""], ["a", "", ""], ["", "", ""]])

    assert values(path) == [{"id": "a"}]


def test_a_named_sheet_is_read_among_others(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS, ("labels", "说明"))

    assert len(values(path, sheet="labels")) == 2


def test_formulas_on_a_sheet_that_is_not_read_do_no_harm(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS, ("labels", "说明"))
    book = load_workbook(path)
    book["说明"]["A1"] = "=1+1"
    book.save(path)

    assert len(values(path, sheet="labels")) == 2


def test_cells_without_a_reference_stand_in_order(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.xlsx", b'<c r="A2" ', b"<c ")

    assert values(path)[0] == {"id": "a", "score": 5.0, "note": "好"}


def test_a_declaration_of_utf_8_is_fine(tmp_path: Path) -> None:
    path = changed(
        tmp_path / "a.xlsx", b"<worksheet", b'<?xml version="1.0" encoding="utf-8"?><worksheet'
    )

    assert len(values(path)) == 2


def test_a_drop_down_list_is_no_formula_cell(tmp_path: Path) -> None:
    path = changed(
        tmp_path / "a.xlsx",
        b"</sheetData>",
        b'</sheetData><extLst><ext><x14:formula1 xmlns:x14="urn:x" xmlns:xm="urn:y">'
        b"<xm:f>Lists!$A$1:$A$3</xm:f></x14:formula1></ext></extLst>",
    )

    assert len(values(path)) == 2


def test_plain_validation_lists_are_fine(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    book = load_workbook(path)
    rule = DataValidation(type="list", formula1='"1,2,3"', sqref="B2:B3")  # pyright: ignore[reportArgumentType] - the stub knows no text
    book["table"].add_data_validation(rule)
    book.save(path)

    assert len(values(path)) == 2


def test_hidden_rows_and_columns_are_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    book = load_workbook(path)
    book["table"].row_dimensions[2].hidden = True
    book["table"].column_dimensions["C"].hidden = True
    book.save(path)

    assert values(path)[0] == {"id": "a", "score": 5.0, "note": "好"}


@pytest.mark.parametrize("state", ["visible", "hidden", "veryHidden"])
def test_two_sheets_need_a_name(
    tmp_path: Path, state: Literal["visible", "hidden", "veryHidden"]
) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS, ("labels", "说明"))
    book = load_workbook(path)
    book["说明"].sheet_state = state
    book.save(path)

    assert complaint(path) == (
        "a.xlsx: 2 sheets where one should be: 'labels', '说明'; "
        "keep one, or say which (hidden too)"
    )
    assert complaint(path, sheet="label") == (
        "a.xlsx: no sheet is named 'label'; name one of 'labels', '说明'"
    )


@pytest.mark.parametrize(
    ("cell", "value", "words"),
    [
        ("B2", "=1+4", "a.xlsx:2: cell B2 holds a formula; copy the column and paste it back"),
        ("B3", "#N/A", "a.xlsx:3: cell B3 holds an error such as #N/A"),
        ("B1", 2026, "a.xlsx:1: the column name 2026.0 is not text"),
        ("C1", "id", "a.xlsx:1: two columns are named 'id'"),
        ("D2", "x", "a.xlsx:2: a cell stands to the right of the last named column"),
        ("A5", "x", "a.xlsx:4: the row is empty; delete it"),
        ("B1", None, "a.xlsx:1: column 2 has no name"),
        ("AMK1", "x", "a.xlsx:1: cell AMK1 is beyond column 1024"),
        ("A1000000", "x", "a.xlsx:1000000: cell A1000000 makes the sheet larger than 2000000"),
    ],
)
def test_a_cell_out_of_order_is_named(
    tmp_path: Path, *, cell: str, value: str | int | None, words: str
) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    book = load_workbook(path)
    book["table"][cell] = value
    book.save(path)

    assert complaint(path).startswith(words)


def test_merged_cells_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    book = load_workbook(path)
    book["table"].merge_cells("A2:A3")
    book.save(path)

    assert complaint(path) == "a.xlsx: the cells A2:A3 are merged; unmerge them"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'r="A2"', b'r="ZZZZZZ2"', ": a cell of row 2 calls itself 'ZZZZZZ2'"),
        (b'r="A2"', b'r="A99999999999999999"', ": a cell of row 2 calls itself"),
        (b'r="A2"', b'r="A1048576"', ": a cell of row 2 calls itself"),
        (b'r="A2"', b'r="C2"', ":2: cell B2 stands after cell C2"),
        (b'<row r="2"', b'<row r="99999999999"', ": a row is numbered '99999999999'"),
        (b'<row r="2"', b'<row r="9999999"', ": row 9999999 stands after row 1"),
        (b'<row r="3"', b'<row r="2"', ": row 2 stands after row 2"),
        (b'r="B2" t="n"', b'r="B2" t="q"', ":2: cell B2 is of the unknown type 'q'"),
        (b'r="B2" t="n"', b'r="B2" t="d"', ":2: cell B2 holds a date"),
        (b"<v>5</v>", b"<v>NaN</v>", ":2: 'score' holds no finite number"),
        (b"<v>5</v>", b"<v>5x</v>", ": the sheet cannot be read: Parse float error"),
        (b'r="B2" t="n"', b'r="B2" t="s"', ": the sheet cannot be read: Cell string index"),
        (b"<t>a</t>", b"<t>a_x0000_</t>", ":2: 'id' holds U+0000, which is no character"),
        (b"<t>a</t>", b"<t>a\x00</t>", ": the part 'xl/worksheets/sheet1.xml' is damaged"),
        (b"</sheetData>", b"</sheetData><sheetData/>", ": the sheet holds two tables"),
        (b"</sheetData>", b"", ": the part 'xl/worksheets/sheet1.xml' is damaged"),
    ],
)
def test_a_sheet_that_no_program_writes_is_refused(
    tmp_path: Path, *, old: bytes, new: bytes, words: str
) -> None:
    path = changed(tmp_path / "a.xlsx", old, new)

    assert complaint(path).startswith(f"a.xlsx{words}")


def in_gbk(content: bytes) -> bytes:
    return b'<?xml version="1.0" encoding="GBK"?>' + content


def in_utf_16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


def with_entities(content: bytes) -> bytes:
    return b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_gbk, "is not in UTF-8"),
        (in_utf_16, "is not in UTF-8"),
        (with_entities, "declares a document type"),
        (None, ""),
    ],
)
@pytest.mark.parametrize(
    "part", [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"]
)
def test_hostile_xml_is_refused_in_every_part(
    tmp_path: Path, *, part: str, change: Callable[[bytes], bytes] | None, words: str
) -> None:
    path = repacked(workbook(tmp_path / "a.xlsx", ROWS), {part: change})

    assert words in complaint(path)


def with_entry(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../evil.xml", b"", "an entry is named '../evil.xml', outside the workbook"),
        ("/etc/passwd", b"", "an entry is named '/etc/passwd', outside the workbook"),
        ("xl\\evil.xml", b"", "an entry is named 'xl\\evil.xml', outside the workbook"),
        ("XL/Styles.xml", b"", "two entries have the same name"),
        ("xl/vbaProject.bin", b"", "the workbook holds macros"),
        ("xl/externalLinks/externalLink1.xml", b"", "the workbook takes values from other files"),
        ("xl/media/a.bin", bytes(2_000_000), "an entry unpacks to more than 100 times its size"),
    ],
)
def test_an_archive_with_foreign_entries_is_refused(
    tmp_path: Path, *, name: str, content: bytes, words: str
) -> None:
    path = with_entry(workbook(tmp_path / "a.xlsx", ROWS), name, content)

    assert complaint(path).startswith(f"a.xlsx: {words}")


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    with zipfile.ZipFile(path, "a") as packed:
        for number in range(10_001):
            packed.writestr(f"xl/media/{number}", b"")

    assert "entries, more than 10000" in complaint(path)


def test_an_archive_that_unpacks_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    mebibyte = 1024 * 1024
    noise = random.Random(0).randbytes(mebibyte // 32)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(11):
            packed.writestr(f"xl/{number}", (noise + bytes(mebibyte - len(noise))) * 10)

    assert complaint(path) == (
        "a.xlsx: it unpacks to more than 100 MiB; use CSV or JSONL for large tables"
    )


def test_a_cut_workbook_and_other_files_named_xlsx_are_refused(tmp_path: Path) -> None:
    cut = workbook(tmp_path / "a.xlsx", ROWS)
    cut.write_bytes(cut.read_bytes()[:-100])
    text = tmp_path / "b.xlsx"
    text.write_text("id,score\n", encoding="utf-8")
    old = tmp_path / "c.xlsx"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    empty = tmp_path / "d.xlsx"
    with zipfile.ZipFile(empty, "w") as packed:
        packed.writestr("a.txt", "x")

    assert complaint(cut).startswith("a.xlsx: the archive is damaged or cut off")
    assert complaint(text).startswith("b.xlsx: this is no .xlsx workbook")
    assert complaint(old).startswith("c.xlsx: the workbook is encrypted or in the old .xls format")
    assert complaint(empty).startswith("d.xlsx: this is no .xlsx workbook")


def test_a_workbook_without_rows_or_sheets_is_refused(tmp_path: Path) -> None:
    bare = workbook(tmp_path / "a.xlsx", [])
    none = repacked(
        workbook(tmp_path / "b.xlsx", ROWS),
        {"xl/_rels/workbook.xml.rels": lambda links: links.replace(b'/worksheet"', b'/none"')},
    )

    assert complaint(bare) == "a.xlsx:1: there is no header; name the columns in row 1"
    assert complaint(none) == "b.xlsx: the workbook has no sheet; save the workbook again as .xlsx"


def test_a_workbook_above_the_size_limit_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    with path.open("r+b") as file:
        file.truncate(32 * 1024 * 1024 + 1)

    assert complaint(path).startswith("a.xlsx: the workbook is larger than 32 MiB")


def test_an_unusual_way_of_packing_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as packed:
        packed.writestr("xl/a.xml", b"<a/>")

    assert complaint(path).startswith("a.xlsx: an unusual way of compression")


def test_damaged_packing_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    with zipfile.ZipFile(path) as packed:
        entry = packed.getinfo(SHEET)
    content = bytearray(path.read_bytes())
    start = entry.header_offset + 30 + len(SHEET)
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)

    assert "the part 'xl/worksheets/sheet1.xml' is damaged" in complaint(path)


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    assert complaint(path) == "a.xlsx: the workbook is encrypted; save it without a password"


def test_a_long_sheet_is_read_to_its_end(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "score"], *([f"p{n}", n] for n in range(3_000))]

    last = list(read_rows(workbook(tmp_path / "a.xlsx", rows)))[-1]

    assert (last.line, last.values) == (3_001, {"id": "p2999", "score": 2999.0})
