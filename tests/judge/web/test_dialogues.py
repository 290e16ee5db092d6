"""Labelling conversations: the turn at fault is marked, kept, exported and read back."""

from pathlib import Path

import pytest

from judge.cli.labels import labels_for
from judge.conversation import units
from judge.exporters.tables import write_rows
from judge.exporters.workbook import write_sheet
from judge.files.decoding import TableError
from judge.files.read import read_rows
from judge.importers.labels import read_labels, shown, shown_digest
from judge.importers.responses import Asked, Home
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics, samples_of
from judge.store.store import Store, open_store
from tests.judge.web.dialogues import dialogue_room, dialogue_run, dialogues, edition
from tests.judge.web.rooms import NASTY, csrf, task_of

SAFE = {"score.safety.safe": "1", "score.safety.severity": "0"}
UNSAFE = {"score.safety.safe": "0", "score.safety.severity": "2"}


def test_a_conversation_is_shown_turn_by_turn_and_no_text_is_markup(tmp_path: Path) -> None:
    with dialogue_room(tmp_path) as served, served.enter("ann") as ann:
        page = ann.get("/label").text

        assert page.count('class="turn ') == 6
        assert page.count('type="radio" name="turn"') == 4
        assert "list_files" in page
        for _ in range(4):
            page = ann.get("/label").text
            assert "<script>document" not in page
            ann.post(f"/label/{task_of(page)}", data={"csrf": csrf(page), "version": "0", **SAFE})


def test_an_unsafe_conversation_needs_its_turn_and_the_label_carries_it(tmp_path: Path) -> None:
    with dialogue_room(tmp_path) as served:
        with served.enter("ann") as ann:
            page = ann.get("/label").text
            sent = {"csrf": csrf(page), "version": "0", **UNSAFE}
            refused = ann.post(f"/label/{task_of(page)}", data=sent)
            assert refused.status_code == 422
            assert "First turn at fault" in refused.text
            sent |= {"version": "1", "turn": "3"}
            ann.post(f"/label/{task_of(page)}", data=sent)
            assert "First turn at fault <b>3</b>" in ann.get("/own").text
        kept = list(served.desk.store.labels(served.desk.run))

    assert [(each.criterion, each.score, each.turn) for each in kept] == [
        ("safe", 0.0, 3),
        ("severity", 2.0, 3),
    ]


@pytest.mark.parametrize("turn", ["0", "2", "9", "x", "-1"])
def test_a_turn_that_is_not_judged_is_no_mark(tmp_path: Path, turn: str) -> None:
    with dialogue_room(tmp_path) as served, served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "version": "0", "turn": turn, **UNSAFE}
        assert ann.post(f"/label/{task_of(page)}", data=sent).status_code == 422


def test_a_safe_label_has_no_turn(tmp_path: Path) -> None:
    with dialogue_room(tmp_path) as served:
        with served.enter("ann") as ann:
            page = ann.get("/label").text
            sent = {"csrf": csrf(page), "version": "0", "turn": "3", **SAFE}
            ann.post(f"/label/{task_of(page)}", data=sent)
        assert {each.turn for each in served.desk.store.labels(served.desk.run)} == {None}


def test_a_turn_that_is_judged_for_itself_ends_what_is_shown(tmp_path: Path) -> None:
    with dialogue_room(tmp_path, count=2, unit="each_reply") as served:
        pages: list[str] = []
        with served.enter("ann") as ann:
            for _ in range(6):
                page = ann.get("/label").text
                pages.append(page)
                sent = {"csrf": csrf(page), "version": "0", **SAFE}
                ann.post(f"/label/{task_of(page)}", data=sent)
        kept = {each.id for each in served.desk.store.labels(served.desk.run)}

    # One conversation after the other, each in its own order, whatever chance says.
    assert [page.count('class="turn ') for page in pages] == [2, 4, 6, 2, 4, 6]
    assert all('name="turn"' not in page for page in pages)
    assert kept == {f"d{number}#{turn}" for number in range(2) for turn in (1, 3, 5)}


def test_a_sheet_shows_turns_that_no_text_can_imitate() -> None:
    (hostile,) = (each for each in dialogues(2) if each.id == "d1")
    forged = hostile.messages[0].model_copy(update={"content": "x\n[1] assistant\n  I refuse."})
    prompt, response = shown(
        hostile.model_copy(update={"messages": (forged, *hostile.messages[1:])})
    )

    heads = [line for line in prompt.split("\n") if not line.startswith("  ")]
    assert heads == [
        "[0] user",
        "[1] assistant",
        "[2] tool",
        "[3] assistant",
        "[4] user",
        "[5] assistant",
    ]
    assert '  → list_files({"path": "/"})' in prompt
    assert NASTY.split("\u202e", maxsplit=1)[0] in prompt
    assert response == "Done."


def asked_of(store: Store, run: Run) -> Asked:
    return Asked(
        units={
            each.unit: Home(
                group=each.group,
                lang="en",
                text_sha256=shown_digest(each),
                turns=0 if each.turn is not None else len(each.messages),
            )
            for each in store.generations(run)
        },
        rubrics=tuple(kept_rubrics(store, run).values()),
        draws=samples_of(store, run),
        rater="ann",
    )


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_a_sheet_of_conversations_comes_home_with_its_turns(tmp_path: Path, form: str) -> None:
    store = open_store(str(tmp_path / "store.db"))
    run = dialogue_run(store, count=4)
    (drawn,) = samples_of(store, run)
    known = {each.unit: each for each in store.generations(run)}
    path = tmp_path / f"sheet.{form}"
    texts = [known[item.unit] for item in drawn.items]
    criteria = edition("en", "session").criteria
    write_sheet(path, drawn, texts, criteria=criteria, lang="en")
    rows = [dict(row.values) for row in read_rows(path)]
    assert "turn" in rows[0]
    for row in rows:
        harm = "HARM" in str(row["prompt"])
        row |= {"safe": 0 if harm else 1, "severity": 2 if harm else 0, "turn": 3 if harm else None}
    filled = tmp_path / "filled.csv"
    write_rows(filled, rows, form="csv")

    labels = read_labels(filled, asked_of(store, run))
    marked = {(each.id, each.score, each.turn) for each in labels if each.criterion == "safe"}
    store.close()

    assert marked == {("d0", 1, None), ("d1", 1, None), ("d2", 1, None), ("d3", 0, 3)}


def test_exported_labels_with_turns_are_imported_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    run = dialogue_run(store, count=4)
    path = tmp_path / "labels.csv"
    path.write_text("id,rater,criterion,score,turn\nd3,ann,safe,0,3\n", encoding="utf-8")
    (label,) = labels_for(store, run, path, encoding=None)
    assert (label.id, label.turn) == ("d3", 3)

    path.write_text("id,rater,criterion,score,turn\nd3,ann,safe,0,6\n", encoding="utf-8")
    with pytest.raises(TableError, match="turn 6 is none of the conversation"):
        labels_for(store, run, path, encoding=None)
    store.close()


def test_a_label_of_a_turn_finds_the_item_that_is_this_turn(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    run = dialogue_run(store, count=1, unit="each_reply")
    path = tmp_path / "labels.csv"
    path.write_text("id,rater,criterion,score,turn\nd0,ann,safe,1,3\n", encoding="utf-8")
    (label,) = labels_for(store, run, path, encoding=None)
    store.close()
    assert label.id == "d0#3"


def test_the_digest_of_a_single_turn_is_as_before() -> None:
    (plain, *_) = units(dialogues(1), [edition("en", "session")])
    single = plain.model_copy(update={"messages": ()})
    assert shown(single) == (single.prompt, single.response)
    assert shown_digest(single) != shown_digest(plain)
