"""One row of a table: the column checks that all formats share, and typed readers of its fields.

A reader gives the value, or an error that points at the row. Nothing is coerced. A number is a
number of the format: in CSV plain decimal digits, in JSONL and XLSX never a text. A text is a text,
save that a whole number in a sheet counts as its digits, because a sheet stores every number that
a person types as one.
"""

import datetime
import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from judge.files.decoding import Place, TableError, clipped

Format = Literal["jsonl", "csv", "xlsx"]

MAX_CELL = 131_072
"""Characters of one cell: the limit of Python's csv module, kept because it is process-wide."""

MAX_COLUMNS = 1_024
"""Columns of a table or fields of an object; above it a file is broken or hostile."""

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file.

    Attributes
    ----------
    line : int
        1-based line where the row starts, or row of the sheet.
    values : Mapping[str, object]
        By column. CSV gives text only; JSONL what JSON holds; XLSX text, numbers, booleans and
        dates, with ``""`` for an empty cell.
    source : Path
        The file as the user named it.
    format : {"jsonl", "csv", "xlsx"}
        How to read the values: text that looks like a number is a number in CSV alone.
    """

    line: int
    values: Mapping[str, object]
    source: Path
    format: Format = "jsonl"

    def error(self, what: str, fix: str) -> TableError:
        """Make the error that points at this row."""
        return Place(self.source, self.line).error(what, fix)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a caller reads, and the file they must be found in."""

    source: Path
    required: Sequence[str] = ()
    optional: Sequence[str] = ()
    instead: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Required columns that may be missing where another one is there, by that one."""

    def check(self, names: Sequence[str], line: int) -> None:
        """Refuse names that lack a required column or nearly spell a known one.

        Raises
        ------
        TableError
            With the nearest column that the file has.
        """
        if len(names) > MAX_COLUMNS:
            raise Place(self.source, line).error(
                f"{len(names)} columns, more than {MAX_COLUMNS}",
                "remove those not needed",
            )
        self._refuse_disguises(names, line)
        spared = {name for other in names for name in self.instead.get(other, ())}
        missing = next((n for n in self.required if n not in names and n not in spared), None)
        if missing is not None:
            raise Place(self.source, line).error(f"no column '{missing}'", _advice(missing, names))

    def _refuse_disguises(self, names: Sequence[str], line: int) -> None:
        # 'System' beside an optional 'system' would be kept as an unknown column and never read.
        known = {_plain(name): name for name in (*self.required, *self.optional)}
        for name in names:
            meant = known.get(_plain(name), name)
            if meant != name and meant not in names:
                raise Place(self.source, line).error(
                    f"column '{clipped(name)}' is not quite '{meant}'", f"rename it '{meant}'"
                )


def check_names(header: Sequence[str], place: Place) -> None:
    """Refuse a header with an unnamed column or a name that stands twice, with a TableError."""
    if "" in header:
        raise place.error(
            f"column {header.index('') + 1} has no name",
            "name or remove it (pandas: to_csv(index=False))",
        )
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise place.error(f"two columns are named '{clipped(twice)}'", "rename one")


def refuse_header_again(header: Sequence[str], cells: Sequence[object], place: Place) -> None:
    """Refuse a row that names the columns again, as files that were joined do."""
    first, *rest = [cell for cell in cells if isinstance(cell, str)] or [""]
    if len(header) > 1 and [first.strip("\ufeff"), *rest] == list(header):
        raise place.error(
            "the row names the columns again", "remove it; joined files keep one header"
        )


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Give the choice spelled most like ``name``, None when nothing is near.

    Examples
    --------
    >>> nearest("responce", ["id", "response"])
    'response'
    """
    close = difflib.get_close_matches(name[:60], [choice[:60] for choice in choices], n=1)
    return close[0] if close else None


_CONVERSATIONS = frozenset(
    {"conversation", "conversations", "dialogue", "dialog", "chat", "history", "turns"}
)
"""How other tools call the column that holds a conversation."""


def _advice(missing: str, names: Sequence[str]) -> str:
    talk = next((name for name in names if _plain(name) in _CONVERSATIONS), None)
    if missing == "prompt" and talk is not None:
        return (
            f"a conversation is read from 'messages' (role, content): rename '{clipped(talk)}', or "
            "convert the file first with cvalues import chat or sharegpt"
        )
    near = nearest(missing, names)
    if near is not None:
        return f"rename '{clipped(near)}' to '{missing}' if it is meant"
    found = ", ".join(clipped(name, 20) for name in names[:6])
    return f"add it; found {found}" + (", …" if len(names) > 6 else "")


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    return folded.replace("-", "_").replace(" ", "_").strip("\ufeff\u200b")


def text(row: Row, name: str, *, empty: bool = False) -> str:
    """Read a text that must be there.

    Parameters
    ----------
    row : Row
    name : str
        The column.
    empty : bool
        Whether a text without any character is accepted.

    Raises
    ------
    TableError
        If the column is missing, holds no text, or is blank and may not be.
    """
    value = _present(row, name)
    if isinstance(value, float) and row.format == "xlsx" and _is_whole(value):
        value = str(int(value))
    if not isinstance(value, str):
        raise row.error(f"'{name}' is {_described(value)}, not text", _text_fix(row, value))
    if not empty and not value.strip():
        raise row.error(f"'{name}' is empty", "fill it in")
    return value


def optional_text(row: Row, name: str) -> str | None:
    """Read a text, None where it is missing, null or empty."""
    return None if _is_missing(row, name) else text(row, name)


def number(row: Row, name: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Read a finite number that must be there.

    Parameters
    ----------
    row : Row
    name : str
        The column.
    low, high : float
        Bounds, both allowed.

    Raises
    ------
    TableError
        If the column is missing, holds anything but a number, or one out of bounds.
    """
    value = _typed(row, name)
    if isinstance(value, str) and row.format != "jsonl" and _DECIMAL.fullmatch(value):
        value = float(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise row.error(f"'{name}' is {_described(value)}, not a number", _number_fix(row))
    if low <= value <= high:
        return float(value)
    raise _out_of_bounds(row, name, (low, high))


def optional_number(
    row: Row, name: str, *, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """Read a finite number, None where it is missing, null or empty."""
    return None if _is_missing(row, name) else number(row, name, low=low, high=high)


def integer(row: Row, name: str, *, low: float = -math.inf, high: float = math.inf) -> int:
    """Read a whole number that must be there.

    Parameters
    ----------
    row : Row
    name : str
        The column.
    low, high : float
        Bounds, both allowed.

    Raises
    ------
    TableError
        If the column is missing, holds anything but a whole number, or one out of bounds. As text
        the digits must stand alone: ``1e0`` and ``1.0`` are refused.
    """
    value = _present(row, name)
    if isinstance(value, str) and row.format != "jsonl" and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and row.format == "xlsx" and _is_whole(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise row.error(f"'{name}' is {_described(value)}, not a whole number", _number_fix(row))
    if low <= value <= high:
        return value
    raise _out_of_bounds(row, name, (low, high))


def optional_integer(
    row: Row, name: str, *, low: float = -math.inf, high: float = math.inf
) -> int | None:
    """Read a whole number, None where it is missing, null or empty."""
    return None if _is_missing(row, name) else integer(row, name, low=low, high=high)


def _typed(row: Row, name: str) -> object:
    """Give a value; of a sheet's text without width and blanks, as people type numbers in cells.

    JSON has numbers of its own, so a text there stays one.
    """
    value = _present(row, name)
    if not isinstance(value, str):
        return value
    plain = unicodedata.normalize("NFKC", value).strip()
    return plain if row.format != "jsonl" else value


def choice(row: Row, name: str, options: Sequence[str]) -> str:
    """Read a text that must be one of ``options``, spelled exactly so.

    Raises
    ------
    TableError
        With the nearest option, if the value is none of them.
    """
    value = text(row, name)
    if value in options:
        return value
    near = nearest(value, options)
    fix = f"did you mean '{near}'?" if near else f"use one of {', '.join(options)}"
    raise row.error(f"'{name}' is '{clipped(value)}'", fix)


def optional_choice(row: Row, name: str, options: Sequence[str]) -> str | None:
    """Read a text that is one of ``options``, None where it is missing, null or empty."""
    return None if _is_missing(row, name) else choice(row, name, options)


def _present(row: Row, name: str) -> object:
    if name in row.values:
        return row.values[name]
    near = nearest(name, row.values)
    fix = f"rename '{clipped(near)}' to '{name}' if it is meant" if near else "add it"
    raise row.error(f"no column '{name}'", fix)


def _is_missing(row: Row, name: str) -> bool:
    value = row.values.get(name)
    return value is None or value == ""


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) <= _EXACT


def _out_of_bounds(row: Row, name: str, bounds: tuple[float, float]) -> TableError:
    low, high = bounds
    wanted = f"from {low:g} to {high:g}"
    if math.isinf(high):
        wanted = f"of at least {low:g}"
    elif math.isinf(low):
        wanted = f"of at most {high:g}"
    return row.error(f"'{name}' is {clipped(str(row.values[name]))}", f"give a number {wanted}")


def _described(value: object) -> str:
    if isinstance(value, str):
        return f"the text '{clipped(value)}'" if value else "empty"
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return f"the date or time {value}"
    if isinstance(value, (list, dict)):
        return "a list or object"
    if isinstance(value, bytes):
        return "bytes"
    return "null" if value is None else f"the value {clipped(str(value))}"


def _text_fix(row: Row, value: object) -> str:
    if value is None:
        return "write the text, or leave the row out"
    if isinstance(value, (list, dict)):
        return "write one text in each row"
    if isinstance(value, bytes):
        return "write the column as text: pyarrow.compute.cast(column, 'string')"
    return "format the column as text and type it again" if row.format == "xlsx" else "quote it"


def _number_fix(row: Row) -> str:
    if row.format == "xlsx":
        return "format the column as number and type it again"
    return "write digits alone" if row.format == "csv" else "write digits without quotes"
