"""What changed from one release or run to the next, group by group."""

from functools import partial

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.flips import Flips, flip_chart
from judge.report.charts.record import FlipBar
from judge.report.evidence import Drift, FlipRow
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.section import Section
from judge.report.sections.overall import worth
from judge.report.words import say


def section(report: Report) -> Section | None:
    """Show what changed; None where nothing was compared."""
    drift = report.drift
    if drift is None or not drift.rows:
        return None
    return Section(
        ident="drift",
        title=say("drift.title", before=drift.before, after=drift.after),
        lead=drift.lead,
        pictures=[_picture(report, drift)],
    )


def _picture(report: Report, drift: Drift) -> Picture:
    rows = _ordered(report, drift)
    flips = Flips(
        bars=[
            FlipBar(
                label=_name(report, row),
                harmful=row.harmful,
                beneficial=row.beneficial,
                unchanged=row.unchanged,
            )
            for row in rows
        ],
        worse=say("drift.worse"),
        better=say("drift.better"),
    )
    harmful, beneficial = sum(r.harmful for r in rows), sum(r.beneficial for r in rows)
    total = harmful + beneficial + sum(row.unchanged for row in rows)
    return picture(
        "drift",
        partial(flip_chart, flips=flips),
        title=say("drift.picture", measure=drift.measure, harmful=harmful, beneficial=beneficial),
        meta=worth(report, say("drift.method", n=figures.counted(total)), corrected=False),
        desc=say("drift.alt"),
        table=_table(report, rows),
    )


def _ordered(report: Report, drift: Drift) -> list[FlipRow]:
    places = {group.key: place for place, group in enumerate(report.groups)}
    return sorted(drift.rows, key=lambda row: places.get(row.group, len(places)))


def _name(report: Report, row: FlipRow) -> Both:
    return report.group_name(row.group)


def _table(report: Report, rows: list[FlipRow]) -> Table:
    head = ("group", "harmful", "beneficial", "unchanged")
    return Table(
        head=[say(f"drift.{name}") for name in head],
        rows=[
            (
                _name(report, row),
                *(
                    figures.same(figures.counted(count))
                    for count in (row.harmful, row.beneficial, row.unchanged)
                ),
            )
            for row in rows
        ],
        numbers=range(1, 4),
    )
