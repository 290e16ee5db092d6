"""From an Altair chart to SVG that may stand in a page: only known elements and attributes.

The chart compiler writes names from data sets into its output. It is read back with an XML parser
and written anew from a list of what pictures need, so nothing else can reach the page.
"""

import xml.etree.ElementTree as ET

from defusedxml.ElementTree import fromstring

from calibration.tables.printable import printable
from judge.report.charts.canvas import Spec
from judge.report.charts.style import FONT, HATCH, SECOND

_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset({"svg", "g", "path", "rect", "line", "text", "tspan", "circle"})
_ATTRIBUTES = frozenset(
    [
        "d",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "dx",
        "dy",
        "width",
        "height",
        "viewBox",
        "transform",
        "fill",
        "fill-opacity",
        "stroke",
        "stroke-width",
        "stroke-dasharray",
        "stroke-opacity",
        "stroke-linecap",
        "opacity",
        "text-anchor",
        "font-size",
        "font-weight",
        "font-style",
    ]
)


def draw(spec: Spec, *, ident: str, title: str, desc: str) -> str:
    """Render a chart as an SVG element.

    Parameters
    ----------
    spec : Spec
    ident : str
        Unique in the page; ours, never from data.
    title, desc : str
        For readers who do not see the picture: what it shows, and how to read it.

    Returns
    -------
    str
        One ``<svg>`` element that needs no escaping.
    """
    import vl_convert

    drawn = fromstring(vl_convert.vegalite_to_svg(dict(spec)))
    root = _copied(drawn)
    if root is None:
        raise ValueError("the chart compiler gave no SVG.")
    root.set("role", "img")
    root.set("aria-labelledby", f"{ident}-t {ident}-d")
    root.set("font-family", FONT)
    _hatch(root, f"{ident}-h")
    for tag, text in (("desc", desc), ("title", title)):
        node = ET.Element(tag, {"id": f"{ident}-{tag[0]}"})
        node.text = printable(text)
        root.insert(0, node)
    return ET.tostring(root, encoding="unicode")


def _copied(node: ET.Element) -> ET.Element | None:
    """Copy what is on the lists; empty groups and what is drawn nowhere are left out."""
    tag = node.tag.removeprefix(f"{{{_SVG}}}")
    if tag not in _ELEMENTS or node.get("display") == "none":
        return None
    attributes = {name: text for name, text in node.items() if name in _ATTRIBUTES}
    copy = ET.Element(tag, attributes)
    copy.text = node.text if tag in {"text", "tspan"} else None
    children = (_copied(child) for child in node)
    copy.extend(child for child in children if child is not None)
    unseen = (tag == "g" and not len(copy)) or (tag == "path" and not node.get("d"))
    return None if unseen else copy


def _hatch(root: ET.Element, ident: str) -> None:
    hatched = [node for node in root.iter("path") if node.get("fill") == HATCH]
    if not hatched:
        return
    for node in hatched:
        node.set("fill", f"url(#{ident})")
    defs = ET.Element("defs")
    pattern = ET.SubElement(
        defs, "pattern", id=ident, width="6", height="6", patternUnits="userSpaceOnUse"
    )
    ET.SubElement(pattern, "path", {"d": "M0 6L6 0", "stroke": SECOND, "stroke-opacity": ".45"})
    root.insert(0, defs)
