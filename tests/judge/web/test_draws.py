"""A draw, a top-up and the room: labels that come home in any order are each kept once."""

import csv
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from judge.calibrate.label_sampling import Drawn, Wish, draw_items, topped_up
from judge.cli.labels import labels_for, sorted_out
from judge.exporters.workbook import write_sheet
from judge.manifest import KIND, Manifest, RubricEdition, Source
from judge.records import Generation
from judge.store.annotation_project import Desk, Study
from judge.store.records import Run
from judge.store.run_contents import samples_of
from judge.store.store import Store, open_store
from judge.web.setup import open_room
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from tests.judge.web.rooms import csrf, field, served_room, task_of

FIRST, MORE, IN_BROWSER = 4, 8, 6
WAYS = ("browser", "first", "second")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = open_store(str(tmp_path / "store.db"))
    yield kept
    kept.close()


def run_of(store: Store) -> Run:
    rubric = load_rubric("safety", language="en")
    names = tuple(each.id for each in rubric.criteria)
    edition = RubricEdition(
        rubric="safety", language="en", digest=rubric_digest(rubric), criteria=names
    )
    return store.create_run(
        "r",
        Manifest(source=Source(name="r.jsonl", sha256="0" * 64, rows=30), rubrics=(edition,)),
        generations=[
            Generation(id=f"p{n}", prompt=f"? {n}", response=f"! {n}", system="m", lang="en")
            for n in range(30)
        ],
        documents={"rubric/safety/en": rubric.model_dump_json()},
    )


def draw(store: Store, run: Run, wish: Wish, sheet: Path) -> Drawn:
    drawn = draw_items(store, run, wish)
    write_sheet(sheet, drawn.sample, drawn.shown, criteria=drawn.criteria, lang=drawn.lang)
    store.add_document(run, KIND, drawn.sample.model_dump_json())
    return drawn


def level(item: str) -> int:
    return int(int(item[1:]) % 3 != 0)


def bring_home(store: Store, run: Run, sheet: Path) -> tuple[int, int]:
    """Fill a sheet in, import it, and give how many labels were new and how many known."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["safe"] = str(level(f"p{row['prompt'][2:]}"))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    read = labels_for(store, run, sheet, encoding=None, rater="ann")
    new, known = sorted_out(store, run, read, sheet)
    store.add_labels(run, new)
    return len(new), len(known)


def label_in_browser(store: Store, run: Run) -> int:
    """Label what the room offers, a few tasks at most."""
    room, done = open_room(Desk(store=store, run=run), Study(per_item=2)), 0
    names = {item.task: item.id for sample in samples_of(store, run) for item in sample.items}
    with served_room(room) as served, served.enter("ann") as client:
        for _ in range(IN_BROWSER):
            page = client.get("/label").text
            # Where nothing is left, the page has no form of a task.
            task = task_of(page) if 'action="/label/' in page else ""
            if task not in names:
                break
            sent = {"csrf": csrf(page), "version": field(page, "version")}
            score = str(level(names[task]))
            answer = client.post(
                f"/label/{task}", data={**sent, "score.safety.safe": score, "note": ""}
            )
            assert answer.status_code == 200, answer.text
            done += 1
    return done


@pytest.mark.parametrize("order", list(permutations(WAYS)), ids="-".join)
def test_labels_of_two_draws_come_home_in_any_order(
    store: Store, tmp_path: Path, order: tuple[str, ...]
) -> None:
    run = run_of(store)
    wish = Wish(n=FIRST, seed=3, criteria=("safe",))
    sheets = {"first": tmp_path / "first.csv", "second": tmp_path / "second.csv"}
    first = draw(store, run, wish, sheets["first"])
    more = topped_up(Wish(n=MORE), samples_of(store, run))
    second = draw(store, run, more, sheets["second"])

    for way in order:
        if way == "browser":
            label_in_browser(store, run)
        else:
            bring_home(store, run, sheets[way])

    labels = list(store.labels(run))
    drawn = {item.id for each in (first, second) for item in each.sample.items}
    assert len(drawn) == FIRST + MORE
    assert sorted(label.id for label in labels) == sorted(drawn)
    assert {label.id: label.score for label in labels} == {name: level(name) for name in drawn}


def test_a_room_offers_nobody_what_they_labelled_on_a_sheet(store: Store, tmp_path: Path) -> None:
    run = run_of(store)
    draw(store, run, Wish(n=FIRST, criteria=("safe",)), tmp_path / "s.csv")
    bring_home(store, run, tmp_path / "s.csv")

    assert label_in_browser(store, run) == 0
