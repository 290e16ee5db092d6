"""Whether a judge's probabilities mean anything: curve, error, Brier score, ranking."""

import numpy as np
import pytest

from calibration import InsufficientLabels
from calibration.probabilities import bin_edges, measure_reliability


def _study(words: str, size: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A judge of items whose pass rate is uniform; the first 600 have labels."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.02, 0.98, size)
    odds = np.log(chance / (1.0 - chance))
    said = {
        "calibrated": chance,
        "over-confident": 1.0 / (1.0 + np.exp(-3.0 * odds)),
        "uninformative": rng.permutation(chance),
    }[words]
    human = (rng.random(size) < chance).astype(float)
    human[600:] = np.nan
    return said, human


def test_a_calibrated_judge_lies_inside_the_band_everywhere() -> None:
    found = measure_reliability(*_study("calibrated"))

    assert not any(one.off for one in found.curve)
    assert found.error.low == 0.0
    assert found.informative
    assert found.beyond_verdict
    assert found.warnings == ()


def test_an_over_confident_judge_leaves_the_band_and_has_an_error() -> None:
    found = measure_reliability(*_study("over-confident"))

    assert any(one.off for one in found.curve)
    # The mean of |expit(3 x) - p| for p uniform on 0.02 to 0.98 is 0.152, by quadrature.
    assert found.error.value == pytest.approx(0.152, abs=0.04)
    assert found.error.low > 0.05
    assert found.brier.miscalibration > 0.02


def test_a_judge_whose_probabilities_say_nothing_is_said_to_say_nothing() -> None:
    found = measure_reliability(*_study("uninformative"))

    assert not found.informative
    assert not found.beyond_verdict
    assert found.ranking.low < 0.5 < found.ranking.high
    assert found.warnings[0].startswith("The probabilities say nothing")


def test_a_judge_that_only_knows_the_verdict_is_said_to_say_no_more() -> None:
    rng = np.random.default_rng(4)
    passes = rng.random(2000) < 0.7
    said = np.where(passes, rng.uniform(0.5, 1.0, 2000), rng.uniform(0.0, 0.5, 2000))
    human = np.where(rng.random(2000) < 0.1, ~passes, passes).astype(float)

    found = measure_reliability(said, human)

    assert found.informative
    assert not found.beyond_verdict
    assert "Beyond the verdict" in found.warnings[0]


def test_the_parts_of_the_brier_score_add_up_to_it() -> None:
    brier = measure_reliability(*_study("over-confident")).brier

    parts = brier.uncertainty - brier.discrimination + brier.miscalibration

    assert parts == pytest.approx(brier.score, abs=1e-12)


def test_every_judged_and_labelled_item_is_in_one_bin() -> None:
    said, human = _study("calibrated")
    said[:50] = np.nan

    found = measure_reliability(said, human)

    assert sum(one.n_judged for one in found.curve) == 3950
    assert sum(one.n_labelled for one in found.curve) == 550
    assert found.n_labelled == 550


def test_labels_do_not_move_the_bins() -> None:
    said, human = _study("calibrated")
    turned = 1.0 - human

    cuts = [one.from_probability for one in measure_reliability(said, human).curve]

    assert cuts == [one.from_probability for one in measure_reliability(said, turned).curve]


def test_the_threshold_is_a_cut_between_bins() -> None:
    edges = bin_edges(np.linspace(0.0, 1.0, 1001), 100, 0.62)

    assert 0.62 in edges
    assert edges.size == 5


def test_labels_drawn_by_verdict_give_the_curve_of_all_items() -> None:
    said, human = _study("over-confident")
    drawn = human.copy()
    drawn[:600][(said[:600] < 0.5) & (np.arange(600) % 4 > 0)] = np.nan

    everyone = measure_reliability(said, human)
    by_verdict = measure_reliability(said, drawn, design="by-verdict")

    assert by_verdict.n_labelled < 400
    assert by_verdict.error.value == pytest.approx(everyone.error.value, abs=0.04)
    assert by_verdict.brier.score == pytest.approx(everyone.brier.score, abs=0.03)


def test_too_few_fails_are_refused_with_the_numbers() -> None:
    said = np.linspace(0.1, 0.9, 50)
    human = np.ones(50)
    human[:3] = 0.0

    with pytest.raises(InsufficientLabels, match="50 labels, of them 47 passes"):
        measure_reliability(said, human)


def test_one_constant_probability_is_one_bin() -> None:
    human = np.tile([0.0, 1.0, 1.0, 1.0], 25)

    found = measure_reliability(np.full(100, 0.75), human)

    assert len(found.curve) == 1
    assert found.curve[0].observed == pytest.approx(0.75)
    assert found.sharpness == 0.0
    assert not found.informative
