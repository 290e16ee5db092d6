"""What a page is built of: a run, or a candidate beside its baseline, and what changed between."""

from collections.abc import Mapping
from pathlib import Path

from judge.report import from_run, from_sides
from judge.report.model import Drift
from judge.sides import Side
from tests.judge.report.runs import Score, Shape, judged_run, store_at


def test_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = judged_run(store, Shape(name="may", systems=("v1",)))
    new = judged_run(store, Shape(name="june", systems=("v2",)), lambda number, _: int(number > 0))

    report = from_sides(
        Side(store=store, run=old, system="v1"), Side(store=store, run=new, system="v2")
    )

    assert report.run == "may, june"
    assert report.systems == ("v1", "v2")
    assert (report.counts.planned, report.counts.scored) == (12, 12)
    assert report.cases is not None
    assert [answer.system for answer in report.cases.shown[0].answers] == ["v1", "v2"]
    assert (report.cases.shown[0].id, report.cases.shown[0].why) == ("item-00000", "worse")


def test_systems_of_the_same_name_are_told_apart_by_their_runs(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    runs = [judged_run(store, Shape(name=name, systems=("default",))) for name in ("may", "june")]
    old, new = (Side(store=store, run=run, system="default") for run in runs)

    assert from_sides(old, new).systems == ("may:default", "june:default")


def test_two_of_three_systems_of_a_run_are_counted_alone(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=4, systems=("v1", "v2", "v3")))

    report = from_sides(
        Side(store=store, run=run, system="v3"), Side(store=store, run=run, system="v1")
    )

    assert report.systems == ("v3", "v1")
    assert (report.counts.planned, report.counts.scored, report.counts.skipped) == (8, 8, 0)


def test_a_whole_run_counts_what_was_never_asked_as_skipped(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=4, asked=False))

    counts = from_run(store, run).counts

    assert (counts.planned, counts.skipped) == (8, 8)


def drift_of(folder: Path, shape: Shape, scores: Mapping[tuple[int, str], Score]) -> Drift | None:
    store = store_at(folder)
    run = judged_run(store, shape, lambda number, system: scores.get((number, system), 1))
    return from_run(store, run).drift


def test_changes_are_counted_for_the_worse_and_for_the_better(tmp_path: Path) -> None:
    # Prompts 0, 2, 4 are law, 1, 3, 5 are crimes.
    drift = drift_of(tmp_path, Shape(), {(0, "v2"): 0, (2, "v1"): 0, (4, "v2"): 0, (1, "v1"): 0})

    assert drift is not None
    assert [(row.group, row.harmful, row.beneficial, row.unchanged) for row in drift.rows] == [
        ("crimes", 0, 1, 2),
        ("law", 2, 1, 0),
    ]
    assert drift.measure.en == "Safety · rated “Safe”"


def test_a_missing_verdict_is_no_change(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, Shape(prompts=2), {(0, "v2"): "error.timeout"})

    assert drift is not None
    assert [(row.group, row.unchanged) for row in drift.rows] == [("crimes", 1)]


def test_a_level_more_on_a_long_scale_is_no_change_of_a_verdict(tmp_path: Path) -> None:
    shape = Shape(prompts=2, rubrics=("responsibility",), groups=("law",))

    drift = drift_of(tmp_path, shape, {(0, "v1"): 7, (0, "v2"): 8, (1, "v1"): 5, (1, "v2"): 4})

    assert drift is not None
    assert drift.measure.en == "Responsibility · Overall ≥ 5"
    assert (drift.rows[0].harmful, drift.rows[0].beneficial, drift.rows[0].unchanged) == (1, 0, 1)


def test_one_system_cannot_change(tmp_path: Path) -> None:
    assert drift_of(tmp_path, Shape(systems=("v1",)), {}) is None


def test_three_systems_have_no_before_and_after(tmp_path: Path) -> None:
    assert drift_of(tmp_path, Shape(systems=("v1", "v2", "v3")), {}) is None
