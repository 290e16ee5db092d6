"""Quoted material as a page shows it: hidden characters as codes, long texts folded, longer cut.

Nothing here escapes: texts stay texts until the template writes them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from calibration.tables.printable import printable
from judge.report.charts.svg import text_width

LINES = 8
"""Lines that are shown before the fold."""

LONGEST = 20_000
"""Characters of one text that a page shows; what is cut is counted."""

_CODE = 13
"""Bytes of markup around the code of a hidden character."""

_LINE = 38.0
"""Width of a line in ems, as a column of the page is wide."""

_LEAST = 60
"""A fold that hides fewer characters than this is not worth a click."""


class Part(NamedTuple):
    """A stretch of text; `code` where it stands for a character that must be seen, not obeyed."""

    text: str
    code: bool


class Folded(NamedTuple):
    """A text in what is shown at once, what a click shows, and how much is not there at all."""

    head: str
    rest: str
    cut: int


def parts(text: str) -> tuple[Part, ...]:
    r"""Split a text at control, direction and invisible characters.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included. Ends of line and tabs stay as they are.

    Examples
    --------
    >>> parts("a\u202eb")
    (Part(text='a', code=False), Part(text='\\u202e', code=True), Part(text='b', code=False))
    """
    text = text.replace("\r\n", "\n")
    shown = printable(text, keep="\n\t")
    return (Part(shown, code=False),) if shown == text else tuple(_split(text, shown))


def _split(text: str, shown: str) -> Iterator[Part]:
    """Walk both texts: where they differ, an escape stands for one character.

    An escape begins with a backslash, and a backslash is never escaped, so the walk is sure.
    """
    begun = at = 0
    for character in text:
        if shown[at] == character:
            at += 1
            continue
        if at > begun:
            yield Part(shown[begun:at], code=False)
        length = 4 if ord(character) <= 0xFF else 6 if ord(character) <= 0xFFFF else 10
        yield Part(shown[at : at + length], code=True)
        at += length
        begun = at
    if at > begun:
        yield Part(shown[begun:at], code=False)


def folded(text: str, *, longest: int = LONGEST, lines: int = LINES) -> Folded:
    """Split a text after a number of lines as wide as a column of the page.

    Parameters
    ----------
    text : str
    longest : int
        Characters that the page shows at most; what is beyond is only counted.
    lines : int
        Lines before the fold.
    """
    kept, cut = text[:longest], max(len(text) - longest, 0)
    at = _end_of_line(kept, lines)
    if len(kept) - at < _LEAST:
        return Folded(kept, "", cut)
    return Folded(kept[:at].rstrip("\n"), kept[at:], cut)


def _end_of_line(text: str, lines: int) -> int:
    """Find where a number of lines ends, at a line's end or after a word where one is near."""
    left = lines * _LINE
    at = 0
    for line in text.splitlines(keepends=True):
        width = max(_LINE, _LINE * -(-text_width(line, 1) // _LINE))
        if width > left:
            return at + _fitting(line, left)
        left -= width
        at += len(line)
        if left < _LINE:
            break
    return at


def _fitting(line: str, width: float) -> int:
    most = 0
    while most < len(line) and width > 0:
        width -= text_width(line[most], 1)
        most += 1
    near = max(line.rfind(mark, max(0, most - 24), most) for mark in " ，。；、！？")
    return near + 1 if near >= 0 else most


def markup_size(text: str) -> int:
    """Reckon how many bytes a text takes on a page, escaped and with its codes."""
    kept = text[:LONGEST]
    shown = printable(kept, keep="\n\t")
    marks = sum(kept.count(mark) for mark in "<>&\"'")
    # A code is at least four characters in place of one.
    hidden = (len(shown) - len(kept)) // 3
    return len(shown.encode("utf-8")) + 4 * marks + _CODE * hidden
