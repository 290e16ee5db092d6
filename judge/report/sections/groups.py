"""The main measures group by group, in the report's order of groups."""

from collections.abc import Iterator, Sequence
from functools import partial

from judge.report import figures
from judge.report.both import Both
from judge.report.charts.axis import around
from judge.report.charts.heat import HeatTable, heat_map
from judge.report.charts.record import HeatCell
from judge.report.measures import named
from judge.report.picture import Picture, Table, picture
from judge.report.record import GroupName, Measure, Report, ScoreCell
from judge.report.sections.overall import numbers, score_worth, thin
from judge.report.words import say


def heat_pictures(report: Report) -> Iterator[Picture]:
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
                meta=score_worth(report, cells, heat=True),
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
        sure = [score.value for score in self.scores.values() if not thin(measure, score)]
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
            edge_texts=[figures.tick(measure.kind, round(edge, 6)) for edge in edges],
        )

    def _heat_cell(self, row: int, column: int) -> HeatCell:
        score = self.scores.get((self.groups[row].key, self.report.systems[column]))
        if score is None:
            return HeatCell(
                group=row, system=column, value=None, n=0, text=figures.NOTHING, short=figures.DASH
            )
        return HeatCell(
            group=row,
            system=column,
            value=score.value,
            n=score.n,
            thin=thin(self.measure, score),
            text=figures.value(self.measure.kind, score.value),
            short=figures.bare(self.measure.kind, score.value),
        )

    def _change(self, group: GroupName) -> Both:
        before, after = (self.scores.get((group.key, name)) for name in self.report.systems)
        if before is None or after is None:
            return figures.NOTHING
        return figures.change(self.measure.kind, after.value - before.value)

    def title(self) -> Both:
        """State what is to be seen: two groups that can be told apart, or that none can."""
        sure = [
            (score, place) for place, score in self.scores.items() if not thin(self.measure, score)
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
            low=figures.value(self.measure.kind, low.value),
            high=figures.value(self.measure.kind, high.value),
            **self._place("low", low_place),
            **self._place("high", high_place),
        )

    def _place(self, end: str, place: tuple[str | None, str]) -> dict[str, Both]:
        group, system = place
        name = self.report.group_name(group)
        return {f"{end}_group": name, f"{end}_system": figures.same(system)}

    def exact_table(self) -> Table:
        """Give every cell's numbers."""
        head = ("group", "system", "value", "interval", "prompts", "missing")
        return Table(
            head=[say(f"where.{name}") for name in head],
            numbers=range(2, 6),
            rows=[
                (group.name, figures.same(cell.system), *numbers(self.report, cell))
                for group in self.groups
                for cell in self.cells
                if cell.group == group.key
            ],
        )
