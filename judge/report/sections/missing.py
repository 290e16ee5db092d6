"""The section on what has no score: why, where, and how far it could move the scores."""

from collections import Counter
from collections.abc import Callable, Iterator

from judge.report import figures
from judge.report.record import Missing, MissingCell, Report
from judge.report.scores import named
from judge.report.section import Section, Table
from judge.report.words import Both, same, say


def section(report: Report) -> Section | None:
    """Show what is missing; None where nothing is."""
    if report.missing is None:
        return None
    return Section(
        ident="missing",
        title=say("missing.title"),
        lead=_lead(report, report.missing),
        tables=tuple(_tables(report, report.missing)),
    )


def _lead(report: Report, missing: Missing) -> Both:
    """Say how much is missing, the commonest reason, and the group that lacks most."""
    total = sum(cell.count for cell in missing.cells)
    reasons = _by(missing, lambda cell: cell.reason)
    groups = _by(missing, lambda cell: cell.group)
    (group, most), *others = groups.most_common()
    alone = all(count < most for _, count in others)
    return say(
        "missing.lead_group" if alone and len(report.groups) > 1 else "missing.lead",
        count=figures.counted(total),
        share=figures.percent(total / max(report.counts.planned, 1)),
        reason=say(f"reason.{reasons.most_common(1)[0][0]}"),
        group=report.group_name(group),
        group_count=figures.counted(most),
    )


def _tables(report: Report, missing: Missing) -> Iterator[tuple[Both | None, Table]]:
    """Count by reason and group, system by system; then bound the main measures."""
    yield None, _counts(report, missing)
    if missing.bounds:
        yield say("missing.bounds"), _bounds(report, missing)


def _counts(report: Report, missing: Missing) -> Table:
    counts: Counter[tuple[str, str | None, str]] = Counter()
    for cell in missing.cells:
        counts[cell.reason, cell.group, cell.system] += cell.count
    order = [group.key for group in report.groups]
    places = sorted(
        {(reason, group) for reason, group, _ in counts},
        key=lambda place: (place[0], order.index(place[1])),
    )
    return Table(
        head=[
            say("missing.reason"),
            say("where.group"),
            *(same(system) for system in report.systems),
        ],
        numbers=range(2, 2 + len(report.systems)),
        rows=[
            (
                say(f"reason.{reason}"),
                report.group_name(group),
                *(figures.count(counts[reason, group, system]) for system in report.systems),
            )
            for reason, group in places
        ],
    )


def _bounds(report: Report, missing: Missing) -> Table:
    head = ("where.measure", "where.system", "where.missing")
    ends = ("missing.as_scored", "missing.worst", "missing.best")
    return Table(
        head=[say(key) for key in (*head, *ends)],
        numbers=range(2, 6),
        rows=[
            (
                named(measure := report.measures[bound.measure]),
                same(bound.system),
                figures.count(bound.missing),
                say("where.none")
                if bound.value is None
                else figures.value(measure.kind, bound.value),
                figures.value(measure.kind, bound.worst),
                figures.value(measure.kind, bound.best),
            )
            for bound in missing.bounds
        ],
    )


def _by(missing: Missing, key: Callable[[MissingCell], str | None]) -> Counter[str | None]:
    counts = Counter[str | None]()
    for cell in missing.cells:
        counts[key(cell)] += cell.count
    return counts
