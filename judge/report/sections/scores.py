"""Where scores are high and low: all criteria together, then group by group."""

from collections.abc import Iterator, Sequence
from functools import partial

from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import HeatCell, HeatTable, heat_map
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
from judge.report.model import GroupName, Measure, Report, Score, ScoreCell
from judge.report.scores import named, score_text
from judge.report.texts import Both, joined, same, say, say_all, strings

_THIN = 0.5
"""A cell whose interval covers more than this share of the scale says nothing."""


def section(report: Report) -> Section | None:
    """Show scores; None where nothing has one."""
    cells = [cell for cell in report.scores if cell.overall and cell.score]
    if not cells:
        return None
    return Section(
        ident="where",
        title=say("where.title"),
        lead=_lead(report),
        pictures=[_overall(report, cells), *_heat_pictures(report)],
    )


def _lead(report: Report) -> Both:
    """Name the lowest and the highest group on the first measure that has groups."""
    for index, measure in enumerate(report.measures):
        found = [
            (cell.score.value, report.group_name(cell.group), cell.system)
            for cell in report.scores
            if cell.measure == index and not cell.overall and cell.score
        ]
        if len(report.groups) > 1 and found:
            low, high = min(found, key=lambda each: each[0]), max(found, key=lambda each: each[0])
            return say(
                "where.lead",
                count=len(report.groups),
                measure=named(measure),
                low=formatting.value(measure.kind, low[0]),
                low_group=low[1],
                low_system=low[2],
                high=formatting.value(measure.kind, high[0]),
                high_group=high[1],
                high_system=high[2],
            )
    named_groups = [group.name for group in report.groups if group.key is not None]
    if len(named_groups) == 1:
        return say("where.lead_one", group=named_groups[0])
    return say("where.lead_flat")


def _overall(report: Report, cells: Sequence[ScoreCell]) -> Picture:
    """Draw every measure of every system over all prompts, each scale on an axis of its own."""
    scales: dict[tuple[str, float, float], list[int]] = {}
    for index in dict.fromkeys(cell.measure for cell in cells):
        measure = report.measures[index]
        scales.setdefault((measure.kind, measure.low, measure.high), []).append(index)
    panels = [_panel(report, cells, indices) for indices in scales.values()]
    return picture(
        "overall",
        lambda frame: forest_plot(frame, panels),
        title=_overall_title(report, cells),
        meta=_score_worth(report, cells, heat=False),
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
        unit=_unit(first),
        tick_texts=scale(first.kind, ends),
    )


def _unit(measure: Measure) -> Both:
    """Say what a measure counts, in words."""
    if measure.low < 0:
        return say("where.preference")
    if measure.kind == "mean":
        return say("where.mean", low=f"{measure.low:g}", high=f"{measure.high:g}")
    return say("where.share")


def _row(report: Report, cell: ScoreCell, score: Score) -> ForestRow:
    measure = report.measures[cell.measure]
    return ForestRow(
        label=named(measure),
        note=joined((short(cell.system), score_text(measure, score)), "  ", "  "),
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
        not one.score.overlaps(other.score)
        for one, other in pairs
        if one and other and one.score and other.score
    )
    key = "where.overall_apart" if apart else "where.overall_close"
    return say(key, first=systems[0], second=systems[1], count=apart, of=len(indices))


def _overall_table(report: Report) -> Table:
    return Table(
        head=say_all("where", "measure", "system", "value", "interval", "prompts", "missing"),
        numbers=range(2, 6),
        rows=[
            (named(report.measures[cell.measure]), same(cell.system), *_numbers(report, cell))
            for cell in report.scores
            if cell.overall
        ],
    )


def _numbers(report: Report, cell: ScoreCell) -> tuple[Both, ...]:
    """Write a cell's value, interval, prompts and missing verdicts for a table."""
    measure, missing = report.measures[cell.measure], same(f"{cell.missing}")
    if cell.score is None:
        return say("where.none"), same(""), same("0"), missing
    score = cell.score
    ends = same(formatting.bracket(measure.kind, score.low, score.high))
    return formatting.value(measure.kind, score.value), ends, same(f"{score.n}"), missing


def _score_worth(report: Report, cells: Sequence[ScoreCell], *, heat: bool) -> Both:
    """Say what the scores of a picture are worth."""
    scores = [cell.score for cell in cells if cell.score]
    names = dict.fromkeys(score.method for score in scores)
    known = strings("en")["interval"]
    methods = [say(f"interval.{name}") if name in known else same(name) for name in names]
    method = say(
        "where.method_cells" if heat else "where.method",
        n=formatting.counted(max(score.n for score in scores)),
        methods=joined(methods, "、", ", "),
    )
    return worth(report, method, corrected=False)


def _heat_pictures(report: Report) -> Iterator[Picture]:
    """Draw a table of groups by systems for each main measure that has groups."""
    if all(group.key is None for group in report.groups):
        return
    for index, measure in enumerate(report.measures):
        cells = [cell for cell in report.scores if cell.measure == index and not cell.overall]
        if any(cell.score for cell in cells):
            view = _View(report, measure, cells)
            yield picture(
                f"heat{index}",
                partial(heat_map, table=view.heat_table()),
                title=view.title(),
                meta=_score_worth(report, cells, heat=True),
                desc=say("where.alt_heat"),
                table=view.exact_table(),
            )


class _View:
    """One measure of a report, and the groups that have it."""

    def __init__(self, report: Report, measure: Measure, cells: Sequence[ScoreCell]) -> None:
        self.report = report
        self.measure = measure
        self.cells = cells
        self.groups = [
            group for group in report.groups if any(cell.group == group.key for cell in cells)
        ]
        self.scores = {
            (cell.group, cell.system): cell.score for cell in cells if cell.score is not None
        }

    def heat_table(self) -> HeatTable:
        """Give what the heat map is drawn from."""
        measure, systems = self.measure, self.report.systems
        sure = [score.value for score in self.scores.values() if not _thin(measure, score)]
        span = (measure.low, measure.high)
        low, high = around(sure, within=span, least=(measure.high - measure.low) / 5)
        edges = [low + (high - low) * step / 5 for step in range(1, 5)]
        return HeatTable(
            rows=[group.name for group in self.groups],
            systems=systems,
            cells=[
                self._heat_cell(row, column)
                for row in range(len(self.groups))
                for column in range(len(systems))
            ],
            changes=[self._change(group) for group in self.groups] if len(systems) == 2 else (),
            change_head=say("where.change") if len(systems) == 2 else None,
            edges=edges,
            edge_texts=[formatting.tick(measure.kind, round(edge, 6)) for edge in edges],
        )

    def _heat_cell(self, row: int, column: int) -> HeatCell:
        score = self.scores.get((self.groups[row].key, self.report.systems[column]))
        if score is None:
            return HeatCell(
                group=row,
                system=column,
                value=None,
                n=0,
                text=formatting.NOTHING,
                short=formatting.DASH,
            )
        return HeatCell(
            group=row,
            system=column,
            value=score.value,
            n=score.n,
            thin=_thin(self.measure, score),
            text=formatting.value(self.measure.kind, score.value),
            short=formatting.bare(self.measure.kind, score.value),
        )

    def _change(self, group: GroupName) -> Both:
        before, after = (self.scores.get((group.key, name)) for name in self.report.systems)
        if before is None or after is None:
            return formatting.NOTHING
        return formatting.change(self.measure.kind, after.value - before.value)

    def title(self) -> Both:
        """State what is to be seen: two groups that can be told apart, or that none can."""
        sure = [
            (score, place) for place, score in self.scores.items() if not _thin(self.measure, score)
        ]
        if not sure:
            return say("where.heat_thin", measure=named(self.measure))
        (low, low_place), (high, high_place) = (
            min(sure, key=lambda each: (each[0].high, each[1][1])),
            max(sure, key=lambda each: (each[0].low, each[1][1])),
        )
        if low.high >= high.low:
            return say("where.heat_close", measure=named(self.measure))
        return say(
            "where.heat_apart",
            measure=named(self.measure),
            low=formatting.value(self.measure.kind, low.value),
            high=formatting.value(self.measure.kind, high.value),
            **self._place("low", low_place),
            **self._place("high", high_place),
        )

    def _place(self, end: str, place: tuple[str | None, str]) -> dict[str, Both]:
        group, system = place
        name = self.report.group_name(group)
        return {f"{end}_group": name, f"{end}_system": same(system)}

    def exact_table(self) -> Table:
        """Give every cell's numbers."""
        return Table(
            head=say_all("where", "group", "system", "value", "interval", "prompts", "missing"),
            numbers=range(2, 6),
            rows=[
                (group.name, same(cell.system), *_numbers(self.report, cell))
                for group in self.groups
                for cell in self.cells
                if cell.group == group.key
            ],
        )


def _thin(measure: Measure, score: Score) -> bool:
    """Tell whether an interval is too wide to say anything."""
    return score.high - score.low > _THIN * (measure.high - measure.low)
