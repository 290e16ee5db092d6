"""From the report record to one HTML file that needs nothing else.

Texts are escaped where they are written, by the template engine or by `quote`; the only markup
that is passed on as it is are our own pictures, which `judge.report.charts.svg` builds element by
element, and our style sheet and scripts, which the page's policy allows by their digests alone.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from judge.files.atomic import make_folder, write_whole
from judge.report import formatting, texts
from judge.report.examples import LONG, blocks, highlighted
from judge.report.model import Report
from judge.report.sections import examples, gate, improvement, overview, scores
from judge.report.texts import Both, Filling, say

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"


# Sections of what few reports have are loaded with it: the first knows every coefficient.


def _calibration_section(report: Report) -> "formatting.Section | None":
    if report.calibration is None:
        return None
    from judge.report.sections.calibration import section

    return section(report)


def _recognition_section(report: Report) -> "formatting.Section | None":
    if report.knowing is None:
        return None
    from judge.report.sections.recognition import section

    return section(report)


_READING_ORDER = (
    overview.counts,
    gate.section,
    scores.section,
    _calibration_section,
    improvement.section,
    _recognition_section,
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
        A whole document in UTF-8, both languages in it, without remote addresses; it can be read
        in full without its scripts. The same report gives the same text.
    """
    sections = [made for section in _READING_ORDER if (made := section(report))]
    listed = any(section.ident == "items" for section in sections)
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            lang=report.lang or report.data_lang,
            verdict=overview.verdict(report),
            headlines=overview.headlines(report),
            state=overview.state(report),
            alarms=tuple(overview.alarms(report)),
            labelling=overview.labelling(report),
            chips=tuple(overview.chips(report)),
            sections=sections,
            style=_part("style.css"),
            language_script=_part("language.js"),
            items_script=_part("items.js") if listed else None,
        )
    )


def write_report(path: Path, report: Report) -> None:
    """Write a report to a file, all or nothing."""
    make_folder(path.parent)
    write_whole(path, render(report))


def quote(text: str) -> "Markup":
    """Write a text escaped, with control, direction and invisible characters as codes."""
    from markupsafe import Markup, escape

    pieces = texts.parts(text)
    if len(pieces) == 1 and not pieces[0].code:
        return escape(pieces[0].text)
    marked = (
        Markup("<code>{}</code>").format(p.text) if p.code else escape(p.text) for p in pieces
    )
    return Markup("").join(marked)


def both(text: Both) -> "Markup":
    """Write a text of our own in both languages, of which the page shows one."""
    return _written(text.zh, text.en)


@lru_cache(maxsize=8192)
def _written(zh: str, en: str) -> "Markup":
    """Escape both; kept, because a page writes the name of a criterion once for each verdict."""
    from markupsafe import Markup

    if zh == en:
        return quote(zh)
    # Joined by hand: Markup.format takes ten times as long, and both parts are escaped already.
    return Markup(  # noqa: S704 - two escaped texts in markup of ours
        f'<span class="z" lang="zh">{quote(zh)}</span><span class="e" lang="en">{quote(en)}</span>'
    )


def translated(key: str, **values: Filling) -> "Markup":
    """Write one of the page's own texts in both languages."""
    return both(say(key, **values))


def fold(text: str) -> "Markup":
    """Write a text of a data set or a model: folded after some lines, cut where it is endless."""
    from markupsafe import Markup

    cut = texts.folded(text)
    written = quote(cut.head)
    if cut.rest:
        more = translated("cases.more", count=formatting.counted(len(cut.rest)))
        written += Markup("<details><summary>{}</summary>{}</details>").format(
            more, quote(cut.rest)
        )
    if cut.cut:
        left = translated("cases.cut", count=formatting.counted(cut.cut))
        written += Markup('<p class="quiet">{}</p>').format(left)
    return written


def body(text: str, evidence: Sequence[str] = ()) -> "Markup":
    """Write a prompt, a response or a turn in its frame, with what was quoted from it marked."""
    from markupsafe import Markup

    if any(quote_ in text for quote_ in evidence):
        inside = _marked(text, evidence)
    else:
        inside = fold(text) if text else translated("cases.empty")
    return Markup('<div class="quoted" dir="auto">{}</div>').format(inside)


def _marked(text: str, evidence: Sequence[str]) -> "Markup":
    """Write a text unfolded, so that the marks in it are seen; cut where it is endless."""
    from markupsafe import Markup

    kept = text[: texts.LONGEST]
    written = Markup("").join(
        Markup("<mark>{}</mark>").format(quote(piece)) if quoted else quote(piece)
        for piece, quoted in highlighted(kept, evidence)
    )
    if len(text) > len(kept):
        left = translated("cases.cut", count=formatting.counted(len(text) - len(kept)))
        written += Markup('<p class="quiet">{}</p>').format(left)
    return written


@lru_cache
def _part(name: str) -> tuple["Markup", str]:
    """Read a style sheet or a script of ours, with the digest by which the policy allows it."""
    from markupsafe import Markup

    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - a file of this package


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = cast("dict[str, object]", environment.globals)
    known.update(
        blocks=blocks,
        body=body,
        both=both,
        counted=formatting.counted,
        fold=fold,
        long_block=LONG,
        quote=quote,
        say=say,
        t=translated,
        trusted=Markup,
    )
    return environment
