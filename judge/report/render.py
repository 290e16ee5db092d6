"""From the report record to one HTML file that needs nothing else.

Texts are escaped where they are written, by the template engine; the only markup that is passed
on as it is are our own pictures, which `judge.report.charts.svg` builds from a list of elements.
"""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from judge.files.atomic import write_whole
from judge.files.decoding import printable
from judge.report import formatting, texts
from judge.report.model import Report
from judge.report.sections import calibration, examples, gate, overview, scores
from judge.report.texts import say

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"

_READING_ORDER = (
    overview.counts,
    gate.section,
    scores.section,
    calibration.section,
    examples.recognition_section,
    gate.drift_section,
    examples.section,
    overview.missing_section,
    overview.method_section,
)
"""What a report does not know about has no section."""


def render(report: Report) -> str:
    """Write a report as HTML.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        A whole document in UTF-8, both languages in it, without scripts or remote addresses.
        The same report gives the same text.
    """
    from markupsafe import Markup

    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            headlines=overview.headlines(report),
            chips=tuple(overview.chips(report)),
            sections=[made for section in _READING_ORDER if (made := section(report))],
            scored=any(cell.score for cell in report.scores),
            style=style,
            seal=seal,
            say=say,
            parts=texts.parts,
            printable=printable,
            folded=texts.folded,
            counted=formatting.counted,
            trusted=Markup,
        )
    )


def write_report(path: Path, report: Report) -> None:
    """Write a report to a file, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(report))


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
