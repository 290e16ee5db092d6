"""Drawing on a plane whose units are pixels and rows, the same for every picture.

Nothing is laid out by the compiler: labels are text marks at places that we choose, so the left
edges of all pictures of a page agree, and no name from a data set becomes part of an expression.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from calibration.tables.printable import printable
from judge.report.charts.style import INK, SIZE

Spec = Mapping[str, object]
"""A chart in the Vega-Lite grammar."""

Row = Mapping[str, str | float]
Align = Literal["left", "center", "right"]
Mark = Literal["rect", "rule", "point", "text"]
_Look = tuple[Mark, tuple[tuple[str, str | float], ...]]

_CHANNELS: Mapping[Mark, tuple[str, ...]] = {
    "rect": ("x2", "y2", "fill", "stroke"),
    "rule": ("x2", "y2", "stroke", "strokeWidth"),
    "point": ("fill", "size"),
    "text": ("text", "fill", "size"),
}

_BELOW: tuple[Mark, ...] = tuple(_CHANNELS)
"""From the lowest layer to the highest."""


class Canvas:
    """Collects marks and gives one chart of a fixed size, in pixels from the top left.

    Marks of one kind become one layer, areas below lines below points below texts: colours and
    sizes are fields of the marks, since each layer costs the compiler time.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._marks: dict[_Look, list[Row]] = {}

    def rects(self, rows: Sequence[Row], *, fill: str, stroke: str = "transparent") -> None:
        """Draw rectangles from (x, y) to (x2, y2)."""
        self._add(rows, ("rect", (("strokeWidth", 2),)), {"fill": fill, "stroke": stroke})

    def lines(self, rows: Sequence[Row], *, stroke: str, width: float = 1) -> None:
        """Draw straight lines from (x, y) to (x2, y2)."""
        self._add(rows, ("rule", ()), {"stroke": stroke, "strokeWidth": width})

    def points(
        self, rows: Sequence[Row], *, fill: str, shape: str = "circle", size: float = 64
    ) -> None:
        """Draw marks at (x, y)."""
        look = (("shape", shape), ("opacity", 1), ("stroke", "transparent"))
        self._add(rows, ("point", look), {"fill": fill, "size": size})

    def texts(
        self,
        rows: Sequence[Row],
        *,
        align: Align = "left",
        fill: str = INK,
        size: float = SIZE,
        bold: bool = False,
    ) -> None:
        """Write the field `text` at (x, y), centred vertically, hidden characters as codes."""
        look = (("align", align), ("baseline", "middle"), ("fontWeight", 600 if bold else 400))
        shown = [{**row, "text": printable(str(row["text"]))} for row in rows]
        self._add(shown, ("text", look), {"fill": fill, "size": size})

    def spec(self) -> Spec:
        """Give everything drawn so far as one chart."""
        import altair

        # Altair leaves most of its members untyped; they are used in this file and nowhere else.
        alt: Any = altair
        # Checking each part against the grammar would take longer than all the drawing.
        with alt.utils.schemapi.debug_mode(arg=False):
            marks = sorted(self._marks.items(), key=lambda each: _BELOW.index(each[0][0]))
            layers = [self._layer(alt, *each) for each in marks]
            chart = alt.layer(*layers).properties(
                width=self.width,
                height=self.height,
                padding=0,
                autosize=alt.AutoSizeParams(type="none"),
                background="transparent",
            )
            # No font here: the compiler would look each of the page's fonts up for every text.
            return chart.configure_view(stroke=None).to_dict(validate=False)

    def _add(self, rows: Sequence[Row], look: _Look, style: Row) -> None:
        self._marks.setdefault(look, []).extend({**row, **style} for row in rows)

    def _layer(self, alt: Any, look: _Look, rows: Sequence[Row]) -> Any:
        mark, style = look
        channels = {
            "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, self.width], nice=False)),
            "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[self.height, 0], nice=False)),
            "x2": alt.X2("x2:Q"),
            "y2": alt.Y2("y2:Q"),
            "text": alt.Text("text:N"),
            "fill": alt.Fill("fill:N", scale=None),
            "stroke": alt.Stroke("stroke:N", scale=None),
            "size": alt.Size("size:Q", scale=None),
            "strokeWidth": alt.StrokeWidth("strokeWidth:Q", scale=None),
        }
        plane = alt.Chart(alt.Data(values=[dict(row) for row in rows]))
        marked = getattr(plane, f"mark_{mark}")(**dict(style))
        return marked.encode(**{name: channels[name] for name in ("x", "y", *_CHANNELS[mark])})
