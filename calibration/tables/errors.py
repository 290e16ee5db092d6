"""The one error of reading tables: a single line that says where, what, and how to mend it."""

from dataclasses import dataclass
from pathlib import Path

from calibration.tables.printable import printable

MAX_LENGTH = 300
"""Characters of a whole message: it must fit a terminal, a log line and a CI annotation."""

_MAX_PATH = 120


class TableError(ValueError):
    """A file or a row of it cannot be used.

    ``str()`` of it is one line of at most 300 characters, ``file:line[:column]: what; fix``,
    with the control characters of hostile text shown as escapes.

    Parameters
    ----------
    what : str
        What is wrong, with the offending value clipped.
    fix : str
        What the user can do.
    source : Path
        The file as the user named it.
    line : int, optional
        1-based line of the file, or row of the sheet.
    column : int, optional
        1-based character within the line.
    """

    def __init__(
        self,
        what: str,
        fix: str,
        *,
        source: Path,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.what = what
        self.fix = fix
        self.source = source
        self.line = line
        self.column = column
        super().__init__(_message(self))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands: the line counts from 1, None for the file as a whole."""

    source: Path
    line: int | None = None

    def error(self, what: str, fix: str, column: int | None = None) -> TableError:
        """Make the error that points here."""
        return TableError(what, fix, source=self.source, line=self.line, column=column)


def _message(error: TableError) -> str:
    path = printable(str(error.source))
    if len(path) > _MAX_PATH:
        path = "…" + path[1 - _MAX_PATH :]
    places = (path, error.line, error.column)
    where = ":".join(str(place) for place in places if place is not None)
    fix = _shortened(printable(error.fix), MAX_LENGTH - len(where) - len(": …; "))
    what = _shortened(printable(error.what), MAX_LENGTH - len(where) - len(fix) - len(": ; "))
    return f"{where}: {what}; {fix}"


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"
