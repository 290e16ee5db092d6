"""What became of what was planned."""

from judge.report import figures
from judge.report.record import Report
from judge.report.section import Section
from judge.report.words import say


def section(report: Report) -> Section | None:
    """Count planned = scored + unscored + error + skipped; None where nothing was planned."""
    counts = report.counts
    if not counts.planned:
        return None
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
