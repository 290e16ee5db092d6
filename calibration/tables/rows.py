"""One row of a table, and the limits and column checks that all formats share."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped

Format = Literal["jsonl", "csv", "xlsx"]

MAX_COLUMNS = 1_024
"""Columns of a table or fields of an object; above it a file is broken or hostile."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file.

    Attributes
    ----------
    line : int
        1-based line where the row starts, or row of the sheet.
    values : Mapping[str, object]
        By column. CSV gives text only; JSONL what JSON holds; XLSX text, numbers, booleans and
        dates, with ``""`` for an empty cell.
    source : Path
        The file as the user named it.
    format : {"jsonl", "csv", "xlsx"}
        How to read the values: text that looks like a number is a number in CSV alone.
    """

    line: int
    values: Mapping[str, object]
    source: Path
    format: Format = "jsonl"

    def error(self, what: str, fix: str) -> TableError:
        """Make the error that points at this row."""
        return Place(self.source, self.line).error(what, fix)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a caller reads, and the file they must be found in."""

    source: Path
    required: Sequence[str] = ()
    optional: Sequence[str] = ()

    def check(self, names: Sequence[str], line: int) -> None:
        """Refuse names that lack a required column or nearly spell a known one.

        Raises
        ------
        TableError
            With the nearest column that the file has.
        """
        if len(names) > MAX_COLUMNS:
            raise Place(self.source, line).error(
                f"{len(names)} columns, more than {MAX_COLUMNS}", "remove those not needed"
            )
        self._refuse_disguises(names, line)
        missing = next((name for name in self.required if name not in names), None)
        if missing is not None:
            raise Place(self.source, line).error(f"no column '{missing}'", _advice(missing, names))

    def _refuse_disguises(self, names: Sequence[str], line: int) -> None:
        # 'System' beside an optional 'system' would be kept as an unknown column and never read.
        known = {_plain(name): name for name in (*self.required, *self.optional)}
        for name in names:
            meant = known.get(_plain(name), name)
            if meant != name and meant not in names:
                raise Place(self.source, line).error(
                    f"column '{clipped(name)}' is not quite '{meant}'", f"rename it '{meant}'"
                )


def check_names(header: Sequence[str], place: Place) -> None:
    """Refuse a header with an unnamed column or a name that stands twice.

    Raises
    ------
    TableError
    """
    if "" in header:
        raise place.error(
            f"column {header.index('') + 1} has no name",
            "name or remove it (pandas: to_csv(index=False))",
        )
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise place.error(f"two columns are named '{clipped(twice)}'", "rename one")


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Give the choice spelled most like ``name``, None when nothing is near.

    Examples
    --------
    >>> nearest("responce", ["id", "response"])
    'response'
    """
    close = difflib.get_close_matches(name[:60], [choice[:60] for choice in choices], n=1)
    return close[0] if close else None


def _advice(missing: str, names: Sequence[str]) -> str:
    near = nearest(missing, names)
    if near is not None:
        return f"rename '{clipped(near)}' to '{missing}' if it is meant"
    found = ", ".join(clipped(name, 20) for name in names[:6])
    return f"add it; found {found}" + (", …" if len(names) > 6 else "")


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    return folded.replace("-", "_").replace(" ", "_").strip("\ufeff\u200b")
