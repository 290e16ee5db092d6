"""Groups by systems: the number in each cell, how many it stands for, hatching where too few."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.charts.canvas import Canvas, Row, Spec
from judge.report.charts.style import (
    HATCH,
    INK,
    PAPER,
    SECOND,
    SMALL,
    STEP_INK,
    STEP_SECOND,
    STEPS,
    TONES,
    Frame,
    fitted,
)
from judge.report.words import Both

_ROW = 32
_HEAD = 36
_FOOT = 46
_WIDEST = 150
_BOLD = 0.85
"""Bold letters take more room than the plain ones that widths are reckoned with."""
_ROOMY = 95
"""In narrower cells, in pixels, numbers stand without their units."""
_TIGHT = 66
"""In narrower cells only the numbers themselves have room."""
_LOOKS = tuple(zip((*STEPS, HATCH), (*STEP_INK, INK), (*STEP_SECOND, SECOND), strict=True))


@dataclass(frozen=True, kw_only=True)
class HeatCell:
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


@dataclass(frozen=True, kw_only=True)
class HeatTable:
    """What a heat map is drawn from."""

    rows: Sequence[Both]
    """Names of the groups, top to bottom."""
    systems: Sequence[str]
    """Names of the columns, the baseline first."""
    cells: Sequence[HeatCell]
    changes: Sequence[Both] = ()
    """Written in a last column where there are two systems; empty for none."""
    change_head: Both | None = None
    edges: Sequence[float] = ()
    """The four values that part the five steps of colour, ascending."""
    edge_texts: Sequence[Both] = ()
    """The same, written."""


def heat_map(frame: Frame, table: HeatTable) -> Spec:
    """Draw the values of systems in groups."""
    grid = _Grid(frame, table)
    canvas = Canvas(frame.width, grid.top(len(table.rows)) + _FOOT)
    _heads(canvas, grid)
    canvas.texts(
        [
            {"x": 0, "y": grid.label_y(i), "text": fitted(row.of(frame.lang), grid.label_width)}
            for i, row in enumerate(table.rows)
        ]
    )
    for step, (fill, ink, second) in enumerate(_LOOKS):
        mine = [cell for cell in table.cells if _step(cell, table.edges) == step]
        canvas.rects([grid.box(cell) for cell in mine], fill=fill, stroke=PAPER)
        canvas.texts([grid.number(cell) for cell in mine], fill=ink)
        counts = [grid.count(cell) for cell in mine]
        canvas.texts(counts, fill=second, size=SMALL, align="right")
    canvas.texts(
        [
            {"x": grid.left(len(table.systems)) + 10, "y": grid.middle(i), "text": text}
            for i, text in enumerate(change.of(frame.lang) for change in table.changes)
        ]
    )
    _legend(canvas, grid)
    return canvas.spec()


class _Grid:
    """Where rows and columns stand."""

    def __init__(self, frame: Frame, table: HeatTable) -> None:
        self.frame = frame
        self.table = table
        columns = len(table.systems) + (table.change_head is not None)
        self.width = min(_WIDEST, (frame.width - frame.label) / max(columns, 1))
        self.pitch = _ROW + 22 if frame.narrow else _ROW
        self.roomy = self.width > _ROOMY
        self.label_width = frame.width if frame.narrow else frame.label - 12

    def top(self, row: int) -> float:
        """Give the upper end of a row."""
        return _HEAD + row * self.pitch

    def middle(self, row: int) -> float:
        """Give the middle of a row's cells."""
        return self.top(row) + self.pitch - _ROW / 2

    def label_y(self, row: int) -> float:
        """Give the height of a row's name."""
        return self.top(row) + 12 if self.frame.narrow else self.middle(row)

    def left(self, column: int) -> float:
        """Give the left end of a column."""
        return self.frame.label + column * self.width

    def box(self, cell: HeatCell) -> Row:
        """Give a cell's rectangle."""
        middle = self.middle(cell.group)
        return {
            "x": self.left(cell.system),
            "x2": self.left(cell.system + 1),
            "y": middle - _ROW / 2,
            "y2": middle + _ROW / 2,
        }

    def number(self, cell: HeatCell) -> Row:
        """Write a cell's number."""
        x = self.left(cell.system) + (12 if self.roomy else 6)
        text = cell.text.of(self.frame.lang) if self.roomy else cell.short
        return {"x": x, "y": self.middle(cell.group), "text": text}

    def count(self, cell: HeatCell) -> Row:
        """Write how many a cell stands for."""
        x = self.left(cell.system + 1) - (12 if self.roomy else 4)
        text = str(cell.n) if cell.n and self.width > _TIGHT else ""
        return {"x": x, "y": self.middle(cell.group), "text": text}


def _heads(canvas: Canvas, grid: _Grid) -> None:
    for column, system in enumerate(grid.table.systems):
        x = grid.left(column) + 2
        mark = {"x": x, "x2": x + grid.width - 4, "y": _HEAD - 6, "y2": _HEAD - 3}
        baseline = column == 0 and len(grid.table.systems) > 1
        canvas.rects([mark], fill=TONES["baseline" if baseline else "candidate"])
        name = fitted(system, (grid.width - 8) * _BOLD)
        canvas.texts([{"x": x, "y": 14, "text": name}], bold=True)
    if grid.table.change_head is not None:
        x = grid.left(len(grid.table.systems)) + 10
        head = fitted(grid.table.change_head.of(grid.frame.lang), grid.width - 10)
        canvas.texts([{"x": x, "y": 14, "text": head}], fill=SECOND)


def _legend(canvas: Canvas, grid: _Grid) -> None:
    """Draw the five steps with the values between them."""
    top, width, left = canvas.height - 32, 52.0, float(grid.frame.label)
    for step, fill in enumerate(STEPS):
        x = left + step * width
        canvas.rects([{"x": x, "x2": x + width, "y": top, "y2": top + 10}], fill=fill)
    texts = [
        {"x": left + (i + 1) * width, "y": top + 22, "text": text.of(grid.frame.lang)}
        for i, text in enumerate(grid.table.edge_texts)
    ]
    canvas.texts(texts, fill=SECOND, size=SMALL, align="center")


def _step(cell: HeatCell, edges: Sequence[float]) -> int:
    if cell.value is None or cell.thin:
        return len(STEPS)
    return bisect_right(edges, cell.value)
