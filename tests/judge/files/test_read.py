"""JSON Lines, CSV and TSV: what is read, and each leniency of readers that is not shared."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.files.decoding import TableError
from judge.files.read import MAX_DEPTH, read_rows
from tests.judge.files.tables_material import complaint, values


def jsonl(folder: Path, text: str) -> Path:
    path = folder / "a.jsonl"
    path.write_bytes(text.encode())
    return path


def test_line_ends_of_windows_and_blank_lines_at_the_end_are_fine(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": "1"}\r\n{"id": "2"}\r\n\r\n \t\n')

    assert values(path) == [{"id": "1"}, {"id": "2"}]


def test_a_line_separator_inside_a_text_is_part_of_it(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": "a\u2028b"}\n')

    assert values(path) == [{"id": "a\u2028b"}]


def test_emoji_written_as_a_pair_of_surrogates_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": "\\ud83d\\ude00"}\n')

    assert values(path) == [{"id": "😀"}]


def test_values_keep_their_types(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"a": 1, "b": 1.5, "c": null, "d": true, "e": ["x", {"y": 2}]}\n')

    assert values(path) == [{"a": 1, "b": 1.5, "c": None, "d": True, "e": ["x", {"y": 2}]}]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{'id': 1}", ":1:2: not JSON: expecting property name"),
        ('{"id": 1,}', ":1:"),
        ('{"id": 1', ":1:9: not JSON: expecting ',' delimiter"),
        ('{"id": 1} {"id": 2}', ":1:11: not JSON: more text after the object"),
        ('{"id": "a\tb"}', ":1:10: not JSON: invalid control character at"),
        ('{"id": 1}\r{"id": 2}', ":1:11: not JSON: a line break that is not a line feed"),
        ('{"id": 1}\u2028{"id": 2}', ":1:10: not JSON: a line break that is not a line feed"),
        ('{"id": 1, "id": 2}', ":1: the key 'id' stands twice in one object"),
        ('{"a": {"b": 1, "b": 1}}', ":1: the key 'b' stands twice in one object"),
        ('{"id": NaN}', ":1: NaN is not JSON; write null for a missing number"),
        ('{"id": -Infinity}', ":1: -Infinity is not JSON"),
        ('{"id": 1e400}', ":1: the number 1e400 is too large"),
        (f'{{"id": {"9" * 4301}}}', ":1: a whole number of 4301 digits"),
        (f'{{"id": {"[" * 100_000}', f":1: nested deeper than {MAX_DEPTH} levels"),
        (f'{{"id": {"[" * 64}{"]" * 64}}}', f":1: nested deeper than {MAX_DEPTH} levels"),
        ('{"id": "\\ud800"}', ":1: the text holds U+D800, which is no character"),
        ('{"\\udc00": 1}', ":1: the text holds U+DC00, which is no character"),
        ('{"id": "a\\u0000b"}', ":1: the text holds U+0000, which is no character"),
        ("[1]", ":1: an array where an object should be"),
        ('"id"', ":1: a string where an object should be"),
        ("7", ":1: a number or boolean where an object should be"),
        ("null", ":1: null where an object should be"),
    ],
)
def test_what_is_not_plain_json_is_refused(tmp_path: Path, line: str, words: str) -> None:
    path = jsonl(tmp_path, line + "\n")

    assert complaint(path).replace("key name enclosed", "name").startswith(f"a.jsonl{words}")


def test_nesting_up_to_the_limit_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path, f'{{"id": {"[" * 63}{"]" * 63}}}\n')

    assert len(values(path)) == 1


def test_brackets_inside_texts_are_not_nesting(tmp_path: Path) -> None:
    path = jsonl(tmp_path, f'{{"id": "{"[" * 500}"}}\n')

    assert values(path) == [{"id": "[" * 500}]


def test_a_blank_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": 1}\n\n\n{"id": 2}\n')

    assert complaint(path) == "a.jsonl:2: the line is blank; remove it"


def test_a_byte_order_mark_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '\ufeff{"id": 1}\n\ufeff{"id": 2}\n')

    assert complaint(path) == (
        "a.jsonl:2:1: not JSON: a byte order mark in the middle of the file; "
        "remove it; it is left over from joining two files"
    )


def test_a_required_column_must_stand_in_every_row(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": 1}\n{"no": 2}\n')

    assert complaint(path, required=("id",)).startswith("a.jsonl:2: no column 'id'")


def test_rows_may_have_as_many_shapes_as_they_like(tmp_path: Path) -> None:
    path = jsonl(tmp_path, "".join(f'{{"c{i}": 0}}\n' for i in range(1_002)))

    assert len(values(path)) == 1_002


def test_too_many_fields_are_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path, "{" + ",".join(f'"c{i}":0' for i in range(1025)) + "}\n")

    assert complaint(path).startswith("a.jsonl:1: 1025 columns, more than 1024")


@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_gives_rows_or_one_table_error(
    noise: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("noise") / "a.jsonl"
    path.write_bytes(b'{"id": "' + noise + b'"}\n')

    messages: list[str] = []
    try:
        list(read_rows(path))
    except TableError as error:
        messages.append(str(error))

    assert all(len(message) <= 300 and message.isprintable() for message in messages)


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
    "text",
    [
        "a;b\n1;x, y\n",
        '"a";"b"\n"1";"x, y"\n',
        "a|b\n1|x, y\n",
        "a\tb\n1\tx, y\n",
        'sep=;\na;b\n1;"x, y"\n',
    ],
)
def test_what_separates_the_names_separates_the_cells(tmp_path: Path, text: str) -> None:
    assert values(csv_file(tmp_path, text)) == [{"a": "1", "b": "x, y"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
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


def test_commas_in_a_tsv_header_separate_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id,prompt\n1,x\n", encoding="utf-8")

    assert values(path) == [{"id": "1", "prompt": "x"}]


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
