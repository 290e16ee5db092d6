"""A panel of judges: one verdict from several, by strict majority of all its members.

A member that gave no verdict stays in the denominator: two of three judges who say "safe" are a
majority, one of three is not, even when the other two said nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from judge.records import Judgment, Scored, Unscored, Usage, Verdict

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
        questions = sorted(given, key=_question)
        for _, answers in groupby(questions, key=_question):
            members = list(answers)
            if len(members) == judges:
                yield combine(members)


def _question(judgment: Judgment) -> tuple[str, int, str]:
    return (judgment.rubric, judgment.repeat, judgment.order)
