import numpy as np
from numpy.testing import assert_array_equal

from calibration.rater_agreement.rater_reliability import consensus

NAN = float("nan")


def test_the_majority_needs_more_than_half() -> None:
    found = consensus([[1, 1, 0], [1, 0, NAN], [2, 1, 0], [1, 1, 0, 0][:3]])

    assert_array_equal(found.labels, [1, NAN, NAN, 1])
    assert found.n_tied == 2


def test_half_of_four_is_no_majority() -> None:
    assert np.isnan(consensus([[1, 1, 2, 3]]).labels[0])


def test_the_median_of_an_even_number_must_be_a_rating_that_was_given() -> None:
    found = consensus([[4, 5, 5, 9], [4, 5, 6, 9], [7, NAN, NAN, NAN]], rule="median")

    assert_array_equal(found.labels, [5, NAN, 7])


def test_an_item_that_nobody_rated_is_no_tie() -> None:
    found = consensus([[1, NAN, NAN], [1, 1, NAN], [NAN, NAN, NAN]])

    assert_array_equal(found.labels, [1, 1, NAN])
    assert found.n_tied == 0
