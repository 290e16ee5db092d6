"""OpenDocument sheets: what a spreadsheet program writes, and what it never would."""

import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from judge.files.decoding import TableError
from judge.files.read import read_rows

HEAD = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x">'
    "<office:body><office:spreadsheet>"
)
TAIL = "</office:spreadsheet></office:body></office:document-content>"


def text(words: str, **more: str) -> str:
    fields = "".join(f' table:{name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (
        f'<table:table-cell office:value-type="string"{fields}><text:p>{words}</text:p>'
        "</table:table-cell>"
    )


def number(value: str) -> str:
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


def row(*cells: str, times: int = 1) -> str:
    return (
        f'<table:table-row table:number-rows-repeated="{times}">{"".join(cells)}</table:table-row>'
    )


def sheet(*rows: str, name: str = "S") -> str:
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'


def workbook(folder: Path, *sheets: str, part: str = "content.xml") -> Path:
    path = folder / "a.ods"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(part, HEAD + "".join(sheets) + TAIL)
    return path


NAMES = row(text("id"), text("score"))
EMPTY = '<table:table-cell table:number-columns-repeated="1020"/>'
REST = row('<table:table-cell table:number-columns-repeated="1024"/>', times=1_048_500)


def test_cells_have_the_types_that_they_have_in_a_workbook(tmp_path: Path) -> None:
    day = '<table:table-cell office:value-type="date" office:date-value="2026-11-28"/>'
    two = text("两行</text:p><text:p>a<text:s text:c='2'/>b")
    path = workbook(
        tmp_path, sheet(NAMES, row(two, number("0.5"), EMPTY), row(text("x"), day), REST)
    )

    rows = list(read_rows(path))

    assert [(each.line, dict(each.values)) for each in rows] == [
        (2, {"id": "两行\na  b", "score": 0.5}),
        (3, {"id": "x", "score": datetime(2026, 11, 28)}),  # noqa: DTZ001 - a sheet has no zone
    ]


def test_an_empty_cell_at_the_end_of_a_row_is_there(tmp_path: Path) -> None:
    (found,) = read_rows(workbook(tmp_path, sheet(NAMES, row(text("x")))))

    assert dict(found.values) == {"id": "x", "score": ""}


def test_a_comment_is_no_text_of_its_cell(tmp_path: Path) -> None:
    noted = text("<office:annotation><text:p>hidden</text:p></office:annotation>x")

    (found,) = read_rows(workbook(tmp_path, sheet(NAMES, row(noted, number("1")))))

    assert found.values["id"] == "x"


def test_one_of_several_sheets_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, sheet(NAMES, row(text("a")), name="A"), sheet(NAMES, name="B"))

    assert [each.values["id"] for each in read_rows(path, sheet="A")] == ["a"]
    with pytest.raises(TableError, match="2 sheets where one should be: 'A', 'B'"):
        list(read_rows(path))
    with pytest.raises(TableError, match="no sheet is named 'C'; name one of 'A', 'B'"):
        list(read_rows(path, sheet="C"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((NAMES, row(text("x", formula="of:=1"))), "cell A2 holds a formula"),
        ((NAMES, row(text("x", number_columns_spanned="2"))), "cell A2 is merged"),
        ((NAMES, row(number("NaN"))), "cell A2 holds no finite number"),
        ((NAMES, row(text("x", number_columns_repeated="999999999"))), "cell A2 is beyond column"),
        ((NAMES, row(text("x"), times=999_999_999)), "the sheet is larger than 2000000 cells"),
        ((NAMES, row(text("x"), times=10**10)), "the sheet is larger than 2000000 cells"),
        ((NAMES, row(text("x"), text("id")), NAMES), "names the columns again"),
        ((NAMES, row(EMPTY), row(text("x"))), "a.ods:2: the row is empty; delete it"),
        ((), "there is no header"),
    ],
)
def test_what_is_no_plain_table_is_refused(
    tmp_path: Path, rows: tuple[str, ...], words: str
) -> None:
    with pytest.raises(TableError, match=words):
        list(read_rows(workbook(tmp_path, sheet(*rows))))


def test_blanks_that_are_repeated_fill_no_memory(tmp_path: Path) -> None:
    blanks = '<table:table-cell><text:p>a<text:s text:c="999999999"/></text:p></table:table-cell>'

    with pytest.raises(TableError, match="cell A2 holds more than 131072 characters"):
        list(read_rows(workbook(tmp_path, sheet(NAMES, row(blanks)))))


def test_a_workbook_without_a_sheet_and_an_encrypted_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="the workbook has no sheet"):
        list(read_rows(workbook(tmp_path)))
    path = workbook(tmp_path)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("META-INF/manifest.xml", "<m:manifest><m:encryption-data/></m:manifest>")
    with pytest.raises(TableError, match="the workbook is encrypted; save it without a password"):
        list(read_rows(path))


def test_an_archive_without_content_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"this is no \.ods workbook; save it as \.ods"):
        list(read_rows(workbook(tmp_path, part="other.xml")))
