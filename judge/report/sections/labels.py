"""How many expert labels would settle it."""

from functools import partial

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import around, ticks
from judge.report.charts.plane import Guide, PlanePicture, plane_chart
from judge.report.charts.record import PlanePoint
from judge.report.evidence import Budget
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.sections.overall import worth
from judge.report.words import say


def budget_picture(report: Report, budget: Budget, *, ident: str) -> Picture:
    """Draw what more labels would give, what there is now, and what is wanted."""
    return picture(
        ident,
        partial(plane_chart, picture=_plane(budget)),
        title=_title(budget),
        meta=worth(report, say("belief.budget_method"), corrected=None),
        desc=say("belief.budget_alt"),
        table=_table(budget),
    )


def _title(budget: Budget) -> Both:
    if budget.wanted is None:
        return say("belief.budget_now", quantity=budget.quantity, now=budget.now)
    wanted = figures.value(budget.unit, budget.wanted)
    if budget.needed is None:
        return say("belief.budget_never", quantity=budget.quantity, wanted=wanted)
    more = max(budget.needed - budget.now, 0)
    key = "belief.budget_more" if more else "belief.budget_enough"
    return say(key, quantity=budget.quantity, wanted=wanted, more=figures.counted(more))


def _plane(budget: Budget) -> PlanePicture:
    most = max(point.labels for point in budget.points)
    wanted = [] if budget.wanted is None else [budget.wanted]
    y_ends = around([0.0, *(point.value for point in budget.points), *wanted])
    guides = [Guide(at=budget.now, upright=True, word=say("belief.now"), strong=True)]
    if budget.wanted is not None:
        guides.append(Guide(at=budget.wanted, upright=False, word=say("belief.wanted")))
    return PlanePicture(
        points=[PlanePoint(x=point.labels, y=point.value, tie="curve") for point in budget.points],
        x_ends=(0.0, float(most)),
        y_ends=y_ends,
        x_ticks=[(value, figures.tick("mean", value)) for value in ticks(0.0, float(most))],
        y_ticks=[(value, figures.tick(budget.unit, value)) for value in ticks(*y_ends)],
        x_unit=say("belief.labels"),
        y_unit=budget.quantity,
        guides=guides,
        smallest=24.0,
    )


def _table(budget: Budget) -> Table:
    return Table(
        head=(say("belief.labels"), budget.quantity),
        rows=[
            (
                figures.same(figures.counted(point.labels)),
                figures.value(budget.unit, point.value),
            )
            for point in budget.points
        ],
        numbers=range(2),
    )
