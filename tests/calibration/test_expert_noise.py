"""The bound on a rate that allows for experts' errors holds where the majority's rate does not."""

import numpy as np
import pytest

from calibration import estimate_rate
from calibration.estimate import InsufficientLabels, Interval
from calibration.expert_noise import bound_expert_noise

WHOLE = Interval(0.9, 0.96)


def test_experts_of_one_mind_leave_little_room() -> None:
    ratings = np.repeat([[1.0] * 3, [0.0] * 3], [950, 50], axis=0)

    found = bound_expert_noise(ratings, WHOLE)

    # Of 950 items none is split: at most 0.32 % are, with 95 %, so e is about 0.1 %.
    assert found.split == 0.0
    assert found.high == pytest.approx(0.96, abs=1e-4)
    assert found.wrong_passes < 1e-5


def test_splits_widen_the_bound_to_both_sides() -> None:
    ratings = np.repeat(
        [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [82, 12, 4, 2], axis=0
    )

    found = bound_expert_noise(ratings, WHOLE)

    assert found.low < WHOLE.low < WHOLE.high < found.high
    assert (found.experts, found.n) == (3, 100)
    assert found.split == pytest.approx(0.14)


def test_two_experts_have_no_majority() -> None:
    with pytest.raises(InsufficientLabels, match="three experts"):
        bound_expert_noise(np.ones((20, 2)), WHOLE)


def test_the_truth_lies_in_the_bound_of_three_experts_who_err_on_5_percent() -> None:
    held = by_majority = 0
    for repeat in range(60):
        rng = np.random.default_rng([repeat, 1])
        truth = (rng.random(3000) < 0.97).astype(np.float64)
        judge = (rng.random(3000) < np.where(truth == 1.0, 0.97, 0.4)).astype(np.float64)
        wrong = rng.random((300, 3)) < 0.05
        ratings = np.where(wrong, 1.0 - truth[:300, None], truth[:300, None])
        human = np.full(3000, np.nan)
        human[:300] = ratings.sum(axis=1) >= 2
        estimate = estimate_rate(judge, human)
        found = bound_expert_noise(ratings, Interval(estimate.low, estimate.high))
        by_majority += estimate.low <= 0.97 <= estimate.high
        held += found.low <= 0.97 <= found.high

    assert held >= 56
    assert by_majority < held
