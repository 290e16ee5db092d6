"""Whether the judge is lenient or severe, and where on the scale: Bland-Altman."""

from functools import partial

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import around, ticks
from judge.report.charts.plane import Guide, PlanePicture, plane_chart
from judge.report.charts.record import PlanePoint
from judge.report.evidence import Deviations
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.sections.overall import worth
from judge.report.words import say


def deviations_picture(report: Report, deviations: Deviations, *, ident: str) -> Picture:
    """Draw judge minus experts along the scale, with the bias and the limits of agreement."""
    total = sum(point.n for point in deviations.points)
    method = say("belief.deviations_method", n=figures.counted(total))
    return picture(
        ident,
        partial(plane_chart, picture=_plane(deviations)),
        title=_title(deviations),
        meta=worth(report, method, corrected=None),
        desc=say("belief.deviations_alt"),
        table=_table(deviations),
    )


def _title(deviations: Deviations) -> Both:
    key = "none"
    if deviations.bias:
        key = "lenient" if deviations.bias > 0 else "severe"
    bias = figures.value("mean", abs(deviations.bias))
    return say(f"belief.{key}", criterion=deviations.criterion, bias=bias)


def _plane(deviations: Deviations) -> PlanePicture:
    low, high = deviations.scale
    differences = [point.difference for point in deviations.points]
    y_ends = around([*differences, *deviations.limits, 0.0], least=1.0)
    lower, upper = deviations.limits
    return PlanePicture(
        points=[
            PlanePoint(x=point.mean, y=point.difference, n=point.n) for point in deviations.points
        ],
        x_ends=(low, high),
        y_ends=y_ends,
        x_ticks=[(value, figures.tick("mean", value)) for value in ticks(low, high, most=10)],
        y_ticks=[(value, figures.tick("mean", value)) for value in ticks(*y_ends)],
        x_unit=say("belief.mean_of_both"),
        y_unit=say("belief.judge_minus_experts"),
        guides=(
            Guide(at=0.0, upright=False, word=figures.same("")),
            Guide(at=deviations.bias, upright=False, word=say("belief.bias"), strong=True),
            Guide(at=upper, upright=False, word=say("belief.upper_limit")),
            Guide(at=lower, upright=False, word=say("belief.lower_limit")),
        ),
        smallest=24.0,
    )


def _table(deviations: Deviations) -> Table:
    head = ("mean_of_both", "judge_minus_experts", "items")
    points = sorted(deviations.points, key=lambda point: (point.mean, point.difference))
    return Table(
        head=[say(f"belief.{name}") for name in head],
        rows=[
            (
                figures.value("mean", point.mean),
                figures.change("mean", point.difference),
                figures.same(figures.counted(point.n)),
            )
            for point in points
        ],
        numbers=range(3),
    )
