"""Responses of models under test, one a row: JSONL, CSV or XLSX with the same column names."""

import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import get_args

from calibration.tables import (
    Row,
    TableError,
    optional_choice,
    optional_integer,
    optional_text,
    read_rows,
    text,
)
from judge.records import Generation, Language

REQUIRED = ("id", "prompt", "response")
OPTIONAL = ("system", "sample", "group", "lang", "reference")


def read_generations(path: str | Path, *, encoding: str | None = None) -> Iterator[Generation]:
    """Read responses row by row.

    Parameters
    ----------
    path : str or Path
        A table of `calibration.tables.read_rows`.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Yields
    ------
    Generation
        Columns that this project does not know are kept in ``extra``.

    Raises
    ------
    TableError
        At the first bad row, or the second row of an (id, system, sample).
    """
    seen: dict[bytes, int] = {}
    rows = read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL)
    for row in rows:
        generation = _generation(row)
        mark = _mark(generation)
        if mark in seen:
            raise TableError(
                f"id {generation.id!r} stands in line {seen[mark]} already",
                "give each (id, system, sample) one row",
                source=row.source,
                line=row.line,
            )
        seen[mark] = row.line
        yield generation


def _generation(row: Row) -> Generation:
    known = {*REQUIRED, *OPTIONAL}
    return Generation(
        id=text(row, "id"),
        prompt=text(row, "prompt"),
        response=text(row, "response", empty=True),
        system=optional_text(row, "system") or "default",
        sample=optional_integer(row, "sample", low=0) or 0,
        group=optional_text(row, "group"),
        lang=_language(optional_choice(row, "lang", get_args(Language))),
        reference=optional_text(row, "reference"),
        extra={name: value for name, value in row.values.items() if name not in known},
    )


def _language(word: str | None) -> Language | None:
    return next((known for known in get_args(Language) if known == word), None)


def _mark(generation: Generation) -> bytes:
    """Shorten an identity: a file may hold millions. Ids that only look different are the same."""
    name = "\x00".join(str(part) for part in generation.unit)
    return blake2b(unicodedata.normalize("NFC", name).encode(), digest_size=16).digest()
