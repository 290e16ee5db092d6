"""All criteria over all prompts, and how measures are named and written everywhere on the page."""

from collections.abc import Sequence

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import around, ticks
from judge.report.charts.forest import Forest, forest_plot
from judge.report.charts.record import ForestRow, Tone
from judge.report.measures import named
from judge.report.picture import Picture, Table, picture
from judge.report.record import Measure, Report, Score, ScoreCell
from judge.report.words import say, strings

THIN = 0.5
"""A cell whose interval covers more than this share of the scale says nothing."""


def unit(measure: Measure) -> Both:
    """Say what a measure counts, in words."""
    if measure.low < 0:
        return say("where.preference")
    if measure.kind == "mean":
        return say("where.mean", low=f"{measure.low:g}", high=f"{measure.high:g}")
    return say("where.share")


def score_text(measure: Measure, score: Score) -> Both:
    """Write a score with its interval."""
    return figures.with_interval(measure.kind, score.value, (score.low, score.high))


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
        meta=score_worth(report, cells, heat=False),
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
        tick_texts=[(value, figures.tick(first.kind, value)) for value in ticks(*ends)],
    )


def _row(report: Report, cell: ScoreCell, score: Score) -> ForestRow:
    measure = report.measures[cell.measure]
    written = score_text(measure, score)
    name = short(cell.system)
    return ForestRow(
        label=named(measure),
        note=Both(zh=f"{name}  {written.zh}", en=f"{name}  {written.en}"),
        estimate=score.value,
        low=score.low,
        high=score.high,
        tone=system_tone(report, cell.system),
    )


def _overall_title(report: Report, cells: Sequence[ScoreCell]) -> Both:
    indices = list(dict.fromkeys(cell.measure for cell in cells))
    systems = report.systems
    if len(systems) == 1:
        return say("where.overall_one", system=systems[0], of=len(indices))
    if len(systems) != 2:
        return say("where.overall_many", count=len(systems), of=len(indices))
    pairs = [tuple(report.cell(index, system) for system in systems) for index in indices]
    apart = sum(
        not overlap(one.score, other.score)
        for one, other in pairs
        if one and other and one.score and other.score
    )
    key = "where.overall_apart" if apart else "where.overall_close"
    return say(key, first=systems[0], second=systems[1], count=apart, of=len(indices))


def _overall_table(report: Report) -> Table:
    head = ("measure", "system", "value", "interval", "prompts", "missing")
    return Table(
        head=[say(f"where.{name}") for name in head],
        numbers=range(2, 6),
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
    ends = figures.same(figures.bracket(measure.kind, score.low, score.high))
    return figures.value(measure.kind, score.value), ends, figures.same(f"{score.n}"), missing


def worth(report: Report, method: Both, *, corrected: bool | None) -> Both:
    """Say under a picture what its numbers are worth.

    Parameters
    ----------
    report : Report
        For the provenance.
    method : Both
        n, and what the interval is.
    corrected : bool, optional
        Whether expert labels correct the numbers; None where that does not arise.
    """
    provenance = report.stamp.provenance or say("page.unknown")
    if corrected is None:
        return say("page.worth", provenance=provenance, method=method)
    state = say("where.corrected" if corrected else "where.judge_only")
    return say("page.worth_state", state=state, provenance=provenance, method=method)


def score_worth(report: Report, cells: Sequence[ScoreCell], *, heat: bool) -> Both:
    """Say what the scores of a picture are worth."""
    scores = [cell.score for cell in cells if cell.score]
    names = dict.fromkeys(score.method for score in scores)
    known = strings("en")["interval"]
    methods = [say(f"interval.{name}") if name in known else figures.same(name) for name in names]
    method = say(
        "where.method_cells" if heat else "where.method",
        n=figures.counted(max(score.n for score in scores)),
        methods=Both(zh="、".join(m.zh for m in methods), en=", ".join(m.en for m in methods)),
    )
    return worth(report, method, corrected=all(score.corrected for score in scores))


def short(system: str) -> str:
    """Shorten a system's name for a line of a picture; both ends stay."""
    return system if len(system) <= 12 else f"{system[:5]}…{system[-6:]}"


def system_tone(report: Report, system: str) -> Tone:
    """Give a system's colour: grey for the baseline, blue for what is compared with it."""
    return "baseline" if len(report.systems) > 1 and system == report.systems[0] else "candidate"
