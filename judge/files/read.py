"""The one door to a table: the file's suffix says how it is read.

JSON Lines hold one object a line. CSV and TSV hold a header, then rows of exactly as many cells;
every value is text.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from judge.files.decoding import (
    NAN_IS_NULL,
    STRICT,
    Place,
    StrictJsonError,
    TableError,
    clipped,
    file_sha256,
    open_plain,
    refuse_unstorable,
    text_lines,
    too_deep,
)
from judge.files.row import (
    MAX_CELL,
    Columns,
    Row,
    check_names,
    nearest,
    refuse_header_again,
)

# JSON read with none of the usual leniencies: one value, no key twice, nothing unstorable.

MAX_DEPTH = 64
"""Objects and arrays within one another."""

_FIX = "correct the program that wrote the file"


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
        value: object = (NAN_IS_NULL if nan_is_null else STRICT).decode(text)
        if text.count("[") + text.count("{") > MAX_DEPTH and too_deep(value, MAX_DEPTH):
            raise place.error(f"nested deeper than {MAX_DEPTH} levels", _FIX)
        if "\\u" in text:
            refuse_unstorable(value)
    except json.JSONDecodeError as error:
        raise _syntax(error, place) from error
    except RecursionError as error:
        raise place.error(f"nested deeper than {MAX_DEPTH} levels", _FIX) from error
    except StrictJsonError as error:
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


_ELSEWHERE = {
    ".json": "write one object a line and name it .jsonl",
    ".gz": "unpack it first, for example with gunzip",
    ".zip": "unpack it first",
    ".xls": "save it as .xlsx",
    ".xlsm": "save it as .xlsx, without macros",
}
_MAX_SHAPES = 1_000


def read_rows(
    path: str | Path,
    *,
    encoding: str | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    instead: Mapping[str, Sequence[str]] | None = None,
    min_rows: int = 1,
    sheet: str | None = None,
) -> Iterator[Row]:
    """Read a table row by row.

    JSONL and CSV are streamed: memory does not grow with the number of rows. Errors come as they
    are met, so a caller that writes anything reads the whole file once before.

    Parameters
    ----------
    path : str or Path
        A ``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv``, ``.xlsx``, ``.ods`` or ``.parquet`` file, or
        a folder of Parquet files that hold one table.
    encoding : str, optional
        What the text was saved in, where it is neither UTF-8 nor marked as UTF-16: ``gb18030``,
        ``gbk``, ``gb2312``, ``big5`` or a UTF-16 without mark. Not used for workbooks.
    required : sequence of str
        Columns that must be there, in every row of a JSONL file.
    optional : sequence of str
        Columns that the caller reads where they are. Names that differ from a required or
        optional one only in case, width or blanks are refused. Other columns are kept.
    instead : mapping of str to sequence of str, optional
        Required columns that may be missing where another one is there, by that one.
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
    columns = Columns(source, tuple(required), tuple(optional), instead or {})
    count = 0
    for row in _rows(columns, encoding, sheet):
        count += 1
        yield row
    if count < min_rows:
        raise TableError(
            f"{count} rows where at least {min_rows} should be",
            "add rows",
            source=source,
        )


def _rows(columns: Columns, encoding: str | None, sheet: str | None) -> Iterator[Row]:
    source = columns.source
    suffix = source.suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        return _jsonl(columns, encoding)
    if suffix in {".csv", ".tsv"}:
        return _delimited(columns, encoding)
    if suffix in {".xlsx", ".ods"}:
        return _sheet(columns, sheet)
    if is_parquet(source):
        from judge.files.parquet import read_parquet

        return read_parquet(columns)
    open_plain(source).close()
    raise TableError(
        f"'{clipped(suffix)}' files are not read here" if suffix else "the file has no suffix",
        _ELSEWHERE.get(suffix, "use .jsonl, .csv, .tsv, .xlsx, .ods or .parquet"),
        source=source,
    )


def table_sha256(path: Path) -> str:
    """Digest a table: the bytes of a file, or the names and bytes of all files of a folder."""
    if not path.is_dir():
        return file_sha256(path)
    from judge.files.parquet import folder_sha256

    return folder_sha256(path)


def is_parquet(path: Path) -> bool:
    """Tell whether a path is that of a Parquet table: a file named so, or a folder."""
    return path.suffix.lower() == ".parquet" or path.is_dir()


def _sheet(columns: Columns, sheet: str | None) -> Iterator[Row]:
    if columns.source.suffix.lower() == ".xlsx":
        from judge.files.workbook import read_workbook

        return read_workbook(columns, sheet)
    from judge.files.opendocument import read_opendocument

    return read_opendocument(columns, sheet)


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

    Cells are separated by what separates the names: commas, or tabs in a ``.tsv`` file, before
    other marks.
    """
    path = columns.source
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    with open_plain(path) as file:
        lines = text_lines(file, path, encoding)
        first = next(lines, (1, ""))
        named = _SEPARATOR.fullmatch(first[1].rstrip("\r\n"))
        delimiter = named[1] if named else _separator(first[1], usual)
        rest = lines if named else chain([first], lines)
        records = _records(rest, path, delimiter, skipped=1 if named else 0)
        line, header = next(records, (1, list[str]()))
        _check_header(header, Place(path, line))
        columns.check(header, line)
        for line, cells in records:
            if not any(cells):
                # A row that somebody cleared in a spreadsheet program.
                continue
            if len(cells) != len(header):
                raise Place(path, line).error(
                    f"{len(cells)} cells where the header has {len(header)}",
                    "quote cells that hold the separator or line breaks",
                )
            refuse_header_again(header, cells, Place(path, line))
            yield Row(line, dict(zip(header, cells, strict=True)), path, "csv")


_SEPARATOR = re.compile(r"sep=([,;\t|])")
"""First line with which spreadsheet programs say how cells are separated."""


def _records(
    lines: Iterable[tuple[int, str]], path: Path, delimiter: str, *, skipped: int = 0
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((text for _, text in lines), delimiter=delimiter, strict=True)
    blank: int | None = None
    while True:
        start = reader.line_num + 1 + skipped
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


def _check_header(header: list[str], place: Place) -> None:
    if not header:
        raise place.error("there is no header", "name the columns in the first line")
    check_names(header, place)


def _separator(header: str, own: str) -> str:
    """Give what separates the names of a header.

    Spreadsheet programs write semicolons into a ``.csv`` file where the comma is the decimal mark,
    and tabs where text in UTF-16 is asked for.
    """
    if len(_names(header, own)) > 1:
        return own
    return next((mark for mark in ";\t,|" if len(_names(header, mark)) > 1), own)


def _names(header: str, mark: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=mark), list[str]())
    except csv.Error:  # told with its line where the records are read
        return []


# A whole JSON document, for the files of other tools that are no tables.

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of a document: it is held in memory as a whole."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value within a document, and the way to it.

    Attributes
    ----------
    value : object
        What JSON holds there.
    way : str
        Such as ``samples[3].output``; empty for the document itself.
    place : Place
        The file, and the line in a file of lines.
    """

    value: object
    way: str
    place: Place

    def at(self, name: str) -> "Node":
        """Go to a field of an object; a TableError names the nearest when it is missing."""
        fields = self.fields()
        if name not in fields:
            near = nearest(name, fields)
            found = f"found '{clipped(near)}'" if near else "is it the file of another tool?"
            raise self.error(f"has no '{name}'", found)
        return fields[name]

    def get(self, name: str) -> "Node | None":
        """Go to a field of an object; None where it is missing or null."""
        node = self.fields().get(name)
        return None if node is None or node.value is None else node

    def fields(self) -> dict[str, "Node"]:
        """All fields of an object; a TableError when it is none."""
        if not isinstance(self.value, Mapping):
            raise self.error("is no object", "is it the file of another tool?")
        fields = cast("Mapping[str, object]", self.value)
        lead = f"{self.way}." if self.way else ""
        return {name: Node(value, f"{lead}{name}", self.place) for name, value in fields.items()}

    def items(self) -> "Iterator[Node]":
        """Give the elements of an array one by one; a TableError when it is none."""
        if not isinstance(self.value, list):
            raise self.error("is no array", "is it the file of another tool?")
        for number, value in enumerate(cast("list[object]", self.value)):
            yield Node(value, f"{self.way}[{number}]", self.place)

    def fields_of(self, name: str) -> dict[str, "Node"]:
        """All fields of the object in a field; none where it is missing or null."""
        node = self.get(name)
        return {} if node is None else node.fields()

    def items_of(self, name: str) -> "Iterator[Node]":
        """Give the elements of the array in a field; none where it is missing or null."""
        node = self.get(name)
        return iter(()) if node is None else node.items()

    def text(self) -> str:
        """Read a text; a TableError when it is none."""
        if not isinstance(self.value, str):
            raise self.error("is no text", "is it the file of another tool?")
        return self.value

    def error(self, what: str, fix: str) -> TableError:
        """Make the error that points here."""
        return self.place.error(f"{clipped(self.way, 120) or 'the document'} {what}", fix)


def read_document(path: str | Path) -> Node:
    """Read a JSON file as a whole.

    ``NaN`` and ``Infinity``, which Python and JavaScript tools write for a missing number, are
    null here.

    Raises
    ------
    TableError
        If the file cannot be opened, is no JSON, or is larger than ``MAX_DOCUMENT``.
    """
    source = Path(path)
    with open_plain(source) as file:
        if file.seek(0, io.SEEK_END) > MAX_DOCUMENT:
            raise Place(source).error(
                "the document is larger than 256 MiB", "let the tool write several files"
            )
        file.seek(0)
        text = "".join(line for _, line in text_lines(file, source, None, longest=MAX_DOCUMENT))
    return Node(parse_json(text, Place(source), nan_is_null=True), "", Place(source))
