"""Tables as pictures: groups by systems, judge against experts, changes for worse and better."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.charts.svg import (
    BAND,
    BETTER,
    INK,
    PAPER,
    SECOND,
    SMALL,
    STEP_INK,
    STEP_SECOND,
    STEPS,
    TONES,
    WORSE,
    Canvas,
    Frame,
    Point,
    fitted,
)
from judge.report.texts import Both

_ROW = 28
_TALL = 42
"""Height of a row whose cells hold their interval below the number."""
_HEAD = 36
_FOOT = 46
_WIDEST = 202
_ONE_LINE = 190
"""Cells at least this wide, in pixels, hold number, interval and n in one line."""
_CHANGE = 96
"""Width of the column of differences on a wide screen."""
_BOLD = 0.85
"""Bold letters take more room than the plain ones that widths are reckoned with."""
_ROOMY = 95
"""In narrower cells, in pixels, numbers stand without their units."""
_TIGHT = 66
"""In narrower cells only the numbers themselves have room."""

_CONFUSION_WIDEST = 88.0
_CONFUSION_ROW = 44.0
_CONFUSION_HEAD = 58.0
_CONFUSION_ROOM = 44
"""Narrower cells have no room for the share below the count."""

_FLIP_ROW = 26.0
_FLIP_HEAD = 30.0
_FLIP_COUNT = 34.0


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """One number of a table of groups and systems."""

    group: int
    """Position of the row."""
    system: int
    """Position of the column."""
    value: float | None
    """What the colour stands for; None where there are too few items for one."""
    n: int
    text: Both
    """The number as it is written."""
    short: str
    """The same without its unit, for cells that are too narrow for it."""
    interval: str = ""


@dataclass(frozen=True, kw_only=True)
class HeatChange:
    """The difference between two systems in a group."""

    text: Both
    good: bool | None = None
    """Whether the intervals show a change for the better or for the worse; None for neither."""


@dataclass(frozen=True, kw_only=True)
class HeatTable:
    """What a heat map is drawn from."""

    rows: Sequence[Both]
    """Names of the groups, top to bottom."""
    systems: Sequence[str]
    """Names of the columns, the baseline first."""
    cells: Sequence[HeatCell]
    changes: Sequence[HeatChange] = ()
    """Written in a last column where there are two systems; empty for none."""
    change_head: Both | None = None
    edges: Sequence[float] = ()
    """The four values that part the five steps of colour, ascending."""
    edge_texts: Sequence[Both] = ()
    """The same, written."""


def heat_map(frame: Frame, table: HeatTable) -> Canvas:
    """Draw the values of systems in groups, every cell with its interval where there is room."""
    grid = _HeatGrid(frame, table)
    canvas = Canvas(frame.width, grid.top(len(table.rows)) + _FOOT)
    _heads(canvas, grid)
    for row, name in enumerate(table.rows):
        label = fitted(name.of(frame.lang), grid.label_width)
        canvas.text((0, grid.label_y(row)), label)
    for cell in table.cells:
        _heat_cell(canvas, grid, cell)
    for row, change in enumerate(table.changes):
        at = (grid.left(len(table.systems)) + 10, grid.middle(row))
        fill = INK if change.good is None else BETTER if change.good else WORSE
        canvas.text(at, change.text.of(frame.lang), fill=fill)
    _legend(canvas, grid)
    return canvas


class _HeatGrid:
    """Where rows and columns stand."""

    def __init__(self, frame: Frame, table: HeatTable) -> None:
        self.frame = frame
        self.table = table
        change = 0.0
        if table.change_head is not None:
            change = 70.0 if frame.narrow else float(_CHANGE)
        room = frame.width - frame.label - change
        self.change = change
        self.width = min(_WIDEST, room / max(len(table.systems), 1))
        self.one_line = self.width >= _ONE_LINE
        self.cell = _ROW if self.one_line or self.width <= _ROOMY else _TALL
        self.pitch = self.cell + 22 if frame.narrow else self.cell
        self.roomy = self.width > _ROOMY
        self.label_width = frame.width if frame.narrow else frame.label - 12

    def top(self, row: int) -> float:
        """Give the upper end of a row."""
        return _HEAD + row * self.pitch

    def middle(self, row: int) -> float:
        """Give the middle of a row's cells."""
        return self.top(row) + self.pitch - self.cell / 2

    def label_y(self, row: int) -> float:
        """Give the height of a row's name."""
        return self.top(row) + 12 if self.frame.narrow else self.middle(row)

    def left(self, column: int) -> float:
        """Give the left end of a column."""
        return self.frame.label + column * self.width


def _heat_cell(canvas: Canvas, grid: _HeatGrid, cell: HeatCell) -> None:
    """Draw a cell with its number and, where there is room, its interval and its n."""
    fill, ink, second = _look(cell, grid.table.edges)
    left, right, y = grid.left(cell.system), grid.left(cell.system + 1), grid.middle(cell.group)
    canvas.rect((left, right), (y - grid.cell / 2, y + grid.cell / 2), fill=fill, stroke=PAPER)
    inset = 12 if grid.roomy else 6
    text = cell.text.of(grid.frame.lang) if grid.roomy else cell.short
    below = bool(cell.interval) and grid.roomy and not grid.one_line
    line = y - 9 if below else y
    canvas.text((left + inset, line), text, fill=ink)
    if grid.roomy:
        at = (left + inset, y + 9) if below else (left + 72, y)
        canvas.text(at, cell.interval, fill=second, size=SMALL)
    if cell.n and grid.width > _TIGHT:
        canvas.text((right - 8, line), str(cell.n), fill=second, size=SMALL, align="end")


def _heads(canvas: Canvas, grid: _HeatGrid) -> None:
    for column, system in enumerate(grid.table.systems):
        x = grid.left(column) + 2
        baseline = column == 0 and len(grid.table.systems) > 1
        tone = TONES["baseline" if baseline else "candidate"]
        canvas.rect((x, x + grid.width - 4), (_HEAD - 6, _HEAD - 3), fill=tone)
        canvas.text((x, 14), fitted(system, (grid.width - 8) * _BOLD), bold=True)
    if grid.table.change_head is not None:
        head = fitted(grid.table.change_head.of(grid.frame.lang), grid.change - 10)
        canvas.text((grid.left(len(grid.table.systems)) + 10, 14), head, fill=SECOND)


def _legend(canvas: Canvas, grid: _HeatGrid) -> None:
    """Draw the five steps with the values between them."""
    top, width, left = canvas.height - 32, 52.0, float(grid.frame.label)
    for step, fill in enumerate(STEPS):
        x = left + step * width
        canvas.rect((x, x + width), (top, top + 10), fill=fill)
    for step, text in enumerate(grid.table.edge_texts, start=1):
        at = (left + step * width, top + 22)
        canvas.text(at, text.of(grid.frame.lang), fill=SECOND, size=SMALL, align="middle")


def _look(cell: HeatCell, edges: Sequence[float]) -> tuple[str, str, str]:
    """Give the colours of a cell, of its number and of its small texts."""
    if cell.value is None:
        return BAND, INK, SECOND
    step = bisect_right(edges, cell.value)
    return STEPS[step], STEP_INK[step], STEP_SECOND[step]


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


def confusion_chart(frame: Frame, table: ConfusionTable) -> Canvas:
    """Draw counts and row shares, the worst mistake outlined."""
    grid = _ConfusionGrid(frame, table)
    canvas = Canvas(frame.width, _CONFUSION_HEAD + _CONFUSION_ROW * len(table.levels) + 8)
    _levels(canvas, grid)
    for row, counts in enumerate(table.counts):
        for column, count in enumerate(counts):
            _confusion_cell(canvas, grid, (row, column), share=count / max(sum(counts), 1))
    if table.outlined is not None:
        _outline(canvas, grid, table.outlined)
    return canvas


class _ConfusionGrid:
    """Where rows and columns stand."""

    def __init__(self, frame: Frame, table: ConfusionTable) -> None:
        self.frame = frame
        self.table = table
        self.left = 96.0 if frame.narrow else float(frame.label)
        self.width = min(_CONFUSION_WIDEST, (frame.width - self.left) / max(len(table.levels), 1))

    def box(self, place: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
        """Give a cell's ends across and down."""
        row, column = place
        x, y = self.left + column * self.width, _CONFUSION_HEAD + row * _CONFUSION_ROW
        return (x, x + self.width), (y, y + _CONFUSION_ROW)


def _levels(canvas: Canvas, grid: _ConfusionGrid) -> None:
    table, lang, left = grid.table, grid.frame.lang, grid.left
    canvas.text((left, 12), table.columns_word.of(lang), fill=SECOND)
    canvas.text((0, 38), table.rows_word.of(lang), fill=SECOND)
    for place, level in enumerate(table.levels):
        head = fitted(level.of(lang), grid.width - 4)
        canvas.text((left + (place + 0.5) * grid.width, 40), head, align="middle")
        y = _CONFUSION_HEAD + (place + 0.5) * _CONFUSION_ROW
        canvas.text((0, y), fitted(level.of(lang), left - 10))


def _confusion_cell(
    canvas: Canvas, grid: _ConfusionGrid, place: tuple[int, int], *, share: float
) -> None:
    row, column = place
    across, down = grid.box(place)
    step = min(int(share * len(STEPS)), len(STEPS) - 1)
    canvas.rect(across, down, fill=STEPS[step], stroke=PAPER)
    x, y = sum(across) / 2, sum(down) / 2
    roomy = grid.width >= _CONFUSION_ROOM
    count = str(grid.table.counts[row][column])
    canvas.text((x, y - 8 if roomy else y), count, align="middle", fill=STEP_INK[step])
    if roomy:
        text = grid.table.shares[row][column].of(grid.frame.lang)
        canvas.text((x, y + 10), text, align="middle", fill=STEP_INK[step], size=SMALL)


def _outline(canvas: Canvas, grid: _ConfusionGrid, place: tuple[int, int]) -> None:
    (left, right), (top, bottom) = grid.box(place)
    left, right, top, bottom = left + 1, right - 1, top + 1, bottom - 1
    corners: list[Point] = [(left, top), (right, top), (right, bottom), (left, bottom)]
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        canvas.line(start, end, stroke=TONES["fail"], width=3)


@dataclass(frozen=True, kw_only=True)
class FlipBar:
    """How many prompts of a group changed for the worse and for the better."""

    label: Both
    harmful: int
    beneficial: int


@dataclass(frozen=True, kw_only=True)
class Flips:
    """What a picture of changes is drawn from."""

    bars: Sequence[FlipBar]
    worse: Both
    """Above the left half."""
    better: Both
    """Above the right half."""


def flip_chart(frame: Frame, flips: Flips) -> Canvas:
    """Draw harmful changes to the left of a line and beneficial ones to the right."""
    pitch = _FLIP_ROW + 18 if frame.narrow else _FLIP_ROW
    canvas = Canvas(frame.width, _FLIP_HEAD + pitch * len(flips.bars) + 8)
    middle = frame.label + (frame.width - frame.label) / 2
    most = max((max(bar.harmful, bar.beneficial) for bar in flips.bars), default=0)
    unit = (frame.width - middle - _FLIP_COUNT) / max(most, 1)
    width = frame.width if frame.narrow else frame.label - 12
    for row, bar in enumerate(flips.bars):
        top = _FLIP_HEAD + row * pitch
        name_y = top + (10 if frame.narrow else _FLIP_ROW / 2)
        canvas.text((0, name_y), fitted(bar.label.of(frame.lang), width))
        y = top + pitch - _FLIP_ROW / 2
        _half(canvas, (middle, y), bar.harmful, unit=-unit)
        _half(canvas, (middle, y), bar.beneficial, unit=unit)
    canvas.line((middle, _FLIP_HEAD - 6), (middle, canvas.height), stroke=INK)
    canvas.text((middle - 8, 10), flips.worse.of(frame.lang), align="end", fill=SECOND)
    canvas.text((middle + 8, 10), flips.better.of(frame.lang), fill=SECOND)
    return canvas


def _half(canvas: Canvas, at: Point, count: int, *, unit: float) -> None:
    """Draw a count as a bar; `unit` is pixels for one prompt, negative to the left."""
    if not count:
        return
    (x, y), left = at, unit < 0
    end = x + count * unit
    canvas.rect((x, end), (y - 8, y + 8), fill=WORSE if left else BETTER)
    text_x, align = (end - 6, "end") if left else (end + 6, "start")
    canvas.text((text_x, y), str(count), align=align, size=SMALL)
