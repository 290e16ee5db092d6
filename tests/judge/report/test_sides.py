"""A candidate beside its baseline, from one run or from two."""

from pathlib import Path

from judge.ratings import Side
from judge.report import from_run, from_sides
from tests.judge.report.runs import Shape, judged_run, store_at


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
