"""Rates corrected by a gold set chosen by hand."""

import numpy as np
import pytest

from calibration import InsufficientLabels, UnusableJudge, estimate_rate, gate_rate
from calibration.rogan_gladen import curated_rate
from calibration.validation import FloatArray

NONE = float("nan")


def gold_set(hit: int, miss: int, leak: int, caught: int) -> tuple[FloatArray, FloatArray]:
    """Verdicts and labels of good items that the judge passes and fails, then of bad ones."""
    judge = np.repeat([1.0, 0.0, 1.0, 0.0], [hit, miss, leak, caught])
    human = np.repeat([1.0, 0.0], [hit + miss, leak + caught])
    return judge, human


def test_the_value_is_that_of_rogan_and_gladen() -> None:
    judge = np.repeat([1.0, 0.0], [740, 260])

    estimate = curated_rate(judge, *gold_set(45, 5, 10, 40))

    assert estimate.value == pytest.approx((0.74 - 0.2) / (0.9 - 0.2))


@pytest.mark.parametrize(
    ("items", "gold", "limits"),
    [
        ((4762, 238), (15, 0, 7, 8), (0.84826, 1.0)),
        ((930, 30), (20, 0, 0, 20), (0.95674, 1.0)),
        ((740, 260), (45, 5, 10, 40), (0.67750, 0.91689)),
        ((900, 100), (48, 2, 0, 50), (0.89806, 1.0)),
    ],
)
def test_limits_are_those_of_four_million_random_draws(
    items: tuple[int, int], gold: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    estimate = curated_rate(np.repeat([1.0, 0.0], items), *gold_set(*gold))

    # Quantiles of 4e6 draws of (P - f) / (Se - f), those with Se <= f left out: P from Jeffreys'
    # Beta, Se and f from the lower or the upper Clopper-Pearson Beta, by the toss of a coin.
    assert (estimate.low, estimate.high) == pytest.approx(limits, abs=5e-4)


def test_the_labelled_items_count_as_part_of_the_set_when_given_in_one_array() -> None:
    gold_judge, gold_human = gold_set(45, 5, 10, 40)
    judge = np.concatenate([gold_judge, np.repeat([1.0, 0.0], [685, 215])])
    human = np.concatenate([gold_human, np.full(900, np.nan)])

    estimate = estimate_rate(judge, human, design="curated")

    assert estimate.value == pytest.approx((0.74 - 0.2) / (0.9 - 0.2))
    assert estimate.human_only is not None
    assert (estimate.human_only.low, estimate.human_only.high) == (0.0, 1.0)


def test_the_gate_is_stricter_than_the_report() -> None:
    gold_judge, gold_human = gold_set(45, 5, 10, 40)
    judge = np.concatenate([gold_judge, np.repeat([1.0, 0.0], [685, 215])])
    human = np.concatenate([gold_human, np.full(900, np.nan)])

    gate = gate_rate(judge, human, design="curated", error=0.025)
    report = estimate_rate(judge, human, design="curated")

    assert gate.low < report.low < report.high < gate.high


def test_a_gold_set_without_an_error_still_gives_strict_limits_a_width() -> None:
    gold_judge, gold_human = gold_set(20, 0, 0, 20)
    judge = np.concatenate([gold_judge, np.repeat([1.0, 0.0], [930, 30])])
    human = np.concatenate([gold_human, np.full(960, np.nan)])

    gate = gate_rate(judge, human, design="curated")

    assert gate.value == pytest.approx(0.95)
    assert gate.low < 0.95 < gate.high


@pytest.mark.parametrize("counts", [(10, 0, 1, 3), (3, 1, 2, 20)])
def test_a_class_with_fewer_than_five_items_is_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(InsufficientLabels, match="at least 5 of each"):
        curated_rate([1.0, 0.0], *gold_set(*counts))


@pytest.mark.parametrize("counts", [(10, 40, 40, 10), (25, 25, 25, 25), (6, 4, 3, 7)])
def test_a_judge_not_shown_to_be_above_chance_is_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(UnusableJudge, match="no better than chance"):
        curated_rate([1.0, 0.0], *gold_set(*counts))


def test_a_little_doubt_about_the_judge_is_reported() -> None:
    estimate = curated_rate(np.repeat([1.0, 0.0], [60, 40]), *gold_set(15, 5, 6, 14))

    assert any("no better than chance is 0.0" in one for one in estimate.warnings)


def test_items_without_a_verdict_widen_the_interval_by_their_share() -> None:
    judge = np.repeat([1.0, 0.0], [740, 260])
    gold = gold_set(45, 5, 10, 40)

    whole = curated_rate(judge, *gold)
    partial = curated_rate(np.append(judge, np.full(250, np.nan)), *gold)

    assert partial.low == pytest.approx(0.8 * whole.low, abs=1e-6)
    assert partial.high == pytest.approx(0.8 * whole.high + 0.2, abs=1e-6)


def test_gold_items_without_a_verdict_are_left_out_aloud() -> None:
    gold_judge, gold_human = gold_set(45, 5, 10, 40)
    gold_judge[:3] = np.nan

    estimate = curated_rate(np.repeat([1.0, 0.0], [740, 260]), gold_judge, gold_human)

    assert any("3 gold items have no verdict" in one for one in estimate.warnings)


@pytest.mark.parametrize(("passed", "failed"), [(1000, 0), (0, 1000)])
def test_a_rate_beyond_the_scale_still_gets_a_width(passed: int, failed: int) -> None:
    judge = np.repeat([1.0, 0.0], [passed, failed])

    estimate = curated_rate(judge, *gold_set(40, 10, 10, 40))

    assert estimate.value == (1.0 if passed else 0.0)
    assert 0.0 <= estimate.low < estimate.high <= 1.0
    assert any("lies outside its error rates" in one for one in estimate.warnings)


def test_clusters_widen_the_interval() -> None:
    gold_judge, gold_human = gold_set(45, 5, 10, 40)
    judge = np.concatenate([gold_judge, np.repeat([1.0, 0.0], [685, 215])])
    human = np.concatenate([gold_human, np.full(900, np.nan)])

    alone = estimate_rate(judge, human, design="curated")
    grouped = estimate_rate(judge, human, design="curated", clusters=np.arange(1000) // 4)

    assert grouped.high - grouped.low > alone.high - alone.low


@pytest.mark.parametrize(
    ("judge", "gold_judge", "gold_human", "word"),
    [
        ([1.0, 0.5], [1.0], [1.0], "judge"),
        ([1.0, 0.0], [1.0, 0.5], [1.0, 0.0], "gold_judge"),
        ([1.0, 0.0], [1.0, 0.0], [1.0, 0.5], "gold_human"),
        ([1.0, 0.0], [1.0, 0.0], [1.0], "gold_judge 2, gold_human 1"),
        ([NONE, NONE], [1.0], [1.0], "judge has no verdict"),
    ],
)
def test_malformed_arrays_are_named(
    judge: list[float], gold_judge: list[float], gold_human: list[float], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        curated_rate(judge, gold_judge, gold_human)
