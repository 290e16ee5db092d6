"""Checks at the border."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from calibration.estimate import Undefined
from calibration.validation import (
    as_matrix,
    as_vector,
    check_codes,
    check_ratings,
    check_same_length,
    check_scale,
    check_share,
    pair_up,
    rater_names,
)

NAN = float("nan")


def test_names_become_numbers_in_sorted_order() -> None:
    codes = check_codes("strata", ["b", "a", "b"], 3)

    assert codes is not None
    assert codes.tolist() == [1, 0, 1]


def test_no_names_stay_none() -> None:
    assert check_codes("strata", None, 3) is None


@pytest.mark.parametrize("groups", [[1.0, np.nan, 2.0], ["a", None, "b"], ["a", pd.NA, "b"]])
def test_an_item_without_a_group_is_named(groups: list[object]) -> None:
    with pytest.raises(ValueError, match="strata has no name for item 1"):
        check_codes("strata", np.array(groups, dtype=object), 3)


def test_a_scalar_is_no_array_of_ratings() -> None:
    with pytest.raises(ValueError, match="1-D"):
        check_ratings("judge", 1.0, (0.0, 1.0))


def test_arrays_of_one_length_pass() -> None:
    check_same_length(judge=np.zeros(3), human=np.ones(3))


def test_what_a_masked_array_hides_is_missing() -> None:
    hidden = np.ma.masked_array([1, 0, 1], mask=[False, True, False])

    assert_array_equal(check_ratings("judge", hidden, (0.0, 1.0)), [1.0, NAN, 1.0])
    assert_array_equal(as_vector("judge", hidden), [1.0, NAN, 1.0])


@pytest.mark.parametrize("scale", [(1,), None, (10, 1), (0, float("inf")), ("low", "high")])
def test_a_scale_is_two_numbers_lowest_first(scale: Any) -> None:
    with pytest.raises(ValueError, match="scale must be"):
        check_scale(scale)


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan"), "0.95", None])
def test_shares_lie_strictly_between_zero_and_one(share: Any) -> None:
    with pytest.raises(ValueError, match="confidence"):
        check_share("confidence", share)


def test_only_items_with_both_ratings_are_paired() -> None:
    pairs = pair_up([1, NAN, 0, 1], [NAN, 1, 0, 1])

    assert_array_equal(pairs.both, [False, False, True, True])
    assert (pairs.n, pairs.n_judged, pairs.n_unjudged) == (2, 3, 1)


@pytest.mark.parametrize(
    ("judge", "human", "message"),
    [
        ([1, 0], [1], "judge and human must be as long as each other; got 2 and 1"),
        ([[1, 0]], [1, 0], "judge must have one dimension"),
        (["good"], [1], "judge must be numbers, NaN where a rating is missing"),
        ([1], [[1], [2, 3]], "human must be numbers"),
        ([1], [float("-inf")], "human holds an infinite value"),
    ],
)
def test_arrays_that_are_no_ratings_are_refused_by_name(
    judge: Any, human: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pair_up(judge, human)


@pytest.mark.parametrize(("judge", "human"), [([], []), ([NAN], [NAN])])
def test_no_item_at_all_is_no_overlap(judge: list[float], human: list[float]) -> None:
    with pytest.raises(Undefined, match="no overlap"):
        pair_up(judge, human)


def test_a_vector_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"experts must be items x raters; got shape \(2,\)"):
        as_matrix("experts", [1, 0])


def test_raters_have_the_names_given_or_numbers() -> None:
    assert rater_names(None, 2) == ("expert 1", "expert 2")
    assert rater_names(["a", "b"], 2) == ("a", "b")
    with pytest.raises(ValueError, match="names must be 2 different names"):
        rater_names(["a"], 2)
