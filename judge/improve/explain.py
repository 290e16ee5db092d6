"""The gap finder: where the rubric is silent, where the judge does not follow, where experts part.

Disagreements are grouped by criterion, the experts' level and the judge's level. For each group a
clause is proposed (or taken from a rubric by hand) and shown to the judge on all open cases: if it
then agrees, the rubric did not say it; if it still does not, it does not follow. Groups on which
the experts themselves part are no gap of the rubric that a clause could fill. The proof part stays
sealed.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Literal

from judge.improve.cases import Case
from judge.improve.components import DEFINITION, components_of
from judge.improve.evaluation import Judged
from judge.improve.proposers import Search, disagreements
from judge.improve.reflection import read_text, request_for
from judge.records import Record
from rubrics.rubric import Rubric

Cause = Literal["the rubric does not say", "the judge does not follow", "experts part", "untested"]

FEWEST = 2
"""Disagreements that make a group."""
SHOWN = 6
"""Cases of a group that the reflection model is shown, and as many agreements."""
TRIES = 2
"""Clauses that are asked for, where the guards reject the first."""
SETTLED = 0.5
"""Share of pairs of experts that must agree on a group's cases."""


class Gap(Record):
    """One group of disagreements."""

    criterion: str
    experts: float
    """The level that experts give."""
    judge: float
    """The level that the judge gives."""
    count: int
    of: int
    """Labelled cases of the criterion in the open parts."""
    expert_agreement: float | None
    """Share of pairs of experts that gave these cases the same level; None with one expert."""
    cause: Cause
    clause: str | None = None
    """The text that was shown to the judge."""
    moved: int = 0
    """Labels of the group that the judge agrees with once it has read the clause."""
    gained: int = 0
    """Labels of all open cases that it then agrees with and did not before."""
    lost: int = 0
    """Labels that it agreed with before and then no longer does."""
    ids: tuple[str, ...] = ()
    """Some of the cases, for people to look at."""


async def explain(
    search: Search, *, reflective: bool, by_hand: Rubric | None = None
) -> tuple[Gap, ...]:
    """Explain the disagreements of the open parts.

    Parameters
    ----------
    search : Search
    reflective : bool
        Whether the engine has a reflection model to propose clauses.
    by_hand : Rubric, optional
        A rubric whose texts are shown to the judge in place of proposed clauses.

    Returns
    -------
    tuple of Gap
        The largest first.
    """
    cases = (*search.reflect, *search.select)
    cells = disagreements(cases, search.criteria)
    gaps: list[Gap] = []
    for (criterion, experts, said), places in sorted(cells.items(), key=lambda c: -len(c[1])):
        if len(places) < FEWEST:
            continue
        group = [cases[place] for place in places]
        gap = Gap(
            criterion=criterion,
            experts=experts,
            judge=said,
            count=len(group),
            of=sum(criterion in case.labels for case in cases),
            expert_agreement=expert_agreement(group, criterion),
            cause="untested",
            ids=tuple(case.generation.id for case in group[:5]),
        )
        if gap.expert_agreement is not None and gap.expert_agreement < SETTLED:
            gap = gap.model_copy(update={"cause": "experts part"})
        elif reflective or by_hand is not None:
            gap = await _tested(search, gap, group, by_hand=by_hand)
        gaps.append(gap)
        search.report(f"{criterion}: experts {experts:g}, judge {said:g}: {gap.cause}")
    return tuple(gaps)


def expert_agreement(cases: Iterable[Case], criterion: str) -> float | None:
    """Share of pairs of experts that gave a case the same level; None where none has two."""
    pairs = [
        one == other
        for case in cases
        for one, other in combinations(case.raters.get(criterion, ()), 2)
    ]
    return sum(pairs) / len(pairs) if pairs else None


async def _tested(
    search: Search, gap: Gap, group: Sequence[Case], *, by_hand: Rubric | None
) -> Gap:
    """Show the judge a clause and see what it moves."""
    cases = (*search.reflect, *search.select)
    (before,) = await search.engine.judge([search.setup], cases)
    rubric, clause = by_hand, None
    if rubric is None:
        rubric, clause = await _clause(search, gap, group, before=before)
    if rubric is None:
        return gap
    (after,) = await search.engine.judge([search.with_rubric(rubric)], cases)
    right = [
        (
            case,
            was.levels.get(gap.criterion) == case.labels[gap.criterion],
            now.levels.get(gap.criterion) == case.labels[gap.criterion],
        )
        for case, was, now in zip(cases, before, after, strict=True)
        if gap.criterion in case.labels
    ]
    mine = {case.unit for case in group}
    moved = sum(now and case.unit in mine for case, _, now in right)
    gained = sum(now and not was for _, was, now in right)
    lost = sum(was and not now for _, was, now in right)
    follows = 2 * moved >= len(group) and gained > lost
    return gap.model_copy(
        update={
            "cause": "the rubric does not say" if follows else "the judge does not follow",
            "clause": clause,
            "moved": moved,
            "gained": gained,
            "lost": lost,
        }
    )


async def _clause(
    search: Search, gap: Gap, group: Sequence[Case], *, before: Sequence[Judged]
) -> tuple[Rubric | None, str | None]:
    """Ask for a definition that would settle a group; None where the guards reject all."""
    cases = (*search.reflect, *search.select)
    said = {case.unit: judged for case, judged in zip(cases, before, strict=True)}
    right = [
        case
        for case in cases
        if case.labels.get(gap.criterion) == said[case.unit].levels.get(gap.criterion)
    ]
    shown = [(case, said[case.unit]) for case in (*group[:SHOWN], *right[:SHOWN])]
    name = f"{gap.criterion}.{DEFINITION}"
    texts = components_of(search.rubric, search.criteria)
    for _ in range(TRIES):
        request = request_for(search.rubric, name, texts, shown=shown)
        answer = await search.engine.reflect(request)
        text = read_text(answer) if answer else ""
        candidate = search.candidate({**texts, name: text}, "explain") if text else None
        if candidate is not None:
            return candidate.setup.rubric, text
    return None, None
