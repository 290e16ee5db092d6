"""Tables that users bring: JSONL, CSV, TSV and XLSX, read strictly and row by row.

Every file is taken as hostile. A file is read whole or refused with one :class:`TableError`
that names the file, the line, what is wrong and how to mend it; nothing is guessed, dropped or
coerced on the way.
"""
