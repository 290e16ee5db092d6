"""Which scores the judge gave where the experts gave which: counts, and shares of each row."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.charts.canvas import Canvas, Row, Spec
from judge.report.charts.style import (
    PAPER,
    SECOND,
    SMALL,
    STEP_INK,
    STEPS,
    TONES,
    Frame,
    fitted,
)
from judge.report.words import Both

_WIDEST = 88.0
_HEIGHT = 44.0
_HEAD = 58.0
_ROOM = 44
"""Narrower cells have no room for the share below the count."""


@dataclass(frozen=True, kw_only=True)
class ConfusionTable:
    """What a confusion matrix is drawn from."""

    levels: Sequence[Both]
    """Names of the levels, lowest first."""
    counts: Sequence[Sequence[int]]
    """Rows: experts; columns: judge."""
    shares: Sequence[Sequence[Both]]
    """Shares of each row, written."""
    rows_word: Both
    columns_word: Both
    outlined: tuple[int, int] | None = None


def confusion_chart(frame: Frame, table: ConfusionTable) -> Spec:
    """Draw counts and row shares, the worst mistake outlined."""
    grid = _Grid(frame, table)
    canvas = Canvas(frame.width, _HEAD + _HEIGHT * len(table.levels) + 8)
    _words(canvas, grid)
    for row, counts in enumerate(table.counts):
        for column, count in enumerate(counts):
            _cell(canvas, grid, (row, column), share=count / max(sum(counts), 1))
    if table.outlined is not None:
        _outline(canvas, grid, table.outlined)
    return canvas.spec()


class _Grid:
    """Where rows and columns stand."""

    def __init__(self, frame: Frame, table: ConfusionTable) -> None:
        self.frame = frame
        self.table = table
        self.left = 96.0 if frame.narrow else float(frame.label)
        self.width = min(_WIDEST, (frame.width - self.left) / max(len(table.levels), 1))

    def box(self, place: tuple[int, int]) -> Row:
        """Give a cell's rectangle."""
        row, column = place
        x, y = self.left + column * self.width, _HEAD + row * _HEIGHT
        return {"x": x, "x2": x + self.width, "y": y, "y2": y + _HEIGHT}


def _words(canvas: Canvas, grid: _Grid) -> None:
    table, lang, left = grid.table, grid.frame.lang, grid.left
    canvas.texts([{"x": left, "y": 12, "text": table.columns_word.of(lang)}], fill=SECOND)
    canvas.texts([{"x": 0, "y": 38, "text": table.rows_word.of(lang)}], fill=SECOND)
    for place, level in enumerate(table.levels):
        head = fitted(level.of(lang), grid.width - 4)
        x = left + (place + 0.5) * grid.width
        canvas.texts([{"x": x, "y": 40, "text": head}], align="center")
        name = fitted(level.of(lang), left - 10)
        y = _HEAD + (place + 0.5) * _HEIGHT
        canvas.texts([{"x": 0, "y": y, "text": name}])


def _cell(canvas: Canvas, grid: _Grid, place: tuple[int, int], *, share: float) -> None:
    row, column = place
    box = grid.box(place)
    step = min(int(share * len(STEPS)), len(STEPS) - 1)
    canvas.rects([box], fill=STEPS[step], stroke=PAPER)
    x, y = grid.left + (column + 0.5) * grid.width, _HEAD + (row + 0.5) * _HEIGHT
    roomy = grid.width >= _ROOM
    count = {"x": x, "y": y - 8 if roomy else y, "text": str(grid.table.counts[row][column])}
    canvas.texts([count], align="center", fill=STEP_INK[step])
    if roomy:
        text = grid.table.shares[row][column].of(grid.frame.lang)
        below = {"x": x, "y": y + 10, "text": text}
        canvas.texts([below], align="center", fill=STEP_INK[step], size=SMALL)


def _outline(canvas: Canvas, grid: _Grid, place: tuple[int, int]) -> None:
    row, column = place
    x, y = grid.left + column * grid.width + 1, _HEAD + row * _HEIGHT + 1
    x2, y2 = x + grid.width - 2, y + _HEIGHT - 2
    corners = ((x, y, x2, y), (x2, y, x2, y2), (x, y2, x2, y2), (x, y, x, y2))
    edges: list[Row] = [{"x": a, "y": b, "x2": c, "y2": d} for a, b, c, d in corners]
    canvas.lines(edges, stroke=TONES["fail"], width=3)
