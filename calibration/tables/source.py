"""Open a file that may be hostile, and give its lines as text in a known encoding.

Only ordinary files are opened, lines are bounded, and the encoding is UTF-8, or what a byte
order mark says, or what the user declared: it is never guessed.
"""

import codecs
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line."""

ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030", "gb2312", "big5")
"""Encodings that may be declared. All but UTF-16 keep the byte 0x0A for the line feed alone."""

_CHUNK = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN = (
    (b"\x1f\x8b", "a gzip file", "unpack it first, for example with gunzip"),
    (b"PK\x03\x04", "a zip archive or a workbook", "unpack it, or name a workbook .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Office file", "save it as CSV or .xlsx"),
    (b"PAR1", "a Parquet file", "convert it to JSONL"),
    (b"SQLite format 3", "an SQLite database", "export a table from it"),
)


def open_plain(path: Path) -> BinaryIO:
    """Open an ordinary, non-empty file for reading bytes.

    Raises
    ------
    TableError
        If it is missing, unreadable, empty, or no ordinary file.
    """
    try:
        # Without O_NONBLOCK the opening of a FIFO waits for its writer, for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise _unopened(path, error) from error
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISREG(status.st_mode):
        raise TableError("the file is empty", "give a file with rows", source=path)
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device, not a file"
    raise TableError(f"this is {kind}", "name an ordinary file", source=path)


def _unopened(path: Path, error: OSError | ValueError) -> TableError:
    if isinstance(error, FileNotFoundError):
        return TableError("no such file", "check the name and the folder", source=path)
    if isinstance(error, PermissionError):
        return TableError("permission denied", "make the file readable for you", source=path)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return TableError(f"cannot be opened: {reason.lower()}", "check the path", source=path)


def text_lines(
    file: BinaryIO, path: Path, encoding: str | None, *, longest: int = MAX_LINE
) -> Iterator[tuple[int, str]]:
    """Give each line with its 1-based number, its line feed kept, in bounded memory.

    Parameters
    ----------
    file : binary file at its start
    path : Path
        As the user named it, for messages.
    encoding : str or None
        One of ``ENCODINGS``; None means UTF-8, or UTF-16 where a byte order mark says so.
    longest : int
        Bytes of the longest line.

    Raises
    ------
    TableError
        If bytes do not fit the encoding, a line is above ``longest`` or holds U+0000, or the
        file is of another kind.
    """
    start, name = _encoding(file.read(16), path, encoding)
    file.seek(start)
    lines = _wide_lines if name.startswith("utf-16") else _byte_lines
    for line, text in lines(_Text(file, path, name, longest)):
        if "\0" in text:
            raise Place(path, line).error(
                "the character U+0000 stands in the text",
                "remove it, or declare the encoding, such as --encoding utf-16-le",
                text.index("\0") + 1,
            )
        yield line, text


@dataclass(frozen=True, slots=True)
class _Text:
    """An open file at the start of its text."""

    file: BinaryIO
    path: Path
    encoding: str
    longest: int

    def too_long(self, line: int) -> TableError:
        return Place(self.path, line).error(
            f"the line is longer than {self.longest // 2**20} MiB",
            "split it; each row stands on a line of its own",
        )

    def undecodable(self, line: int, offset: int) -> TableError:
        fix = "declare the encoding that the file was saved in"
        if self.encoding == "utf-8":
            fix = "save it as UTF-8, or declare what it is, such as --encoding gb18030"
        return Place(self.path, line).error(f"byte {offset} is not {self.encoding}", fix)


def _encoding(head: bytes, path: Path, declared: str | None) -> tuple[int, str]:
    """Where the text starts, in bytes, and its encoding."""
    for magic, kind, fix in _FOREIGN:
        if head.startswith(magic):
            raise TableError(f"this is {kind}, not text", fix, source=path)
    wanted = _declared(path, declared)
    mark, marked = next(((m, n) for m, n in _MARKS if head.startswith(m)), (b"", None))
    if marked == "utf-32":
        raise TableError("the text is UTF-32", "save it as UTF-8", source=path)
    if marked is None:
        return 0, {None: "utf-8", "utf-16": "utf-16-le"}.get(wanted, wanted or "utf-8")
    if wanted not in {None, marked, marked[:6]}:
        raise TableError(
            f"the byte order mark says {marked}, but {wanted} was declared",
            "leave out --encoding",
            source=path,
        )
    return len(mark), marked


def _declared(path: Path, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    name = encoding.lower().replace("_", "-").removesuffix("-sig")
    name = {"utf8": "utf-8", "utf16": "utf-16"}.get(name, name)
    if name not in ENCODINGS:
        raise TableError(
            f"unknown encoding '{clipped(encoding)}'",
            f"use one of {', '.join(ENCODINGS)}",
            source=path,
        )
    return name


def _byte_lines(source: _Text) -> Iterator[tuple[int, str]]:
    offset = source.file.tell()
    line = 0
    while raw := source.file.readline(source.longest + 1):
        line += 1
        if len(raw) > source.longest:
            raise source.too_long(line)
        try:
            text = raw.decode(source.encoding)
        except UnicodeDecodeError as error:
            raise source.undecodable(line, offset + error.start) from error
        offset += len(raw)
        yield line, text


def _wide_lines(source: _Text) -> Iterator[tuple[int, str]]:
    decoder = codecs.getincrementaldecoder(source.encoding)()
    offset = source.file.tell()
    line = 1
    rest = io.StringIO(newline="")
    ended = False
    while not ended:
        raw = source.file.read(_CHUNK)
        ended = not raw
        pending = len(decoder.getstate()[0])
        try:
            parts = decoder.decode(raw, final=ended).split("\n")
        except UnicodeDecodeError as error:
            raise source.undecodable(line, offset - pending + error.start) from error
        offset += len(raw)
        for part in parts[:-1]:
            yield line, rest.getvalue() + part + "\n"
            line += 1
            rest = io.StringIO(newline="")
        rest.write(parts[-1])
        if rest.tell() * 2 > source.longest:
            raise source.too_long(line)
    if rest.tell():
        yield line, rest.getvalue()
