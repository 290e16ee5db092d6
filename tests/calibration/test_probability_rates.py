"""Corrected rates from probabilities: bins where they pay, the threshold where they do not."""

import numpy as np
import pytest

from calibration import estimate_rate
from calibration.probability_rates import choose_cuts, estimate_rate_from_probabilities


def _study(seed: int, *, informative: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = np.clip(rng.beta(0.95, 0.05, 5000), 1e-6, 1.0 - 1e-6)
    human = (rng.random(5000) < chance).astype(float)
    human[300:] = np.nan
    return chance if informative else rng.permutation(chance), human


def test_a_judge_that_says_nothing_is_corrected_by_its_verdicts() -> None:
    said, human = _study(1, informative=False)

    found = estimate_rate_from_probabilities(said, human)

    assert found.cuts == (0.5,)
    assert found.estimate == estimate_rate((said >= 0.5).astype(float), human)


def test_a_judge_that_says_more_than_its_verdict_is_corrected_by_bins() -> None:
    said, human = _study(2, informative=True)

    found = estimate_rate_from_probabilities(said, human)
    plain = estimate_rate((said >= 0.5).astype(float), human)

    assert len(found.cuts) > 1
    assert 0.5 in found.cuts
    assert found.estimate.high - found.estimate.low < plain.high - plain.low
    assert found.estimate.low <= 0.95 <= found.estimate.high
    assert "bins of the probability" in found.estimate.method


def test_few_labels_leave_the_threshold_alone() -> None:
    said, human = _study(2, informative=True)
    human[50:] = np.nan

    assert estimate_rate_from_probabilities(said, human).cuts == (0.5,)


def test_cuts_do_not_depend_on_the_order_of_items() -> None:
    said, _ = _study(3, informative=True)

    cuts = choose_cuts(said, 300, threshold=0.5)

    assert cuts == choose_cuts(said[::-1], 300, threshold=0.5)


def test_items_without_a_probability_are_a_stratum_of_their_own() -> None:
    said, human = _study(2, informative=True)
    said[4000:] = np.nan

    found = estimate_rate_from_probabilities(said, human)

    # No label lies among the 1,000 items without a verdict, so they may all pass or all fail.
    assert found.estimate.low < 0.8
    assert any("no verdict" in warning for warning in found.estimate.warnings)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="probability must lie in 0 to 1"):
        estimate_rate_from_probabilities([0.2, 1.2], [1.0, 0.0])
