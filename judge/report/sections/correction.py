"""Raw against corrected: how far the judge's errors moved the scores."""

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import around, ticks
from judge.report.charts.forest import Forest, forest_plot
from judge.report.charts.record import ForestRow
from judge.report.evidence import Belief, Corrected, Unit
from judge.report.picture import Picture, Table, picture
from judge.report.record import Report
from judge.report.sections.overall import short, system_tone, worth
from judge.report.words import say


def correction_picture(report: Report, belief: Belief) -> Picture:
    """Draw each measure as the judge sees it and as labels correct it."""
    units: dict[Unit, None] = dict.fromkeys(each.unit for each in belief.corrected)
    panels = [_panel(report, belief, unit) for unit in units]
    method = belief.corrected_method or say("page.unknown")
    return picture(
        "corrected",
        lambda frame: forest_plot(frame, panels),
        title=_title(belief),
        meta=worth(report, say("belief.corrected_method", method=method), corrected=True),
        desc=say("belief.corrected_alt"),
        table=_table(belief),
    )


def _title(belief: Belief) -> Both:
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


def _panel(report: Report, belief: Belief, unit: Unit) -> Forest:
    mine = [each for each in belief.corrected if each.unit == unit]
    numbers = [n for each in mine for n in (each.raw, each.low, each.high, *(each.experts or ()))]
    low, high = around(numbers, within=(0.0, 1.0) if unit == "share" else None, least=0.1)
    return Forest(
        rows=[_row(report, each) for each in mine],
        ends=(low, high),
        unit=say(f"checks.{unit}"),
        tick_texts=[(value, figures.tick(unit, value)) for value in ticks(low, high)],
    )


def _row(report: Report, each: Corrected) -> ForestRow:
    written = figures.with_interval(each.unit, each.value, (each.low, each.high))
    name = short(each.system)
    return ForestRow(
        label=each.label,
        note=Both(zh=f"{name}  {written.zh}", en=f"{name}  {written.en}"),
        estimate=each.value,
        low=each.low,
        high=each.high,
        behind=each.experts,
        raw=each.raw,
        tone=system_tone(report, each.system),
    )


def _table(belief: Belief) -> Table:
    head = ("measure", "system", "raw", "corrected", "experts", "judged", "labelled")
    return Table(
        head=[say(f"belief.{name}") for name in head],
        rows=[_cells(each) for each in belief.corrected],
        numbers=range(2, 7),
    )


def _cells(each: Corrected) -> tuple[Both, ...]:
    experts = figures.NOTHING
    if each.experts is not None:
        experts = figures.same(figures.bracket(each.unit, *each.experts))
    return (
        each.label,
        figures.same(each.system),
        figures.value(each.unit, each.raw),
        figures.with_interval(each.unit, each.value, (each.low, each.high)),
        experts,
        figures.same(figures.counted(each.n_judged)),
        figures.same(figures.counted(each.n_labelled)),
    )
