"""How far the judge agrees with the experts: by group, level by level, and along the scale."""

from functools import partial

from judge.report import figures
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import ConfusionTable, confusion_chart
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.evidence import Agreement, AgreementRow, Confusion, Deviations
from judge.report.record import Report
from judge.report.section import Picture, Table, picture, scale, worth
from judge.report.words import Both, joined, same, say, say_all


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
            value=figures.value("mean", whole.estimate),
            ceiling=figures.value("mean", whole.ceiling or 0.0),
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
        value=figures.value("mean", value),
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
    written = figures.value("mean", row.estimate)
    if row.low is not None and row.high is not None:
        written = figures.with_interval("mean", row.estimate, (row.low, row.high))
    return joined((written, same(f"n = {row.n}")), "  ", "  ")


def _agreement_table(report: Report, agreement: Agreement) -> Table:
    return Table(
        head=say_all("belief", "group", "coefficient", "ceiling", "items", "remark"),
        rows=[
            (
                report.group_or_all(row.group),
                figures.NOTHING if row.estimate is None else _note(row),
                figures.NOTHING if row.ceiling is None else figures.value("mean", row.ceiling),
                figures.count(row.n),
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
    method = say("belief.confusion_method", n=figures.counted(total))
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
            count=figures.counted(confusion.counts[row][column]),
            of=figures.counted(sum(confusion.counts[row])),
        )
    agreed = sum(row[place] for place, row in enumerate(confusion.counts))
    total = sum(sum(row) for row in confusion.counts)
    share = figures.percent(agreed / max(total, 1))
    return say("belief.confusion", criterion=confusion.criterion, share=share)


def _share(count: int, row: tuple[int, ...]) -> Both:
    return figures.percent(count / sum(row)) if sum(row) else figures.NOTHING


def _confusion_table(confusion: Confusion) -> Table:
    return Table(
        head=(say("belief.rows_experts"), *confusion.levels),
        rows=[
            (level, *(figures.count(count) for count in row))
            for level, row in zip(confusion.levels, confusion.counts, strict=True)
        ],
        numbers=range(1, len(confusion.levels) + 1),
    )


def deviations_picture(report: Report, deviations: Deviations, *, ident: str) -> Picture:
    """Draw judge minus experts along the scale, with the bias and the limits of agreement."""
    total = sum(point.n for point in deviations.points)
    method = say("belief.deviations_method", n=figures.counted(total))
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
    bias = figures.value("mean", abs(deviations.bias))
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
                figures.value("mean", point.mean),
                figures.change("mean", point.difference),
                figures.count(point.n),
            )
            for point in points
        ],
        numbers=range(3),
    )
