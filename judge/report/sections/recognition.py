"""Recognition (multiple choice) against behaviour (judged responses)."""

from functools import partial

from judge.report import formatting
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.formatting import FEWEST, Section, Table, picture, scale, system_tone, worth
from judge.report.model import Knowing, QuadrantPoint, Report
from judge.report.texts import Both, joined, same, say, say_all

_NAMED = 6
"""Points that carry their names: those with the widest gaps; all stand in the table."""

_TIED = 8
"""With more groups than this, lines between the systems of a group would hide the points."""


def section(report: Report) -> Section | None:
    """Show knowing against doing; None where no multiple-choice answers are known."""
    knowing = report.knowing
    if knowing is None or not knowing.points:
        return None
    return Section(
        ident="recognition",
        title=say("knowing.title"),
        lead=knowing.lead,
        pictures=[
            picture(
                "recognition",
                partial(scatter_chart, picture=_plane(report, knowing)),
                title=_recognition_title(report, knowing),
                meta=worth(report, say("knowing.method", n=FEWEST), corrected=None),
                desc=say("knowing.alt"),
                table=_table(report, knowing),
            )
        ],
    )


def _recognition_title(report: Report, knowing: Knowing) -> Both:
    """Count the groups that recognise and do not act, and name the widest gap; no totals."""
    knows, does = knowing.split
    enough = [
        point
        for point in knowing.points
        if point.group is not None and min(point.n_knows, point.n_does) >= FEWEST
    ]
    if not enough:
        return say("knowing.picture_plain")
    idle = [point for point in enough if point.knows >= knows and point.does < does]
    widest = max(enough, key=_gap)
    return say(
        "knowing.picture",
        count=len(idle),
        of=len(enough),
        name=_name(report, widest),
        gap=formatting.change("share", _gap(widest)),
    )


def _gap(point: QuadrantPoint) -> float:
    return point.knows - point.does


def _name(report: Report, point: QuadrantPoint) -> Both:
    return joined((report.group_or_all(point.group), same(point.system)), "，", ", ")


def _plane(report: Report, knowing: Knowing) -> ScatterPicture:
    knows, does = knowing.split
    x_ends = _ends([point.knows for point in knowing.points], split=knows)
    y_ends = _ends([point.does for point in knowing.points], split=does)
    return ScatterPicture(
        points=_points(report, knowing),
        x_ends=x_ends,
        y_ends=y_ends,
        x_ticks=scale("share", x_ends),
        y_ticks=scale("share", y_ends),
        x_unit=say("knowing.knows_unit"),
        y_unit=say("knowing.does_unit"),
        guides=(Guide(at=knows, upright=True), Guide(at=does, upright=False)),
        corners=say_all("knowing", "acts", "knows_and_acts", "neither", "knows_corner"),
    )


def _ends(shares: list[float], *, split: float) -> tuple[float, float]:
    """Hold all points and a piece of either side of the line that parts the quadrants."""
    low, high = around(shares, within=(0.0, 1.0), least=0.4)
    return min(low, split - 0.05), max(high, split + 0.05)


def _points(report: Report, knowing: Knowing) -> list[ScatterPoint]:
    named = sorted(knowing.points, key=_gap, reverse=True)[:_NAMED]
    tied = len({point.group for point in knowing.points}) <= _TIED
    return [
        ScatterPoint(
            x=point.knows,
            y=point.does,
            label=_name(report, point) if point in named else None,
            tie=(point.group or "") if tied else None,
            tone=system_tone(report, point.system),
        )
        for point in sorted(knowing.points, key=lambda point: _place(report, point))
    ]


def _place(report: Report, point: QuadrantPoint) -> int:
    """Give a system's place, so that the candidate lies above the baseline; others come last."""
    known = point.system in report.systems
    return report.systems.index(point.system) if known else len(report.systems)


def _table(report: Report, knowing: Knowing) -> Table:
    return Table(
        head=say_all("knowing", "group", "system", "knows", "n_knows", "does", "n_does", "gap"),
        rows=[
            (
                report.group_or_all(point.group),
                same(point.system),
                formatting.percent(point.knows),
                formatting.count(point.n_knows),
                formatting.percent(point.does),
                formatting.count(point.n_does),
                formatting.change("share", _gap(point)),
            )
            for point in knowing.points
        ],
        numbers=range(2, 7),
    )
