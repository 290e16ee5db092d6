"""JSON read with none of the usual leniencies: one value, no key twice, nothing unstorable."""

import json
import math
import re
from collections.abc import Callable, Sequence

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped

MAX_DEPTH = 64
"""Objects and arrays within one another."""

MAX_DIGITS = 64
"""Digits of a whole number."""

_FIX = "correct the program that wrote the file"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse_json(text: str, place: Place, *, nan_is_null: bool = False) -> object:
    """Read one JSON value.

    Parameters
    ----------
    text : str
    place : Place
        Where the text stands, for messages; without a line, the line within the text is named.
    nan_is_null : bool
        Whether ``NaN`` and ``Infinity``, which are not JSON but which other tools write for a
        missing number, are read as null. They are refused otherwise.

    Raises
    ------
    TableError
        If it is not JSON, or breaks a limit of this module.
    """
    try:
        value: object = (_LENIENT if nan_is_null else _STRICT).decode(text)
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
    return value


def _syntax(error: json.JSONDecodeError, place: Place) -> TableError:
    what, fix = error.msg, "write one whole JSON object on each line"
    if error.doc.startswith("\ufeff"):
        what = "a byte order mark in the middle of the file"
        fix = "remove it; it is left over from joining two files"
    elif re.search("[\r\u2028\u2029]", error.doc):
        what, fix = "a line break that is not a line feed", "end lines with a line feed"
    elif error.msg == "Extra data":
        what = "more text after the object"
    where = Place(place.source, place.line or error.lineno)
    return where.error(f"not JSON: {what[:1].lower()}{what[1:]}", fix, error.colno)


class _RefusedError(ValueError):
    """Valid JSON for a lenient reader, refused here."""


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise _RefusedError(f"the key '{clipped(twice)}' stands twice in one object")
    return values


def _refuse_constant(name: str) -> None:
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


def _decoder(constant: Callable[[str], None]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=constant, parse_int=_whole, parse_float=_finite
    )


def _null(_name: str) -> None:
    """Read a number that is none as null."""


_STRICT = _decoder(_refuse_constant)
_LENIENT = _decoder(_null)
