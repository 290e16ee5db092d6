import numpy as np
import pytest

from calibration.estimate import InsufficientLabels, Undefined
from calibration.rater_agreement.interval_scale import icc_average, icc_single
from tests.calibration.rater_agreement.published import SHROUT_FLEISS


def test_icc_is_that_of_shrout_and_fleiss() -> None:
    # Table 4 of the paper: ICC(2,1) = .29, ICC(2,4) = .62.
    assert icc_single(SHROUT_FLEISS).value == pytest.approx(0.29, abs=5e-3)
    assert icc_average(SHROUT_FLEISS).value == pytest.approx(0.62, abs=5e-3)


def test_the_interval_is_that_of_the_psych_package() -> None:
    # R package psych, ICC(sf): ICC2 0.019 to 0.76, ICC2k 0.071 to 0.93.
    single, average = icc_single(SHROUT_FLEISS), icc_average(SHROUT_FLEISS)

    assert (single.low, single.high) == pytest.approx((0.019, 0.761), abs=5e-4)
    assert (average.low, average.high) == pytest.approx((0.071, 0.927), abs=5e-4)


def test_an_item_with_a_missing_rating_is_left_out_and_said() -> None:
    ratings = np.array([*SHROUT_FLEISS, [5, 5, 5, np.nan]], dtype=np.float64)

    found = icc_single(ratings)

    assert found.value == pytest.approx(icc_single(SHROUT_FLEISS).value)
    assert found.warnings == ("1 items with a missing rating are left out.",)


@pytest.mark.parametrize("ratings", [[[1, 1], [2, 2], [3, 3]], [[1, 2], [2, 3], [3, 4]]])
def test_raters_without_any_error_have_no_icc(ratings: list[list[int]]) -> None:
    with pytest.raises(Undefined, match="no error to compare"):
        icc_single(ratings)


def test_equal_ratings_have_no_icc() -> None:
    with pytest.raises(Undefined, match="no error to compare"):
        icc_average([[4, 4], [4, 4], [4, 4]])


def test_one_rater_is_not_enough() -> None:
    with pytest.raises(InsufficientLabels, match="got 1 raters"):
        icc_single([[1], [2], [3]])
