"""Two axes: label budgets, differences along the scale, knowing against doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import pi, sqrt

from judge.report.charts.svg import (
    INK,
    RULE,
    SECOND,
    SMALL,
    TONES,
    Axis,
    Canvas,
    Frame,
    Point,
    Tone,
    fitted,
)
from judge.report.texts import Both, text_width

Ticks = Sequence[tuple[float, Both]]

_LEFT = 64
_TOP = 30
_FOOT = 48
_NEAR = 170
"""Names that begin closer to each other than this, in pixels, may not share a line."""


@dataclass(frozen=True, kw_only=True)
class ScatterPoint:
    """A point on two axes; points with the same tie are joined in the order given."""

    x: float
    y: float
    n: int = 1
    """Items behind it: its area."""
    label: Both | None = None
    """Written beside it where the screen is wide enough."""
    tie: str | None = None
    tone: Tone = "candidate"


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A line across the plane, with a word at its end."""

    at: float
    upright: bool
    word: Both | None = None
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class ScatterPicture:
    """What is drawn on a plane."""

    points: Sequence[ScatterPoint]
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    x_ticks: Ticks
    y_ticks: Ticks
    x_unit: Both
    y_unit: Both
    guides: Sequence[Guide] = ()
    corners: Sequence[Both] = ()
    """Words in the corners: top left, top right, bottom left, bottom right."""
    smallest: float = 40.0
    """Area of a point that stands for one item, in square pixels."""
    toned_lines: bool = False
    """Whether lines have the colour of their points, where several curves stand together."""


def scatter_chart(frame: Frame, picture: ScatterPicture) -> Canvas:
    """Draw points on two axes."""
    plane = _Plane(frame, picture)
    canvas = Canvas(frame.width, plane.height)
    _field(canvas, plane)
    _guides(canvas, plane)
    _corners(canvas, plane)
    ties: dict[str, list[ScatterPoint]] = {}
    for point in picture.points:
        if point.tie is not None:
            ties.setdefault(point.tie, []).append(point)
    for tied in ties.values():
        for one, other in pairwise(tied):
            ends = plane.place(one), plane.place(other)
            tone = one.tone if picture.toned_lines else "baseline"
            canvas.line(*ends, stroke=TONES[tone], width=1.5)
    for point in picture.points:
        area = min(picture.smallest * sqrt(point.n), 400.0)
        canvas.mark(plane.place(point), fill=TONES[point.tone], radius=sqrt(area / pi))
    _labels(canvas, plane)
    return canvas


class _Plane:
    """Where the axes lie."""

    def __init__(self, frame: Frame, picture: ScatterPicture) -> None:
        self.frame = frame
        self.picture = picture
        width = min(frame.width, 560) - _LEFT - 16
        depth = width * (0.9 if frame.narrow else 0.62)
        (x_low, x_high), (y_low, y_high) = picture.x_ends, picture.y_ends
        self.x = Axis(x_low, x_high, left=_LEFT, right=_LEFT + width)
        self.y = Axis(y_low, y_high, left=_TOP + depth, right=_TOP)
        self.height = _TOP + depth + _FOOT

    def place(self, point: ScatterPoint) -> Point:
        """Give a point's place."""
        return self.x.at(point.x), self.y.at(point.y)

    def label(self, point: ScatterPoint) -> tuple[Point, str]:
        """Give a point's name and its place, on the side where there is room."""
        x, y = self.place(point)
        text = fitted(point.label.of(self.frame.lang) if point.label else "", 170, SMALL)
        if x + 10 + text_width(text, SMALL) > self.frame.width:
            x -= 20 + text_width(text, SMALL)
        return (x + 10, y), text


def _labels(canvas: Canvas, plane: _Plane) -> None:
    """Write names one below the other where their points are too close for them."""
    if plane.frame.narrow:
        return
    wanted = [plane.label(point) for point in plane.picture.points if point.label]
    placed: list[Point] = []
    for (x, y), text in sorted(wanted, key=lambda each: each[0][1]):
        near = [other for other in placed if abs(other[0] - x) < _NEAR]
        at = (x, max([y, *(other_y + SMALL + 3 for _, other_y in near)]))
        canvas.text(at, text, size=SMALL)
        placed.append(at)


def _field(canvas: Canvas, plane: _Plane) -> None:
    x, y, picture, lang = plane.x, plane.y, plane.picture, plane.frame.lang
    for value, text in picture.y_ticks:
        at = y.at(value)
        canvas.line((x.left, at), (x.right, at), stroke=RULE)
        canvas.text((x.left - 8, at), text.of(lang), align="end", fill=SECOND, size=SMALL)
    for value, text in picture.x_ticks:
        at = x.at(value)
        canvas.line((at, y.left), (at, y.right), stroke=RULE)
        canvas.text((at, y.left + 14), text.of(lang), align="middle", fill=SECOND, size=SMALL)
    canvas.text((0, 10), picture.y_unit.of(lang), fill=SECOND, size=SMALL)
    canvas.text((x.left, y.left + 34), picture.x_unit.of(lang), fill=SECOND, size=SMALL)


def _guides(canvas: Canvas, plane: _Plane) -> None:
    x, y = plane.x, plane.y
    for guide in plane.picture.guides:
        stroke = INK if guide.strong else SECOND
        word = guide.word.of(plane.frame.lang) if guide.word else ""
        if guide.upright:
            at = x.at(guide.at)
            canvas.line((at, y.left), (at, y.right), stroke=stroke)
            canvas.text((at + 4, y.right + 8), word, fill=stroke, size=SMALL)
        else:
            at = y.at(guide.at)
            canvas.line((x.left, at), (x.right, at), stroke=stroke)
            canvas.text((x.right - 4, at - 8), word, align="end", fill=stroke, size=SMALL)


def _corners(canvas: Canvas, plane: _Plane) -> None:
    x, y, lang = plane.x, plane.y, plane.frame.lang
    tops = (y.right + 12, y.right + 12, y.left - 12, y.left - 12)
    for place, (word, top) in enumerate(zip(plane.picture.corners, tops, strict=False)):
        right = place % 2 == 1
        at = (x.right - 6 if right else x.left + 6, top)
        align = "end" if right else "start"
        canvas.text(at, word.of(lang), align=align, fill=SECOND, size=SMALL)
