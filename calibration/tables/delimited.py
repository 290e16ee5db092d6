"""CSV and TSV: a header, then rows of exactly as many cells; every value is text."""

import csv
from collections.abc import Iterator
from pathlib import Path

from calibration.tables.errors import Place, TableError
from calibration.tables.rows import Columns, Row, check_names
from calibration.tables.source import open_plain, text_lines

MAX_CELL = 131_072
"""Characters of one cell: the limit of Python's csv module, kept because it is process-wide."""


def read_delimited(columns: Columns, encoding: str | None) -> Iterator[Row]:
    """Give one row for each record, in bounded memory; lines blank at the end are ignored.

    Cells are separated by tabs in a ``.tsv`` file and by commas in any other.

    Raises
    ------
    TableError
        At the first record that is not well formed, ragged, or too large.
    """
    path = columns.source
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with open_plain(path) as file:
        records = _records(text_lines(file, path, encoding), path, delimiter)
        line, header = next(records, (1, list[str]()))
        _check_header(header, Place(path, line), delimiter)
        columns.check(header, line)
        for line, cells in records:
            if len(cells) != len(header):
                raise Place(path, line).error(
                    f"{len(cells)} cells where the header has {len(header)}",
                    "quote cells that hold the separator or line breaks",
                )
            yield Row(line, dict(zip(header, cells, strict=True)), path, "csv")


def _records(
    lines: Iterator[tuple[int, str]], path: Path, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((text for _, text in lines), delimiter=delimiter, strict=True)
    blank: int | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _malformed(error, Place(path, start)) from error
        if cells is None:
            return
        if not cells:
            blank = blank or start
            continue
        if blank is not None:
            raise Place(path, blank).error("the line is blank", "remove it")
        if max(map(len, cells)) > MAX_CELL:
            raise _too_large(Place(path, start))
        yield start, cells


def _malformed(error: csv.Error, place: Place) -> TableError:
    reason = str(error)
    if "field limit" in reason:
        return _too_large(place)
    if "unexpected end" in reason:
        return place.error(
            "a quote is opened and never closed", "close it; write a quote in a cell as two"
        )
    if "new-line character" in reason:
        return place.error("a carriage return alone inside a row", "end lines with a line feed")
    return place.error("text after a closing quote", "write a quote inside a quoted cell as two")


def _too_large(place: Place) -> TableError:
    return place.error(
        f"a cell holds more than {MAX_CELL} characters",
        "look for a quote that is never closed, or use JSONL for long texts",
    )


def _check_header(header: list[str], place: Place, delimiter: str) -> None:
    if not header:
        raise place.error("there is no header", "name the columns in the first line")
    names = {";": "semicolons", "|": "bars", "\t": "tabs", ",": "commas"}
    other = next((mark for mark in names if mark != delimiter and mark in header[0]), None)
    if other is not None and len(header) == 1:
        fix = "name the file .tsv" if other == "\t" else f"save it with {names[delimiter]}"
        raise place.error(f"columns seem to be separated by {names[other]}", fix)
    check_names(header, place)
