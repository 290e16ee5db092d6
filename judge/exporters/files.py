"""Rows into a file, whole or not at all: JSONL, CSV or Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal, cast

from judge.errors import ConfigError
from judge.exporters.atomic import replacing
from judge.exporters.cells import Value, csv_cell

Format = Literal["jsonl", "csv", "parquet"]
Row = Mapping[str, object]


def write_rows(
    path: Path,
    rows: Iterable[Row],
    *,
    form: Format,
    raw: bool = False,
    columns: Sequence[str] = (),
) -> int:
    """Write rows that all have the same columns.

    Parameters
    ----------
    path : Path
        Replaced only when everything has been written.
    rows : iterable of mapping
        Streamed, but for Parquet.
    form : {'jsonl', 'csv', 'parquet'}
    raw : bool
        CSV for machines: text in cells as it is, and no mark before the first. Without it, text
        that a spreadsheet program would run is made inert.
    columns : sequence of str
        Of a table without a row, so that CSV and Parquet have their columns even so.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ConfigError
        If rows for CSV differ in their columns, or Parquet is wanted without its extra.
    """
    with replacing(path) as file:
        if form == "jsonl":
            return _jsonl(file, rows)
        if form == "csv":
            return _csv(file, rows, raw=raw, expected=columns)
        return _parquet(file, list(rows), expected=columns)


def _plain(value: Value) -> object:
    return "" if value is None else value


def _jsonl(file: IO[bytes], rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        count += 1
    return count


def _csv(file: IO[bytes], rows: Iterable[Row], *, raw: bool, expected: Sequence[str]) -> int:
    cell = _plain if raw else csv_cell
    # Excel takes UTF-8 for what it is only with a mark; this project's readers take both.
    encoding = "utf-8" if raw else "utf-8-sig"
    text = io.TextIOWrapper(file, encoding=encoding, newline="", write_through=True)
    writer = csv.writer(text)
    columns: list[str] = []
    count = 0
    for row in rows:
        if not columns:
            columns = list(row)
            writer.writerow([cell(name) for name in columns])
        if list(row) != columns:
            raise ConfigError("the rows differ in their columns; write them as JSONL.")
        writer.writerow([cell(_flat(value)) for value in row.values()])
        count += 1
    if expected and not columns:
        writer.writerow(expected)
    text.detach()
    return count


def _flat(value: object) -> Value:
    """Write what has parts as JSON, since a cell holds one value."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return cast("Value", value)


def filled(read: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """Give rows that differ in their columns all columns of any, empty where a row had none.

    Parameters
    ----------
    read : callable
        Gives the rows anew with each call, so that none is held.
    """
    columns = dict.fromkeys(name for row in read() for name in row)
    return ({name: row.get(name) for name in columns} for row in read())


def _parquet(file: IO[bytes], rows: list[Row], *, expected: Sequence[str]) -> int:
    import pandas as pd

    try:
        table = pd.DataFrame.from_records(rows) if rows else pd.DataFrame(columns=list(expected))
        table.to_parquet(file, index=False)
    except ImportError:
        raise ConfigError("Parquet needs an extra: pip install 'cvalues[parquet]'.") from None
    return len(rows)
