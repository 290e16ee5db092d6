"""The section of items: prompts on shelves by why they matter, with what was said of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from judge.records import Judgment, Verdict
from judge.report import formatting
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.formatting import Section, Table, picture, scale, system_tone, worth
from judge.report.model import Case, Cases, Knowing, Measure, QuadrantPoint, Report
from judge.report.scores import concluded, named
from judge.report.texts import Both, joined, same, say, say_all

_FIRST = 100
"""Characters of a prompt that its closed fold shows."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A main measure of one prompt: its scores, system by system."""

    title: Both
    scores: Sequence[str]
    between: str
    """An arrow from the baseline to the candidate, a bar among several."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One prompt as it lies on its shelf."""

    case: Case
    first: str
    """How the prompt begins."""
    group: Both
    lines: Sequence[Line]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Prompts that matter for the same reason."""

    ident: str
    """Anchor of the shelf."""
    title: Both
    count: Both
    items: Sequence[Shown]


@dataclass(frozen=True, kw_only=True)
class ItemsSection(Section):
    """The section with its shelves, and how to name a criterion by its rubric and id."""

    shelves: Sequence[Shelf]
    criterion: Callable[[str, str], Both]


def section(report: Report) -> ItemsSection | None:
    """Show the prompts that were chosen; None where a run has none."""
    cases = report.cases
    if cases is None:
        return None
    key = "cases.lead" if len(cases.shown) == cases.total else "cases.lead_some"
    return ItemsSection(
        ident="cases",
        template="cases.html",
        title=say("cases.title"),
        lead=say(
            key, shown=formatting.counted(len(cases.shown)), total=formatting.counted(cases.total)
        ),
        shelves=tuple(_shelves(report, cases)),
        criterion=report.criterion_title,
    )


def _shelves(report: Report, cases: Cases) -> Iterator[Shelf]:
    """Put prompts on shelves, in the order in which they were chosen."""
    for why, listed in groupby(cases.shown, key=lambda case: case.why):
        items = [_shown(report, case) for case in listed]
        yield Shelf(
            ident=f"items-{why}", title=_title(report, why), count=_count(len(items)), items=items
        )


def _title(report: Report, why: str) -> Both:
    if why == "same" and len(report.systems) < 2:
        return say("cases.same_one")
    systems = report.systems or ("",)
    return say(f"cases.{why}", baseline=systems[0], candidate=systems[-1])


def _count(number: int) -> Both:
    return say("cases.count" if number > 1 else "cases.count_one", count=formatting.counted(number))


def _shown(report: Report, case: Case) -> Shown:
    return Shown(
        case=case,
        first=_first(case.prompt),
        group=report.group_name(case.group),
        lines=tuple(_lines(report, case)),
    )


def _lines(report: Report, case: Case) -> Iterator[Line]:
    heard = [judgment for answer in case.answers for judgment in answer.judgments]
    final = list(concluded(heard, judges=len(report.stamp.judges), pairwise=report.origin.pairwise))
    for measure in report.measures:
        scores = [_scores(measure, system, final) for system in report.systems]
        if measure.main and any(scores):
            between = " → " if len(scores) == 2 else " | "
            yield Line(
                title=named(measure), scores=[s or formatting.DASH for s in scores], between=between
            )


def _first(prompt: str) -> str:
    line = " ".join(prompt[: 2 * _FIRST].split())
    return line if len(line) <= _FIRST else f"{line[:_FIRST]}…"


def _scores(measure: Measure, system: str, judgments: Sequence[Judgment]) -> str:
    """Write the scores of one system, one for each sample and repeat."""
    verdicts = (
        verdict
        for judgment in judgments
        if (judgment.system, judgment.rubric) == (system, measure.rubric)
        for verdict in judgment.verdicts
        if verdict.criterion == measure.criterion
    )
    return ", ".join(_score(verdict) for verdict in verdicts)


def _score(verdict: Verdict) -> str:
    return formatting.whole(verdict.score) if verdict.kind == "scored" else formatting.DASH


# Knowing against doing: who answers the questions rightly and still acts otherwise.

_NAMED = 6
"""Points that carry their names: those with the widest gaps; all stand in the table."""

_TIED = 8
"""With more groups than this, lines between the systems of a group would hide the points."""


def recognition_section(report: Report) -> Section | None:
    """Show knowing against doing; None where no multiple-choice answers are known."""
    knowing = report.knowing
    if knowing is None or not knowing.points:
        return None
    return Section(
        ident="knowing",
        title=say("knowing.title"),
        lead=knowing.lead,
        pictures=[
            picture(
                "knowing",
                partial(scatter_chart, picture=_plane(report, knowing)),
                title=_recognition_title(report, knowing),
                meta=worth(report, say("knowing.method"), corrected=None),
                desc=say("knowing.alt"),
                table=_table(report, knowing),
            )
        ],
    )


def _recognition_title(report: Report, knowing: Knowing) -> Both:
    """Count those who know and do not act, and name the widest gap."""
    knows, does = knowing.split
    idle = [point for point in knowing.points if point.knows >= knows and point.does < does]
    widest = max(knowing.points, key=_gap)
    return say(
        "knowing.picture" if idle else "knowing.picture_none",
        count=len(idle),
        of=len(knowing.points),
        name=_name(report, widest),
        gap=formatting.change("share", _gap(widest)),
    )


def _gap(point: QuadrantPoint) -> float:
    return point.knows - point.does


def _name(report: Report, point: QuadrantPoint) -> Both:
    return joined((report.group_or_all(point.group), same(point.system)), "，", ", ")


def _plane(report: Report, knowing: Knowing) -> ScatterPicture:
    knows, does = knowing.split
    x_ends = _ends([point.knows for point in knowing.points], split=knows)
    y_ends = _ends([point.does for point in knowing.points], split=does)
    return ScatterPicture(
        points=_points(report, knowing),
        x_ends=x_ends,
        y_ends=y_ends,
        x_ticks=scale("share", x_ends),
        y_ticks=scale("share", y_ends),
        x_unit=say("knowing.knows_unit"),
        y_unit=say("knowing.does_unit"),
        guides=(Guide(at=knows, upright=True), Guide(at=does, upright=False)),
        corners=say_all("knowing", "acts", "knows_and_acts", "neither", "knows_corner"),
    )


def _ends(shares: list[float], *, split: float) -> tuple[float, float]:
    """Hold all points and a piece of either side of the line that parts the quadrants."""
    low, high = around(shares, within=(0.0, 1.0), least=0.4)
    return min(low, split - 0.05), max(high, split + 0.05)


def _points(report: Report, knowing: Knowing) -> list[ScatterPoint]:
    named = sorted(knowing.points, key=_gap, reverse=True)[:_NAMED]
    tied = len({point.group for point in knowing.points}) <= _TIED
    return [
        ScatterPoint(
            x=point.knows,
            y=point.does,
            label=_name(report, point) if point in named else None,
            tie=(point.group or "") if tied else None,
            tone=system_tone(report, point.system),
        )
        for point in sorted(knowing.points, key=lambda point: _place(report, point))
    ]


def _place(report: Report, point: QuadrantPoint) -> int:
    """Give a system's place, so that the candidate lies above the baseline; others come last."""
    known = point.system in report.systems
    return report.systems.index(point.system) if known else len(report.systems)


def _table(report: Report, knowing: Knowing) -> Table:
    return Table(
        head=say_all("knowing", "group", "system", "knows", "n_knows", "does", "n_does", "gap"),
        rows=[
            (
                report.group_or_all(point.group),
                same(point.system),
                formatting.percent(point.knows),
                formatting.count(point.n_knows),
                formatting.percent(point.does),
                formatting.count(point.n_does),
                formatting.change("share", _gap(point)),
            )
            for point in knowing.points
        ],
        numbers=range(2, 7),
    )
