"""Tables in Parquet, one file or a folder, are read like any other table, or refused by name."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from judge.errors import ConfigError
from judge.exporters import parquet as exporter
from judge.exporters.parquet import write_parquet_folder
from judge.files.decoding import TableError
from judge.files.read import read_rows, table_sha256
from judge.importers.responses import read_generations

pa: Any = importlib.import_module("pyarrow")
pq: Any = importlib.import_module("pyarrow.parquet")


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def complaint(path: Path, **how: Any) -> str:
    with pytest.raises(TableError) as caught:
        list(read_rows(path, **how))
    return str(caught.value).replace(str(path.parent) + "/", "")


def test_a_folder_of_our_export_gives_the_rows_that_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "PAGE", 2)
    monkeypatch.setattr(exporter, "IN_A_FILE", 4)
    rows = [
        {"id": f"题{n}", "sample": n, "score": float(n) if n % 2 else None, "group": None}
        for n in range(10)
    ]
    write_parquet_folder(tmp_path / "out", rows)

    read = list(read_rows(tmp_path / "out"))

    assert [dict(row.values) for row in read] == rows
    assert [row.line for row in read] == list(range(1, 11))


def test_names_of_partitions_are_columns(tmp_path: Path) -> None:
    for system, name in (("old", "a"), ("new%2F1", "b"), ("__HIVE_DEFAULT_PARTITION__", "c")):
        write(tmp_path / "t" / f"system={system}" / "0.parquet", [{"id": name}])
    (tmp_path / "t" / "_SUCCESS").write_text("", encoding="utf-8")

    found = {row.values["id"]: row.values["system"] for row in read_rows(tmp_path / "t")}

    assert found == {"a": "old", "b": "new/1", "c": None}


def test_a_row_that_stands_twice_is_found_across_files(tmp_path: Path) -> None:
    row = {"id": "1", "prompt": "p", "response": "r"}
    write(tmp_path / "t" / "a.parquet", [row])
    write(tmp_path / "t" / "b.parquet", [row])

    with pytest.raises(TableError, match=r"t:2: id '1' .* stands in line 1 already"):
        list(read_generations(tmp_path / "t"))


def test_a_column_that_is_empty_in_one_file_is_of_the_same_table(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1", "score": None}])
    write(tmp_path / "t" / "b.parquet", [{"id": "2", "score": 1}])
    write(tmp_path / "t" / "c.parquet", [{"id": "3", "score": 0.5}, {"id": "4", "score": None}])

    assert [row.values["score"] for row in read_rows(tmp_path / "t")] == [None, 1, 0.5, None]


def test_a_number_that_is_none_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [{"id": "1", "score": float("nan")}])

    assert next(iter(read_rows(tmp_path / "t.parquet"))).values["score"] is None


def test_a_folder_of_two_tables_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1", "response": "x"}])
    write(tmp_path / "t" / "b.parquet", [{"id": "1", "score": 1}])

    assert complaint(tmp_path / "t") == (
        "t/b.parquet: 'response' is a column of a.parquet and not of b.parquet; put files of one "
        "table alone into the folder"
    )


def test_a_column_of_two_types_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1"}])
    write(tmp_path / "t" / "b.parquet", [{"id": 1}])

    assert complaint(tmp_path / "t") == (
        "t/b.parquet: 'id' is number here and text in a.parquet; write all files with the same "
        "types"
    )


def test_other_files_in_the_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1"}])
    (tmp_path / "t" / "b.csv").write_text("id\n1\n", encoding="utf-8")

    assert complaint(tmp_path / "t").startswith("t/b.csv: this is no Parquet file")


def test_a_folder_that_is_no_partition_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t" / "old" / "a.parquet", [{"id": "1"}])

    assert complaint(tmp_path / "t") == (
        "t/old: this folder is no partition; name it COLUMN=VALUE, or give one folder of .parquet "
        "files"
    )


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()

    assert complaint(tmp_path / "t").startswith("t: the folder holds no Parquet file; give")


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"id": str(n)} for n in range(100)])
    path.write_bytes(path.read_bytes()[:-20])

    assert complaint(path).startswith("t.parquet: cannot be read as Parquet: ")


def test_a_character_that_no_store_takes_is_refused_at_its_row(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1"}, {"id": "a\0b"}])

    assert complaint(tmp_path / "t").startswith("t:2: the text holds U+0000")


def test_a_column_that_is_missing_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [{"id": "1", "responce": "x"}])

    assert complaint(tmp_path / "t.parquet", required=("id", "response")) == (
        "t.parquet:1: no column 'response'; rename 'responce' to 'response' if it is meant"
    )


def test_a_column_beside_a_folder_of_its_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t" / "system=a" / "0.parquet", [{"id": "1", "system": "b"}])

    assert "column 'system' is also the name of a folder" in complaint(tmp_path / "t")


def test_the_digest_follows_every_file_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.parquet", [{"id": "1"}])
    before = table_sha256(tmp_path / "t")

    write(tmp_path / "t" / "b.parquet", [{"id": "2"}])

    assert table_sha256(tmp_path / "t") != before


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.parquet", [{"id": "1"}])
    monkeypatch.setitem(importlib.import_module("sys").modules, "pyarrow.parquet", None)

    with pytest.raises(ConfigError, match=r"pip install 'cvalues\[parquet\]'"):
        list(read_rows(path))
