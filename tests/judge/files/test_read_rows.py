"""What every format shares: which files are opened, encodings, columns, and the one-line error."""

import os
from pathlib import Path

import pytest

from judge.files.decoding import MAX_LINE, TableError, _unopened
from judge.files.read import read_rows
from tests.judge.files.tables_material import complaint, values

CHINESE = '{"id": "一", "prompt": "邻居借钱不还，怎么办？"}\n{"id": "二", "prompt": "繁體字"}\n'


def test_a_row_knows_its_line_and_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1"}\n{"id": "2"}\n', encoding="utf-8")

    second = list(read_rows(path))[1]

    assert (second.line, second.source, second.values) == (2, path, {"id": "2"})


@pytest.mark.parametrize(
    ("bytes_of", "declared"),
    [
        (CHINESE.encode(), None),
        (CHINESE.encode("utf-8-sig"), None),
        (CHINESE.encode("utf-16"), None),
        (CHINESE.rstrip().encode("utf-16"), None),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), None),
        (CHINESE.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("utf-16-be"), "UTF-16-BE"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("gbk"), "GBK"),
        (CHINESE.encode("utf-8-sig"), "utf-8-sig"),
    ],
)
def test_every_encoding_gives_the_same_rows(
    tmp_path: Path, bytes_of: bytes, declared: str | None
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(bytes_of)

    rows = [row.values for row in read_rows(path, encoding=declared)]

    assert rows == [
        {"id": "一", "prompt": "邻居借钱不还，怎么办？"},
        {"id": "二", "prompt": "繁體字"},
    ]


def test_big5_is_read_when_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,prompt\n1,繁體字\n".encode("big5"))

    assert values(path, encoding="big5") == [{"id": "1", "prompt": "繁體字"}]


def test_undeclared_gbk_is_refused_with_the_byte_and_the_flag(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "1"}\n' + '{"id": "中文"}'.encode("gbk"))

    assert complaint(path) == (
        "a.jsonl:2: byte 20 is not utf-8; save it as UTF-8, or declare what it is, such as "
        "--encoding gb18030"
    )


def test_the_byte_offset_counts_the_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\xff")

    assert complaint(path).startswith("a.jsonl:1: byte 3 is not utf-8;")


def test_utf_16_without_a_mark_names_its_flag(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id\n1\n".encode("utf-16-le"))

    assert "--encoding utf-16-le" in complaint(path)


def test_a_cut_utf_16_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"id": "1"}\n'.encode("utf-16")[:-1])

    assert complaint(path) == (
        "a.jsonl:1: byte 24 is not utf-16-le; declare the encoding that the file was saved in"
    )


def test_a_declaration_against_the_mark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(CHINESE.encode("utf-8-sig"))

    assert complaint(path, encoding="gbk") == (
        "a.jsonl: the byte order mark says utf-8, but gbk was declared; leave out --encoding"
    )


@pytest.mark.parametrize("name", ["latin-1", "utf-7", "unicode_escape", "zip", "\x1b[31m"])
def test_encodings_beyond_the_list_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{}", encoding="utf-8")

    message = complaint(path, encoding=name)

    assert message.startswith("a.jsonl: unknown encoding '")
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("a.jsonl", (b"", "the file is empty; give a file with rows")),
        ("a.jsonl", (b"\x1f\x8b\x08\x00", "this is a gzip file, not text; unpack it first")),
        ("a.csv", (b"PK\x03\x04", "this is a zip archive or a workbook, not text")),
        ("a.csv", (b"\xff\xfe\x00\x00", "the text is UTF-32; save it as UTF-8")),
        ("a.jsonl.gz", (b"\x1f\x8b", "'.gz' files are not read here; unpack it first")),
        ("a.json", (b"[]", "'.json' files are not read here; write one object a line")),
        ("a.xls", (b"x", "'.xls' files are not read here; save it as .xlsx")),
        (
            "responses",
            (b"x", "the file has no suffix; use .jsonl, .csv, .tsv, .xlsx, .ods or .parquet"),
        ),
    ],
)
def test_files_of_another_kind_are_refused(
    tmp_path: Path, name: str, case: tuple[bytes, str]
) -> None:
    content, words = case
    path = tmp_path / name
    path.write_bytes(content)

    assert complaint(path).startswith(f"{name}: {words}")


def test_a_missing_file_a_folder_and_a_loop_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)

    assert complaint(tmp_path / "no.csv") == "no.csv: no such file; check the name and the folder"
    assert complaint(folder) == "folder.csv: this is a folder; name an ordinary file"
    assert "too many levels of symbolic links" in complaint(loop)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)

    assert complaint(pipe) == (
        "pipe.jsonl: this is a pipe or device, not a file; name an ordinary file"
    )


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    # Asked of the message alone: root, who runs many a CI, may read every file.
    error = _unopened(tmp_path / "a.csv", PermissionError(13, "Permission denied"))

    assert str(error).endswith("a.csv: permission denied; make the file readable for you")


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(TableError, match="cannot be opened"):
        list(read_rows("a\0.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_above_the_limit_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(("{}\n" + "x" * (MAX_LINE + 1)).encode(encoding))

    assert complaint(path).startswith("a.jsonl:2: the line is longer than 16 MiB")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_nul_is_refused_where_it_stands(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id\n1\0\n".encode(encoding))

    assert complaint(path).startswith("a.csv:2:2: the character U+0000 stands in the text")


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n", encoding="utf-8")

    assert complaint(path) == "a.csv: 0 rows where at least 1 should be; add rows"
    assert values(path, min_rows=0) == []


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,responce\n1,x\n", encoding="utf-8")

    assert complaint(path, required=("response",)) == (
        "a.csv:1: no column 'response'; rename 'responce' to 'response' if it is meant"
    )


def test_a_missing_column_far_from_all_lists_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a1,b2,c3,d4,e5,f6,g7\n1,2,3,4,5,6,7\n", encoding="utf-8")

    assert complaint(path, required=("response",)) == (
        "a.csv:1: no column 'response'; add it; found a1, b2, c3, d4, e5, f6, …"
    )


@pytest.mark.parametrize("name", ["System", " system", "\uff53ystem", "SYSTEM"])
def test_a_column_that_is_almost_known_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,{name}\n1,m\n", encoding="utf-8")

    assert complaint(path, optional=("system",)) == (
        f"a.csv:1: column '{name}' is not quite 'system'; rename it 'system'"
    )


def test_messages_show_control_characters_and_fit_a_line() -> None:
    error = TableError(
        "what\n" * 100, "fix\x1b[31m" * 5, source=Path("\x1b[31m" * 80), line=3, column=4
    )

    assert len(str(error)) <= 300
    assert str(error).isprintable()
    assert ":3:4: what\\x0a" in str(error)


@pytest.mark.parametrize(
    ("name", "written", "words"),
    [
        ("a.csv", "id,prompt\n1,a\nid,prompt\n2,b\n", "a.csv:3: the row names the columns again"),
        ("a.csv", "id,prompt\n1,a\n\ufeffid,prompt\n", "a.csv:3: the row names the columns again"),
    ],
)
def test_tables_that_were_joined_are_told_so(
    tmp_path: Path, name: str, written: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(written, encoding="utf-8")

    with pytest.raises(TableError, match=words):
        list(read_rows(path))


def test_text_in_utf_16_without_its_mark_is_told_which_one_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes("id\n1\n".encode(encoding))
        with pytest.raises(TableError, match=f"--encoding {encoding}"):
            list(read_rows(path))
