"""JSON Lines: one object a line, read with none of JSON's usual leniencies."""

from collections.abc import Iterator

from calibration.tables.errors import Place
from calibration.tables.rows import Columns, Row
from calibration.tables.source import open_plain, text_lines
from calibration.tables.strict_json import parse_json

_MAX_SHAPES = 1_000


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
            values = _object(text.rstrip("\r\n"), Place(path, line))
            shape = tuple(values)
            if shape not in shapes:
                columns.check(shape, line)
                if len(shapes) < _MAX_SHAPES:
                    shapes.add(shape)
            yield Row(line, values, path, "jsonl")


def _object(text: str, place: Place) -> dict[str, object]:
    value = parse_json(text, place)
    if not isinstance(value, dict):
        raise place.error(
            f"{_kind(value)} where an object should be",
            'write one {"column": value, ...} on each line',
        )
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have string keys


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "an array"
    return "a string" if isinstance(value, str) else "a number or boolean"
