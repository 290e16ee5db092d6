"""The section on what has no score: why, where, and how far it could move the scores."""

from collections import Counter
from collections.abc import Callable, Iterator

from judge.report import figures
from judge.report.overall import named
from judge.report.picture import Table
from judge.report.record import Both, Missing, MissingCell, Report
from judge.report.words import say


def lead(report: Report, missing: Missing) -> Both:
    """Say how much is missing, the commonest reason, and the group that lacks most."""
    total = sum(cell.count for cell in missing.cells)
    reasons = _by(missing, lambda cell: cell.reason)
    groups = _by(missing, lambda cell: cell.group)
    names = {group.key: group.name for group in report.groups}
    group, most = groups.most_common(1)[0]
    return say(
        "missing.lead_group" if len(names) > 1 else "missing.lead",
        count=figures.counted(total),
        share=figures.percent(total / max(report.counts.planned, 1)),
        reason=say(f"reason.{reasons.most_common(1)[0][0]}"),
        group=names[group],
        group_count=figures.counted(most),
    )


def tables(report: Report, missing: Missing) -> Iterator[tuple[Both | None, Table]]:
    """Count by reason and group, system by system; then bound the main measures."""
    yield None, _counts(report, missing)
    if missing.bounds:
        yield say("missing.bounds"), _bounds(report, missing)


def _counts(report: Report, missing: Missing) -> Table:
    names = {group.key: group.name for group in report.groups}
    counts: Counter[tuple[str, str | None, str]] = Counter()
    for cell in missing.cells:
        counts[cell.reason, cell.group, cell.system] += cell.count
    order = list(names)
    places = sorted(
        {(reason, group) for reason, group, _ in counts},
        key=lambda place: (place[0], order.index(place[1])),
    )
    return Table(
        head=[
            say("missing.reason"),
            say("where.group"),
            *(figures.same(system) for system in report.systems),
        ],
        numbers_from=2,
        rows=[
            (
                say(f"reason.{reason}"),
                names[group],
                *(
                    figures.same(figures.counted(counts[reason, group, system]))
                    for system in report.systems
                ),
            )
            for reason, group in places
        ],
    )


def _bounds(report: Report, missing: Missing) -> Table:
    head = ("where.measure", "where.system", "where.missing")
    ends = ("missing.as_scored", "missing.worst", "missing.best")
    return Table(
        head=[say(key) for key in (*head, *ends)],
        numbers_from=2,
        rows=[
            (
                named(measure := report.measures[bound.measure]),
                figures.same(bound.system),
                figures.same(figures.counted(bound.missing)),
                say("where.none") if bound.value is None else figures.value(measure, bound.value),
                figures.value(measure, bound.worst),
                figures.value(measure, bound.best),
            )
            for bound in missing.bounds
        ],
    )


def _by(missing: Missing, key: Callable[[MissingCell], str | None]) -> Counter[str | None]:
    counts = Counter[str | None]()
    for cell in missing.cells:
        counts[key(cell)] += cell.count
    return counts
