"""The look of all pictures: colours, type, and how wide a text is.

Colours stand in the SVG as written here; the page's style sheet swaps them for dark screens and
print by their values, so nothing else in a picture may use another colour.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from calibration.tables.printable import printable
from judge.records import Language

INK = "#1b1f24"
PAPER = "#ffffff"
SECOND = "#57606a"
RULE = "#d9dee4"
BAND = "#eef1f4"
Tone = Literal["baseline", "candidate", "pass", "fail", "need", "untrusted"]
"""Which of the page's colours a mark takes; a word always stands beside it."""

TONES: Mapping[Tone, str] = {
    "baseline": "#8a94a0",
    "candidate": "#2b6cb0",
    "pass": "#0f766e",
    "fail": "#b3261e",
    "need": "#9a5b00",
    "untrusted": "#6b4fa0",
}
SHAPES = {
    "PASS": "circle",
    "FAIL": "cross",
    "NEED_LABELS": "diamond",
    "UNTRUSTED": "square",
    "INCOMPLETE": "triangle-up",
}
"""Marks of decisions, so that none is told by its colour alone."""
STEPS = ("#e6f3f1", "#bfe0dc", "#8cc7c1", "#57a8a1", "#0f5f5b")
"""Sequential, from low to high."""
STEP_INK = (INK, INK, INK, INK, PAPER)
"""Numbers on each step."""
STEP_SECOND = (SECOND, INK, INK, INK, PAPER)
"""Counts on each step."""
WORSE, BETTER = "#c2410c", TONES["pass"]
"""What changed for the worse and for the better."""
HATCH = "#f3f4f6"
"""Stands for hatching where there is too little to say anything."""

FONT = (
    'system-ui, "Segoe UI", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", '
    '"Microsoft YaHei", sans-serif'
)
SIZE = 13
SMALL = 12
"""No text of a picture is smaller."""


@dataclass(frozen=True)
class Frame:
    """For whom a picture is drawn: in which language, for a wide screen or a narrow one."""

    lang: Language
    narrow: bool = False

    @property
    def width(self) -> int:
        """Whole width in pixels."""
        return 340 if self.narrow else 760

    @property
    def label(self) -> int:
        """Width of the column of labels; on narrow screens labels stand above their rows."""
        return 0 if self.narrow else 218


def text_width(text: str, size: int = SIZE) -> float:
    """Estimate the width of a text in pixels, without knowing the reader's fonts."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return size * (wide + 0.56 * (len(text) - wide))


def fitted(text: str, width: float, size: int = SIZE) -> str:
    """Show a hostile text in one line of a given width, cut in the middle where it is too long.

    Names of releases differ at their ends, so both ends stay.
    """
    shown = printable(text)
    if text_width(shown, size) <= width:
        return shown
    keep = len(shown)
    while keep > 2 and text_width(shown[:keep], size) > width - size:
        keep -= 1
    head = (keep + 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (keep - head) :]}"
