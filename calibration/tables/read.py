"""The one door to a table: the file's suffix says how it is read.

JSON Lines hold one object a line. CSV and TSV hold a header, then rows of exactly as many cells;
every value is text.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped
from calibration.tables.rows import Columns, Row, check_names
from calibration.tables.source import open_plain, text_lines
from calibration.tables.strict_json import parse_json
from calibration.tables.workbook import read_workbook

_ELSEWHERE = {
    ".json": "write one object a line and name it .jsonl",
    ".gz": "unpack it first, for example with gunzip",
    ".zip": "unpack it first",
    ".xls": "save it as .xlsx",
    ".xlsm": "save it as .xlsx, without macros",
    ".parquet": "convert it to JSONL",
}
_MAX_SHAPES = 1_000
MAX_CELL = 131_072
"""Characters of one cell: the limit of Python's csv module, kept because it is process-wide."""


def read_rows(
    path: str | Path,
    *,
    encoding: str | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    min_rows: int = 1,
    sheet: str | None = None,
) -> Iterator[Row]:
    """Read a table row by row.

    JSONL and CSV are streamed: memory does not grow with the number of rows. Errors come as they
    are met, so a caller that writes anything reads the whole file once before.

    Parameters
    ----------
    path : str or Path
        A ``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv`` or ``.xlsx`` file.
    encoding : str, optional
        What the text was saved in, where it is neither UTF-8 nor marked as UTF-16: ``gb18030``,
        ``gbk``, ``gb2312``, ``big5`` or a UTF-16 without mark. Not used for XLSX.
    required : sequence of str
        Columns that must be there, in every row of a JSONL file.
    optional : sequence of str
        Columns that the caller reads where they are. Names that differ from a required or
        optional one only in case, width or blanks are refused. Other columns are kept.
    min_rows : int
        Fewest rows that make sense, 0 to accept a header alone.
    sheet : str, optional
        Which sheet of a workbook to read; it may be left out where there is only one. Not used
        for other formats.

    Yields
    ------
    Row

    Raises
    ------
    TableError
        At the first thing that is wrong with the file.
    """
    source = Path(path)
    columns = Columns(source, tuple(required), tuple(optional))
    count = 0
    for row in _rows(columns, encoding, sheet):
        count += 1
        yield row
    if count < min_rows:
        raise TableError(
            f"{count} rows where at least {min_rows} should be", "add rows", source=source
        )


def _rows(columns: Columns, encoding: str | None, sheet: str | None) -> Iterator[Row]:
    source = columns.source
    suffix = source.suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        return _jsonl(columns, encoding)
    if suffix in {".csv", ".tsv"}:
        return _delimited(columns, encoding)
    if suffix == ".xlsx":
        return read_workbook(columns, sheet)
    open_plain(source).close()
    raise TableError(
        f"'{clipped(suffix)}' files are not read here" if suffix else "the file has no suffix",
        _ELSEWHERE.get(suffix, "use .jsonl, .csv, .tsv or .xlsx"),
        source=source,
    )


def _jsonl(columns: Columns, encoding: str | None) -> Iterator[Row]:
    """Give one row for each line, in bounded memory; lines left blank at the end are ignored."""
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


def _delimited(columns: Columns, encoding: str | None) -> Iterator[Row]:
    """Give one row for each record, in bounded memory; lines blank at the end are ignored.

    Cells are separated by tabs in a ``.tsv`` file and by commas in any other.
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
