"""How far the judge agrees with the experts, group by group, and how far they agree themselves."""

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import ticks
from judge.report.charts.forest import Forest, forest_plot
from judge.report.charts.record import ForestRow
from judge.report.evidence import Agreement, AgreementRow
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.sections.overall import worth
from judge.report.words import say


def agreement_picture(report: Report, agreement: Agreement, *, ident: str) -> Picture:
    """Draw agreement with its intervals, and the ceiling that experts set as a tick."""
    low, high = agreement.ends
    forest = Forest(
        rows=[_row(report, row) for row in _ordered(report, agreement)],
        ends=(low, high),
        unit=agreement.coefficient,
        tick_texts=[(value, figures.tick("mean", value)) for value in ticks(low, high)],
        reference=0.0 if low < 0 else None,
    )
    return picture(
        ident,
        lambda frame: forest_plot(frame, [forest]),
        title=_title(report, agreement),
        meta=worth(report, agreement.method, corrected=None),
        desc=say("belief.agreement_alt"),
        table=_table(report, agreement),
    )


def _ordered(report: Report, agreement: Agreement) -> list[AgreementRow]:
    """Put the whole first, then groups in the page's order."""
    places = {group.key: place for place, group in enumerate(report.groups)}
    return sorted(
        agreement.rows,
        key=lambda row: (row.group is not None, places.get(row.group, len(places))),
    )


def _title(report: Report, agreement: Agreement) -> Both:
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


def _name(report: Report, row: AgreementRow) -> Both:
    return say("where.all_groups") if row.group is None else report.group_name(row.group)


def _row(report: Report, row: AgreementRow) -> ForestRow:
    return ForestRow(
        label=_name(report, row),
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
    return Both(zh=f"{written.zh}  n = {row.n}", en=f"{written.en}  n = {row.n}")


def _table(report: Report, agreement: Agreement) -> Table:
    head = ("group", "coefficient", "ceiling", "items", "remark")
    return Table(
        head=[say(f"belief.{name}") for name in head],
        rows=[
            (
                _name(report, row),
                figures.NOTHING if row.estimate is None else _note(row),
                figures.NOTHING if row.ceiling is None else figures.value("mean", row.ceiling),
                figures.same(figures.counted(row.n)),
                row.why or figures.same(""),
            )
            for row in _ordered(report, agreement)
        ],
        numbers=range(1, 4),
    )
