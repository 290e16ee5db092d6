"""All criteria over all prompts, and how measures are named and written everywhere on the page."""

from collections.abc import Sequence

from judge.report import figures
from judge.report.charts.axis import around, ticks
from judge.report.charts.forest import Forest, forest_plot
from judge.report.charts.record import ForestRow
from judge.report.picture import Picture, Table, picture
from judge.report.record import Both, Measure, Report, Score, ScoreCell
from judge.report.words import say

THIN = 0.5
"""A cell whose interval covers more than this share of the scale says nothing."""


def named(measure: Measure) -> Both:
    """Name a measure by its rubric and criterion, and by its line where it has one."""
    line = f" ≥ {measure.at_least}" if measure.kind == "share" and not measure.main else ""
    family, title = measure.family, measure.title
    return Both(zh=f"{family.zh} · {title.zh}{line}", en=f"{family.en} · {title.en}{line}")


def unit(measure: Measure) -> Both:
    """Say what a measure counts, in words."""
    if measure.low < 0:
        return say("where.preference")
    if measure.kind == "mean":
        return say("where.mean", low=f"{measure.low:g}", high=f"{measure.high:g}")
    return say("where.share")


def overlap(one: Score, other: Score) -> bool:
    """Tell whether two intervals share a value."""
    return one.low <= other.high and other.low <= one.high


def thin(measure: Measure, score: Score) -> bool:
    """Tell whether an interval is too wide to say anything."""
    return score.high - score.low > THIN * (measure.high - measure.low)


def overall_picture(report: Report) -> Picture | None:
    """Draw every measure of every system over all prompts, each scale on an axis of its own."""
    cells = [cell for cell in report.scores if cell.overall and cell.score]
    if not cells:
        return None
    scales: dict[tuple[str, float, float], list[int]] = {}
    for index in dict.fromkeys(cell.measure for cell in cells):
        measure = report.measures[index]
        scales.setdefault((measure.kind, measure.low, measure.high), []).append(index)
    panels = [_panel(report, cells, indices) for indices in scales.values()]
    return picture(
        "overall",
        lambda frame: forest_plot(frame, panels),
        title=_overall_title(report, cells),
        meta=meta(report, "where.meta", n=max(cell.score.n for cell in cells if cell.score)),
        desc=say("where.alt_forest"),
        table=_overall_table(report),
    )


def _panel(report: Report, cells: Sequence[ScoreCell], indices: Sequence[int]) -> Forest:
    first = report.measures[indices[0]]
    rows = [
        _row(report, cell, cell.score)
        for index in indices
        for cell in cells
        if cell.measure == index and cell.score
    ]
    values = [end for row in rows for end in (row.low, row.high) if end is not None]
    span = (first.low, first.high)
    ends = around(values, within=span, least=(first.high - first.low) / 5)
    return Forest(
        rows=rows,
        ends=ends,
        unit=unit(first),
        tick_texts=[(value, figures.tick(first, value)) for value in ticks(*ends)],
    )


def _row(report: Report, cell: ScoreCell, score: Score) -> ForestRow:
    measure = report.measures[cell.measure]
    written = figures.with_interval(measure, score)
    name = cell.system if len(cell.system) <= 12 else f"{cell.system[:5]}…{cell.system[-6:]}"
    baseline = len(report.systems) > 1 and cell.system == report.systems[0]
    return ForestRow(
        label=named(measure),
        note=Both(zh=f"{name}  {written.zh}", en=f"{name}  {written.en}"),
        estimate=score.value,
        low=score.low,
        high=score.high,
        tone="baseline" if baseline else "candidate",
    )


def _overall_title(report: Report, cells: Sequence[ScoreCell]) -> Both:
    indices = list(dict.fromkeys(cell.measure for cell in cells))
    if len(report.systems) == 1:
        return say("where.overall_one", system=report.systems[0], of=len(indices))
    if len(report.systems) > 2:
        return say("where.overall_many", count=len(report.systems), of=len(indices))
    first, second = report.systems[0], report.systems[-1]
    pairs = [(report.cell(i, first), report.cell(i, second)) for i in indices]
    apart = sum(
        not overlap(one.score, other.score)
        for one, other in pairs
        if one and other and one.score and other.score
    )
    key = "where.overall_apart" if apart else "where.overall_close"
    return say(key, first=first, second=second, count=apart, of=len(indices))


def _overall_table(report: Report) -> Table:
    head = ("measure", "system", "value", "interval", "prompts", "missing")
    return Table(
        head=[say(f"where.{name}") for name in head],
        numbers_from=2,
        rows=[
            (
                named(report.measures[cell.measure]),
                figures.same(cell.system),
                *numbers(report, cell),
            )
            for cell in report.scores
            if cell.overall
        ],
    )


def numbers(report: Report, cell: ScoreCell) -> tuple[Both, ...]:
    """Write a cell's value, interval, prompts and missing verdicts for a table."""
    measure, missing = report.measures[cell.measure], figures.same(f"{cell.missing}")
    if cell.score is None:
        return say("where.none"), figures.same(""), figures.same("0"), missing
    score = cell.score
    ends = figures.same(figures.bracket(measure, score))
    return figures.value(measure, score.value), ends, figures.same(f"{score.n}"), missing


def meta(report: Report, key: str, *, n: int = 0) -> Both:
    """Say under a picture what its numbers are worth: corrected or not, provenance, n, interval."""
    corrected = any(cell.score and cell.score.corrected for cell in report.scores)
    return say(
        key,
        corrected=say("where.corrected" if corrected else "where.judge_only"),
        provenance=report.stamp.provenance or say("page.unknown"),
        n=figures.counted(n),
        method=say("where.method_gaffke"),
    )
