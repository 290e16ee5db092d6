"""Corrected differences between two systems on the same prompts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import (
    Estimate,
    InsufficientLabels,
    UnusableJudge,
    estimate_difference,
    gate_difference,
)
from calibration.validation import FloatArray

NONE = float("nan")
Four = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def paired(n: int, *, items: int = 2000) -> Four:
    """A passes 80 %, B 70 %; the judge sees A as it is and passes 90 % of B."""
    rng = np.random.default_rng(11)
    a, b = (rng.random(items) < 0.8) * 1.0, (rng.random(items) < 0.7) * 1.0
    judge_b = np.where(rng.random(items) < 2 / 3, 1.0, b)
    judge_a = np.where(rng.random(items) < 0.1, 1.0 - a, a)
    labelled = np.arange(items) < n
    return judge_a, np.where(labelled, a, np.nan), judge_b, np.where(labelled, b, np.nan)


def mirrored(four: Four) -> Four:
    return four[2], four[3], four[0], four[1]


def test_a_judge_lenient_to_one_system_is_corrected() -> None:
    judge_a, human_a, judge_b, human_b = paired(400)

    estimate = estimate_difference(judge_a, human_a, judge_b, human_b)

    assert judge_a.mean() - judge_b.mean() < -0.1
    assert 0.0 < estimate.low < 0.1 < estimate.high


def test_the_value_weighs_the_pairs_of_verdicts() -> None:
    judge_a, judge_b = np.repeat([1.0, 0.0], 50), np.tile([1.0, 0.0], 50)
    human_a = np.where(np.arange(100) % 10 < 4, judge_a, np.nan)
    human_b = np.where(np.arange(100) % 10 < 4, judge_b, np.nan)

    estimate = estimate_difference(judge_a, human_a, judge_b, human_b)

    assert estimate.value == pytest.approx(0.0)
    assert estimate.method == "MOVER of post-stratified rates, mid-p melded"


def test_swapping_the_systems_mirrors_the_interval() -> None:
    there, back = (estimate_difference(*four) for four in (paired(100), mirrored(paired(100))))

    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high, abs=1e-3)


def test_swapping_the_systems_mirrors_the_gate() -> None:
    there, back = (gate_difference(*four) for four in (paired(100), mirrored(paired(100))))

    assert there.low == pytest.approx(-back.high, abs=1e-3)


def test_the_gate_bounds_are_wider_than_those_of_the_report_at_equal_confidence() -> None:
    gate = gate_difference(*paired(60), error=0.025)

    assert gate.method == "judge-adjusted, Gaffke, strict"
    assert gate.low < estimate_difference(*paired(60)).value < gate.high


def test_identical_systems_still_get_a_width() -> None:
    judge = np.ones(200)
    human = np.where(np.arange(200) < 40, 1.0, np.nan)

    estimate = estimate_difference(judge, human, judge, human)

    assert estimate.value == 0.0
    assert estimate.low < -0.03
    assert estimate.high > 0.03


def test_longer_scales_use_adjusted_differences() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(4, 11, 1000) * 1.0
    b = np.clip(a - rng.integers(0, 3, 1000), 1, 10)
    labelled = np.arange(1000) < 150

    estimate = estimate_difference(
        np.clip(a + 1, 1, 10),
        np.where(labelled, a, np.nan),
        np.clip(b - rng.integers(0, 2, 1000), 1, 10),
        np.where(labelled, b, np.nan),
        scale=(1, 10),
    )

    assert estimate.method == "judge-adjusted, Gaffke, mid"
    assert estimate.low < float((a - b).mean()) < estimate.high


def test_half_labelled_prompts_count_for_their_system_aloud() -> None:
    judge_a, human_a, judge_b, human_b = paired(100)
    human_b[:7] = np.nan

    estimate = estimate_difference(judge_a, human_a, judge_b, human_b)

    assert estimate.n_labelled == 93
    assert any("7 prompts have a label for one system only" in one for one in estimate.warnings)


def test_missing_verdicts_without_labels_are_unknown() -> None:
    judge_a, human_a, judge_b, human_b = paired(400)
    judge_a[1800:] = np.nan

    whole, partial = (
        estimate_difference(one, human_a, judge_b, human_b) for one in (paired(400)[0], judge_a)
    )

    assert partial.low < whole.low - 0.05
    # Experts pass most answers of A already, so that unknown ones add little on this side.
    assert partial.high > whole.high + 0.01


def test_labels_drawn_by_pair_of_verdicts_are_weighed_back() -> None:
    judge_a, _, judge_b, _ = paired(0)
    rare = (judge_a == 0.0) & (judge_b == 0.0)
    chosen = np.concatenate([np.flatnonzero(rare)[:50], np.flatnonzero(~rare)[:150]])
    human_a, human_b = np.full(2000, np.nan), np.full(2000, np.nan)
    human_a[chosen], human_b[chosen] = judge_a[chosen], judge_b[chosen]

    estimate = estimate_difference(judge_a, human_a, judge_b, human_b, design="by-verdict")

    assert estimate.value == pytest.approx(judge_a.mean() - judge_b.mean(), abs=1e-9)


def test_clusters_widen_the_interval() -> None:
    four = paired(100)
    # Prompts with the same outcome lie in one cluster, so that a cluster is worth one prompt.
    alike = np.argsort(np.argsort(np.nan_to_num(four[1], nan=2.0), kind="stable"))

    grouped = estimate_difference(*four, clusters=alike // 10)

    assert _width(grouped) > 1.3 * _width(estimate_difference(*four))


def _width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def curated() -> Four:
    """30 good and 30 bad answers of each system labelled; the judge errs in a tenth."""
    rng = np.random.default_rng(2)
    columns: list[FloatArray] = []
    for rate in (0.9, 0.8):
        truth = (rng.random(1000) < rate) * 1.0
        judge = np.where(rng.random(1000) < 0.1, 1.0 - truth, truth)
        human = np.full(1000, np.nan)
        for label in (0.0, 1.0):
            human[np.flatnonzero(truth == label)[:30]] = label
        columns += [judge, human]
    return columns[0], columns[1], columns[2], columns[3]


def test_two_curated_sets_give_a_difference() -> None:
    estimate = estimate_difference(*curated(), design="curated")

    assert len(set(estimate.warnings)) == len(estimate.warnings)
    assert estimate.low < 0.1 < estimate.high
    assert estimate.method == "difference of Rogan-Gladen rates, mid-p"
    assert estimate.n_labelled == 120


def test_the_curated_gate_is_stricter() -> None:
    gate = gate_difference(*curated(), design="curated", error=0.025)
    report = estimate_difference(*curated(), design="curated")

    assert gate.low < report.low < report.high < gate.high


def test_a_curated_set_cannot_correct_a_longer_scale_or_know_of_clusters() -> None:
    judge = [5.0, 6.0, 7.0]

    with pytest.raises(InsufficientLabels, match="cannot correct a mean difference"):
        estimate_difference(judge, judge, judge, judge, scale=(1, 10), design="curated")
    with pytest.raises(ValueError, match="clusters"):
        estimate_difference(*curated(), design="curated", clusters=np.arange(1000))


def test_a_judge_that_runs_against_the_experts_is_refused_by_name() -> None:
    judge_a, human_a, judge_b, human_b = paired(100)

    with pytest.raises(UnusableJudge, match="of A run against"):
        estimate_difference(1.0 - judge_a, human_a, judge_b, human_b)


@pytest.mark.parametrize("name", ["judge_a", "human_a", "judge_b", "human_b"])
def test_malformed_arrays_are_named(name: str) -> None:
    names = ("judge_a", "human_a", "judge_b", "human_b")
    four = [one + 2.0 * (which == name) for which, one in zip(names, paired(50), strict=True)]

    with pytest.raises(ValueError, match=name):
        estimate_difference(four[0], four[1], four[2], four[3])


def test_one_labelled_pair_is_too_few() -> None:
    with pytest.raises(InsufficientLabels, match="1 label"):
        estimate_difference([1.0, 0.0], [1.0, NONE], [1.0, 0.0], [0.0, 1.0])


verdict = st.sampled_from([0.0, 1.0])


@given(st.lists(st.tuples(verdict, verdict, verdict, verdict), min_size=2, max_size=30))
def test_an_answer_lies_in_its_interval(rows: list[tuple[float, float, float, float]]) -> None:
    four = np.array(rows).T
    try:
        estimate = estimate_difference(four[0], four[1], four[2], four[3])
    except UnusableJudge:
        return

    assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.high > estimate.low
