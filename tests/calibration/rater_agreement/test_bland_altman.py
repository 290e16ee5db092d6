import pytest

from calibration.estimate import InsufficientLabels, Undefined
from calibration.rater_agreement.interval_scale import bland_altman

# Bland & Altman (1986), table 1: peak flow by two meters, first readings, 17 subjects, l/min.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_the_bias_is_that_of_the_peak_flow_meters() -> None:
    found = bland_altman(WRIGHT, MINI)

    # The paper: mean difference -2.1, standard error 9.4, interval -22.0 to 17.8.
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.06)


def test_the_limits_are_two_deviations_away() -> None:
    # The paper takes 2 deviations of 38.8 for 95 %: limits -79.7 and 75.5.
    found = bland_altman(WRIGHT, MINI, share=0.9544997)

    assert found.lower.value == pytest.approx(-79.7, abs=0.1)
    assert found.upper.value == pytest.approx(75.5, abs=0.1)


def test_a_lenient_judge_has_a_positive_bias() -> None:
    assert bland_altman([8, 9, 9, 10], [7, 7, 9, 8]).bias.value == 1.25


def test_equal_differences_leave_the_limits_no_width() -> None:
    with pytest.raises(Undefined, match="all differences are equal"):
        bland_altman([2, 3, 4, 5], [1, 2, 3, 4])


def test_two_items_are_too_few() -> None:
    with pytest.raises(InsufficientLabels, match="need 3 items"):
        bland_altman([1, 2], [1, 3])
