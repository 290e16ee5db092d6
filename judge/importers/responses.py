"""Responses of models under test, one a row: JSONL, CSV or XLSX with the same column names."""

import datetime
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from calibration.tables import (
    Row,
    optional_choice,
    optional_integer,
    optional_text,
    printable,
    read_rows,
    text,
)
from judge.records import Generation, Language

REQUIRED = ("id", "prompt", "response")
OPTIONAL = ("system", "sample", "group", "lang", "reference")


def read_generations(path: str | Path, *, encoding: str | None = None) -> Iterator[Generation]:
    """Read responses row by row, in memory that grows by some 70 bytes a row.

    Parameters
    ----------
    path : str or Path
        A table as `calibration.tables.read_rows` takes it, with the columns ``id``, ``prompt``,
        ``response`` and, where known, ``system``, ``sample``, ``group``, ``lang``, ``reference``.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Yields
    ------
    Generation
        Columns that this project does not know are kept in ``extra``. A missing ``system`` is
        ``"default"``, a missing ``sample`` 0.

    Raises
    ------
    TableError
        At the first bad row, the second row of an (id, system, sample), or an id that differs
        from an earlier one in its Unicode form alone.
    """
    seen = _Seen()
    for row in _rows(path, encoding):
        generation = _generation(row)
        if seen.before(generation):
            _refuse_twin(row, generation, encoding)
        yield generation


def language(row: Row) -> Language | None:
    """Read the column ``lang``: zh, en, or nothing."""
    word = optional_choice(row, "lang", get_args(Language))
    return next((known for known in get_args(Language) if known == word), None)


def unknown_fields(row: Row, known: Container[str]) -> dict[str, object]:
    """Keep the columns that this project does not read; dates of a sheet as text."""
    return {name: _kept(value) for name, value in row.values.items() if name not in known}


def _kept(value: object) -> object:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, datetime.timedelta) else value


def _rows(path: str | Path, encoding: str | None) -> Iterator[Row]:
    return read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL)


def _generation(row: Row) -> Generation:
    return Generation(
        id=text(row, "id"),
        prompt=text(row, "prompt"),
        response=text(row, "response", empty=True),
        system=optional_text(row, "system") or "default",
        sample=optional_integer(row, "sample", low=0) or 0,
        group=optional_text(row, "group"),
        lang=language(row),
        reference=optional_text(row, "reference"),
        extra=unknown_fields(row, _KNOWN),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The units and ids read so far, as 64-bit hashes: a file may hold millions."""

    units: set[int] = field(default_factory=set)
    forms: dict[int, str] = field(default_factory=dict)

    def before(self, generation: Generation) -> bool:
        """Take note of a generation; whether its unit, or its id in another form, may be known."""
        name = unicodedata.normalize("NFC", generation.id)
        unit = hash((name, generation.system, generation.sample))
        clash = unit in self.units
        self.units.add(unit)
        if not name.isascii():
            clash |= self.forms.setdefault(hash(name), generation.id) != generation.id
        return clash


def _refuse_twin(row: Row, generation: Generation, encoding: str | None) -> None:
    """Name the earlier row; hashes may meet by chance, and then there is none."""
    name = unicodedata.normalize("NFC", generation.id)
    for earlier in _rows(row.source, encoding):
        if earlier.line >= row.line:
            return
        twin = _generation(earlier)
        if twin.unit == generation.unit:
            raise row.error(
                f"id '{printable(twin.id[:40])}' of the same system and sample stands in line "
                f"{earlier.line} already",
                "give each (id, system, sample) one row",
            )
        if twin.id != generation.id and unicodedata.normalize("NFC", twin.id) == name:
            raise row.error(
                f"id '{printable(twin.id[:40])}' looks like the id of line {earlier.line} but has "
                "other code points",
                "write both in the same Unicode form, such as NFC",
            )


_KNOWN = frozenset((*REQUIRED, *OPTIONAL))
