"""CSV and TSV: what is read, and what is refused rather than guessed."""

import csv
from pathlib import Path

import pytest

from tests.calibration.tables_material import complaint, values


def csv_file(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_quotes_commas_and_line_breaks_inside_cells_are_kept(tmp_path: Path) -> None:
    path = csv_file(tmp_path, 'id,prompt\r\n1,"a ""b"", c\nd\r\n"\r\n')

    assert values(path) == [{"id": "1", "prompt": 'a "b", c\nd\r\n'}]


def test_tabs_separate_in_tsv(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id\tprompt\n1\ta,b\n", "a.tsv")

    assert values(path) == [{"id": "1", "prompt": "a,b"}]


def test_values_are_texts_untouched(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "a,b,c,d\n 5 ,NaN,,007\n")

    assert values(path) == [{"a": " 5 ", "b": "NaN", "c": "", "d": "007"}]


def test_a_row_is_named_by_the_line_where_it_starts(tmp_path: Path) -> None:
    path = csv_file(tmp_path, 'id,prompt\n1,"a\nb\nc"\n2\n')

    assert complaint(path).startswith("a.csv:5: 1 cells where the header has 2")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id;prompt\n1;x\n", ":1: columns seem to be separated by semicolons; save it with commas"),
        ("id|prompt\n1|x\n", ":1: columns seem to be separated by bars; save it with commas"),
        ("id\tprompt\n1\tx\n", ":1: columns seem to be separated by tabs; name the file .tsv"),
        ('id,b\n1,"x\n2,y\n', ":2: a quote is opened and never closed"),
        ('id,b\n1,"x"y\n', ":2: text after a closing quote"),
        ("id,b\r1,x\r", ":1: a carriage return alone inside a row"),
        ("id,b\n1,2,3\n", ":2: 3 cells where the header has 2"),
        ("id,b\n1,2\n\n3,4\n", ":3: the line is blank; remove it"),
        ("id,id\n1,2\n", ":1: two columns are named 'id'; rename one"),
        (",id\n0,1\n", ":1: column 1 has no name; name or remove it (pandas:"),
        ("\n\n", ":1: there is no header"),
        ("id,b\n1," + "x" * 131_073 + "\n", ":2: a cell holds more than 131072 characters"),
        (",".join(f"c{i}" for i in range(10_000)) + "\n", ":1: 10000 columns, more than 1024"),
        ('id,b\n1,"' + "x\n" * 70_000, ":2: a cell holds more than 131072 characters"),
    ],
)
def test_what_is_no_plain_table_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert complaint(csv_file(tmp_path, text)).startswith(f"a.csv{words}")


def test_commas_in_a_tsv_header_are_noticed(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,prompt\n1,x\n", "a.tsv")

    assert complaint(path) == ("a.tsv:1: columns seem to be separated by commas; save it with tabs")


def test_a_single_column_is_a_table(tmp_path: Path) -> None:
    assert values(csv_file(tmp_path, "id\n1\n")) == [{"id": "1"}]


def test_the_limit_of_a_cell_holds_when_another_library_has_raised_it(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id\n" + "x" * 131_073 + "\n")
    before = csv.field_size_limit(1_000_000)

    try:
        message = complaint(path)
    finally:
        csv.field_size_limit(before)

    assert message.startswith("a.csv:2: a cell holds more than 131072 characters")
