"""The section of items: prompts on shelves by why they matter, with what was said of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from judge.records import Judgment, Verdict
from judge.report import figures
from judge.report.record import Case, Cases, Measure, Report
from judge.report.scores import named
from judge.report.section import Section
from judge.report.tally import concluded
from judge.report.words import Both, say

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
        lead=say(key, shown=figures.counted(len(cases.shown)), total=figures.counted(cases.total)),
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
    return say("cases.count" if number > 1 else "cases.count_one", count=figures.counted(number))


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
                title=named(measure), scores=[s or figures.DASH for s in scores], between=between
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
    return figures.whole(verdict.score) if verdict.kind == "scored" else figures.DASH
