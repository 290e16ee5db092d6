"""Pictures as SVG: colours and type, axes, and a canvas that collects shapes and writes them.

Units are pixels from the top left. All texts stand at places that we choose, so the left edges of
all pictures of a page agree; elements are made with xml.etree, which escapes every text, so no
name from a data set can become markup. A colour is the name of a custom property of the page's
style sheet (`style.css`), which alone knows its values on paper, on screens and on dark screens.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from judge.files.decoding import printable
from judge.records import Language
from judge.report.texts import text_width

INK = "var(--ink)"
PAPER = "var(--paper)"
SECOND = "var(--second)"
RULE = "var(--rule)"
BAND = "var(--band)"
Tone = Literal["baseline", "candidate", "pass", "fail", "need", "untrusted"]
"""Which of the page's colours a mark takes; a word always stands beside it."""

TONES: Mapping[Tone, str] = {
    "baseline": "var(--baseline)",
    "candidate": "var(--candidate)",
    "pass": "var(--pass)",
    "fail": "var(--fail)",
    "need": "var(--need)",
    "untrusted": "var(--untrusted)",
}
STEPS = ("var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)")
"""Sequential, from low to high."""
STEP_INK = (INK, INK, INK, INK, "var(--on5)")
"""Numbers on each step."""
STEP_SECOND = (SECOND, INK, INK, INK, "var(--on5)")
"""Counts on each step."""
WORSE, BETTER = "var(--worse)", TONES["pass"]
"""What changed for the worse and for the better."""
FONT = (
    'system-ui, "Segoe UI", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", '
    '"Microsoft YaHei", sans-serif'
)
SIZE = 13
SMALL = 12
"""No text of a picture is smaller."""

Point = tuple[float, float]
"""A place: pixels from the left, pixels from the top."""
Shape = Literal["circle", "cross", "diamond", "square", "triangle"]
Align = Literal["start", "middle", "end"]

_OUTLINES: Mapping[Shape, tuple[Point, ...]] = {
    "cross": (
        *((-1.0, -0.4), (-0.4, -0.4), (-0.4, -1.0), (0.4, -1.0), (0.4, -0.4), (1.0, -0.4)),
        *((1.0, 0.4), (0.4, 0.4), (0.4, 1.0), (-0.4, 1.0), (-0.4, 0.4), (-1.0, 0.4)),
    ),
    "diamond": ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
}
"""Corners of shapes in units of a radius; areas are close to that of the circle."""

_BASELINE = 0.35
"""From the middle of a text down to its baseline, in units of its size."""

_TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Frame:
    """For whom a picture is drawn: in which language, for a wide screen or a narrow one."""

    lang: Language
    narrow: bool = False

    @property
    def width(self) -> int:
        """Whole width in pixels."""
        return 340 if self.narrow else 720

    @property
    def label(self) -> int:
        """Width of the column of labels; on narrow screens labels stand above their rows."""
        return 0 if self.narrow else 218


class Canvas:
    """Collects shapes of one picture: areas below lines below marks below texts.

    Parameters
    ----------
    width, height : float
        Size of the whole picture in pixels.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._areas = ET.Element("g")
        self._lines = ET.Element("g")
        self._marks = ET.Element("g")
        self._texts = ET.Element("g")

    def rect(
        self, across: tuple[float, float], down: tuple[float, float], *, fill: str, stroke: str = ""
    ) -> None:
        """Draw a rectangle between two places across and two places down, in any order."""
        (left, right), (top, bottom) = sorted(across), sorted(down)
        box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        node = _add(self._areas, "rect", box, fill=fill)
        if stroke:
            node.set("stroke", stroke)
            node.set("stroke-width", "2")

    def line(self, start: Point, end: Point, *, stroke: str, width: float = 1) -> None:
        """Draw a straight line."""
        ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
        node = _add(self._lines, "line", ends, stroke=stroke)
        if width != 1:
            node.set("stroke-width", _written(width))

    def mark(self, at: Point, *, fill: str, shape: Shape = "circle", radius: float = 4.5) -> None:
        """Draw a filled mark around a place; the areas of all shapes are about the same."""
        if shape == "circle":
            _add(self._marks, "circle", {"cx": at[0], "cy": at[1], "r": radius}, fill=fill)
            return
        corners = ((at[0] + x * radius, at[1] + y * radius) for x, y in _OUTLINES[shape])
        path = "L".join(f"{_written(x)} {_written(y)}" for x, y in corners)
        ET.SubElement(self._marks, "path", {"d": f"M{path}Z", "fill": fill})

    def ring(self, at: Point, *, stroke: str) -> None:
        """Draw a hollow mark around a place."""
        node = _add(self._marks, "circle", {"cx": at[0], "cy": at[1], "r": 4.4}, fill=PAPER)
        node.set("stroke", stroke)
        node.set("stroke-width", "2")

    def text(
        self,
        at: Point,
        text: str,
        *,
        align: Align = "start",
        fill: str = INK,
        size: int = SIZE,
        bold: bool = False,
    ) -> None:
        """Write a text whose middle line runs through a place, hidden characters as codes."""
        if not text:
            return
        node = _add(self._texts, "text", {"x": at[0], "y": at[1] + _BASELINE * size}, fill=fill)
        node.text = printable(text)
        node.set("font-size", str(size))
        if align != "start":
            node.set("text-anchor", align)
        if bold:
            node.set("font-weight", "600")

    def svg(self, ident: str, *, title: str, desc: str) -> str:
        """Write the picture.

        Parameters
        ----------
        ident : str
            Unique in the page; ours, never from data.
        title, desc : str
            For readers who do not see the picture: what it shows, and how to read it.

        Returns
        -------
        str
            One ``<svg>`` element that needs no escaping.
        """
        width, height = _written(self.width), _written(self.height)
        root = ET.Element(
            "svg",
            {
                "width": width,
                "height": height,
                "viewBox": f"0 0 {width} {height}",
                "role": "img",
                "aria-labelledby": f"{ident}-t {ident}-d",
                "font-family": FONT,
            },
        )
        for tag, text in (("title", title), ("desc", desc)):
            ET.SubElement(root, tag, id=f"{ident}-{tag[0]}").text = printable(text)
        root.extend((self._areas, self._lines, self._marks, self._texts))
        return ET.tostring(root, encoding="unicode")


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` to pixels from `left` to `right`."""

    low: float
    high: float
    left: float
    right: float

    def at(self, value: float) -> float:
        """Give the place of a value; beyond the ends it stays at the end."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    def span(self, ends: tuple[float, float]) -> tuple[float, float]:
        """Give the places of the two ends of an interval."""
        return self.at(ends[0]), self.at(ends[1])


def ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Choose round values from one end to the other."""
    step = _round_step((high - low) / max(most - 1, 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(count * step, 9) for count in range(first, last + 1))


def around(
    values: list[float], *, within: tuple[float, float] | None = None, least: float = 0.0
) -> tuple[float, float]:
    """Choose round ends that hold all values, at least `least` apart and inside `within`."""
    low, high = (min(values), max(values)) if values else (within or (0.0, 1.0))
    missing = max(least - (high - low), 0.0)
    low, high = low - missing / 2, high + missing / 2
    step = _round_step((high - low) / 5 or 1.0)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    return low, high


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


def _add(group: ET.Element, tag: str, numbers: Mapping[str, float], **texts: str) -> ET.Element:
    places = {name: _written(number) for name, number in numbers.items()}
    return ET.SubElement(group, tag, {**places, **texts})


def _written(number: float) -> str:
    """Write a number with at most two decimals; a hundredth of a pixel is seen by nobody."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(step for step in _TICK_STEPS if step * power >= rough * (1 - 1e-9))
