"""JSON Lines: one object a line, read with none of JSON's usual leniencies."""

import json
import math
import re
from collections.abc import Iterator, Sequence

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped
from calibration.tables.rows import Columns, Row
from calibration.tables.source import open_plain, text_lines

MAX_DEPTH = 64
"""Objects and arrays within one another."""

MAX_DIGITS = 64
"""Digits of a whole number."""

_FIX = "correct the program that wrote the file"
_MAX_SHAPES = 1_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read_jsonl(columns: Columns, encoding: str | None) -> Iterator[Row]:
    """Give one row for each line, in bounded memory; lines left blank at the end are ignored.

    Raises
    ------
    TableError
        At the first line that is no JSON object, or breaks a limit of this module.
    """
    path = columns.source
    shapes: set[tuple[str, ...]] = set()
    blank: int | None = None
    with open_plain(path) as file:
        for line, text in text_lines(file, path, encoding):
            if not text.strip(" \t\r\n"):
                blank = blank or line
                continue
            if blank is not None:
                raise Place(path, blank).error("the line is blank", "remove it")
            values = _parse(text.rstrip("\r\n"), Place(path, line))
            shape = tuple(values)
            if shape not in shapes:
                columns.check(shape, line)
                if len(shapes) < _MAX_SHAPES:
                    shapes.add(shape)
            yield Row(line, values, path, "jsonl")


def _parse(text: str, place: Place) -> dict[str, object]:
    try:
        value: object = _DECODER.decode(text)
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _refuse_depth(value)
        if "\\u" in text:
            _refuse_unstorable(value)
    except json.JSONDecodeError as error:
        raise _syntax(error, place) from error
    except RecursionError as error:
        raise place.error(f"nested deeper than {MAX_DEPTH} levels", _FIX) from error
    except _RefusedError as error:
        raise place.error(str(error), _FIX) from error
    if not isinstance(value, dict):
        raise place.error(
            f"{_kind(value)} where an object should be",
            'write one {"column": value, ...} on each line',
        )
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have string keys


def _syntax(error: json.JSONDecodeError, place: Place) -> TableError:
    what, fix = error.msg, "write one whole JSON object on each line"
    if error.doc.startswith("\ufeff"):
        what = "a byte order mark in the middle of the file"
        fix = "remove it; it is left over from joining two files"
    elif re.search("[\r\u2028\u2029]", error.doc):
        what, fix = "a line break that is not a line feed", "end lines with a line feed"
    elif error.msg == "Extra data":
        what = "more text after the object"
    return place.error(f"not JSON: {what[:1].lower()}{what[1:]}", fix, error.colno)


class _RefusedError(ValueError):
    """Valid JSON for a lenient reader, refused here."""


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise _RefusedError(f"the key '{clipped(twice)}' stands twice in one object")
    return values


def _refuse_constant(name: str) -> float:
    raise _RefusedError(f"{name} is not JSON; write null for a missing number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _RefusedError(f"the number {clipped(digits)} is too large")
    return value


def _refuse_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, (dict, list))]
    if level:
        raise _RefusedError(f"nested deeper than {MAX_DEPTH} levels")


def _refuse_unstorable(value: object) -> None:
    level = [value]
    while level:
        for text in level:
            if isinstance(text, str) and (found := _UNSTORABLE.search(text)):
                raise _RefusedError(
                    f"the text holds U+{ord(found.group()):04X}, which is no character"
                )
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]  # pyright: ignore[reportUnknownVariableType] - JSON
    return value if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType]


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "an array"
    return "a string" if isinstance(value, str) else "a number or boolean"


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_int=_whole,
    parse_float=_finite,
)
