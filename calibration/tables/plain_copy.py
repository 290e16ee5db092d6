"""Copies a part of a workbook, leaving out everything but what a plain table needs.

A workbook library believes what a file says of itself: one attribute that promises four thousand
million strings makes it ask for so much memory that the whole program ends. So the copy holds
only the elements and attributes on a list, none of which promises anything.
"""

from collections.abc import Mapping
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from calibration.tables.parts import Starts

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Kept = Mapping[str, tuple[str, ...]]
"""Elements that are copied, each with the attributes that are."""

_TEXT: Kept = {"t": ("xml:space",), "r": (), "rPh": ()}
SHEET: Kept = {
    "worksheet": (),
    "sheetData": (),
    "row": ("r",),
    "c": ("r", "s", "t"),
    "v": (),
    "is": (),
    **_TEXT,
}
STRINGS: Kept = {"sst": (), "si": (), **_TEXT}
STYLES: Kept = {
    "styleSheet": (),
    "numFmts": (),
    "numFmt": ("numFmtId", "formatCode"),
    "cellXfs": (),
    "xf": ("numFmtId",),
}

_WITH_WORDS = frozenset(("t", "v"))
_FULL = 64 * 1024


class PlainCopy(Starts):
    """Visits a part and writes what is kept of it; elements not kept go with all they hold.

    Parameters
    ----------
    target : binary file
    kept : Kept
    check : Starts, optional
        Is shown every beginning first, of the elements that are not kept too.
    """

    def __init__(self, target: IO[bytes], kept: Kept, check: Starts | None = None) -> None:
        self._target = target
        self._kept = kept
        self._check = check or Starts()
        self._open: list[str] = []
        self._left_out = 0
        self._pieces: list[str] = []

    def start(self, name: str, fields: Mapping[str, str]) -> None:
        """Copy the beginning of an element, or leave it out."""
        self._check.start(name, fields)
        if self._left_out or name not in self._kept:
            self._left_out += 1
            return
        space = "" if self._open else f' xmlns="{MAIN}"'
        self._open.append(name)
        kept = (key for key in self._kept[name] if key in fields)
        words = "".join(f" {key}={quoteattr(fields[key])}" for key in kept)
        self._write(f"<{name}{space}{words}>")

    def end(self, name: str) -> None:
        """Copy the end of an element, or leave it out."""
        if self._left_out:
            self._left_out -= 1
            return
        self._open.pop()
        self._write(f"</{name}>")
        if not self._open:
            self._flush()

    def text(self, words: str) -> None:
        """Copy text where there is some to read."""
        if not self._left_out and self._open and self._open[-1] in _WITH_WORDS:
            self._write(escape(words, {"\r": "&#13;"}))

    def _write(self, piece: str) -> None:
        self._pieces.append(piece)
        if len(self._pieces) > _FULL // 8:
            self._flush()

    def _flush(self) -> None:
        self._target.write("".join(self._pieces).encode())
        self._pieces.clear()
