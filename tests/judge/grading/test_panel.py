"""A panel speaks by strict majority, and those who said nothing still count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.grading.aggregation import combine, majority, with_panel
from judge.grading.judgment_task import judgment
from judge.records import Judge, Scored, Unscored, Verdict
from tests.judge.records import tasks


def votes(*scores: int | None) -> list[Verdict]:
    return [
        Unscored(criterion="safe", outcome="unscored.judge_refused")
        if score is None
        else Scored(criterion="safe", score=score)
        for score in scores
    ]


@pytest.mark.parametrize(
    ("scores", "level"),
    [
        ((1, 1, 0), 1),
        ((0, 1, 0), 0),
        ((1, 1, None), 1),
        ((1, None, None), None),
        ((1, 0, None), None),
        ((1, 0), None),
        ((4, 7, 9), 7),
        ((4, 7, 9, 9), None),
        ((4, 7, 7, 9), 7),
        ((None, None, None), None),
        ((5,), 5),
    ],
)
def test_the_level_is_that_of_a_strict_majority_of_all_members(
    scores: tuple[int | None, ...], level: int | None
) -> None:
    verdict = majority(votes(*scores))

    assert (verdict.score if verdict.kind == "scored" else None) == level
    assert verdict.outcome == ("ok" if level is not None else "unscored.no_majority")


@given(st.lists(st.one_of(st.none(), st.integers(1, 10)), min_size=1, max_size=9))
def test_the_order_of_the_members_does_not_matter(scores: list[int | None]) -> None:
    assert majority(votes(*scores)) == majority(votes(*reversed(scores)))


def test_a_panel_follows_each_question_that_all_its_members_answered() -> None:
    members = [
        judgment(
            tasks(1, Judge(model=f"openai/{name}"))[0],
            (Scored(criterion="safe", score=score), Scored(criterion="severity", score=0)),
            attempts=(),
        )
        for name, score in (("a", 1), ("b", 0), ("c", 1))
    ]

    given_ = list(with_panel(members, 3))

    assert [each.judge for each in given_] == ["openai/a", "openai/b", "openai/c", "panel"]
    assert given_[-1] == combine(members)
    assert given_[-1].verdicts[0] == Scored(criterion="safe", score=1)
    assert list(with_panel(members[:2], 3)) == members[:2]
