"""Whether a judge is better than chance."""

import numpy as np
import pytest

from calibration import UnusableJudge
from calibration.labelled_sample import against_chance, require_not_reversed


@pytest.mark.parametrize(
    ("passed", "failed", "standing"),
    [
        # One-sided Fisher tests that it is below chance (SciPy 1.17): p = 1.2e-6, .70, 1 - 3.6e-8.
        ((5.0, 25.0), (22.0, 25.0), "below"),
        ((18.0, 20.0), (18.0, 20.0), "uncertain"),
        ((22.0, 25.0), (5.0, 25.0), "better"),
    ],
)
def test_standing(passed: tuple[float, float], failed: tuple[float, float], standing: str) -> None:
    assert against_chance(passed, failed, tail=0.025) == standing


@pytest.mark.parametrize(("good", "expected"), [(1, "uncertain"), (0, "below")])
def test_below_chance_is_fishers_exact_test(good: int, expected: str) -> None:
    # SciPy 1.17, fisher_exact(alternative="less"): 1 of 10 against 7 of 10 .0099, 0 of 10 .0015.
    assert against_chance((float(good), 10.0), (7.0, 10.0), tail=0.025) == expected


def test_scores_that_run_against_the_experts_are_refused() -> None:
    with pytest.raises(UnusableJudge, match=r"of B run against the experts', correlation -1\.00"):
        require_not_reversed(
            np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
            np.array([5.0, 4.0, 3.0, 2.0, 1.0]),
            tail=0.025,
            of=" of B",
        )


@pytest.mark.parametrize(
    ("judge", "human"),
    [
        ([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 2.0, 1.0]),
    ],
)
def test_labels_that_cannot_tell_give_a_warning(judge: list[float], human: list[float]) -> None:
    said = require_not_reversed(np.array(judge), np.array(human), tail=0.025)

    assert "do not yet show" in said[0]


def test_scores_that_go_with_the_experts_need_no_word() -> None:
    scores = np.arange(10.0)

    assert require_not_reversed(scores, scores, tail=0.025) == ()
