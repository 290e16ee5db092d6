"""What the pictures are drawn from: one small record for each row, cell or point."""

from typing import Literal

from judge.records import Record
from judge.report.record import Both, Word

Tone = Literal["baseline", "candidate", "experts", "pass", "fail", "need", "untrusted"]
"""Which of the page's colours a mark takes; a word always stands beside it."""


class ForestRow(Record):
    """A value with its interval and, for a check, its margin and decision."""

    label: Both
    """What the row is about; rows that follow each other with the same label share it."""
    note: Both
    """Written at the right edge: the value, the system or the decision word."""
    estimate: float | None
    """None where there is no value; the note says why."""
    low: float | None = None
    high: float | None = None
    margin: tuple[float, float] | None = None
    """Band that counts as no worse than the baseline."""
    decision: Word | None = None
    tone: Tone = "candidate"


class HeatCell(Record):
    """One number of a table of groups and systems."""

    group: int
    """Position of the row."""
    system: int
    """Position of the column."""
    value: float | None
    n: int
    thin: bool = False
    """Too few to say anything: drawn hatched."""
    text: Both
    """The number as it is written."""
