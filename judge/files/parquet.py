"""Parquet: one file, or a folder of files that hold one table, as exports and Spark write it.

A folder may be partitioned by folders ``name=value``, whose names are columns of the rows within.
Rows count from 1 over all files, in the order of their names.
"""

import hashlib
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from judge.errors import ConfigError
from judge.files.decoding import (
    Place,
    StrictJsonError,
    TableError,
    clipped,
    file_sha256,
    open_plain,
    refuse_unstorable,
)
from judge.files.row import Columns, Row, check_names

PAGE = 5_000
"""Rows in memory at once."""

MOST_FILES = 100_000
"""Files of one folder."""

_MAGIC = b"PAR1"
"""First bytes of every Parquet file."""
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""How a folder's name says that the column is empty."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a table, and what the names of its folders say of its rows."""

    path: Path
    fixed: Mapping[str, str | None]


def read_parquet(columns: Columns) -> Iterator[Row]:
    """Give the rows of a file or folder, in bounded memory.

    Parameters
    ----------
    columns : Columns
        With the file or folder.

    Yields
    ------
    Row
        Numbers, texts and lists as Parquet holds them; a number that is none is None.

    Raises
    ------
    TableError
        If the folder holds none, or anything else than Parquet; its files differ in their columns;
        a file is broken; or the columns are not those asked for.
    ConfigError
        If pyarrow is not installed.
    """
    first: tuple[_File, dict[str, str]] | None = None
    count = 0
    for file in _files(columns.source):
        opened = _opened(file.path)
        kinds = _kinds(opened, file)
        if first is None:
            columns.check(list(kinds), 1)
            first = (file, kinds)
        _refuse_other_columns(file, kinds, first)
        for values in _values(opened, file):
            count += 1
            yield Row(count, _storable(values, Place(columns.source, count)), columns.source)


def folder_sha256(path: Path) -> str:
    """Digest the names and bytes of all files of a folder."""
    whole = hashlib.sha256()
    for part in _files(path):
        digest = file_sha256(part.path)
        whole.update(f"{part.path.relative_to(path).as_posix()}\n{digest}\n".encode())
    return whole.hexdigest()


def _files(source: Path) -> Sequence[_File]:
    if not source.is_dir():
        open_plain(source).close()
        return [_File(source, {})]
    files = list(_within(source, {}, depth=0)) if _may_hold_parquet(source) else []
    if not files:
        raise TableError(
            "the folder holds no Parquet file",
            "give a folder that cvalues export wrote, or a .jsonl, .csv or .xlsx file",
            source=source,
        )
    if len(files) > MOST_FILES:
        raise TableError(f"more than {MOST_FILES} files", "write larger ones", source=source)
    return files


def _may_hold_parquet(folder: Path) -> bool:
    return any(path.suffix.lower() == ".parquet" or path.is_dir() for path in folder.iterdir())


def _within(folder: Path, fixed: Mapping[str, str | None], *, depth: int) -> Iterator[_File]:
    """Give the files under a folder by their names, without notes such as ``_SUCCESS``."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if not path.is_dir():
            if path.suffix.lower() != ".parquet":
                raise TableError(
                    "this is no Parquet file, in a folder of them",
                    "give a folder of .parquet files alone, or this file by itself",
                    source=path,
                )
            yield _File(path, fixed)
            continue
        name, sign, value = path.name.partition("=")
        if not sign or not name or depth >= 8 or name in fixed:
            raise TableError(
                "this folder is no partition",
                "name it COLUMN=VALUE, or give one folder of .parquet files",
                source=path,
            )
        known = None if value == _NO_VALUE else unquote(value)
        yield from _within(path, {**fixed, unquote(name): known}, depth=depth + 1)


def _opened(path: Path) -> Any:
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
        arrow: Any = importlib.import_module("pyarrow")
    except ImportError:
        raise ConfigError("Parquet needs an extra: pip install 'cvalues[parquet]'.") from None
    open_plain(path).close()
    try:
        return parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> TableError:
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC)) == _MAGIC
    if not begins:
        return TableError(
            "this is not a Parquet file", "name it as what it is, or export it again", source=path
        )
    return TableError(
        f"cannot be read as Parquet: {clipped(str(error), 80)}",
        "write the file again; was it cut off while it was copied?",
        source=path,
    )


def _kinds(opened: Any, file: _File) -> dict[str, str]:
    """Give the columns of a file with the kind of their values: a wider number is no other kind."""
    names: list[str] = list(opened.schema_arrow.names)
    place = Place(file.path)
    check_names(names, place)
    twice = next((name for name in names if name in file.fixed), None)
    if twice is not None:
        raise place.error(
            f"column '{clipped(twice)}' is also the name of a folder", "keep one of the two"
        )
    kinds = {name: _kind(opened.schema_arrow.field(name).type) for name in names}
    return {**kinds, **dict.fromkeys(file.fixed, "text")}


def _kind(type_: Any) -> str:
    types: Any = importlib.import_module("pyarrow").types
    if types.is_dictionary(type_):
        return _kind(type_.value_type)
    if types.is_null(type_):
        return "empty"
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        return "number"
    if types.is_string(type_) or types.is_large_string(type_) or str(type_) == "string_view":
        return "text"
    return "list or object" if types.is_nested(type_) else str(type_)


def _refuse_other_columns(
    file: _File, kinds: Mapping[str, str], first: tuple[_File, Mapping[str, str]]
) -> None:
    """Refuse a file whose columns are not those of the first: two tables in one folder."""
    before, known = first
    other = next((name for name in (*known, *kinds) if name not in kinds or name not in known), "")
    if other:
        here, there = (file, before) if other in kinds else (before, file)
        raise Place(file.path).error(
            f"'{clipped(other)}' is a column of {clipped(here.path.name)} and not of "
            f"{clipped(there.path.name)}",
            "put files of one table alone into the folder",
        )
    for name, kind in kinds.items():
        if kind != known[name] and "empty" not in {kind, known[name]}:
            raise Place(file.path).error(
                f"'{clipped(name)}' is {kind} here and {known[name]} in "
                f"{clipped(before.path.name)}",
                "write all files with the same types",
            )


def _values(opened: Any, file: _File) -> Iterator[dict[str, object]]:
    arrow: Any = importlib.import_module("pyarrow")
    try:
        for batch in opened.iter_batches(batch_size=PAGE):
            for values in batch.to_pylist():
                yield {**values, **file.fixed}
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _broken(file.path, error) from error


def _storable(values: dict[str, object], place: Place) -> dict[str, object]:
    """Give the values as JSON would: no number that is none, no character that is none."""
    for name, value in values.items():
        if isinstance(value, Decimal):
            values[name] = float(value)
        elif isinstance(value, float) and not math.isfinite(value):
            values[name] = None
    try:
        refuse_unstorable(values)
    except StrictJsonError as error:
        raise place.error(str(error), "correct the program that wrote the file") from error
    return values
