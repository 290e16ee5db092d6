"""Corrected means on a bounded scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import InsufficientLabels, UnusableJudge, estimate_mean, gate_mean
from calibration.validation import FloatArray

NONE = float("nan")


def rated(n: int, *, lenient: float = 0.0, noise: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """1,000 judged answers in the middle of a 1 to 10 scale, n of them labelled."""
    rng = np.random.default_rng(7)
    ideal = rng.normal(6.0, 1.8, 1000)
    human = np.clip(np.round(ideal), 1, 10)
    judge = np.clip(np.round(ideal + lenient + rng.normal(0, noise, 1000)), 1, 10)
    return judge, np.where(np.arange(1000) < n, human, np.nan)


def test_a_lenient_judge_is_corrected() -> None:
    judge, human = rated(300, lenient=1.5)

    estimate = estimate_mean(judge, human)

    everyone = float(rated(1000)[1].mean())
    assert judge.mean() > everyone + 1.2
    assert estimate.low < everyone < estimate.high


def test_a_good_judge_shortens_the_interval_of_the_labels() -> None:
    estimate = estimate_mean(*rated(300, noise=0.5))

    assert estimate.human_only is not None
    assert estimate.high - estimate.low < 0.7 * estimate.human_only.width


def test_a_constant_judge_leaves_the_labels_alone() -> None:
    _, human = rated(60)

    estimate = estimate_mean(np.full(1000, 8.0), human)

    assert estimate.human_only is not None
    assert estimate.value == pytest.approx(np.nanmean(human))
    assert estimate.low == pytest.approx(estimate.human_only.low, abs=1e-9)


def test_labels_that_are_all_alike_still_have_an_interval() -> None:
    judge = np.linspace(0.0, 1.0, 1000)

    estimate = estimate_mean(judge, np.where(np.arange(1000) < 100, 1.0, NONE), scale=(0.0, 1.0))

    # Gaffke's interval of 100 equal labels: at least the rule of three's 1 - 3.7 / 100.
    assert estimate.value == pytest.approx(1.0)
    assert 0.95 < estimate.low < 1.0


def test_when_all_items_are_labelled_the_value_is_their_mean() -> None:
    judge, human = rated(1000)

    estimate = estimate_mean(judge, human)

    assert estimate.value == pytest.approx(human.mean(), abs=0.02)
    # Student's half-width: 1.962 * 1.80 / sqrt(1000), whatever the judge says.
    assert estimate.high - estimate.low == pytest.approx(
        2 * 1.962 * human.std() / 1000**0.5, rel=0.03
    )


def test_few_labels_call_for_gaffkes_interval() -> None:
    estimate = estimate_mean(*rated(40))

    assert estimate.method == "judge-adjusted, Gaffke, mid"
    assert any("40 labels are too few for Student's t" in one for one in estimate.warnings)


def test_a_ceiling_calls_for_gaffkes_interval() -> None:
    rng = np.random.default_rng(1)
    human = np.where(rng.random(1000) < 0.7, 10.0, 8.0)
    judge = np.clip(human - rng.integers(0, 3, 1000), 1, 10)

    estimate = estimate_mean(judge, np.where(np.arange(1000) < 200, human, np.nan))

    assert estimate.method == "judge-adjusted, Gaffke, mid"
    assert any("labels are too few near 1" in one for one in estimate.warnings)


def test_many_labels_that_are_spread_out_allow_students_t() -> None:
    estimate = estimate_mean(*rated(200))

    assert estimate.method == "judge-adjusted, logit t"
    assert any("Student's t is used" in one for one in estimate.warnings)


def test_the_gate_is_strict_whatever_the_number_of_labels() -> None:
    judge, human = rated(400)

    gate, report = gate_mean(judge, human, error=0.025), estimate_mean(judge, human)

    assert gate.method == "judge-adjusted, Gaffke, strict"
    assert gate.low < report.low < report.high < gate.high


def test_one_unanimous_value_still_gets_a_width() -> None:
    estimate = estimate_mean(np.full(100, 10.0), np.where(np.arange(100) < 30, 10.0, np.nan))

    assert estimate.value == 10.0
    assert estimate.low < 9.5


def test_missing_verdicts_without_labels_are_carried_as_both_ends_of_the_scale() -> None:
    judge, human = rated(200)
    judge[900:] = np.nan

    estimate = estimate_mean(judge, human)
    judged = estimate_mean(judge[:900], human[:900])

    assert estimate.low == pytest.approx(0.9 * judged.low + 0.1 * 1.0, abs=1e-9)
    assert estimate.high == pytest.approx(0.9 * judged.high + 0.1 * 10.0, abs=1e-9)


def test_labels_among_the_missing_verdicts_stand_for_them() -> None:
    judge, human = rated(200)
    judge[150:170] = np.nan

    estimate = estimate_mean(judge, human)

    assert 5.7 < estimate.low < estimate.high < 6.3
    assert any("the labels among them stand for them" in one for one in estimate.warnings)


def test_labels_drawn_by_score_are_weighed_back() -> None:
    judge = np.repeat([3.0, 9.0], [100, 900])
    human = np.full(1000, np.nan)
    human[:50] = np.tile([2.0, 4.0], 25)
    human[100:150] = np.tile([8.0, 10.0], 25)

    estimate = estimate_mean(judge, human, design="by-verdict")

    assert estimate.value == pytest.approx(0.1 * 3.0 + 0.9 * 9.0, abs=1e-6)


def test_too_many_scores_for_a_draw_by_verdict_are_refused() -> None:
    judge = np.linspace(1.0, 10.0, 100)

    with pytest.raises(ValueError, match="judge has 100 levels"):
        estimate_mean(judge, np.where(np.arange(100) < 20, judge, np.nan), design="by-verdict")


def test_strata_with_different_label_rates_are_weighed_back() -> None:
    human = np.full(1000, np.nan)
    human[:20], human[900:980] = 9.0, 3.0
    strata = np.repeat(["easy", "hard"], [900, 100])

    estimate = estimate_mean(np.full(1000, 8.0), human, strata=strata)

    assert estimate.value == pytest.approx(0.9 * 9.0 + 0.1 * 3.0)


def test_clusters_widen_the_interval() -> None:
    judge, human = rated(300)

    grouped = estimate_mean(judge, human, clusters=np.sort(judge) // 0.5)

    assert grouped.n_labelled == 300


def test_a_judge_that_runs_against_the_experts_is_refused() -> None:
    judge, human = rated(100)

    with pytest.raises(UnusableJudge, match="run against the experts'"):
        estimate_mean(11.0 - judge, human)


def test_an_unrelated_judge_is_answered_with_a_warning() -> None:
    judge, human = rated(50)

    estimate = estimate_mean(np.random.default_rng(0).permutation(judge), human)

    assert any("do not yet show" in one for one in estimate.warnings)
    assert estimate.above_chance is False
    assert estimate_mean(judge, human).above_chance is True


def test_a_curated_set_is_refused() -> None:
    with pytest.raises(InsufficientLabels, match="cannot correct a mean"):
        estimate_mean(*rated(50), design="curated")


@pytest.mark.parametrize(
    ("judge", "human", "scale", "word"),
    [
        ([5.0, 11.0, 5.0], [5.0, 6.0, NONE], (1, 10), "judge"),
        ([5.0, 6.0, 5.0], [5.0, 0.0, NONE], (1, 10), "human"),
        ([5.0, 6.0], [5.0, 6.0], (10, 1), "scale"),
        ([5.0, 6.0], [5.0, 6.0], (1, np.inf), "scale"),
    ],
)
def test_malformed_arguments_are_named(
    judge: list[float], human: list[float], scale: tuple[float, float], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        estimate_mean(judge, human, scale=scale)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=40))
def test_an_answer_lies_in_its_interval_on_the_scale(pairs: list[tuple[int, int]]) -> None:
    judge, human = (np.array(one, dtype=np.float64) for one in zip(*pairs, strict=True))
    try:
        estimate = estimate_mean(
            np.append(judge, [1.0, 5.0]), np.append(human, [NONE, NONE]), scale=(1, 5)
        )
    except UnusableJudge:
        return

    assert 1.0 - 1e-9 <= estimate.low <= estimate.value <= estimate.high <= 5.0 + 1e-9
    assert estimate.high > estimate.low
