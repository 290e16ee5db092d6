"""What the pictures are drawn from: one small record for each row, cell or point."""

from typing import Literal

from judge.records import Record
from judge.report.record import Both, Word

Tone = Literal["baseline", "candidate", "experts", "pass", "fail", "need", "untrusted"]
"""Which of the page's colours a mark takes; a word always stands beside it."""


class ForestRow(Record):
    """A value with its interval, and what else belongs on the same line."""

    label: Both
    """What the row is about; rows that follow each other with the same label share it."""
    note: Both
    """Written at the right edge: the system, the value, the decision word."""
    estimate: float | None
    """None where there is no value; the note says why."""
    low: float | None = None
    high: float | None = None
    band: tuple[float, float] | None = None
    """Shaded behind the row: where a check passes."""
    behind: tuple[float, float] | None = None
    """A wide pale interval behind: what expert labels say alone."""
    raw: float | None = None
    """A hollow point, tied to the value: what the judge says uncorrected."""
    tick: float | None = None
    """An upright mark: the ceiling that experts set."""
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
    short: str
    """The same without its unit, for cells that are too narrow for it."""


class PlanePoint(Record):
    """A point on two axes; points with the same tie are joined in the order given."""

    x: float
    y: float
    n: int = 1
    """Items behind it: its area."""
    label: Both | None = None
    """Written beside it where the screen is wide enough."""
    tie: str | None = None
    tone: Tone = "candidate"


class FlipBar(Record):
    """How many prompts of a group changed for the worse and for the better."""

    label: Both
    harmful: int
    beneficial: int
    unchanged: int
