"""The items with all that was said of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean

from judge.records import Judgment, Verdict
from judge.report import formatting
from judge.report.formatting import Section
from judge.report.model import Answer, Case, Cases, Measure, Report
from judge.report.scores import goodness, level_name, named
from judge.report.tally import concluded
from judge.report.texts import Both, joined, same, say

_FIRST = 100
"""Characters of a prompt that its closed fold shows."""

_FAR = 0.25
"""Difference of two scores, as a share of a scale without threshold, that is a disagreement."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A main measure of one prompt: its scores, system by system."""

    title: Both
    scores: Sequence[str]
    between: str
    """An arrow from the baseline to the candidate, a bar among several."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One prompt as the page lists it; what a filter or an order looks at has a field."""

    ident: str
    case: Case
    first: str
    """How the prompt begins."""
    group: Both
    group_place: int
    lines: Sequence[Line]
    disagreements: str
    """Names of those that disagree: experts, judges."""
    flags: str
    """Places of its flags in the section's list."""
    goodness: float | None
    """Mean over the main measures, from 0 for the worst to 1 for the best; None without a score."""
    change: float
    """Largest change between the first and the last system, in the same unit."""


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Prompts that matter for the same reason."""

    ident: str
    """Anchor of the shelf."""
    why: str
    title: Both
    count: Both
    items: Sequence[Item]


@dataclass(frozen=True, kw_only=True)
class ItemsSection(Section):
    """The section with its shelves, and what its items can be filtered by."""

    shelves: Sequence[Shelf]
    groups: Sequence[tuple[str, Both]]
    """Place and name of each group that a listed item belongs to."""
    outcomes: Sequence[tuple[str, Both]]
    flags: Sequence[tuple[str, Both]]
    """Place and name of each flag that a judgment carries."""
    names: "LevelNames"


@dataclass
class LevelNames:
    """How criteria and their levels are called."""

    report: Report
    measures: dict[tuple[str | None, str], Measure] = field(
        default_factory=dict[tuple[str | None, str], Measure]
    )

    def __post_init__(self) -> None:
        for measure in self.report.measures:
            self.measures.setdefault((measure.rubric, measure.criterion), measure)
            self.measures.setdefault((None, measure.criterion), measure)

    def criterion(self, rubric: str | None, criterion: str) -> Both:
        """Name a criterion; by its id where the report does not measure it."""
        measure = self.measures.get((rubric, criterion))
        return measure.title if measure else same(criterion)

    def level(self, rubric: str | None, criterion: str, score: float) -> Both:
        """Write a score with the name of its level where it has one."""
        measure = self.measures.get((rubric, criterion))
        number = same(f"{score:g}".replace("-", "\u2212"))
        if measure is None or not measure.levels:
            return number
        return joined((number, level_name(measure, score)), " ", " ")


def section(report: Report) -> ItemsSection | None:
    """Show the prompts that were chosen; None where a run has none."""
    cases = report.cases
    if cases is None:
        return None
    key = "cases.lead" if len(cases.shown) == cases.total else "cases.lead_some"
    flags = sorted({flag for case in cases.shown for flag in _flags(case)})
    shelves = tuple(_shelves(report, cases, flags))
    places = sorted({item.group_place for shelf in shelves for item in shelf.items})
    return ItemsSection(
        ident="items",
        template="items.html",
        title=say("cases.title"),
        lead=say(
            key, shown=formatting.counted(len(cases.shown)), total=formatting.counted(cases.total)
        ),
        shelves=shelves,
        groups=[(str(place), report.groups[place].name) for place in places if place >= 0],
        outcomes=[(shelf.why, shelf.title) for shelf in shelves],
        flags=[(str(place), same(flag)) for place, flag in enumerate(flags)],
        names=LevelNames(report),
    )


def _flags(case: Case) -> set[str]:
    return {flag for answer in case.answers for each in answer.judgments for flag in each.flags}


def _shelves(report: Report, cases: Cases, flags: Sequence[str]) -> Iterator[Shelf]:
    """Put prompts on shelves, in the order in which they were chosen."""
    groups = {group.key: place for place, group in enumerate(report.groups)}
    known = {flag: place for place, flag in enumerate(flags)}
    numbered = enumerate(cases.shown)
    for why, listed in groupby(numbered, key=lambda each: each[1].why):
        items = [
            _item(report, case, ident=f"i{number}", groups=groups, flags=known)
            for number, case in listed
        ]
        yield Shelf(
            ident=f"items-{why}",
            why=why,
            title=_title(report, why),
            count=_count(len(items)),
            items=items,
        )


def _title(report: Report, why: str) -> Both:
    if why == "same" and len(report.systems) < 2:
        return say("cases.same_one")
    systems = report.systems or ("",)
    return say(f"cases.{why}", baseline=systems[0], candidate=systems[-1])


def _count(number: int) -> Both:
    return say("cases.count" if number > 1 else "cases.count_one", count=formatting.counted(number))


def _item(
    report: Report,
    case: Case,
    *,
    ident: str,
    groups: Mapping[str | None, int],
    flags: Mapping[str, int],
) -> Item:
    heard = [judgment for answer in case.answers for judgment in answer.judgments]
    final = list(concluded(heard, judges=len(report.stamp.judges), pairwise=report.origin.pairwise))
    main = [measure for measure in report.measures if measure.main]
    scores = {
        (place, system): found
        for place, measure in enumerate(main)
        for system in report.systems
        if (found := _scored(measure, system, final))
    }
    worth_of = {at: goodness(main[at[0]], found) for at, found in scores.items()}
    apart = {
        "experts": _experts_differ(report, case, final),
        "judges": _judges_differ(report, heard),
    }
    return Item(
        ident=ident,
        case=case,
        first=_first(case.prompt),
        group=report.group_name(case.group),
        group_place=groups.get(case.group, -1),
        lines=tuple(_lines(report, main, final)),
        disagreements=" ".join(name for name, true in apart.items() if true),
        flags=" ".join(str(flags[flag]) for flag in sorted(_flags(case))),
        goodness=fmean(worth_of.values()) if worth_of else None,
        change=_change(report, worth_of),
    )


def _change(report: Report, worth_of: Mapping[tuple[int, str], float]) -> float:
    """Give the largest change from the first system to the last, whatever its direction."""
    if len(report.systems) < 2:
        return 0.0
    first, last = report.systems[0], report.systems[-1]
    changes = [
        good - worth_of[place, first]
        for (place, system), good in worth_of.items()
        if system == last and (place, first) in worth_of
    ]
    return max(changes, key=abs, default=0.0)


def _lines(report: Report, main: Sequence[Measure], final: Sequence[Judgment]) -> Iterator[Line]:
    for measure in main:
        scores = [_scores(measure, system, final) for system in report.systems]
        if any(scores):
            between = " → " if len(scores) == 2 else " | "
            yield Line(
                title=named(measure),
                scores=[s or formatting.DASH for s in scores],
                between=between,
            )


def _first(prompt: str) -> str:
    line = " ".join(prompt[: 2 * _FIRST].split())
    return line if len(line) <= _FIRST else f"{line[:_FIRST]}…"


def _verdicts(measure: Measure, system: str, judgments: Sequence[Judgment]) -> Iterator[Verdict]:
    """Give the verdicts of one system under a measure, one for each sample and repeat."""
    for judgment in judgments:
        if (judgment.system, judgment.rubric) == (system, measure.rubric):
            yield from (each for each in judgment.verdicts if each.criterion == measure.criterion)


def _scored(measure: Measure, system: str, judgments: Sequence[Judgment]) -> list[int]:
    found = _verdicts(measure, system, judgments)
    return [verdict.score for verdict in found if verdict.kind == "scored"]


def _scores(measure: Measure, system: str, judgments: Sequence[Judgment]) -> str:
    return ", ".join(_score(verdict) for verdict in _verdicts(measure, system, judgments))


def _score(verdict: Verdict) -> str:
    return formatting.whole(verdict.score) if verdict.kind == "scored" else formatting.DASH


def _experts_differ(report: Report, case: Case, final: Sequence[Judgment]) -> bool:
    """Tell whether the experts' mean and the judge's score of an answer lie apart somewhere."""
    return any(
        _apart(measure, [fmean(scores), fmean(labels)])
        for measure in report.measures
        for answer in case.answers
        if (labels := _labels(measure, answer))
        and (scores := _scored(measure, answer.system, _of_sample(final, answer)))
    )


def _of_sample(final: Sequence[Judgment], answer: Answer) -> list[Judgment]:
    return [judgment for judgment in final if judgment.sample == answer.sample]


def _labels(measure: Measure, answer: Answer) -> list[float]:
    return [
        label.score
        for label in answer.labels
        if label.criterion == measure.criterion
        and label.rubric in {None, measure.rubric}
        and label.score is not None
    ]


def _judges_differ(report: Report, heard: Sequence[Judgment]) -> bool:
    """Tell whether judges, or repeats of one judge, lie apart on an answer."""
    for measure in report.measures:
        answers: dict[tuple[str, int], list[float]] = {}
        for judgment in heard:
            if judgment.rubric == measure.rubric and judgment.order == "single":
                for verdict in judgment.verdicts:
                    if verdict.criterion == measure.criterion and verdict.kind == "scored":
                        at = (judgment.system, judgment.sample)
                        answers.setdefault(at, []).append(verdict.score)
        if any(_apart(measure, scores) for scores in answers.values()):
            return True
    return False


def _apart(measure: Measure, scores: Sequence[float]) -> bool:
    """Tell whether scores fall on both sides of a threshold, or far apart where there is none."""
    if measure.at_least is not None:
        return len({score >= measure.at_least for score in scores}) > 1
    return max(scores) - min(scores) > _FAR * (measure.high - measure.low)
