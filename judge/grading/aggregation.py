"""One judgment of several on the same question: a pair's two orders, or the judges of a panel."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from judge.records import Judgment, Scored, Unscored, Usage, Verdict

if TYPE_CHECKING:
    from calibration.bias import PositionBias
    from judge.store.records import Run


def settled(judgments: Iterable[Judgment]) -> Iterator[Judgment]:
    """Give each pair once: one judgment for its two orders, of each judge, rubric and repeat.

    Parameters
    ----------
    judgments : iterable of Judgment
        Those of one unit next to each other, as a store gives them. A pair of which only one
        order was judged is left out.
    """
    for forward, backward in _both_orders(judgments):
        yield forward.model_copy(update={"verdicts": settle(forward, backward)})


def position_effects(judgments: Iterable[Judgment]) -> "dict[tuple[str, str], PositionBias]":
    """Measure what an answer gains by being shown first.

    Parameters
    ----------
    judgments : iterable of Judgment
        As for :func:`settled`.

    Returns
    -------
    dict
        By judge and criterion, as ``rubric.criterion``; without those of which no pair has a
        preference in both orders.
    """
    from calibration.bias import position_bias
    from calibration.estimate import Undefined

    found = defaultdict[tuple[str, str], list[tuple[float, float]]](list)
    for forward, backward in _both_orders(judgments):
        for one, other in zip(forward.verdicts, backward.verdicts, strict=True):
            place = (forward.judge, f"{forward.rubric}.{one.criterion}")
            found[place].append((_preferred(one), _preferred(other)))
    effects: dict[tuple[str, str], PositionBias] = {}
    for place, pairs_ in found.items():
        with suppress(Undefined):
            effects[place] = position_bias(*zip(*pairs_, strict=True))
    return effects


def _both_orders(judgments: Iterable[Judgment]) -> Iterator[tuple[Judgment, Judgment]]:
    for _, unit in groupby(judgments, key=lambda judgment: judgment.unit):
        asked = sorted(unit, key=_question)
        for _, both in groupby(asked, key=_question):
            orders = {judgment.order: judgment for judgment in both}
            if {"forward", "backward"} <= orders.keys():
                yield orders["forward"], orders["backward"]


def _preferred(verdict: Verdict) -> float:
    return math.nan if verdict.kind == "unscored" else float(verdict.score)


def _question(judgment: Judgment) -> tuple[str, str, int]:
    return (judgment.judge, judgment.rubric, judgment.repeat)


def settle(forward: Judgment, backward: Judgment) -> tuple[Verdict, ...]:
    """Give one verdict for each criterion from both orders.

    Returns
    -------
    tuple of Verdict
        The preference that both orders share; ``unscored.inconsistent_order`` where they differ,
        and the first reason where one of them has none.
    """
    return tuple(
        _agreed(one, other) for one, other in zip(forward.verdicts, backward.verdicts, strict=True)
    )


def _agreed(one: Verdict, other: Verdict) -> Verdict:
    if one.kind == "unscored":
        return one
    if other.kind == "unscored" or one.score == other.score:
        return other
    return Unscored(criterion=one.criterion, outcome="unscored.inconsistent_order")


# A panel of judges: one verdict from several, by strict majority of all its members.
#
# A member that gave no verdict stays in the denominator: two of three judges who say "safe" are
# a majority, one of three is not, even when the other two said nothing.

NAME = "panel"
"""How tables call the panel among the judges."""


def majority(verdicts: Sequence[Verdict]) -> Verdict:
    """Give the level that a strict majority of the members can live with.

    The level is one that more than half of all members do not exceed and more than half do not
    fall short of: for two levels that is the strict majority, for ordered levels the median.

    Parameters
    ----------
    verdicts : sequence of Verdict
        One for each member, on the same criterion; at least one.

    Returns
    -------
    Verdict
        ``unscored.no_majority`` where no such level exists.
    """
    criterion = verdicts[0].criterion
    scores = sorted(verdict.score for verdict in verdicts if verdict.kind == "scored")
    for level in scores:
        at_most = sum(score <= level for score in scores)
        at_least = sum(score >= level for score in scores)
        if 2 * min(at_most, at_least) > len(verdicts):
            return Scored(criterion=criterion, score=level)
    return Unscored(criterion=criterion, outcome="unscored.no_majority")


def combine(members: Sequence[Judgment]) -> Judgment:
    """Make one judgment of those that several judges gave on the same question.

    Parameters
    ----------
    members : sequence of Judgment
        Of one unit, rubric, repeat and order; one for each judge.
    """
    first = members[0]
    columns = zip(*(member.verdicts for member in members), strict=True)
    return first.model_copy(
        update={
            "judge": NAME,
            "verdicts": tuple(majority(column) for column in columns),
            "flags": tuple(sorted({flag for member in members for flag in member.flags})),
            "served_model": None,
            "rung": None,
            "usage": Usage(),
            "cost_usd": None,
            "latency_ms": None,
            "attempts": 0,
        }
    )


def with_panel(judgments: Iterable[Judgment], judges: int) -> Iterator[Judgment]:
    """Stream judgments, each question's followed by its panel's where there are several judges.

    Parameters
    ----------
    judgments : iterable of Judgment
        Those of one unit next to each other, as a store gives them.
    judges : int
        Members of the panel; a question that some have not answered yet has no panel verdict.
    """
    if judges < 2:
        yield from judgments
        return
    for _, unit in groupby(judgments, key=lambda judgment: judgment.unit):
        given = list(unit)
        yield from given
        questions = sorted(given, key=_member_question)
        for _, answers in groupby(questions, key=_member_question):
            members = list(answers)
            if len(members) == judges:
                yield combine(members)


def placed_with_panel(
    placed: Iterable[tuple[int | None, Judgment]], judges: int
) -> Iterator[tuple[int | None, Judgment]]:
    """Do as :func:`with_panel` with judgments that come after the places of their units."""
    for place, given in groupby(placed, key=itemgetter(0)):
        for judgment in with_panel((each for _, each in given), judges):
            yield place, judgment


def _member_question(judgment: Judgment) -> tuple[str, int, str]:
    return (judgment.rubric, judgment.repeat, judgment.order)


def chosen_judge(run: "Run") -> str:
    """Name the judge whose verdict stands for a run: its only one, or the panel."""
    judges = run.manifest.judges
    return judges[0].name if len(judges) == 1 else NAME
