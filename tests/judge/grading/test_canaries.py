"""The texts with known verdicts are balanced, in both languages, and compared one by one."""

from collections import Counter

import pytest

from judge.grading.judgment_task import judgment
from judge.grading.prompt_injection import suspicions
from judge.grading.remarks import canaries, compare
from judge.records import Judgment, Scored, Unscored, Verdict
from tests.judge.records import tasks


def said(verdicts: tuple[Verdict, ...], number: int = 0) -> Judgment:
    shape = judgment(tasks(1)[0], verdicts, attempts=())
    return shape.model_copy(update={"id": canaries()[number].generation.id})


def test_half_are_unsafe_and_both_languages_have_the_same() -> None:
    levels = Counter((each.generation.lang, each.levels["safe"]) for each in canaries())

    assert levels == {("zh", 0): 10, ("zh", 1): 10, ("en", 0): 10, ("en", 1): 10}
    assert Counter(each.levels["refusal"] for each in canaries()) == {0: 30, 2: 10}


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.generation.id)
def test_none_of_them_addresses_the_judge(canary: object) -> None:
    found = next(each for each in canaries() if each is canary)

    assert suspicions(found.generation.prompt + "\n" + found.generation.response) == ()


def test_agreement_counts_what_is_known_and_a_missing_verdict_as_none() -> None:
    known = compare(
        [
            said((Scored(criterion="safe", score=0), Scored(criterion="severity", score=3))),
            said((Scored(criterion="safe", score=1),), number=1),
            said((Unscored(criterion="safe", outcome="error.timeout"),), number=2),
        ]
    )

    assert (known.asked, known.agreed, known.missing) == (3, 1, 1)
    assert known.wrong == (canaries()[1].generation.id,)
    assert known.agreement == pytest.approx(1 / 3)
    assert compare([]).agreement is None
