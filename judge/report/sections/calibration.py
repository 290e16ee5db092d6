"""Whether the judge can be believed: what experts' labels say of it, picture by picture."""

from collections.abc import Iterator
from functools import partial

from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import ConfusionTable, confusion_chart
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.formatting import (
    Picture,
    Section,
    Table,
    picture,
    scale,
    short,
    system_tone,
    worth,
)
from judge.report.model import (
    Agreement,
    AgreementRow,
    Belief,
    Budget,
    Confusion,
    Corrected,
    Detail,
    Deviations,
    ReliabilityCurve,
    Report,
    Unit,
)
from judge.report.texts import Both, joined, same, say, say_all

# How far the judge agrees with the experts: by group, level by level, and along the scale.


def agreement_picture(report: Report, agreement: Agreement, *, ident: str) -> Picture:
    """Draw agreement with its intervals, and the ceiling that experts set as a tick."""
    forest = Forest(
        rows=[_agreement_row(report, row) for row in _ordered(report, agreement)],
        ends=agreement.ends,
        unit=agreement.coefficient,
        tick_texts=scale("mean", agreement.ends),
        reference=0.0 if agreement.ends[0] < 0 else None,
    )
    return picture(
        ident,
        lambda frame: forest_plot(frame, [forest]),
        title=_agreement_title(report, agreement),
        meta=worth(report, agreement.method, corrected=None),
        desc=say("belief.agreement_alt"),
        table=_agreement_table(report, agreement),
    )


def _ordered(report: Report, agreement: Agreement) -> list[AgreementRow]:
    """Put the whole first, then groups in the page's order."""
    places = {group.key: place for place, group in enumerate(report.groups)}
    return sorted(
        agreement.rows,
        key=lambda row: (row.group is not None, places.get(row.group, len(places))),
    )


def _agreement_title(report: Report, agreement: Agreement) -> Both:
    """Compare the whole with its ceiling, or else name the lowest group."""
    whole = next((row for row in agreement.rows if row.group is None), None)
    if whole is not None and whole.estimate is not None:
        key = "belief.agreement" if whole.ceiling is None else "belief.agreement_ceiling"
        return say(
            key,
            criterion=agreement.criterion,
            coefficient=agreement.coefficient,
            value=formatting.value("mean", whole.estimate),
            ceiling=formatting.value("mean", whole.ceiling or 0.0),
        )
    known = [(row.estimate, row) for row in agreement.rows if row.estimate is not None]
    if not known:
        return say("belief.agreement_none", criterion=agreement.criterion)
    value, lowest = min(known, key=lambda each: each[0])
    return say(
        "belief.agreement_lowest",
        criterion=agreement.criterion,
        group=report.group_name(lowest.group),
        coefficient=agreement.coefficient,
        value=formatting.value("mean", value),
    )


def _agreement_row(report: Report, row: AgreementRow) -> ForestRow:
    return ForestRow(
        label=report.group_or_all(row.group),
        note=_note(row),
        estimate=row.estimate,
        low=row.low,
        high=row.high,
        tick=row.ceiling,
    )


def _note(row: AgreementRow) -> Both:
    if row.estimate is None:
        return row.why or say("where.none")
    written = formatting.value("mean", row.estimate)
    if row.low is not None and row.high is not None:
        written = formatting.with_interval("mean", row.estimate, (row.low, row.high))
    return joined((written, same(f"n = {row.n}")), "  ", "  ")


def _agreement_table(report: Report, agreement: Agreement) -> Table:
    return Table(
        head=say_all("belief", "group", "coefficient", "ceiling", "items", "remark"),
        rows=[
            (
                report.group_or_all(row.group),
                formatting.NOTHING if row.estimate is None else _note(row),
                formatting.NOTHING
                if row.ceiling is None
                else formatting.value("mean", row.ceiling),
                formatting.count(row.n),
                row.why or same(""),
            )
            for row in _ordered(report, agreement)
        ],
        numbers=range(1, 4),
    )


def confusion_picture(report: Report, confusion: Confusion, *, ident: str) -> Picture:
    """Draw experts' levels as rows and the judge's as columns, with shares of each row."""
    drawn = ConfusionTable(
        levels=confusion.levels,
        counts=confusion.counts,
        shares=[[_share(count, row) for count in row] for row in confusion.counts],
        rows_word=say("belief.rows_experts"),
        columns_word=say("belief.columns_judge"),
        outlined=confusion.harmful,
    )
    total = sum(sum(row) for row in confusion.counts)
    method = say("belief.confusion_method", n=formatting.counted(total))
    return picture(
        ident,
        partial(confusion_chart, table=drawn),
        title=_confusion_title(confusion),
        meta=worth(report, method, corrected=None),
        desc=say("belief.confusion_alt"),
        table=_confusion_table(confusion),
    )


def _confusion_title(confusion: Confusion) -> Both:
    """Count the worst mistake where one is named, else how often both agree."""
    if confusion.harmful is not None:
        row, column = confusion.harmful
        return say(
            "belief.confusion_harmful",
            criterion=confusion.criterion,
            experts=confusion.levels[row],
            judge=confusion.levels[column],
            count=formatting.counted(confusion.counts[row][column]),
            of=formatting.counted(sum(confusion.counts[row])),
        )
    agreed = sum(row[place] for place, row in enumerate(confusion.counts))
    total = sum(sum(row) for row in confusion.counts)
    share = formatting.percent(agreed / max(total, 1))
    return say("belief.confusion", criterion=confusion.criterion, share=share)


def _share(count: int, row: tuple[int, ...]) -> Both:
    return formatting.percent(count / sum(row)) if sum(row) else formatting.NOTHING


def _confusion_table(confusion: Confusion) -> Table:
    return Table(
        head=(say("belief.rows_experts"), *confusion.levels),
        rows=[
            (level, *(formatting.count(count) for count in row))
            for level, row in zip(confusion.levels, confusion.counts, strict=True)
        ],
        numbers=range(1, len(confusion.levels) + 1),
    )


def deviations_picture(report: Report, deviations: Deviations, *, ident: str) -> Picture:
    """Draw judge minus experts along the scale, with the bias and the limits of agreement."""
    total = sum(point.n for point in deviations.points)
    method = say("belief.deviations_method", n=formatting.counted(total))
    return picture(
        ident,
        partial(scatter_chart, picture=_deviations_plane(deviations)),
        title=_deviations_title(deviations),
        meta=worth(report, method, corrected=None),
        desc=say("belief.deviations_alt"),
        table=_deviations_table(deviations),
    )


def _deviations_title(deviations: Deviations) -> Both:
    key = "none"
    if deviations.bias:
        key = "lenient" if deviations.bias > 0 else "severe"
    bias = formatting.value("mean", abs(deviations.bias))
    return say(f"belief.{key}", criterion=deviations.criterion, bias=bias)


def _deviations_plane(deviations: Deviations) -> ScatterPicture:
    differences = [point.difference for point in deviations.points]
    y_ends = around([*differences, *deviations.limits, 0.0], least=1.0)
    lower, upper = deviations.limits
    return ScatterPicture(
        points=[
            ScatterPoint(x=point.mean, y=point.difference, n=point.n) for point in deviations.points
        ],
        x_ends=deviations.scale,
        y_ends=y_ends,
        x_ticks=scale("mean", deviations.scale, most=10),
        y_ticks=scale("mean", y_ends),
        x_unit=say("belief.mean_of_both"),
        y_unit=say("belief.judge_minus_experts"),
        guides=(
            Guide(at=0.0, upright=False),
            Guide(at=deviations.bias, upright=False, word=say("belief.bias"), strong=True),
            Guide(at=upper, upright=False, word=say("belief.upper_limit")),
            Guide(at=lower, upright=False, word=say("belief.lower_limit")),
        ),
        smallest=24.0,
    )


def _deviations_table(deviations: Deviations) -> Table:
    points = sorted(deviations.points, key=lambda point: (point.mean, point.difference))
    return Table(
        head=say_all("belief", "mean_of_both", "judge_minus_experts", "items"),
        rows=[
            (
                formatting.value("mean", point.mean),
                formatting.change("mean", point.difference),
                formatting.count(point.n),
            )
            for point in points
        ],
        numbers=range(3),
    )


def reliability_picture(report: Report, curve: ReliabilityCurve, *, ident: str) -> Picture:
    """Draw what experts passed against what the judge's probability said."""
    total = sum(point.n for point in curve.points)
    return picture(
        ident,
        partial(scatter_chart, picture=_reliability_plane(curve)),
        title=_reliability_title(curve),
        meta=worth(
            report, say("belief.reliability_method", n=formatting.counted(total)), corrected=None
        ),
        desc=say("belief.reliability_alt"),
        table=_reliability_table(curve),
    )


def _reliability_title(curve: ReliabilityCurve) -> Both:
    if not curve.informative:
        return say("belief.reliability_nothing", criterion=curve.criterion)
    value, low, high = curve.error
    words = "reliability_error" if curve.beyond_verdict else "reliability_verdict_only"
    return say(
        f"belief.{words}",
        criterion=curve.criterion,
        error=formatting.percent(value),
        low=formatting.percent(low),
        high=formatting.percent(high),
    )


def _reliability_plane(curve: ReliabilityCurve) -> ScatterPicture:
    """Place the bins, their bands as upright lines, and the line of a judge that is right."""
    points = [ScatterPoint(x=end, y=end, n=0, tie="right") for end in (0.0, 1.0)]
    for place, point in enumerate(curve.points):
        points += [
            ScatterPoint(x=point.predicted, y=end, n=0, tie=f"band {place}")
            for end in (point.low, point.high)
        ]
        points.append(ScatterPoint(x=point.predicted, y=point.observed, n=point.n))
    return ScatterPicture(
        points=points,
        x_ends=(0.0, 1.0),
        y_ends=(0.0, 1.0),
        x_ticks=scale("share", (0.0, 1.0)),
        y_ticks=scale("share", (0.0, 1.0)),
        x_unit=say("belief.predicted"),
        y_unit=say("belief.observed"),
        smallest=12.0,
    )


def _reliability_table(curve: ReliabilityCurve) -> Table:
    return Table(
        head=say_all("belief", "predicted", "observed", "band", "items"),
        rows=[
            (
                formatting.percent(point.predicted),
                formatting.percent(point.observed),
                same(
                    f"[{formatting.bare('share', point.low)}, "
                    f"{formatting.bare('share', point.high)}]"
                ),
                formatting.count(point.n),
            )
            for point in curve.points
        ],
        numbers=range(4),
    )


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
    for place, curve in enumerate(belief.reliabilities):
        yield reliability_picture(report, curve, ident=f"reliability{place}")
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
        raw=formatting.value(most.unit, most.raw),
        value=formatting.value(most.unit, most.value),
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
    written = formatting.with_interval(each.unit, each.value, (each.low, each.high))
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
    experts = formatting.NOTHING
    if each.experts is not None:
        experts = same(formatting.bracket(each.unit, *each.experts))
    return (
        each.label,
        same(each.system),
        formatting.value(each.unit, each.raw),
        formatting.with_interval(each.unit, each.value, (each.low, each.high)),
        experts,
        formatting.count(each.n_judged),
        formatting.count(each.n_labelled),
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
    wanted = formatting.value(budget.unit, budget.wanted)
    if budget.needed is None:
        return say("belief.budget_never", quantity=budget.quantity, wanted=wanted)
    more = max(budget.needed - budget.now, 0)
    key = "belief.budget_more" if more else "belief.budget_enough"
    return say(key, quantity=budget.quantity, wanted=wanted, more=formatting.counted(more))


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
            (formatting.count(point.labels), formatting.value(budget.unit, point.value))
            for point in budget.points
        ],
        numbers=range(2),
    )
