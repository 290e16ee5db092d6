"""Checks at the border."""

import numpy as np
import pytest

from calibration.validation import check_codes, check_ratings, check_same_length, check_share


def test_names_become_numbers_in_sorted_order() -> None:
    codes = check_codes("strata", ["b", "a", "b"], 3)

    assert codes is not None
    assert codes.tolist() == [1, 0, 1]


def test_no_names_stay_none() -> None:
    assert check_codes("strata", None, 3) is None


@pytest.mark.parametrize("groups", [[1.0, np.nan, 2.0], ["a", None, "b"]])
def test_an_item_without_a_group_is_named(groups: list[object]) -> None:
    with pytest.raises(ValueError, match="strata has no name for item 1"):
        check_codes("strata", np.array(groups, dtype=object), 3)


def test_a_scalar_is_no_array_of_ratings() -> None:
    with pytest.raises(ValueError, match="1-D"):
        check_ratings("judge", 1.0, (0.0, 1.0))


def test_arrays_of_one_length_pass() -> None:
    check_same_length(judge=np.zeros(3), human=np.ones(3))


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_shares_lie_strictly_between_zero_and_one(share: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        check_share("confidence", share)
