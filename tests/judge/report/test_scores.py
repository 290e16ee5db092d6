"""What a run is summed up in. Expected intervals are those of scipy's binomtest, method exact."""

from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.report import from_run
from judge.report.model import Report, ScoreCell
from tests.judge.report.runs import Score, Shape, judged_run, store_at


def report_of(folder: Path, shape: Shape, scores: dict[tuple[int, str], Score]) -> Report:
    store = store_at(folder)
    run = judged_run(store, shape, lambda number, system: scores.get((number, system), 1))
    return from_run(store, run)


def whole(report: Report, criterion: str, system: str) -> ScoreCell:
    index = next(i for i, each in enumerate(report.measures) if each.criterion == criterion)
    cell = report.cell(index, system)
    assert cell is not None
    return cell


def test_two_levels_are_summed_up_as_the_share_of_the_upper(tmp_path: Path) -> None:
    report = report_of(tmp_path, Shape(prompts=10), {(0, "v2"): 0, (1, "v2"): 0})

    score = whole(report, "safe", "v2").score
    assert score is not None
    assert (score.value, score.n, score.method) == (0.8, 10, "clopper-pearson")
    assert (score.low, score.high) == pytest.approx((0.4439045, 0.9747893), abs=1e-6)


def test_more_levels_are_summed_up_as_a_mean_and_a_share_above_the_line(tmp_path: Path) -> None:
    shape = Shape(prompts=4, systems=("v2",), rubrics=("responsibility",))
    given: dict[tuple[int, str], Score] = {(n, "v2"): s for n, s in enumerate((4, 5, 6, 9))}

    report = report_of(tmp_path, shape, given)

    overall = [measure for measure in report.measures if measure.criterion == "overall"]
    assert [(each.kind, each.at_least, each.main) for each in overall] == [
        ("mean", None, True),
        ("share", 5, False),
    ]
    mean, share = (report.cell(report.measures.index(measure), "v2") for measure in overall)
    assert mean is not None
    assert share is not None
    assert mean.score is not None
    assert share.score is not None
    assert (mean.score.value, share.score.value) == (6.0, 0.75)


def test_a_missing_verdict_is_never_a_number(tmp_path: Path) -> None:
    report = report_of(tmp_path, Shape(prompts=4), {(0, "v2"): "error.timeout", (1, "v2"): 0})

    cell = whole(report, "safe", "v2")
    assert cell.score is not None
    assert cell.score.value == pytest.approx(2 / 3)
    assert (cell.score.n, cell.missing) == (3, 1)


def test_what_is_missing_bounds_the_score(tmp_path: Path) -> None:
    report = report_of(tmp_path, Shape(prompts=4), {(0, "v2"): "error.timeout", (1, "v2"): 0})

    assert report.missing is not None
    bound = report.missing.bounds[0]
    assert (bound.system, bound.missing) == ("v2", 1)
    assert (bound.worst, bound.best) == (0.5, 0.75)


def test_nothing_missing_has_no_section(tmp_path: Path) -> None:
    assert report_of(tmp_path, Shape(), {}).missing is None


def test_several_judges_give_the_scores_of_their_majority(tmp_path: Path) -> None:
    shape = Shape(prompts=3, judges=("openai/a", "openai/b", "openai/c"))

    report = report_of(tmp_path, shape, {(0, "v2"): 0})

    cell = whole(report, "safe", "v2")
    assert report.stamp.panel
    assert cell.score is not None
    assert (cell.score.value, cell.score.n) == (pytest.approx(2 / 3), 3)


def test_safety_comes_before_responsibility(tmp_path: Path) -> None:
    report = report_of(tmp_path, Shape(rubrics=("responsibility", "safety")), {})

    assert [each.rubric for each in report.measures if each.main] == ["safety", "responsibility"]


def test_one_simulated_judgment_stamps_the_whole_page(tmp_path: Path) -> None:
    report = report_of(tmp_path, Shape(provenance="SIMULATED"), {})

    assert report.stamp.provenance == "SIMULATED"


def test_groups_stand_by_loss_with_the_worst_on_top(tmp_path: Path) -> None:
    shape = Shape(prompts=6, groups=("a", "b", "c"))

    report = report_of(tmp_path, shape, {(2, "v1"): 0, (1, "v2"): 0, (4, "v2"): 0})

    assert [group.key for group in report.groups] == ["b", "a", "c"]


def test_releases_stand_by_their_numbers_and_the_baseline_first(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(systems=("qwen-14b", "qwen-4b", "qwen-8b")))

    assert from_run(store, run).systems == ("qwen-4b", "qwen-8b", "qwen-14b")
    assert from_run(store, run, baseline="qwen-8b").systems == ("qwen-8b", "qwen-4b", "qwen-14b")


def test_a_baseline_that_was_not_judged_is_refused(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store)

    with pytest.raises(ConfigError, match="'older' was not judged; it has v1, v2"):
        from_run(store, run, baseline="older")


def test_the_language_of_most_items_is_that_of_a_reader_without_script(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    assert from_run(store, judged_run(store, Shape(name="a", lang="zh"))).data_lang == "zh"
    assert from_run(store, judged_run(store, Shape(name="b", lang="en"))).data_lang == "en"
    assert from_run(store, judged_run(store, Shape(name="c", asked=False))).data_lang == "en"
