"""Prompts for a model under test, one a row: JSONL, CSV or XLSX with the same column names."""

from collections.abc import Iterator
from pathlib import Path

from calibration.tables import Row, optional_text, read_rows, text
from judge.importers.fields import language, unknown_fields
from judge.records import Item

REQUIRED = ("id", "prompt")
OPTIONAL = ("group", "lang", "reference")


def read_items(path: str | Path, *, encoding: str | None = None) -> Iterator[Item]:
    """Read prompts row by row.

    Parameters
    ----------
    path : str or Path
        A table as `calibration.tables.read_rows` takes it.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Yields
    ------
    Item
        Columns that this project does not know are kept in ``extra``.

    Raises
    ------
    TableError
        At the first bad row, or the second row of an id.
    """
    lines: dict[str, int] = {}
    for row in read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL):
        item = _item(row)
        if item.id in lines:
            raise row.error(f"id '{item.id}' stands in line {lines[item.id]} already", "rename one")
        lines[item.id] = row.line
        yield item


def _item(row: Row) -> Item:
    return Item(
        id=text(row, "id"),
        prompt=text(row, "prompt"),
        group=optional_text(row, "group"),
        lang=language(row),
        reference=optional_text(row, "reference"),
        extra=unknown_fields(row, (*REQUIRED, *OPTIONAL)),
    )
