import numpy as np
import pytest

from calibration.estimate import InsufficientLabels, Undefined
from calibration.rater_agreement.rater_reliability import (
    Kind,
    VarianceComponents,
    rater_severity,
    raters_needed,
    reliability,
    variance_components,
)
from tests.calibration.rater_agreement.published import SHROUT_FLEISS

NAN = float("nan")
CROSSED = [[5.0, 6.0, 4.0], [7.0, 8.0, 7.0], [2.0, 4.0, 1.0], [6.0, 6.0, 5.0], [9.0, 9.0, 7.0]]


def test_complete_ratings_give_the_classical_components() -> None:
    # Shrout & Fleiss (1979), table 3: mean squares 11.24, 32.49 and 1.02 of 6 targets x 4 judges.
    found = variance_components(SHROUT_FLEISS)

    assert found.item == pytest.approx((11.24 - 1.02) / 4, abs=5e-3)
    assert found.rater == pytest.approx((32.49 - 1.02) / 6, abs=5e-3)
    assert found.rest == pytest.approx(1.02, abs=5e-3)


@pytest.mark.parametrize(
    ("kind", "raters", "value"),
    [("absolute", 1, 0.29), ("absolute", 4, 0.62), ("relative", 1, 0.71), ("relative", 4, 0.91)],
)
def test_reliability_is_the_intraclass_correlation(kind: Kind, raters: int, value: float) -> None:
    # Shrout & Fleiss (1979), table 4: ICC(2,1), ICC(2,4), ICC(3,1), ICC(3,4).
    found = reliability(SHROUT_FLEISS, raters=raters, kind=kind)

    assert found.value == pytest.approx(value, abs=5e-3)
    assert found.low < found.value < found.high


def test_missing_ratings_leave_the_components_unbiased() -> None:
    rng = np.random.default_rng(5)
    item, rater = rng.normal(0, 1.5, (3000, 1)), np.array([0.6, -0.6, 0.3, -0.3])
    ratings = item + rater + rng.normal(0, 1.0, (3000, 4))
    ratings[rng.random(ratings.shape) < 0.4] = NAN

    found = variance_components(ratings)

    # Planted: item 2.25, rest 1, and the variance of these four raters, 0.9 / 3 = 0.3.
    assert found.item == pytest.approx(2.25, abs=0.15)
    assert found.rater == pytest.approx(0.3, abs=0.02)
    assert found.rest == pytest.approx(1.0, abs=0.05)


def test_a_negative_variance_is_zero_and_said() -> None:
    found = variance_components([[1, 2, 3], [3, 1, 2], [2, 3, 1]])

    assert (found.item, found.rater) == (0.0, 0.0)
    assert "the item variance came out negative and is 0." in found.warnings


@pytest.mark.parametrize(
    ("kind", "wanted", "raters"),
    [("absolute", 0.8, 10), ("relative", 0.8, 2), ("relative", 0.9, 4), ("absolute", 0.1, 1)],
)
def test_raters_are_added_until_the_mean_is_reliable(
    kind: Kind, wanted: float, raters: int
) -> None:
    # 2.556 item, 5.244 rater, 1.019 rest: 4 * 6.264 / 2.556 = 9.8; 4 * 1.019 / 2.556 = 1.6; ...
    found = variance_components(SHROUT_FLEISS)

    assert raters_needed(found, reliability=wanted, kind=kind) == raters


def test_items_that_do_not_differ_need_no_panel() -> None:
    flat = VarianceComponents(item=0.0, rater=1.0, rest=1.0, n_items=5, n_raters=2, n_ratings=10)

    with pytest.raises(Undefined, match="no panel tells them apart"):
        raters_needed(flat, reliability=0.8)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ([[1.0, NAN], [NAN, 2.0]], "no item was rated by two raters"),
        ([[1, 2, NAN, NAN], [2, 2, NAN, NAN], [NAN, NAN, 1, 2]], "share no item"),
        ([[1.0, 2.0, NAN], [NAN, 2.0, 3.0]], "leave nothing to estimate"),
    ],
)
def test_raters_who_cannot_be_compared_are_refused(
    ratings: list[list[float]], message: str
) -> None:
    with pytest.raises(InsufficientLabels, match=message):
        variance_components(ratings)
    with pytest.raises(InsufficientLabels, match=message):
        rater_severity(ratings)


def test_equal_ratings_have_no_variance() -> None:
    with pytest.raises(Undefined, match="all ratings are equal"):
        variance_components([[3, 3], [3, 3], [3, 3]])


def test_reliability_without_any_error_is_undefined() -> None:
    with pytest.raises(Undefined, match="leaves reliability an interval"):
        reliability([[1, 1], [2, 2], [3, 3], [4, 4]])


def test_a_panel_has_at_least_one_rater() -> None:
    with pytest.raises(ValueError, match="raters must be at least 1"):
        reliability(CROSSED, raters=0)


def test_severity_is_the_distance_from_the_average_rater() -> None:
    found = rater_severity(SHROUT_FLEISS)

    # Column means 7.667, 2.5, 4.333 and 6.667 around 5.2917.
    values = [one.deviation.value for one in found]
    assert values == pytest.approx([2.375, -2.7917, -0.9583, 1.375], abs=1e-4)
    # By hand: sqrt(1.0194 * 3 / 4 / 6) * t(.975, 15) = 0.3570 * 2.1314 = 0.7609.
    assert found[0].deviation.high - found[0].deviation.value == pytest.approx(0.7609, abs=1e-4)


def test_a_rater_of_poor_items_is_not_called_severe() -> None:
    quality = np.array([9.0, 8.0, 9.0, 8.0, 2.0, 1.0, 2.0, 1.0])
    noise = np.array([0.1, -0.1, 0.0, 0.1, -0.1, 0.1, 0.0, -0.1])
    first, second, third = quality + noise, quality - noise, quality + noise[::-1]
    first[:3], third[5:] = NAN, NAN

    found = rater_severity(np.column_stack([first, second, third]), names=["x", "y", "z"])

    assert [one.name for one in found] == ["x", "y", "z"]
    assert all(abs(one.deviation.value) < 0.2 for one in found)


def test_constant_differences_have_no_error() -> None:
    with pytest.raises(Undefined, match="there is no error"):
        rater_severity([[1, 2], [2, 3], [3, 4]])
