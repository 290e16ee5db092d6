"""Rows as a folder of Parquet files, streamed: a run of any size in the memory of one page.

DuckDB, Polars, Spark and pyarrow read such a folder as one table. The types of the columns are
fixed here, so that a column that is empty in one file is no other type in the next.
"""

import importlib
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from judge.errors import ConfigError

Row = Mapping[str, object]

PAGE = 20_000
"""Rows in memory at once, and in one row group."""

IN_A_FILE = 1_000_000
"""Rows of one file."""

INTEGERS = frozenset(
    {
        *("sample", "repeat", "turn", "attempts", "number", "planned", "scored", "unscored"),
        *("error", "skipped", "prompt_tokens", "completion_tokens", "cached_tokens"),
    }
)
FLOATS = frozenset({"score", "cost_usd", "latency_ms", "mean_judge_only", "probability"})
"""Columns that hold numbers; every other one holds text, and what has parts is written as JSON."""


def write_parquet_folder(folder: Path, rows: Iterable[Row], *, columns: Sequence[str] = ()) -> int:
    """Write rows as a new folder of files ``part-00000.parquet`` and so on.

    Parameters
    ----------
    folder : Path
        Must not exist; it appears only when everything has been written.
    rows : iterable of mapping
        Streamed; all have the columns of the first.
    columns : sequence of str
        Of a table without a row.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ConfigError
        If the folder is there already, the rows differ in their columns, or pyarrow is missing.
    """
    if folder.exists() or folder.is_symlink() or not folder.parent.is_dir():
        raise ConfigError(f"{folder}: no new folder can stand there; name another with --out.")
    beside = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(4)}.tmp")
    beside.mkdir()
    try:
        count = _write_files(beside, iter(rows), columns)
        beside.rename(folder)
    except ImportError:
        raise ConfigError("Parquet needs an extra: pip install 'cvalues[parquet]'.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return count


def _write_files(folder: Path, rows: Iterator[Row], columns: Sequence[str]) -> int:
    pq: Any = importlib.import_module("pyarrow.parquet")
    page = list(islice(rows, PAGE))
    schema = _schema(list(page[0]) if page else list(columns))
    count = number = 0
    while page or not number:
        with pq.ParquetWriter(folder / f"part-{number:05}.parquet", schema) as file:
            written = 0
            while page and written < IN_A_FILE:
                file.write_table(_table(page, schema))
                written += len(page)
                page = list(islice(rows, PAGE))
        count += written
        number += 1
    return count


def _schema(columns: Sequence[str]) -> Any:
    pa: Any = importlib.import_module("pyarrow")

    def kind(name: str) -> Any:
        if name in INTEGERS:
            return pa.int64()
        return pa.float64() if name in FLOATS else pa.string()

    return pa.schema([(name, kind(name)) for name in columns])


def _table(page: Sequence[Row], schema: Any) -> Any:
    pa: Any = importlib.import_module("pyarrow")

    if any(list(row) != schema.names for row in page):
        raise ConfigError("the rows differ in their columns; write them as JSONL.")
    values = [{name: _value(name, value) for name, value in row.items()} for row in page]
    return pa.Table.from_pylist(values, schema=schema)


def _value(name: str, value: object) -> Any:
    """Give a value in the type of its column."""
    if value is None or name in INTEGERS:
        return value
    if name in FLOATS:
        return float(str(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
