"""Scores: all measures over all prompts, then the main ones group by group.

A headline speaks only of cells with at least `FEWEST` prompts, and only of what their intervals
show: that one lies below another, or that all overlap.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import HeatCell, HeatChange, HeatTable, heat_map
from judge.report.charts.svg import around
from judge.report.formatting import (
    FEWEST,
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

_MOST_NAMED = 3
"""Groups that a headline names; of more it gives the number."""


def section(report: Report) -> Section | None:
    """Show scores; None where nothing has one."""
    cells = [cell for cell in report.scores if cell.overall and cell.score]
    if not cells:
        return None
    return Section(
        ident="scores",
        title=say("scores.title"),
        lead=_lead(report),
        pictures=[_overall(report, cells), *_heat_pictures(report)],
        tables=tuple(_by_language(report)),
    )


def _by_language(report: Report) -> Iterator[tuple[Both, Table]]:
    """List the main measures by the language of the items, and the edition that judged them."""
    rows: list[tuple[Both, ...]] = []
    for each in report.languages:
        measure, score = report.measures[each.cell.measure], each.cell.score
        rows.append(
            (
                same(each.language) if each.language else say("scores.no_language"),
                same(", ".join(each.editions)),
                named(measure),
                same(each.cell.system),
                score_text(measure, score) if score else say("scores.none"),
                same(formatting.counted(score.n if score else 0)),
                same(formatting.counted(each.cell.missing)),
            )
        )
    if rows:
        names = ("language", "edition", "measure", "system", "value", "prompts", "missing")
        table = Table(head=say_all("scores", *names), rows=rows, numbers=range(5, 7))
        yield say("scores.by_language"), table


def _lead(report: Report) -> Both | None:
    """Name the lowest and the highest cell of the first measure that has groups."""
    keys = [group.key for group in report.groups]
    if all(key is None for key in keys):
        return say("scores.lead_flat")
    if len(keys) == 1:
        return say("scores.lead_one", group=report.groups[0].name)
    for index, measure in enumerate(report.measures):
        view = _View(report, index, measure)
        if view.cells:
            return view.extremes() if len(view.solid) > 1 else say("scores.lead_few", n=FEWEST)
    return None


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
        desc=say("scores.alt_forest"),
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
    return Forest(rows=rows, ends=ends, unit=_unit(first), tick_texts=scale(first.kind, ends))


def _unit(measure: Measure) -> Both:
    """Say what a measure counts, in words."""
    if measure.low < 0:
        return say("scores.preference")
    if measure.kind == "mean":
        return say("scores.mean", low=f"{measure.low:g}", high=f"{measure.high:g}")
    return say("scores.share")


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
    """Count, for two systems, the measures on which intervals lie apart, by the better side."""
    indices = list(dict.fromkeys(cell.measure for cell in cells))
    sides = [_sides(report, index) for index in indices]
    compared = [side for side in sides if side is not None]
    if len(report.systems) != 2 or not compared:
        return say("scores.overall", of=len(indices))
    first, second = report.systems
    return say(
        "scores.overall_two",
        first=first,
        second=second,
        of=len(compared),
        higher=compared.count(1),
        lower=compared.count(-1),
        overlap=compared.count(0),
    )


def _sides(report: Report, index: int) -> int | None:
    """Give 1 where the second system is better, -1 where it is worse, 0 where intervals overlap.

    None where a side has too few prompts, or where the measure has no better side.
    """
    sign = {"high": 1, "low": -1, "neither": 0}[report.measures[index].good]
    found = [report.cell(index, system) for system in report.systems]
    scores = [cell.score for cell in found if cell and cell.score and cell.score.n >= FEWEST]
    return sign * _apart(scores[0], scores[1]) if sign and len(scores) == len(found) == 2 else None


def _apart(one: Score, other: Score) -> int:
    """Give 1 where the other interval lies above the one, -1 below, 0 where they overlap."""
    if one.overlaps(other):
        return 0
    return 1 if other.low > one.high else -1


def _overall_table(report: Report) -> Table:
    return Table(
        head=say_all("scores", "measure", "system", "value", "interval", "prompts", "missing"),
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
        return say("scores.none"), same(""), same("0"), missing
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
        "scores.method_cells" if heat else "scores.method",
        n=formatting.counted(max(score.n for score in scores)),
        fewest=FEWEST,
        methods=joined(methods, "、", ", "),
    )
    return worth(report, method, corrected=False)


def _heat_pictures(report: Report) -> Iterator[Picture]:
    """Draw a table of groups by systems for each main measure that has groups."""
    if all(group.key is None for group in report.groups):
        return
    for index, measure in enumerate(report.measures):
        view = _View(report, index, measure)
        if view.scores:
            yield picture(
                f"heat{index}",
                partial(heat_map, table=view.heat_table()),
                title=view.title(),
                meta=_score_worth(report, view.cells, heat=True),
                desc=say("scores.alt_heat"),
                table=view.exact_table(),
            )


class _View:
    """One measure of a report, and the groups that have it."""

    def __init__(self, report: Report, index: int, measure: Measure) -> None:
        self.report = report
        self.measure = measure
        self.cells = [cell for cell in report.scores if cell.measure == index and not cell.overall]
        present = {cell.group for cell in self.cells}
        self.groups = [group for group in report.groups if group.key in present]
        self.scores: Mapping[tuple[str | None, str], Score] = {
            (cell.group, cell.system): cell.score for cell in self.cells if cell.score is not None
        }
        self.solid = {at: score for at, score in self.scores.items() if score.n >= FEWEST}
        """Cells with enough prompts for a headline and a colour."""

    def heat_table(self) -> HeatTable:
        """Give what the heat map is drawn from."""
        measure, systems = self.measure, self.report.systems
        span = (measure.low, measure.high)
        values = [score.value for score in self.solid.values()]
        low, high = around(values, within=span, least=(measure.high - measure.low) / 5)
        edges = [low + (high - low) * step / 5 for step in range(1, 5)]
        two = len(systems) == 2
        return HeatTable(
            rows=[group.name for group in self.groups],
            systems=systems,
            cells=[
                self._heat_cell(row, column)
                for row in range(len(self.groups))
                for column in range(len(systems))
            ],
            changes=[self._change(group) for group in self.groups] if two else (),
            change_head=say("scores.change") if two else None,
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
        kind = self.measure.kind
        return HeatCell(
            group=row,
            system=column,
            value=score.value if score.n >= FEWEST else None,
            n=score.n,
            text=formatting.value(kind, score.value),
            short=formatting.bare(kind, score.value),
            interval=formatting.bracket(kind, score.low, score.high),
        )

    def _change(self, group: GroupName) -> HeatChange:
        """Write the difference of two systems, marked where their intervals lie apart."""
        before, after = (self.scores.get((group.key, name)) for name in self.report.systems)
        if before is None or after is None:
            return HeatChange(text=formatting.NOTHING)
        written = formatting.change(self.measure.kind, after.value - before.value)
        side = _apart(before, after) if min(before.n, after.n) >= FEWEST else 0
        mark = {1: " ▲", -1: " ▼", 0: ""}[side]
        good = {"high": side > 0, "low": side < 0, "neither": None}[self.measure.good]
        return HeatChange(text=joined((written, same(mark)), "", ""), good=good if side else None)

    def title(self) -> Both:
        """State what the intervals show: two systems group by group, others over all cells."""
        if len(self.report.systems) == 2:
            return self._two_systems()
        if len(self.solid) < 2:
            return say("scores.heat", measure=named(self.measure))
        low_at = min(self.solid, key=lambda at: (self.solid[at].high, at[1], at[0] or ""))
        high_at = max(self.solid, key=lambda at: (self.solid[at].low, at[1], at[0] or ""))
        low, high = self.solid[low_at], self.solid[high_at]
        if low.high >= high.low:
            return say(
                "scores.heat_overlap", measure=named(self.measure), of=len(self.solid), n=FEWEST
            )
        return say(
            "scores.heat_apart",
            measure=named(self.measure),
            low=score_text(self.measure, low),
            high=score_text(self.measure, high),
            **self._place("low", low_at),
            **self._place("high", high_at),
        )

    def _two_systems(self) -> Both:
        first, second = self.report.systems
        sides = {
            group.key: _apart(self.solid[group.key, first], self.solid[group.key, second])
            for group in self.groups
            if {(group.key, first), (group.key, second)} <= self.solid.keys()
        }
        if not sides:
            return say("scores.heat", measure=named(self.measure))
        lower = [key for key, side in sides.items() if side < 0]
        names = joined(map(self.report.group_name, lower[:_MOST_NAMED]), "、", ", ")
        return say(
            f"scores.heat_two_{'lower' if 0 < len(lower) <= _MOST_NAMED else 'counts'}",
            measure=named(self.measure),
            first=first,
            second=second,
            of=len(sides),
            lower=len(lower),
            higher=sum(side > 0 for side in sides.values()),
            overlap=sum(side == 0 for side in sides.values()),
            names=names,
        )

    def extremes(self) -> Both:
        """Name the lowest and the highest cell among those with enough prompts."""
        low_at = min(self.solid, key=lambda at: self.solid[at].value)
        high_at = max(self.solid, key=lambda at: self.solid[at].value)
        return say(
            "scores.lead",
            measure=named(self.measure),
            of=len(self.solid),
            n=FEWEST,
            low=score_text(self.measure, self.solid[low_at]),
            high=score_text(self.measure, self.solid[high_at]),
            **self._place("low", low_at),
            **self._place("high", high_at),
        )

    def _place(self, end: str, place: tuple[str | None, str]) -> dict[str, Both]:
        group, system = place
        return {f"{end}_group": self.report.group_name(group), f"{end}_system": same(system)}

    def exact_table(self) -> Table:
        """Give every cell's numbers."""
        return Table(
            head=say_all("scores", "group", "system", "value", "interval", "prompts", "missing"),
            numbers=range(2, 6),
            rows=[
                (group.name, same(cell.system), *_numbers(self.report, cell))
                for group in self.groups
                for cell in self.cells
                if cell.group == group.key
            ],
        )
