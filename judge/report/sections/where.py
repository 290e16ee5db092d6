"""Where scores are high and low: all criteria together, then group by group."""

from judge.report import figures
from judge.report.both import Both
from judge.report.measures import named
from judge.report.record import Report
from judge.report.section import Section
from judge.report.sections.groups import heat_pictures
from judge.report.sections.overall import overall_picture
from judge.report.words import say


def section(report: Report) -> Section | None:
    """Show scores; None where nothing has one."""
    overall = overall_picture(report)
    if overall is None:
        return None
    return Section(
        ident="where",
        title=say("where.title"),
        lead=_lead(report),
        pictures=[overall, *heat_pictures(report)],
    )


def _lead(report: Report) -> Both:
    """Name the lowest and the highest group on the first measure that has groups."""
    names = {group.key: group.name for group in report.groups}
    for index, measure in enumerate(report.measures):
        found = [
            (cell.score.value, names[cell.group], cell.system)
            for cell in report.scores
            if cell.measure == index and not cell.overall and cell.score
        ]
        if len(names) > 1 and found:
            low, high = min(found, key=lambda each: each[0]), max(found, key=lambda each: each[0])
            return say(
                "where.lead",
                count=len(names),
                measure=named(measure),
                low=figures.value(measure.kind, low[0]),
                low_group=low[1],
                low_system=low[2],
                high=figures.value(measure.kind, high[0]),
                high_group=high[1],
                high_system=high[2],
            )
    named_groups = [group.name for group in report.groups if group.key is not None]
    if len(named_groups) == 1:
        return say("where.lead_one", group=named_groups[0])
    return say("where.lead_flat")
