"""Typed readers of one field of a row: the value, or an error that points at the row.

Nothing is coerced. A number is a number of the format: in CSV plain decimal digits, in JSONL and
XLSX never a text. A text is a text, save that a whole number in a sheet counts as its digits,
because a sheet stores every number that a person types as one.
"""

import datetime
import math
import re
from collections.abc import Sequence

from calibration.tables.errors import TableError
from calibration.tables.printable import clipped
from calibration.tables.rows import Row, nearest

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_EXACT = 2**53


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
        raise row.error(f"'{name}' is {_described(value)}, not text", _text_fix(row))
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
    value = _present(row, name)
    if row.format == "csv" and isinstance(value, str) and _DECIMAL.fullmatch(value):
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
        If the column is missing, holds anything but a whole number, or one out of bounds. In
        CSV the digits must stand alone: ``1e0`` and ``1.0`` are refused.
    """
    value = _present(row, name)
    if isinstance(value, str) and row.format == "csv" and _WHOLE.fullmatch(value):
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
    return "null" if value is None else f"the value {clipped(str(value))}"


def _text_fix(row: Row) -> str:
    return "format the column as text and type it again" if row.format == "xlsx" else "quote it"


def _number_fix(row: Row) -> str:
    if row.format == "xlsx":
        return "format the column as number and type it again"
    return "write digits alone" if row.format == "csv" else "write digits without quotes"
