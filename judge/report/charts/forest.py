"""Values with intervals, one below the other, with margins and decisions where there are any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from judge.report.charts.svg import (
    BAND,
    INK,
    RULE,
    SECOND,
    SMALL,
    TONES,
    Axis,
    Canvas,
    Frame,
    Shape,
    Tone,
    fitted,
    text_width,
)
from judge.report.texts import Both

if TYPE_CHECKING:
    from judge.gate.checks import Decision

_LINE = 22
_GAP = 10
_FOOT = 50
_NOTE = 240
_WIDEST_NOTE = 330
_SHAPES: "Mapping[Decision, Shape]" = {
    "PASS": "circle",
    "FAIL": "cross",
    "NEED_LABELS": "diamond",
    "UNTRUSTED": "square",
    "INCOMPLETE": "triangle",
}
"""Marks of decisions, so that none is told by its colour alone."""


@dataclass(frozen=True, kw_only=True)
class ForestRow:
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
    decision: "Decision | None" = None
    tone: Tone = "candidate"


@dataclass(frozen=True, kw_only=True)
class Forest:
    """What a forest plot is drawn from."""

    rows: Sequence[ForestRow]
    ends: tuple[float, float]
    """The axis runs from one to the other."""
    unit: Both
    """What the axis counts, in words."""
    tick_texts: Sequence[tuple[float, Both]]
    """Values to write below the axis."""
    reference: float | None = None
    """Where a line is drawn, such as no difference."""
    heading: Both | None = None
    """Stands above the rows."""


def forest_plot(frame: Frame, panels: Sequence[Forest]) -> Canvas:
    """Draw values with their intervals, each panel on an axis of its own below the last."""
    layouts: list[_Layout] = []
    for panel in panels:
        layouts.append(_Layout(frame, panel, top=layouts[-1].bottom + _FOOT if layouts else 4.0))
    canvas = Canvas(frame.width, (layouts[-1].bottom if layouts else 0) + _FOOT)
    for layout in layouts:
        _heading(canvas, layout)
        _axis(canvas, layout)
        for block in layout.blocks:
            _block(canvas, layout, block)
    return canvas


@dataclass(frozen=True)
class _Block:
    label: Both
    rows: Sequence[ForestRow]
    top: float


class _Layout:
    """Where rows stand; those with the same label stand together."""

    def __init__(self, frame: Frame, forest: Forest, *, top: float) -> None:
        self.frame = frame
        self.forest = forest
        # A number that is cut is worse than an axis that is short.
        notes = (text_width(row.note.of(frame.lang), SMALL) for row in forest.rows)
        self.note = 0 if frame.narrow else min(max((_NOTE, *notes)), _WIDEST_NOTE)
        low, high = forest.ends
        if forest.heading is not None:
            top += _LINE
        self.top = top
        edge = 20 if frame.narrow else 6
        self.axis = Axis(
            low, high, left=frame.label + edge, right=frame.width - self.note - max(edge, 14)
        )
        self.blocks: list[_Block] = []
        for _, rows in groupby(forest.rows, key=lambda row: row.label):
            listed = tuple(rows)
            self.blocks.append(_Block(label=listed[0].label, rows=listed, top=top))
            top += self.line * len(listed) + (20 if frame.narrow else 0) + _GAP
        self.bottom = top

    @property
    def line(self) -> float:
        """Height of one row."""
        return _LINE * 2 - 6 if self.frame.narrow else _LINE

    def middle(self, block: _Block, row: int) -> float:
        """Give the height of a row's mark; on narrow screens names and notes stand above it."""
        lead = 20 + _LINE - 6 if self.frame.narrow else 0
        return block.top + lead + row * self.line + _LINE / 2


def _heading(canvas: Canvas, layout: _Layout) -> None:
    if layout.forest.heading is not None:
        text = fitted(layout.forest.heading.of(layout.frame.lang), layout.frame.width)
        canvas.text((0, layout.top - _LINE / 2), text, bold=True)


def _axis(canvas: Canvas, layout: _Layout) -> None:
    forest, axis, lang = layout.forest, layout.axis, layout.frame.lang
    top, bottom = layout.top, layout.bottom
    for value, text in forest.tick_texts:
        x = axis.at(value)
        if not layout.frame.narrow:
            canvas.line((x, top), (x, bottom), stroke=RULE)
        canvas.text((x, bottom + 12), text.of(lang), fill=SECOND, size=SMALL, align="middle")
    if forest.reference is not None and not layout.frame.narrow:
        x = axis.at(forest.reference)
        canvas.line((x, top), (x, bottom), stroke=SECOND)
    canvas.line((axis.left, bottom), (axis.right, bottom), stroke=RULE)
    canvas.text((axis.left, bottom + 30), forest.unit.of(lang), fill=SECOND, size=SMALL)


def _block(canvas: Canvas, layout: _Layout, block: _Block) -> None:
    frame, axis = layout.frame, layout.axis
    label = fitted(block.label.of(frame.lang), frame.width if frame.narrow else frame.label - 12)
    label_y = block.top + (8 if frame.narrow else _LINE / 2)
    canvas.text((0, label_y), label, bold=frame.narrow)
    for index, row in enumerate(block.rows):
        y = layout.middle(block, index)
        note_at = (0, y - 19) if frame.narrow else (frame.width - layout.note, y)
        note = fitted(row.note.of(frame.lang), frame.width if frame.narrow else layout.note, SMALL)
        canvas.text(note_at, note, fill=TONES[row.tone] if row.decision else INK, size=SMALL)
        if layout.forest.reference is not None and frame.narrow:
            x = axis.at(layout.forest.reference)
            canvas.line((x, y - 11), (x, y + 11), stroke=SECOND)
        _mark(canvas, axis, row, y=y)


def _mark(canvas: Canvas, axis: Axis, row: ForestRow, *, y: float) -> None:
    tone = TONES[row.tone]
    if row.band is not None:
        canvas.rect(axis.span(row.band), (y - _LINE / 2, y + _LINE / 2), fill=BAND)
    if row.behind is not None:
        canvas.rect(axis.span(row.behind), (y - 6, y + 6), fill=RULE)
    if row.low is not None and row.high is not None:
        canvas.line((axis.at(row.low), y), (axis.at(row.high), y), stroke=tone, width=2)
    if row.tick is not None:
        x = axis.at(row.tick)
        canvas.line((x, y - 8), (x, y + 8), stroke=INK, width=3)
    if row.raw is not None:
        raw = axis.at(row.raw)
        if row.estimate is not None:
            canvas.line((raw, y), (axis.at(row.estimate), y), stroke=SECOND)
        canvas.ring((raw, y), stroke=SECOND)
    if row.estimate is not None:
        shape = _SHAPES[row.decision] if row.decision else "circle"
        canvas.mark((axis.at(row.estimate), y), fill=tone, shape=shape)
