import importlib
from pathlib import Path
from typing import Any

import pytest

from judge.errors import ConfigError
from judge.exporters import parquet
from judge.exporters.parquet import write_parquet_folder

ds: Any = importlib.import_module("pyarrow.dataset")

ROWS = [
    {"id": f"p{n}", "sample": 0, "score": float(n) if n % 2 else None, "flags": "", "group": None}
    for n in range(10)
]


def test_a_folder_of_files_is_read_back_as_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PAGE", 2)
    monkeypatch.setattr(parquet, "IN_A_FILE", 4)
    assert write_parquet_folder(tmp_path / "out", ROWS) == 10
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert ds.dataset(tmp_path / "out").to_table().to_pylist() == ROWS


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    assert write_parquet_folder(tmp_path / "out", [], columns=("id", "score")) == 0
    assert ds.dataset(tmp_path / "out").schema.names == ["id", "score"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="differ in their columns"):
        write_parquet_folder(tmp_path / "out", [{"id": "a"}, {"name": "b"}])
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_already_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no new folder"):
        write_parquet_folder(tmp_path, ROWS)
