"""How many prompts changed for the worse and for the better, group by group."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.charts.canvas import Canvas, Row, Spec
from judge.report.charts.style import BETTER, INK, SECOND, SMALL, WORSE, Frame, fitted
from judge.report.words import Both

_LINE = 26.0
_HEAD = 30.0
_COUNT = 34.0


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


def flip_chart(frame: Frame, flips: Flips) -> Spec:
    """Draw harmful changes to the left of a line and beneficial ones to the right."""
    pitch = _LINE + 18 if frame.narrow else _LINE
    canvas = Canvas(frame.width, _HEAD + pitch * len(flips.bars) + 8)
    middles = [_HEAD + (row + 1) * pitch - _LINE / 2 for row in range(len(flips.bars))]
    most = max((max(bar.harmful, bar.beneficial) for bar in flips.bars), default=0)
    side = _Side(
        middle=frame.label + (frame.width - frame.label) / 2,
        unit=((frame.width - frame.label) / 2 - _COUNT) / max(most, 1),
    )
    side.draw(canvas, middles, [-bar.harmful for bar in flips.bars])
    side.draw(canvas, middles, [bar.beneficial for bar in flips.bars])
    _names(canvas, frame, flips.bars, pitch=pitch)
    x = side.middle
    canvas.lines([{"x": x, "x2": x, "y": _HEAD - 6, "y2": canvas.height}], stroke=INK)
    left = {"x": x - 8, "y": 10, "text": flips.worse.of(frame.lang)}
    canvas.texts([left], align="right", fill=SECOND)
    canvas.texts([{"x": x + 8, "y": 10, "text": flips.better.of(frame.lang)}], fill=SECOND)
    return canvas.spec()


@dataclass(frozen=True)
class _Side:
    middle: float
    unit: float
    """Pixels for one prompt."""

    def draw(self, canvas: Canvas, middles: Sequence[float], counts: Sequence[int]) -> None:
        """Draw one half; counts for the worse are negative."""
        left = any(count < 0 for count in counts)
        boxes: list[Row] = []
        words: list[Row] = []
        for y, count in zip(middles, counts, strict=True):
            end = self.middle + count * self.unit
            boxes.append({"x": self.middle, "x2": end, "y": y - 8, "y2": y + 8})
            word = str(abs(count)) if count else ""
            words.append({"x": end - 6 if left else end + 6, "y": y, "text": word})
        canvas.rects(boxes, fill=WORSE if left else BETTER)
        canvas.texts(words, align="right" if left else "left", size=SMALL)


def _names(canvas: Canvas, frame: Frame, bars: Sequence[FlipBar], *, pitch: float) -> None:
    width = frame.width if frame.narrow else frame.label - 12
    names: list[Row] = [
        {
            "x": 0,
            "y": _HEAD + row * pitch + (10 if frame.narrow else _LINE / 2),
            "text": fitted(bar.label.of(frame.lang), width),
        }
        for row, bar in enumerate(bars)
    ]
    canvas.texts(names)
