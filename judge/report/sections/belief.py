"""Whether the judge can be believed: what experts' labels say of it, picture by picture."""

from collections.abc import Iterator
from functools import partial

from judge.report import figures
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.evidence import Belief, Budget, Corrected, Detail, Unit
from judge.report.record import Report
from judge.report.section import Picture, Section, Table, picture, scale, short, system_tone, worth
from judge.report.sections.agreement import (
    agreement_picture,
    confusion_picture,
    deviations_picture,
)
from judge.report.words import Both, joined, same, say, say_all


def section(report: Report) -> Section | None:
    """Show what expert labels say of the judge; None where there are none."""
    belief = report.belief
    if belief is None:
        return None
    return Section(
        ident="belief",
        title=say("belief.title"),
        lead=belief.lead,
        pictures=tuple(_pictures(report, belief)),
        tables=tuple((each.title, _detail_table(each)) for each in belief.details),
        notes=belief.remarks,
    )


def _pictures(report: Report, belief: Belief) -> Iterator[Picture]:
    if belief.corrected:
        yield _correction_picture(report, belief)
    for place, agreement in enumerate(belief.agreements):
        yield agreement_picture(report, agreement, ident=f"agreement{place}")
    for place, confusion in enumerate(belief.confusions):
        yield confusion_picture(report, confusion, ident=f"confusion{place}")
    for place, deviations in enumerate(belief.deviations):
        yield deviations_picture(report, deviations, ident=f"deviations{place}")
    for place, budget in enumerate(belief.budgets):
        yield _budget_picture(report, budget, ident=f"budget{place}")


def _detail_table(detail: Detail) -> Table:
    numbers = range(detail.first_number, len(detail.head))
    return Table(head=detail.head, rows=detail.rows, numbers=numbers)


def _correction_picture(report: Report, belief: Belief) -> Picture:
    """Draw each measure as the judge sees it and as labels correct it."""
    units: dict[Unit, None] = dict.fromkeys(each.unit for each in belief.corrected)
    panels = [_correction_panel(report, belief, unit) for unit in units]
    method = belief.corrected_method or say("page.unknown")
    return picture(
        "corrected",
        lambda frame: forest_plot(frame, panels),
        title=_correction_title(belief),
        meta=worth(report, say("belief.corrected_method", method=method), corrected=True),
        desc=say("belief.corrected_alt"),
        table=_correction_table(belief),
    )


def _correction_title(belief: Belief) -> Both:
    """Name the largest move and its direction."""
    most = max(belief.corrected, key=_moved)
    key = "up" if most.value > most.raw else "down" if most.value < most.raw else "none"
    return say(
        f"belief.moved_{key}",
        label=most.label,
        system=most.system,
        raw=figures.value(most.unit, most.raw),
        value=figures.value(most.unit, most.value),
    )


def _moved(each: Corrected) -> float:
    return abs(each.value - each.raw) / (1.0 if each.unit == "share" else 10.0)


def _correction_panel(report: Report, belief: Belief, unit: Unit) -> Forest:
    mine = [each for each in belief.corrected if each.unit == unit]
    numbers = [n for each in mine for n in (each.raw, each.low, each.high, *(each.experts or ()))]
    ends = around(numbers, within=(0.0, 1.0) if unit == "share" else None, least=0.1)
    return Forest(
        rows=[_correction_row(report, each) for each in mine],
        ends=ends,
        unit=say(f"checks.{unit}"),
        tick_texts=scale(unit, ends),
    )


def _correction_row(report: Report, each: Corrected) -> ForestRow:
    written = figures.with_interval(each.unit, each.value, (each.low, each.high))
    return ForestRow(
        label=each.label,
        note=joined((short(each.system), written), "  ", "  "),
        estimate=each.value,
        low=each.low,
        high=each.high,
        behind=each.experts,
        raw=each.raw,
        tone=system_tone(report, each.system),
    )


def _correction_table(belief: Belief) -> Table:
    head = ("measure", "system", "raw", "corrected", "experts", "judged", "labelled")
    return Table(
        head=say_all("belief", *head),
        rows=[_correction_cells(each) for each in belief.corrected],
        numbers=range(2, 7),
    )


def _correction_cells(each: Corrected) -> tuple[Both, ...]:
    experts = figures.NOTHING
    if each.experts is not None:
        experts = same(figures.bracket(each.unit, *each.experts))
    return (
        each.label,
        same(each.system),
        figures.value(each.unit, each.raw),
        figures.with_interval(each.unit, each.value, (each.low, each.high)),
        experts,
        figures.count(each.n_judged),
        figures.count(each.n_labelled),
    )


def _budget_picture(report: Report, budget: Budget, *, ident: str) -> Picture:
    """Draw what more labels would give, what there is now, and what is wanted."""
    return picture(
        ident,
        partial(scatter_chart, picture=_budget_plane(budget)),
        title=_budget_title(budget),
        meta=worth(report, say("belief.budget_method"), corrected=None),
        desc=say("belief.budget_alt"),
        table=_budget_table(budget),
    )


def _budget_title(budget: Budget) -> Both:
    if budget.wanted is None:
        return say("belief.budget_now", quantity=budget.quantity, now=budget.now)
    wanted = figures.value(budget.unit, budget.wanted)
    if budget.needed is None:
        return say("belief.budget_never", quantity=budget.quantity, wanted=wanted)
    more = max(budget.needed - budget.now, 0)
    key = "belief.budget_more" if more else "belief.budget_enough"
    return say(key, quantity=budget.quantity, wanted=wanted, more=figures.counted(more))


def _budget_plane(budget: Budget) -> ScatterPicture:
    x_ends = (0.0, float(max(point.labels for point in budget.points)))
    wanted = [] if budget.wanted is None else [budget.wanted]
    y_ends = around([0.0, *(point.value for point in budget.points), *wanted])
    guides = [Guide(at=budget.now, upright=True, word=say("belief.now"), strong=True)]
    if budget.wanted is not None:
        guides.append(Guide(at=budget.wanted, upright=False, word=say("belief.wanted")))
    return ScatterPicture(
        points=[
            ScatterPoint(x=point.labels, y=point.value, tie="curve") for point in budget.points
        ],
        x_ends=x_ends,
        y_ends=y_ends,
        x_ticks=scale("mean", x_ends),
        y_ticks=scale(budget.unit, y_ends),
        x_unit=say("belief.labels"),
        y_unit=budget.quantity,
        guides=guides,
        smallest=24.0,
    )


def _budget_table(budget: Budget) -> Table:
    return Table(
        head=(say("belief.labels"), budget.quantity),
        rows=[
            (figures.count(point.labels), figures.value(budget.unit, point.value))
            for point in budget.points
        ],
        numbers=range(2),
    )
