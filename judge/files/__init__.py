"""Tables that users bring: JSONL, CSV, TSV and XLSX, read strictly and row by row.

Every file is taken as hostile. A file is read whole or refused with one :class:`TableError`
that names the file, the line, what is wrong and how to mend it; nothing is guessed, dropped or
coerced on the way.
"""

from judge.files.decoding import TableError, printable
from judge.files.read import read_rows
from judge.files.row import (
    Row,
    choice,
    integer,
    number,
    optional_choice,
    optional_integer,
    optional_number,
    optional_text,
    text,
)

__all__ = [
    "Row",
    "TableError",
    "choice",
    "integer",
    "number",
    "optional_choice",
    "optional_integer",
    "optional_number",
    "optional_text",
    "printable",
    "read_rows",
    "text",
]
