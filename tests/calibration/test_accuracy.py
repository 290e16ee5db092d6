import numpy as np
import pytest

from calibration.rater_agreement.accuracy import judge_accuracy

NAN = float("nan")


def ratings(*counts: int) -> tuple[list[int], list[int]]:
    """Give judge and human with these hits, misses, false alarms and right rejections."""
    hits, misses, alarms, rejections = counts
    judge = [1] * hits + [0] * misses + [1] * alarms + [0] * rejections
    return judge, [1] * (hits + misses) + [0] * (alarms + rejections)


def test_the_rates_are_those_of_each_class() -> None:
    found = judge_accuracy(*ratings(18, 2, 3, 7))

    assert found.counts == (18, 2, 3, 7)
    assert found.sensitivity is not None
    assert found.sensitivity.value == 0.9
    assert found.specificity is not None
    assert found.specificity.value == 0.7
    assert found.youden is not None
    assert found.youden.value == pytest.approx(0.6)
    assert found.youden.low < 0.6 < found.youden.high


def test_the_interval_of_youden_adds_squares() -> None:
    found = judge_accuracy(*ratings(45, 5, 8, 32))

    assert found.sensitivity is not None
    assert found.specificity is not None
    assert found.youden is not None
    below = np.hypot(0.9 - found.sensitivity.low, 0.8 - found.specificity.low)
    assert found.youden.low == pytest.approx(0.7 - below)


def test_a_class_without_labels_has_no_rate() -> None:
    found = judge_accuracy(*ratings(10, 1, 0, 0))

    assert found.specificity is None
    assert found.youden is None
    assert found.specificity_bounds is None


def test_missing_verdicts_bound_each_rate() -> None:
    found = judge_accuracy([1, 1, 0, 0, NAN, NAN, NAN], [1, 1, 1, 0, 1, 1, 0])

    assert found.sensitivity_bounds is not None
    assert (found.sensitivity_bounds.low, found.sensitivity_bounds.high) == (0.4, 0.8)
    assert found.specificity_bounds is not None
    assert (found.specificity_bounds.low, found.specificity_bounds.high) == (0.5, 1.0)
    assert found.n_unjudged == 3
    assert "3 labelled items have no verdict; see the bounds." in found.warnings


@pytest.mark.parametrize(
    ("counts", "youden"),
    [((45, 5, 8, 32), 0.7), ((5, 15, 12, 8), -0.35), ((10, 10, 10, 10), 0.0)],
)
def test_youden_is_above_zero_for_a_judge_better_than_chance(
    counts: tuple[int, int, int, int], youden: float
) -> None:
    found = judge_accuracy(*ratings(*counts)).youden

    assert found is not None
    assert found.value == pytest.approx(youden)


def test_the_positive_class_is_a_choice() -> None:
    found = judge_accuracy([1, 1, -1], [1, -1, -1], positive=-1)

    assert found.sensitivity is not None
    assert found.sensitivity.value == 0.5


def test_a_third_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs two values; got \[-1.0, 0.0, 1.0\]"):
        judge_accuracy([1, 0, -1], [1, -1, -1])
