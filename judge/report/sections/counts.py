"""What became of what was planned."""

from judge.report import figures
from judge.report.record import Report
from judge.report.section import Section
from judge.report.words import say


def section(report: Report) -> Section:
    """Count planned = scored + unscored + error + skipped."""
    counts = report.counts
    missing = counts.planned - counts.scored
    key = "all" if not missing else "some" if counts.scored else "none"
    return Section(
        ident="counts",
        template="counts.html",
        title=say("counts.title"),
        lead=say(
            f"counts.{key}",
            planned=figures.counted(counts.planned),
            scored=figures.counted(counts.scored),
            missing=figures.counted(missing),
        ),
    )
