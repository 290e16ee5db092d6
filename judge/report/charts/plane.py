"""Two axes: label budgets, differences along the scale, knowing against doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from judge.report.charts.axis import Axis
from judge.report.charts.canvas import Canvas, Row, Spec
from judge.report.charts.style import (
    INK,
    RULE,
    SECOND,
    SMALL,
    TONES,
    Frame,
    Tone,
    fitted,
    text_width,
)
from judge.report.words import Both

Ticks = Sequence[tuple[float, Both]]

_LEFT = 64
_TOP = 30
_FOOT = 48
_NEAR = 170
"""Names that begin closer to each other than this, in pixels, may not share a line."""


@dataclass(frozen=True, kw_only=True)
class PlanePoint:
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
class PlanePicture:
    """What is drawn on a plane."""

    points: Sequence[PlanePoint]
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


def plane_chart(frame: Frame, picture: PlanePicture) -> Spec:
    """Draw points on two axes."""
    plane = _Plane(frame, picture)
    canvas = Canvas(frame.width, plane.height)
    _field(canvas, plane)
    _guides(canvas, plane)
    _corners(canvas, plane)
    ties: dict[str, list[PlanePoint]] = {}
    for point in picture.points:
        if point.tie is not None:
            ties.setdefault(point.tie, []).append(point)
    for tied in ties.values():
        pairs = [plane.between(one, other) for one, other in pairwise(tied)]
        canvas.lines(pairs, stroke=TONES["baseline"], width=1.5)
    for point in picture.points:
        size = min(picture.smallest * sqrt(point.n), 400.0)
        canvas.points([plane.place(point)], fill=TONES[point.tone], size=size)
    canvas.texts(_labels(plane), size=SMALL)
    return canvas.spec()


class _Plane:
    """Where the axes lie."""

    def __init__(self, frame: Frame, picture: PlanePicture) -> None:
        self.frame = frame
        self.picture = picture
        width = min(frame.width, 560) - _LEFT - 16
        depth = width * (0.9 if frame.narrow else 0.62)
        (x_low, x_high), (y_low, y_high) = picture.x_ends, picture.y_ends
        self.x = Axis(x_low, x_high, left=_LEFT, right=_LEFT + width)
        self.y = Axis(y_low, y_high, left=_TOP + depth, right=_TOP)
        self.height = _TOP + depth + _FOOT

    def place(self, point: PlanePoint) -> Row:
        """Give a point's place."""
        return {"x": self.x.at(point.x), "y": self.y.at(point.y)}

    def between(self, one: PlanePoint, other: PlanePoint) -> Row:
        """Give the line from one point to another."""
        return {
            "x": self.x.at(one.x),
            "y": self.y.at(one.y),
            "x2": self.x.at(other.x),
            "y2": self.y.at(other.y),
        }

    def label(self, point: PlanePoint) -> Row:
        """Write a point's name beside it, on the side where there is room."""
        x, y = self.x.at(point.x), self.y.at(point.y)
        text = fitted(point.label.of(self.frame.lang) if point.label else "", 170, SMALL)
        if x + 10 + text_width(text, SMALL) > self.frame.width:
            x -= 20 + text_width(text, SMALL)
        return {"x": x + 10, "y": y, "text": text}


def _labels(plane: _Plane) -> list[Row]:
    """Write names one below the other where their points are too close for them."""
    if plane.frame.narrow:
        return []
    wanted = [plane.label(point) for point in plane.picture.points if point.label]
    placed: list[Row] = []
    for row in sorted(wanted, key=lambda row: float(row["y"])):
        y = float(row["y"])
        for other in placed:
            if abs(float(other["x"]) - float(row["x"])) < _NEAR:
                y = max(y, float(other["y"]) + SMALL + 3)
        placed.append({**row, "y": y})
    return placed


def _field(canvas: Canvas, plane: _Plane) -> None:
    x, y, picture, lang = plane.x, plane.y, plane.picture, plane.frame.lang
    across = [(y.at(value), text.of(lang)) for value, text in picture.y_ticks]
    upright = [(x.at(value), text.of(lang)) for value, text in picture.x_ticks]
    canvas.lines(
        [
            *({"x": x.left, "x2": x.right, "y": at, "y2": at} for at, _ in across),
            *({"x": at, "x2": at, "y": y.left, "y2": y.right} for at, _ in upright),
        ],
        stroke=RULE,
    )
    beside: list[Row] = [{"x": x.left - 8, "y": at, "text": text} for at, text in across]
    canvas.texts(beside, align="right", fill=SECOND, size=SMALL)
    below: list[Row] = [{"x": at, "y": y.left + 14, "text": text} for at, text in upright]
    canvas.texts(below, align="center", fill=SECOND, size=SMALL)
    units: list[Row] = [
        {"x": 0, "y": 10, "text": picture.y_unit.of(lang)},
        {"x": x.left, "y": y.left + 34, "text": picture.x_unit.of(lang)},
    ]
    canvas.texts(units, fill=SECOND, size=SMALL)


def _guides(canvas: Canvas, plane: _Plane) -> None:
    x, y = plane.x, plane.y
    for guide in plane.picture.guides:
        stroke = INK if guide.strong else SECOND
        word = guide.word.of(plane.frame.lang) if guide.word else ""
        if guide.upright:
            at = x.at(guide.at)
            canvas.lines([{"x": at, "x2": at, "y": y.left, "y2": y.right}], stroke=stroke)
            canvas.texts([{"x": at + 4, "y": y.right + 8, "text": word}], fill=stroke, size=SMALL)
        else:
            at = y.at(guide.at)
            canvas.lines([{"x": x.left, "x2": x.right, "y": at, "y2": at}], stroke=stroke)
            end = {"x": x.right - 4, "y": at - 8, "text": word}
            canvas.texts([end], align="right", fill=stroke, size=SMALL)


def _corners(canvas: Canvas, plane: _Plane) -> None:
    x, y, lang = plane.x, plane.y, plane.frame.lang
    tops = (y.right + 12, y.right + 12, y.left - 12, y.left - 12)
    for place, (word, top) in enumerate(zip(plane.picture.corners, tops, strict=False)):
        right = place % 2 == 1
        row = {"x": x.right - 6 if right else x.left + 6, "y": top, "text": word.of(lang)}
        canvas.texts([row], align="right" if right else "left", fill=SECOND, size=SMALL)
