"""Break text into lines for a terminal, where a Chinese character takes two columns."""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]"
)
_NOT_FIRST: Final = "，。、；：？！）》”’」』】"
"""Marks that no line begins with."""


def wrapped(text: str, width: int) -> list[str]:
    """Break text at blanks and between Chinese characters; words are never broken inside.

    Parameters
    ----------
    text : str
        One paragraph; line ends count as blanks.
    width : int
        Columns. A single word that is longer stands on a line of its own.

    Returns
    -------
    list of str
        At least one line, which is empty where the text is.
    """
    lines = [""]
    for gap, piece in _pieces(text):
        longer = lines[-1] + gap + piece if lines[-1] else piece
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def longest_word(text: str) -> int:
    """Give the columns of the longest piece that cannot be broken."""
    return max((cell_len(piece) for _, piece in _pieces(text)), default=0)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give each unbreakable piece with the blank before it, if there is one."""
    for word in text.split():
        gap = " "
        for piece in _parts(word):
            yield gap, piece
            gap = ""


def _parts(word: str) -> Iterator[str]:
    kept = ""
    for at, letter in enumerate(word):
        kept += letter
        following = word[at + 1 : at + 2]
        breakable = _WIDE.match(letter) or (following and _WIDE.match(following))
        if breakable and following not in _NOT_FIRST:
            yield kept
            kept = ""
    if kept:
        yield kept
