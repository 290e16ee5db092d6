"""Labelling: blind, saved before it says so, undone, skipped, kept as an import would."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from judge.policy import MEASURES
from judge.ratings import rated
from judge.records import Language
from judge.sides import find_side
from judge.store import claims
from judge.store.annotation_project import Study
from judge.web.texts import strings
from tests.cli.program import ROOT
from tests.judge.web.rooms import Served, csrf, field, room_of, task_of

SAFETY = MEASURES["safety_rate"]
SAFE = {"score.safety.safe": "1", "score.safety.severity": "0"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with room_of(tmp_path) as room:
        yield room


def test_a_submitted_screen_becomes_labels(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", "seconds": "7", "note": "fine", **SAFE}

        ann.post(f"/label/{task_of(page)}", data=sent)

    kept = list(served.desk.store.labels(served.desk.run))
    assert [(each.rater, each.criterion, each.score) for each in kept] == [
        ("ann", "safe", 1.0),
        ("ann", "severity", 0.0),
    ]
    assert {each.rationale for each in kept} == {"fine"}


def test_a_page_says_neither_model_nor_judge_nor_item(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text

    assert "model-a answers" in page or "script" in page
    assert 'model-a"' not in page
    assert "item-" not in page


def test_what_was_saved_is_there_again(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", "note": "half a thou"}
        answer = ann.post(f"/label/{task_of(page)}/save", data=sent)

        assert answer.json() == {"version": 1}
        assert "half a thou" in ann.get("/label").text


def test_undo_goes_back_a_step(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        place, token = f"/label/{task_of(page)}", csrf(page)
        ann.post(f"{place}/save", data={"csrf": token, "version": "0", "note": "first"})
        ann.post(f"{place}/save", data={"csrf": token, "version": "1", "note": "and then another"})

        undone = ann.post(place, data={"csrf": token, "version": "2", "action": "undo"}).text

    assert "first" in undone
    assert "and then another" not in undone
    assert field(undone, "version") == "3"


def test_the_same_form_twice_is_one_label(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", **SAFE}
        ann.post(f"/label/{task_of(page)}", data=sent)

        again = ann.post(f"/label/{task_of(page)}", data=sent)

    assert again.status_code == 409
    assert len(list(served.desk.store.labels(served.desk.run))) == 2


def test_an_unanswered_question_is_asked_for(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", "score.safety.safe": "1"}

        answer = ann.post(f"/label/{task_of(page)}", data=sent)

    assert answer.status_code == 422
    assert "Still open: Severity of harm" in answer.text


def test_a_score_off_the_scale_is_no_answer(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", **SAFE, "score.safety.severity": "9"}

        assert ann.post(f"/label/{task_of(page)}", data=sent).status_code == 422


def test_what_cannot_be_assessed_has_no_number(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", **SAFE, "score.safety.severity": "cannot"}
        ann.post(f"/label/{task_of(page)}", data=sent)

    kept = {each.criterion: each.score for each in served.desk.store.labels(served.desk.run)}
    assert kept == {"safe": 1.0, "severity": None}


def test_a_skipped_task_needs_a_reason_and_goes_to_somebody_else(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        first = task_of(page)
        sent = {"csrf": csrf(page), "version": "0", "action": "skip"}
        assert ann.post(f"/label/{first}", data=sent).status_code == 422

        after = ann.post(f"/label/{first}", data={**sent, "reason": "too close to home"})

    assert task_of(after.text) != first
    claim = claims.find_claim(served.desk, "ann", first)
    assert claim is not None
    assert claim.state == "skipped"


def test_each_task_goes_to_as_many_as_wanted_and_no_more(tmp_path: Path) -> None:
    with room_of(tmp_path, count=3, study=Study(per_item=2)) as served:
        done = {name: _label_all(served, name) for name in ("ann", "bo", "cy")}

    assert sum(done.values()) == 6
    assert done["ann"] == done["bo"] == 3


def test_a_disputed_task_goes_to_a_third_who_cannot_tell(tmp_path: Path) -> None:
    with room_of(tmp_path, count=1) as served:
        _label_all(served, "ann")
        _label_all(served, "bo", safe="0", severity="2")
        with served.enter("rev", "reviewer") as reviewer:
            page = reviewer.get("/label").text
            assert "Task 1 of 1" in page
            assert ">ann<" not in page
            sent = {"csrf": csrf(page), "version": "0", **SAFE}
            reviewer.post(f"/label/{task_of(page)}", data=sent)

        claim = claims.own_claims(served.desk, "rev")[0]
        assert claim.kind == "adjudicate"
        kept = list(served.desk.store.labels(served.desk.run))
        human = rated(find_side(served.desk.store, "first"), SAFETY).human

    assert {(each.rater, each.kind) for each in kept} == {
        ("ann", "label"),
        ("bo", "label"),
        ("rev", "adjudicate"),
    }
    assert len(kept) == 6
    # Two against one: what was a tie is settled as the third says.
    assert human.tolist() == [1.0]


def test_a_dispute_that_a_rater_takes_back_goes_to_nobody(tmp_path: Path) -> None:
    with room_of(tmp_path, count=1) as served:
        _label_all(served, "ann")
        _label_all(served, "bo", safe="0", severity="2")
        task = claims.own_claims(served.desk, "bo")[0].task.task
        with served.enter("bo") as bo:
            page = bo.get("/own").text
            again = bo.post(f"/label/{task}/reopen", data={"csrf": csrf(page)}).text
            sent = {"csrf": csrf(again), "version": field(again, "version"), **SAFE}
            bo.post(f"/label/{task}", data=sent)
        with served.enter("rev", "reviewer") as reviewer:
            page = reviewer.get("/label").text

    assert 'id="task"' not in page


def test_a_reopened_task_takes_its_labels_back(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        task = task_of(page)
        ann.post(f"/label/{task}", data={"csrf": csrf(page), "version": "0", **SAFE})

        again = ann.post(f"/label/{task}/reopen", data={"csrf": csrf(page)}).text

    assert task_of(again) == task
    assert list(served.desk.store.labels(served.desk.run)) == []


def test_two_raters_see_the_tasks_in_orders_of_their_own(tmp_path: Path) -> None:
    with room_of(tmp_path, count=12) as served:
        _label_all(served, "ann")
        _label_all(served, "bo")
        orders = [
            [claim.task.task for claim in claims.own_claims(served.desk, name)]
            for name in ("ann", "bo")
        ]

    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_a_rater_goes_on_at_another_machine(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", "note": "begun here"}
        ann.post(f"/label/{task_of(page)}/save", data=sent)
        shown = ann.post("/elsewhere", data={"csrf": csrf(page)}).text
        path = shown.split('data-path="')[1].split('"')[0]
        ann.cookies.clear()

        ann.post(path)
        assert "begun here" in ann.get("/label").text


def test_of_three_replies_the_best_is_scored_and_rewritten(tmp_path: Path) -> None:
    systems = ("model-a", "model-b", "model-c")
    study = Study(screen="best-of-three", per_item=1)
    with room_of(tmp_path, count=2, rubric="responsibility", study=study, systems=systems) as room:
        with room.enter("ann") as ann:
            page = ann.get("/label").text
            sent = {
                "csrf": csrf(page),
                "version": "0",
                "best": "1",
                "score.responsibility.overall": "4",
                "answer": "我会这样回答。",
            }
            ann.post(f"/label/{task_of(page)}", data=sent)
        claim = claims.own_claims(room.desk, "ann")[0]
        (label,) = room.desk.store.labels(room.desk.run)

    assert (label.criterion, label.score) == ("overall", 4.0)
    assert label.system == claim.task.units[claim.layout[1]][1]


def _label_all(served: Served, name: str, *, safe: str = "1", severity: str = "0") -> int:
    with served.enter(name) as rater:
        for done in range(50):
            page = rater.get("/label").text
            if 'id="task"' not in page:
                return done
            sent = {
                "csrf": csrf(page),
                "version": field(page, "version"),
                "score.safety.safe": safe,
                "score.safety.severity": severity,
            }
            rater.post(f"/label/{task_of(page)}", data=sent)
    return -1


def test_a_rater_sees_the_names_of_levels_and_how_many_tasks_there_are(tmp_path: Path) -> None:
    with room_of(tmp_path, count=3) as served, served.enter("ann", lang="zh") as ann:
        page = ann.get("/label").text
        ann.post(f"/label/{task_of(page)}", data={"csrf": csrf(page), "version": "0", **SAFE})
        second, own = ann.get("/label").text, ann.get("/own").text

    assert "<h1>第 1 项，共 3 项</h1>" in page
    assert '<kbd class="code">1</kbd> <span class="anchor"><b>安全</b>。' in page
    assert "<h1>第 2 项，共 3 项</h1>" in second
    assert "是否安全 <b>安全</b>" in own


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_event_that_the_store_writes_has_words(lang: Language) -> None:
    found = {
        action
        for path in (ROOT / "judge" / "store").glob("*.py")
        for action in re.findall(r'desk\.note\([^)]*?"([a-z]+\.[a-z]+)"', path.read_text("utf-8"))
    }

    assert {"rater.added", "task.opened", "tasks.drawn"} <= found
    assert found <= strings(lang)["event"].keys()
