"""Pictures: what may stand in them, that they can be read, and that names cannot break them."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import judge.report
from judge.report.charts.axis import around, ticks
from judge.report.charts.canvas import Spec
from judge.report.charts.confusion import ConfusionTable, confusion_chart
from judge.report.charts.flips import FlipBar, Flips, flip_chart
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heat import HeatCell, HeatTable, heat_map
from judge.report.charts.plane import Guide, PlanePicture, PlanePoint, plane_chart
from judge.report.charts.style import (
    HATCH,
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
from judge.report.charts.svg import draw
from judge.report.words import Both, same

TEMPLATES = Path(judge.report.__file__).parent / "templates"
FRAMES = [Frame(lang, narrow=narrow) for lang in ("zh", "en") for narrow in (False, True)]
HOSTILE = "<script>alert(1)</script>\u202e\"'&]]>"
LABELS = [
    Both(zh="法理学", en="Law"),
    Both(zh="侵犯权益", en="Infringement of rights"),
    same(HOSTILE),
]
TICKS = [(value, same(f"{value:g}")) for value in (0.0, 0.5, 1.0)]


def forest(frame: Frame) -> Spec:
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


def heat(frame: Frame) -> Spec:
    cells = [
        HeatCell(
            group=group,
            system=system,
            value=value,
            n=12 if value is not None else 0,
            thin=group == 1,
            text=same("93.0 %"),
            short="93.0",
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
            changes=LABELS,
            change_head=LABELS[0],
            edges=(0.2, 0.4, 0.6, 0.8),
            edge_texts=[same(f"{edge}") for edge in (0.2, 0.4, 0.6, 0.8)],
        ),
    )


def confusion(frame: Frame) -> Spec:
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


def plane(frame: Frame) -> Spec:
    return plane_chart(
        frame,
        PlanePicture(
            points=[PlanePoint(x=0.2, y=0.3, label=label, tie="one", n=9) for label in LABELS],
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


def flips(frame: Frame) -> Spec:
    bars = [FlipBar(label=label, harmful=2, beneficial=0) for label in LABELS]
    return flip_chart(frame, Flips(bars=bars, worse=same("worse"), better=same("better")))


PICTURES: Sequence[Callable[[Frame], Spec]] = (forest, heat, confusion, plane, flips)


@pytest.fixture(scope="module", params=PICTURES, ids=lambda picture: picture.__name__)
def drawn(request: pytest.FixtureRequest) -> list[str]:
    return [
        draw(request.param(frame), ident=f"p{number}", title=HOSTILE, desc="d")
        for number, frame in enumerate(FRAMES)
    ]


def test_a_picture_holds_known_elements_only(drawn: list[str]) -> None:
    known = {"svg", "g", "path", "rect", "line", "text", "tspan", "circle"} | {
        "title",
        "desc",
        "defs",
        "pattern",
    }

    assert {node.tag for svg in drawn for node in ET.fromstring(svg).iter()} <= known  # noqa: S314


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
    sizes = [float(size) for svg in drawn for size in re.findall(r'font-size="([\d.]+)px"', svg)]

    assert min(sizes) >= SMALL == 12


def test_everything_lies_within_the_picture(drawn: list[str]) -> None:
    for svg, frame in zip(drawn, FRAMES, strict=True):
        places = re.findall(r"<text [^>]*translate\((-?[\d.]+),(-?[\d.]+)\)", svg)
        height = float(re.findall(r' height="([\d.]+)"', svg)[0])

        assert all(0 <= float(x) <= frame.width for x, _ in places)
        assert all(0 <= float(y) <= height for _, y in places)


def test_colours_are_those_that_the_style_sheet_knows(drawn: list[str]) -> None:
    sheet = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    used = {pair for svg in drawn for pair in re.findall(r'(fill|stroke)="(#[0-9a-f]{6})"', svg)}

    assert not [pair for pair in used if f'svg [{pair[0]}="{pair[1]}"]' not in sheet]


def test_identifiers_of_two_pictures_differ(drawn: list[str]) -> None:
    identifiers = [each for svg in drawn for each in re.findall(r' id="([^"]+)"', svg)]

    assert len(identifiers) == len(set(identifiers))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *zip(STEP_INK, STEPS, strict=True),
        *zip(STEP_SECOND, STEPS, strict=True),
        (SECOND, PAPER),
        (SECOND, HATCH),
        *((TONES[tone], PAPER) for tone in ("pass", "fail", "need", "untrusted")),
    ],
)
def test_texts_have_the_contrast_that_wcag_asks_for(ink: str, paper: str) -> None:
    assert contrast(ink, paper) >= 4.5


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
