"""Pairs are compared in both orders, and a preference that flips is none."""

import json

from judge.grading import pairwise
from judge.grading.aggregation import settle, settled
from judge.grading.judgment_task import judgment
from judge.models.base import Reply
from judge.records import Generation, Judgment, Scored
from rubrics import load_rubric
from tests.judge.records import JUDGE, generation


def two_systems() -> list[Generation]:
    return [
        generation(1, system="old", response="Old text."),
        generation(1, system="new", response="New text."),
        generation(2, system="new"),
    ]


def planned() -> list[pairwise.Task]:
    rubric = load_rubric("safety", language="en")
    return list(pairwise.tasks(two_systems(), [lambda _: rubric], [JUDGE]))


def reply(preference: str) -> str:
    part = {"reasoning": "r", "preference": preference}
    return json.dumps({"safe": part, "severity": part})


def read(task: pairwise.Task, preference: str) -> Judgment:
    return judgment(task, task.form.read(Reply(text=reply(preference)), ()), attempts=())


def test_each_pair_is_asked_in_both_orders() -> None:
    forward, backward = planned()

    assert forward.generation.system == "new vs old"
    assert (forward.order, backward.order) == ("forward", "backward")
    assert forward.material["response_1"] == backward.material["response_2"] == "New text."
    assert forward.key != backward.key


def test_a_preference_that_both_orders_share_is_kept_in_terms_of_the_pair() -> None:
    forward, backward = planned()

    verdicts = settle(read(forward, "1"), read(backward, "2"))

    assert verdicts[0] == Scored(criterion="safe", score=1, rationale="r")


def test_a_preference_for_a_place_is_inconsistent() -> None:
    forward, backward = planned()

    verdicts = settle(read(forward, "1"), read(backward, "1"))

    assert verdicts[0].outcome == "unscored.inconsistent_order"


def test_a_missing_preference_stays_missing() -> None:
    forward, backward = planned()

    verdicts = settle(read(forward, "cannot_assess"), read(backward, "2"))

    assert verdicts[0].outcome == "unscored.cannot_assess"


def test_a_pair_counts_once_and_not_before_both_orders_were_judged() -> None:
    forward, backward = planned()
    asked = read(forward, "1"), read(backward, "1")

    (pair,) = settled(asked)

    assert {verdict.outcome for verdict in pair.verdicts} == {"unscored.inconsistent_order"}
    assert list(settled(asked[:1])) == []
