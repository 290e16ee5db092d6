"""JSON Lines: what is read, and each leniency of JSON readers that is not shared."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.tables import TableError, read_rows
from calibration.tables.strict_json import MAX_DEPTH
from tests.calibration.tables_material import complaint, values


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
