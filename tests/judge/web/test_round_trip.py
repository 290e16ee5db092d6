"""The same judgements by browser and by sheet give calibration the same input, to the byte."""

import json
from pathlib import Path

from judge.exporters.sheets import write_sheet
from judge.importers.asked import Asked
from judge.importers.sheets import read_sheet, text_digest
from judge.judging import kept_rubrics
from judge.policy import MEASURES
from judge.ratings import find_side, rated
from judge.samples import KIND, Sample
from judge.store.annotation_base import Study
from judge.store.base import Run
from judge.store.desk import Desk
from judge.store.sql import Store, open_store
from judge.web.opening import open_room
from tests.judge.web.rooms import csrf, field, judged_run, served_room, task_of

GIVEN = {"safe": 1, "severity": 0}
SAFE = MEASURES["safety_rate"]


def with_draw(folder: Path) -> tuple[Store, Run, Sample]:
    folder.mkdir()
    store = open_store(str(folder / "store.db"))
    run = judged_run(store, count=6)
    body = store.latest_document(run, KIND)
    assert body is not None
    drawn = Sample.model_validate_json(body)
    texts = {each.unit: text_digest(each.prompt, each.response) for each in store.generations(run)}
    items = tuple(each.model_copy(update={"text_sha256": texts[each.unit]}) for each in drawn.items)
    drawn = drawn.model_copy(update={"items": items})
    store.add_document(run, KIND, drawn.model_dump_json())
    return store, run, drawn


def by_browser(store: Store, run: Run) -> None:
    room = open_room(Desk(store=store, run=run), Study(per_item=1))
    with served_room(room) as served, served.enter("ann") as ann:
        for _ in range(6):
            page = ann.get("/label").text
            scores = {f"score.safety.{name}": str(score) for name, score in GIVEN.items()}
            sent = {"csrf": csrf(page), "version": field(page, "version"), **scores}
            ann.post(f"/label/{task_of(page)}", data=sent)


def by_sheet(store: Store, run: Run, drawn: Sample, path: Path) -> None:
    rubrics = tuple(kept_rubrics(store, run).values())
    shown = {each.unit: each for each in store.generations(run)}
    write_sheet(
        path, drawn, [shown[each.unit] for each in drawn.items], criteria=rubrics[0].criteria
    )
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    filled = [json.dumps({**row, **GIVEN, "rater": "ann"}) for row in rows]
    path.write_text("\n".join(filled) + "\n", encoding="utf-8")
    asked = Asked(units={}, rubrics=rubrics, drawn=drawn)
    store.add_labels(run, read_sheet(path, asked))


def test_browser_and_sheet_give_the_same_input(tmp_path: Path) -> None:
    one, first, _ = with_draw(tmp_path / "web")
    other, second, drawn = with_draw(tmp_path / "sheet")

    by_browser(one, first)
    by_sheet(other, second, drawn, tmp_path / "sheet.jsonl")

    said = [
        sorted((x.id, x.system, x.sample, x.rater, x.criterion, x.score) for x in store.labels(run))
        for store, run in ((one, first), (other, second))
    ]
    arrays = [rated(find_side(store, "first"), SAFE, judge="none") for store in (one, other)]
    one.close()
    other.close()
    assert said[0] == said[1]
    assert arrays[0].human.tobytes() == arrays[1].human.tobytes()
    assert arrays[0].prompts == arrays[1].prompts
