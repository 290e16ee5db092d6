"""The same judgements by browser, workbook, CSV and Label Studio are the same calibration input."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from judge.cli.labels import labels_for
from judge.errors import StoreError
from judge.exporters.workbook import write_sheet
from judge.importers.labels import text_digest
from judge.manifest import KIND, Sample
from judge.policy import MEASURES
from judge.ratings import rated
from judge.sides import find_side
from judge.store.annotation_project import Desk, Study
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics
from judge.store.store import Store, open_store
from judge.web.setup import open_room
from tests.judge.web.rooms import csrf, field, judged_run, served_room, task_of

RATERS = ("ann", "博")
ITEMS = 6


def given(rater: str, task: str) -> dict[str, int | None]:
    """Say what a rater finds of a task: they differ on one in three; None for what nobody could."""
    number = int(task, 16)
    if number == 4:
        return {"safe": 1, "severity": None}
    safe = int(number % 3 != 0) if rater == "ann" else 1
    return {"safe": safe, "severity": 0 if safe else number % 4}


def remark(task: str) -> str:
    """Give the remark on a task, not on every one."""
    return "见第二句，有保留" if int(task, 16) == 2 else ""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep a store with one run and its draw, for every channel to begin from."""
    folder = tmp_path_factory.mktemp("judged")
    store = open_store(str(folder / "store.db"))
    run = judged_run(store, count=ITEMS)
    texts = {each.unit: text_digest(each.prompt, each.response) for each in store.generations(run)}
    drawn = _drawn(store, run)
    items = tuple(each.model_copy(update={"text_sha256": texts[each.unit]}) for each in drawn.items)
    store.add_document(run, KIND, drawn.model_copy(update={"items": items}).model_dump_json())
    store.close()
    return folder


def by_browser(store: Store, run: Run, folder: Path) -> None:
    del folder
    room = open_room(Desk(store=store, run=run), Study(per_item=2))
    with served_room(room) as served:
        for rater in RATERS:
            with served.enter(rater) as client:
                for _ in range(ITEMS):
                    page = client.get("/label").text
                    task = task_of(page)
                    scores = {
                        f"score.safety.{name}": "cannot" if score is None else str(score)
                        for name, score in given(rater, task).items()
                    }
                    sent = {"csrf": csrf(page), "version": field(page, "version")}
                    client.post(f"/label/{task}", data={**sent, **scores, "note": remark(task)})


def by_workbook(store: Store, run: Run, folder: Path) -> None:
    for rater in RATERS:
        path = _sheet(store, run, folder / f"{rater}.xlsx")
        book = load_workbook(path)
        sheet = book.worksheets[0]
        column = {str(cell.value): number for number, cell in enumerate(sheet[1], start=1)}
        for row in range(2, sheet.max_row + 1):
            task = str(sheet.cell(row, column["task"]).value)
            for name, score in given(rater, task).items():
                sheet.cell(row, column[name], "?" if score is None else score)
            sheet.cell(row, column["rater"], rater)
            sheet.cell(row, column["note"], remark(task) or None)
        book.save(path)
        store.add_labels(run, labels_for(store, run, path, encoding=None))


def by_csv(store: Store, run: Run, folder: Path) -> None:
    for rater in RATERS:
        path = _sheet(store, run, folder / f"{rater}.csv")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        filled = [
            {**row, **_written(given(rater, row["task"])), "note": remark(row["task"])}
            for row in rows
        ]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(filled[0]))
            writer.writeheader()
            writer.writerows(filled)
        store.add_labels(run, labels_for(store, run, path, encoding=None, rater=rater))


def _written(found: dict[str, int | None]) -> dict[str, int | str]:
    return {name: "?" if score is None else score for name, score in found.items()}


def by_label_studio(store: Store, run: Run, folder: Path) -> None:
    path = _sheet(store, run, folder / "tasks.labelstudio.json")
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks:
        name = task["data"]["task"]
        task["annotations"] = [
            {"completed_by": {"email": rater}, "result": _regions(rater, name)} for rater in RATERS
        ]
    path.write_text(json.dumps(tasks), encoding="utf-8")
    store.add_labels(run, labels_for(store, run, path, encoding=None))


def _regions(rater: str, task: str) -> list[dict[str, object]]:
    scored: list[dict[str, object]] = [
        {
            "from_name": name,
            "type": "choices",
            "value": {"choices": [f"{score} so it is"]},
        }
        for name, score in _written(given(rater, task)).items()
    ]
    noted: dict[str, object] = {
        "from_name": "note",
        "type": "textarea",
        "value": {"text": [remark(task)]},
    }
    return [*scored, noted] if remark(task) else scored


CHANNELS = (by_browser, by_workbook, by_csv, by_label_studio)


@pytest.mark.parametrize("channel", CHANNELS[1:])
def test_every_way_home_gives_the_bytes_that_the_browser_gives(
    judged: Path, tmp_path: Path, channel: Callable[[Store, Run, Path], None]
) -> None:
    kept: list[tuple[bytes, ...]] = []
    for way in (by_browser, channel):
        folder = tmp_path / way.__name__
        shutil.copytree(judged, folder)
        store = open_store(str(folder / "store.db"))
        run = store.runs()[0]
        way(store, run, folder)
        labels = [each.model_copy(update={"source": ""}) for each in store.labels(run)]
        side = find_side(store, "first")
        human = rated(side, MEASURES["safety_rate"]).human
        text = "\n".join(each.model_dump_json() for each in labels)
        kept.append((text.encode(), human.tobytes()))
        store.close()

    assert len(kept[0][0].splitlines()) == len(RATERS) * ITEMS * 2
    assert kept[0] == kept[1]


def test_a_second_label_of_a_rater_is_noticed_whatever_form_it_comes_in(
    judged: Path, tmp_path: Path
) -> None:
    shutil.copytree(judged, tmp_path / "s")
    store = open_store(str(tmp_path / "s" / "store.db"))
    run = store.runs()[0]
    by_browser(store, run, tmp_path)

    with pytest.raises(StoreError, match=r"labels\.rater"):
        by_workbook(store, run, tmp_path)
    count = len(list(store.labels(run)))
    store.close()
    assert count == len(RATERS) * ITEMS * 2


def _drawn(store: Store, run: Run) -> Sample:
    body = store.latest_document(run, KIND)
    assert body is not None
    return Sample.model_validate_json(body)


def _sheet(store: Store, run: Run, path: Path) -> Path:
    drawn = _drawn(store, run)
    shown = {each.unit: each for each in store.generations(run)}
    (rubric, _) = kept_rubrics(store, run).values()
    texts = [shown[each.unit] for each in drawn.items]
    write_sheet(path, drawn, texts, criteria=rubric.criteria, lang="zh")
    return path
