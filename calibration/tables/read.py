"""The one door to a table: the file's suffix says how it is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from calibration.tables.delimited import read_delimited
from calibration.tables.errors import TableError
from calibration.tables.jsonl import read_jsonl
from calibration.tables.printable import clipped
from calibration.tables.rows import Columns, Row
from calibration.tables.source import open_plain
from calibration.tables.workbook import read_workbook

_ELSEWHERE = {
    ".json": "write one object a line and name it .jsonl",
    ".gz": "unpack it first, for example with gunzip",
    ".zip": "unpack it first",
    ".xls": "save it as .xlsx",
    ".xlsm": "save it as .xlsx, without macros",
    ".parquet": "convert it to JSONL",
}


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
        return read_jsonl(columns, encoding)
    if suffix in {".csv", ".tsv"}:
        return read_delimited(columns, encoding)
    if suffix == ".xlsx":
        return read_workbook(columns, sheet)
    open_plain(source).close()
    raise TableError(
        f"'{clipped(suffix)}' files are not read here" if suffix else "the file has no suffix",
        _ELSEWHERE.get(suffix, "use .jsonl, .csv, .tsv or .xlsx"),
        source=source,
    )
