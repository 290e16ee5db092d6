"""What changed from one release or run to the next, group by group."""

from functools import partial

from judge.report import figures
from judge.report.charts.heatmap import FlipBar, Flips, flip_chart
from judge.report.evidence import Drift, FlipRow
from judge.report.record import Report
from judge.report.section import Picture, Section, Table, picture, worth
from judge.report.words import say, say_all


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
                label=report.group_name(row.group),
                harmful=row.harmful,
                beneficial=row.beneficial,
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


def _table(report: Report, rows: list[FlipRow]) -> Table:
    return Table(
        head=say_all("drift", "group", "harmful", "beneficial", "unchanged"),
        rows=[
            (
                report.group_name(row.group),
                *map(figures.count, (row.harmful, row.beneficial, row.unchanged)),
            )
            for row in rows
        ],
        numbers=range(1, 4),
    )
