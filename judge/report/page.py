"""What a page says of a report: sections in reading order, each led by a sentence of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.both import Both
from judge.report.record import Report
from judge.report.section import Section
from judge.report.sections import (
    belief,
    checks,
    counts,
    drift,
    items,
    knowing,
    method,
    missing,
    where,
)
from judge.report.sections.opening import Chip, chips, headlines

_READING_ORDER = (
    counts.section,
    checks.section,
    where.section,
    belief.section,
    knowing.section,
    drift.section,
    items.section,
    missing.section,
    method.section,
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the template needs beside the report itself."""

    headlines: Sequence[Both]
    chips: Sequence[Chip]
    sections: Sequence[Section]
    judge_only: bool
    """Whether there are scores that no expert label corrects."""


def page(report: Report) -> Page:
    """Lay a report out; what it does not know about has no section."""
    made = [section(report) for section in _READING_ORDER]
    return Page(
        headlines=headlines(report),
        chips=tuple(chips(report)),
        sections=[section for section in made if section is not None],
        judge_only=any(cell.score and not cell.score.corrected for cell in report.scores),
    )
