"""Open a file that may be hostile, and give its lines as text in a known encoding, or as JSON.

Only ordinary files are opened, lines are bounded, and the encoding is UTF-8, or what a byte
order mark says, or what the user declared: it is never guessed.
"""

import codecs
import hashlib
import io
import json
import math
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# How hostile text is shown: control and direction marks as escapes, formulas made inert.
#
# A terminal or an editor obeys control characters, and bidirectional marks reorder what is
# read; both become visible escapes. Marks that ordinary writing needs stay: joiners inside
# Arabic, Indic words and emoji sequences, and the letters themselves in any script.
#
# A program that opens a CSV file runs a cell that starts with ``=``, ``+``, ``-`` or ``@``. An
# apostrophe in front stops it. :func:`inert` adds one and :func:`restored` takes exactly that
# one away, so that what is exported is imported unchanged.

_SUSPECT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0e\ufe0f"

_STARTERS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # the wide forms run in Chinese editions
_BREAKS = frozenset("\t\r\n")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def printable(text: str, *, keep: str = "") -> str:
    r"""Show control, direction and invisible characters as escapes.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included.
    keep : str
        Control characters to leave alone, such as ``"\n\t"`` for a body of several lines.

    Returns
    -------
    str
        Free of C0 and C1 controls, direction marks, invisible fillers, tag characters and lone
        surrogates. Joiners between letters and in emoji, and emoji style marks, are kept.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(lambda found: _shown(found, keep), text)


def counted(number: int, noun: str) -> str:
    """Write a number of things, such as ``1 label``, ``2 labels`` or ``3 replies``."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def singular_too(pattern: str) -> str:
    """Let a pattern that follows a number take one thing as well as several.

    Parameters
    ----------
    pattern : str
        Escaped by ``re.escape``; begins with a blank and the noun, or it stays as it is.
    """
    return _PLURAL.sub(
        lambda found: found[1] + ("(?:y|ies)" if found[2] == "ies" else "s?"), pattern
    )


_PLURAL = re.compile(r"^(\\ (?:[a-z]+\\ )?[a-z]+?)(ies|s)(?![a-z])")


def clipped(text: str, limit: int = 40) -> str:
    """Show at most ``limit`` characters of a hostile text, as :func:`printable` does.

    Parameters
    ----------
    text : str
    limit : int
        Most characters shown, the ellipsis included.
    """
    shown = printable(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shown(found: re.Match[str], keep: str) -> str:
    mark = found.group()
    if mark in keep or _belongs(found.string, found.start(), mark):
        return mark
    code = ord(mark)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _belongs(text: str, at: int, mark: str) -> bool:
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if mark in _EMOJI_STYLE:
        return bool(before) and (_is_symbol(before) or before in "#*0123456789")
    if mark in _JOINERS:
        return bool(before and after) and _joins(before) and _joins(after)
    return False


def _joins(neighbour: str) -> bool:
    if neighbour in _EMOJI_STYLE or _is_symbol(neighbour):
        return True
    # Latin letters and Han characters never join: between them a joiner only hides a word.
    in_joining_script = "\u0590" <= neighbour < "\u2000"
    return in_joining_script and unicodedata.category(neighbour) in {"Lo", "Mn", "Mc"}


def _is_symbol(mark: str) -> bool:
    if mark.isascii():
        return False
    return unicodedata.category(mark) in {"So", "Sk"} or mark in "‼⁉↔"


def inert(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run.

    Plain numbers stay as they are. A text that looks like the outcome of this function gets
    another apostrophe, so that `restored` is its exact inverse.

    Examples
    --------
    >>> inert("=1+1"), inert("-1.5"), inert("'quoted'")
    ("'=1+1", '-1.5', "'quoted'")
    """
    return f"'{text}" if _is_active(text.lstrip("'")) else text


def restored(text: str) -> str:
    """Take away the apostrophe that `inert` put there, and no other.

    Examples
    --------
    >>> restored("'=1+1"), restored("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _is_active(text.lstrip("'")) else text


def _is_active(text: str) -> bool:
    if not text or _NUMBER.fullmatch(text):
        return False
    if text[0] in _BREAKS:
        return True
    first = next((mark for mark in text if not _is_skipped(mark)), "")
    return first in _STARTERS


def _is_skipped(mark: str) -> bool:
    # Programs drop blanks, controls and invisible marks before they look for a formula.
    return mark.isspace() or unicodedata.category(mark) in {"Cc", "Cf", "Zs", "Zl", "Zp"}


# The one error of reading tables: a single line that says where, what, and how to mend it.

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
    (b"PAR1", "a Parquet file", "name it .parquet"),
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


def file_sha256(path: Path) -> str:
    """Digest the bytes of an ordinary file."""
    open_plain(path).close()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            at = text.index("\0")
            wide = "utf-16-be" if line == 1 and at == 0 else "utf-16-le"
            raise Place(path, line).error(
                "the character U+0000 stands in the text",
                f"remove it, or declare the encoding, such as --encoding {wide}",
                at + 1,
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


# JSON with none of the usual leniencies: no key twice, no NaN, no endless number or nesting.

MAX_DIGITS = 64
"""Digits of a whole number."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJsonError(ValueError):
    """Valid JSON for a lenient reader, refused here."""


class RepeatedKeyError(StrictJsonError):
    """One key stands twice in one object, so which value is meant is anybody's guess."""


def too_deep(value: object, most: int) -> bool:
    """Tell whether more than `most` objects and arrays stand within one another."""
    level: list[object] = [value]
    for _ in range(most):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, (dict, list))]
    return bool(level)


def refuse_unstorable(value: object) -> None:
    """Refuse texts that no database takes: NUL, and halves of characters.

    Raises
    ------
    StrictJsonError
    """
    level = [value]
    while level:
        for text in level:
            if isinstance(text, str) and (found := _UNSTORABLE.search(text)):
                raise StrictJsonError(
                    f"the text holds U+{ord(found.group()):04X}, which is no character"
                )
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]  # pyright: ignore[reportUnknownVariableType] - JSON
    return value if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType] - JSON


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise RepeatedKeyError(f"the key '{clipped(twice)}' stands twice in one object")
    return values


def _unrepeated(pairs: Sequence[tuple[str, object]]) -> dict[str, object] | None:
    """Read an object in which a key stands twice as null."""
    values = dict(pairs)
    return values if len(values) == len(pairs) else None


def _refuse_constant(name: str) -> None:
    raise StrictJsonError(f"{name} is not JSON; write null for a missing number")


def _null(_name: str) -> None:
    """Read a number that is none as null."""


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise StrictJsonError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise StrictJsonError(f"the number {clipped(digits)} is too large")
    return value


def _decoder(constant: Callable[[str], None]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=constant, parse_int=_whole, parse_float=_finite
    )


STRICT = _decoder(_refuse_constant)
"""Raises `json.JSONDecodeError` for what is not JSON, `StrictJsonError` for what is refused."""

NAN_IS_NULL = _decoder(_null)
"""As `STRICT`, but reads ``NaN`` and ``Infinity``, which some tools write, as null."""

UNIQUE = json.JSONDecoder(object_pairs_hook=_unrepeated)
"""Reads an object in which a key stands twice as null, so that it concerns nothing around it; and
``NaN`` and ``Infinity`` as the numbers that they name. For callers that check each value."""
