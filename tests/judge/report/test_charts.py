"""Pictures: what may stand in them, that they can be read, and that names cannot break them."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import judge.report
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import (
    ConfusionTable,
    FlipBar,
    Flips,
    HeatCell,
    HeatChange,
    HeatTable,
    confusion_chart,
    flip_chart,
    heat_map,
)
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
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
    Shape,
    around,
    fitted,
    ticks,
)
from judge.report.texts import Both, same

TEMPLATES = Path(judge.report.__file__).parent / "templates"
FRAMES = [Frame(lang, narrow=narrow) for lang in ("zh", "en") for narrow in (False, True)]
HOSTILE = "<script>alert(1)</script>\u202e\"'&]]>"
LABELS = [
    Both(zh="法理学", en="Law"),
    Both(zh="侵犯权益", en="Infringement of rights"),
    same(HOSTILE),
]
TICKS = [(value, same(f"{value:g}")) for value in (0.0, 0.5, 1.0)]


def forest(frame: Frame) -> Canvas:
    rows = [
        ForestRow(
            label=label,
            note=same("release-1  93.0 % [90.1, 95.2]"),
            estimate=0.5,
            low=0.3,
            high=0.8,
            band=(0.4, 1.0),
            behind=(0.2, 0.9),
            raw=0.7,
            tick=0.9,
            decision="FAIL",
            tone="fail",
        )
        for label in LABELS
    ]
    nothing = ForestRow(label=same("none"), note=same("no score"), estimate=None)
    return forest_plot(
        frame,
        [Forest(rows=[*rows, nothing], ends=(0, 1), unit=LABELS[0], tick_texts=TICKS, reference=0)],
    )


def heat(frame: Frame) -> Canvas:
    cells = [
        HeatCell(
            group=group,
            system=system,
            value=value,
            n=12 if value is not None else 0,
            text=same("93.0 %"),
            short="93.0",
            interval="[88.1, 96.2]",
        )
        for group, value in enumerate((0.1, 0.5, None))
        for system in range(2)
    ]
    return heat_map(
        frame,
        HeatTable(
            rows=LABELS,
            systems=(HOSTILE, "release-2"),
            cells=cells,
            changes=[
                HeatChange(text=label, good=good)
                for label, good in zip(LABELS, (None, True, False), strict=True)
            ],
            change_head=LABELS[0],
            edges=(0.2, 0.4, 0.6, 0.8),
            edge_texts=[same(f"{edge}") for edge in (0.2, 0.4, 0.6, 0.8)],
        ),
    )


def confusion(frame: Frame) -> Canvas:
    return confusion_chart(
        frame,
        ConfusionTable(
            levels=LABELS,
            counts=((3, 1, 0), (0, 5, 0), (0, 0, 0)),
            shares=[[same("75.0 %")] * 3] * 3,
            rows_word=LABELS[0],
            columns_word=LABELS[1],
            outlined=(0, 1),
        ),
    )


def scatter(frame: Frame) -> Canvas:
    return scatter_chart(
        frame,
        ScatterPicture(
            points=[ScatterPoint(x=0.2, y=0.3, label=label, tie="one", n=9) for label in LABELS],
            x_ends=(0, 1),
            y_ends=(0, 1),
            x_ticks=TICKS,
            y_ticks=TICKS,
            x_unit=LABELS[0],
            y_unit=LABELS[1],
            guides=(Guide(at=0.5, upright=True, word=LABELS[0]),),
            corners=(*LABELS, LABELS[0]),
        ),
    )


def flips(frame: Frame) -> Canvas:
    bars = [FlipBar(label=label, harmful=2, beneficial=0) for label in LABELS]
    return flip_chart(frame, Flips(bars=bars, worse=same("worse"), better=same("better")))


PICTURES: Sequence[Callable[[Frame], Canvas]] = (forest, heat, confusion, scatter, flips)


@pytest.fixture(scope="module", params=PICTURES, ids=lambda picture: picture.__name__)
def drawn(request: pytest.FixtureRequest) -> list[str]:
    return [
        request.param(frame).svg(f"p{number}", title=HOSTILE, desc="d")
        for number, frame in enumerate(FRAMES)
    ]


def test_a_picture_holds_known_elements_only(drawn: list[str]) -> None:
    known = {"svg", "g", "path", "rect", "line", "text", "tspan", "circle"} | {
        "title",
        "desc",
        "defs",
        "pattern",
    }

    assert {node.tag for svg in drawn for node in ET.fromstring(svg).iter()} <= known  # noqa: S314 - our pictures


def test_a_picture_has_no_address_and_no_style(drawn: list[str]) -> None:
    names = {
        name
        for svg in drawn
        for node in ET.fromstring(svg).iter()  # noqa: S314 - our own picture
        for name in node.attrib
    }

    assert not {name for name in names if "href" in name or name.startswith("on")}
    assert "style" not in names


def test_names_stay_texts_and_hidden_characters_are_shown(drawn: list[str]) -> None:
    assert not [svg for svg in drawn if "<script" in svg or "\u202e" in svg]
    assert all("\\u202e" in svg for svg in drawn)


def test_no_text_is_smaller_than_twelve_pixels(drawn: list[str]) -> None:
    sizes = [float(size) for svg in drawn for size in re.findall(r'font-size="([\d.]+)"', svg)]

    assert min(sizes) >= SMALL == 12


def test_everything_lies_within_the_picture(drawn: list[str]) -> None:
    for svg, frame in zip(drawn, FRAMES, strict=True):
        root = ET.fromstring(svg)  # noqa: S314 - our own picture
        places = [
            (float(text.get("x", "")), float(text.get("y", ""))) for text in root.iter("text")
        ]

        assert len(places) > 3
        assert all(
            0 <= x <= frame.width and 0 <= y <= float(root.get("height", "")) for x, y in places
        )


def test_every_colour_is_one_that_the_style_sheet_names(drawn: list[str]) -> None:
    used = {
        colour
        for svg in drawn
        for node in ET.fromstring(svg).iter()  # noqa: S314 - our own picture
        for name, colour in node.attrib.items()
        if name in {"fill", "stroke"} and not colour.startswith("url(#p")
    }

    assert used
    assert used <= {f"var({name})" for name in tokens(dark=False)}


@pytest.mark.parametrize("shape", ["circle", "cross", "diamond", "square", "triangle"])
def test_a_mark_lies_around_its_place(shape: Shape) -> None:
    canvas = Canvas(100, 100)
    canvas.mark((50, 50), fill=PAPER, shape=shape, radius=5)
    svg = canvas.svg("p", title="t", desc="d")
    path = re.search(r'<path d="([^"]+)"', svg)
    corners = [float(each) for each in re.findall(r"[\d.]+", path[1])] if path else [45.0, 55.0]

    assert 40 < min(corners) < 50 < max(corners) < 60
    assert (shape == "circle") == ('<circle cx="50" cy="50" r="5"' in svg)


def test_areas_lie_below_lines_below_marks_below_texts() -> None:
    canvas = Canvas(100, 100)
    canvas.text((1, 1), "word")
    canvas.mark((1, 1), fill=PAPER)
    canvas.line((1, 1), (2, 2), stroke=SECOND)
    canvas.rect((9, 1), (1, 9), fill=PAPER)
    drawn = ET.fromstring(canvas.svg("p", title="t", desc="d"))  # noqa: S314 - our own picture
    shapes = [node for node in drawn.iter() if node.tag not in {"svg", "g", "title", "desc"}]

    assert [node.tag for node in shapes] == ["rect", "line", "circle", "text"]
    assert shapes[0].attrib == {"x": "1", "y": "1", "width": "8", "height": "8", "fill": PAPER}


def test_identifiers_of_two_pictures_differ(drawn: list[str]) -> None:
    identifiers = [each for svg in drawn for each in re.findall(r' id="([^"]+)"', svg)]

    assert len(identifiers) == len(set(identifiers))


def tokens(*, dark: bool) -> dict[str, str]:
    """Read the colours of the style sheet, as a light or a dark screen has them."""
    sheet = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    light, _, rest = sheet.partition("prefers-color-scheme:dark")
    known = dict(re.findall(r"(--[a-z0-9]+):(#[0-9a-f]{3,6})", light))
    night = dict(re.findall(r"(--[a-z0-9]+):(#[0-9a-f]{3,6})", rest.partition("}}")[0]))

    assert set(night) == set(known)
    return night if dark else known


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *zip(STEP_INK, STEPS, strict=True),
        *zip(STEP_SECOND, STEPS, strict=True),
        (SECOND, PAPER),
        (SECOND, BAND),
        (INK, BAND),
        (WORSE, PAPER),
        (BETTER, PAPER),
        *((TONES[tone], PAPER) for tone in ("pass", "fail", "need", "untrusted")),
    ],
)
def test_texts_have_the_contrast_that_wcag_asks_for(ink: str, paper: str, dark: bool) -> None:
    colours = tokens(dark=dark)

    assert contrast(colours[ink[4:-1]], colours[paper[4:-1]]) >= 4.5


def test_a_name_that_is_too_long_keeps_both_ends() -> None:
    assert fitted("qwen3-235b-instruct-2026-release", 120) == "qwen3-2…release"


def test_wide_characters_are_reckoned_wide() -> None:
    assert fitted("法" * 9, 117) == "法" * 9
    assert fitted("法" * 10, 117) == "法法法法…法法法法"


def test_axes_end_at_round_values_that_hold_everything() -> None:
    assert around([0.123, 0.456]) == pytest.approx((0.1, 0.5))
    assert around([0.95, 0.99], within=(0.0, 1.0), least=0.2) == pytest.approx((0.85, 1.0))
    assert around([]) == (0.0, 1.0)
    assert ticks(0.0, 1.0) == pytest.approx((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert ticks(-0.3, 0.2) == pytest.approx((-0.3, -0.2, -0.1, 0.0, 0.1, 0.2))
