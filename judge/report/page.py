"""What a page says of a report: sections in reading order, each led by a sentence of numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from judge.report import figures
from judge.report.groups import heat_pictures
from judge.report.items import Shelf, shelves
from judge.report.missing import lead as missing_lead
from judge.report.missing import tables as missing_tables
from judge.report.notes import facts, method_lead, notes
from judge.report.opening import Chip, chips, headlines
from judge.report.overall import named, overall_picture
from judge.report.picture import Picture, Table
from judge.report.record import Both, Report
from judge.report.words import say


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: a sentence, then pictures and tables, or a template of its own."""

    ident: str
    """Anchor of the section."""
    template: str = "plain.html"
    title: Both
    lead: Both
    pictures: Sequence[Picture] = ()
    tables: Sequence[tuple[Both | None, Table]] = ()
    shelves: Sequence[Shelf] = ()
    notes: Sequence[Both] = ()
    criteria: Callable[[str, str], Both] | None = None
    """Names a criterion by its rubric and id."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the template needs beside the report itself."""

    headlines: Sequence[Both]
    chips: Sequence[Chip]
    sections: Sequence[Section]


def page(report: Report) -> Page:
    """Lay a report out."""
    sections = (_counts(report), _where(report), _items(report), _missing(report), _method(report))
    return Page(
        headlines=headlines(report),
        chips=tuple(chips(report)),
        sections=[section for section in sections if section is not None],
    )


def _counts(report: Report) -> Section:
    counts = report.counts
    missing = counts.planned - counts.scored
    key = "all" if not missing else "some" if counts.scored else "none"
    lead = say(
        f"counts.{key}",
        planned=figures.counted(counts.planned),
        scored=figures.counted(counts.scored),
        missing=figures.counted(missing),
    )
    return Section(ident="counts", template="counts.html", title=say("counts.title"), lead=lead)


def _where(report: Report) -> Section | None:
    overall = overall_picture(report)
    if overall is None:
        return None
    return Section(
        ident="where",
        title=say("where.title"),
        lead=_where_lead(report),
        pictures=[overall, *heat_pictures(report)],
    )


def _where_lead(report: Report) -> Both:
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
                low=figures.value(measure, low[0]),
                low_group=low[1],
                low_system=low[2],
                high=figures.value(measure, high[0]),
                high_group=high[1],
                high_system=high[2],
            )
    return say("where.lead_flat")


def _items(report: Report) -> Section | None:
    cases = report.cases
    if cases is None:
        return None
    key = "cases.lead" if len(cases.shown) == cases.total else "cases.lead_some"
    lead = say(key, shown=figures.counted(len(cases.shown)), total=figures.counted(cases.total))
    return Section(
        ident="cases",
        template="cases.html",
        title=say("cases.title"),
        lead=lead,
        shelves=tuple(shelves(report, cases)),
        criteria=partial(_criterion, report),
    )


def _criterion(report: Report, rubric: str, criterion: str) -> Both:
    titles = (
        measure.title
        for measure in report.measures
        if (measure.rubric, measure.criterion) == (rubric, criterion)
    )
    return next(titles, figures.same(criterion))


def _missing(report: Report) -> Section | None:
    if report.missing is None:
        return None
    return Section(
        ident="missing",
        title=say("missing.title"),
        lead=missing_lead(report, report.missing),
        tables=tuple(missing_tables(report, report.missing)),
    )


def _method(report: Report) -> Section:
    return Section(
        ident="method",
        template="method.html",
        title=say("method.title"),
        lead=method_lead(report),
        notes=tuple(notes(report)),
        tables=((None, facts(report)),),
    )
