import subprocess
import sys
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.estimate import Undefined
from calibration.rater_agreement.alpha import Level, interval_alpha, krippendorff_alpha
from tests.calibration.rater_agreement.published import krippendorff_units

NAN = float("nan")
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")


@pytest.mark.parametrize(
    ("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_that_of_the_twelve_units(level: Level, value: float) -> None:
    # Krippendorff (2011), section C and E: .743, .815 and .849.
    assert krippendorff_alpha(krippendorff_units(), level=level).value == pytest.approx(
        value, abs=5e-4
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("values", [2, 7])
def test_the_point_value_equals_the_package(level: Level, values: int) -> None:
    rng = np.random.default_rng(values)
    truth = rng.integers(0, values, (80, 1))
    ratings = np.clip(truth + rng.integers(-1, 2, (80, 4)), 0, values - 1).astype(np.float64)
    ratings[rng.random(ratings.shape) < 0.2] = NAN

    found = krippendorff_alpha(ratings, level=level, resamples=20).value

    assert found == pytest.approx(
        float(krippendorff.alpha(ratings.T, level_of_measurement=level)), abs=1e-12
    )


@pytest.mark.parametrize("level", ["ordinal", "interval"])
def test_the_closed_form_of_continuous_scores_equals_the_package(level: Level) -> None:
    rng = np.random.default_rng(1)
    ratings = rng.normal(size=(30, 1)) + rng.normal(size=(30, 3))
    ratings[rng.random(ratings.shape) < 0.2] = NAN

    found = krippendorff_alpha(ratings, level=level, resamples=20).value

    assert found == pytest.approx(
        float(krippendorff.alpha(ratings.T, level_of_measurement=level)), abs=1e-12
    )


def test_digits_survive_scores_far_from_zero() -> None:
    ratings = np.array([[1.0, 2.0], [3.0, 3.5], [8.0, 7.0]])

    assert interval_alpha(ratings + 1e7) == pytest.approx(interval_alpha(ratings), abs=1e-7)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_that_nobody_used_changes_nothing(level: Level) -> None:
    units = krippendorff_units()

    with_gap = krippendorff_alpha(units, level=level, value_domain=[0, 1, 2, 3, 4, 5, 9])

    assert with_gap.value == krippendorff_alpha(units, level=level).value


def test_a_rating_outside_the_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="rating 5 is not in the value domain"):
        krippendorff_alpha(krippendorff_units(), value_domain=[1, 2, 3, 4])


@pytest.mark.parametrize(
    "ratings",
    [
        [[1, 1], [1, 1], [1, 1]],
        [[1, 1], [1, 1], [2, NAN]],
    ],
)
def test_equal_ratings_are_undefined(ratings: list[list[float]]) -> None:
    with pytest.raises(Undefined, match="all ratings are equal"):
        krippendorff_alpha(ratings)


@pytest.mark.parametrize("ratings", [[[1], [2]], [[1, NAN], [NAN, 2]], [[NAN, NAN]]])
def test_one_rater_an_item_is_undefined(ratings: list[list[float]]) -> None:
    with pytest.raises(Undefined, match="no item has ratings by two raters"):
        krippendorff_alpha(ratings)


def test_an_infinite_rating_is_refused() -> None:
    with pytest.raises(ValueError, match="ratings holds an infinite value"):
        krippendorff_alpha([[1, float("inf")], [1, 2]])


def test_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="items x raters"):
        krippendorff_alpha([1, 2, 3])


def test_continuous_scores_are_no_categories() -> None:
    ratings = np.random.default_rng(0).normal(size=(300, 2))

    with pytest.raises(ValueError, match="use level='interval'"):
        krippendorff_alpha(ratings, level="nominal")


@pytest.mark.parametrize("level", LEVELS)
def test_perfect_agreement_still_has_an_interval(level: Level) -> None:
    found = krippendorff_alpha([[0, 0], [1, 1]] * 20, level=level)

    assert found.value == 1.0
    assert 0.5 < found.low < 0.99


def test_perfect_agreement_of_continuous_scores_still_has_an_interval() -> None:
    scores = np.linspace(0, 1, 50)

    found = krippendorff_alpha(np.column_stack([scores, scores]), level="interval")

    assert found.low < 0.99


def test_the_same_seed_gives_the_same_digits() -> None:
    units = krippendorff_units()

    assert krippendorff_alpha(units, seed=3) == krippendorff_alpha(units, seed=3)
    # Of two values the interval is drawn; of more it is computed, whatever the seed.
    two = np.where(np.isnan(units), np.nan, units > 2.0)
    assert krippendorff_alpha(two, seed=3) == krippendorff_alpha(two, seed=3)
    assert krippendorff_alpha(two, seed=3).low != krippendorff_alpha(two, seed=4).low
    assert krippendorff_alpha(units, seed=3).low == krippendorff_alpha(units, seed=4).low


def test_units_are_counted_with_any_and_with_two_ratings() -> None:
    found = krippendorff_alpha(krippendorff_units())

    assert (found.n_judged, found.n_labelled) == (12, 11)


def test_many_levels_and_raters_are_grouped_without_overflow() -> None:
    rng = np.random.default_rng(2)
    ratings = rng.integers(0, 20, (50, 90)).astype(np.float64)

    found = krippendorff_alpha(ratings, resamples=50)

    assert found.low < found.value < found.high


def test_the_package_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, calibration.rater_agreement.alpha; print('krippendorff' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "False"


ratings = st.lists(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, NAN]), min_size=3, max_size=3),
    min_size=4,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(ratings, st.permutations([0, 1, 2]), st.sampled_from(LEVELS))
def test_the_order_of_raters_means_nothing(
    units: list[list[float]], order: list[int], level: Level
) -> None:
    matrix = np.array(units)
    try:
        found = krippendorff_alpha(matrix, level=level, resamples=50)
    except Undefined:
        return

    assert krippendorff_alpha(matrix[:, order], level=level, resamples=50) == found
    assert found.low < found.high


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("units", [[[1, 0]], [[1, 0], [0, 1]], [[1, 1], [0, 0]]])
def test_a_handful_of_items_gives_no_agreement_beyond_perfect(
    units: list[list[int]], level: Level
) -> None:
    found = krippendorff_alpha(units, level=level)

    assert -1.0 <= found.low < found.high <= 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"level": "ratio"}, "level must be nominal"), ({"resamples": 1}, "resamples must be")],
)
def test_what_cannot_be_asked_is_refused_by_name(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        krippendorff_alpha([[1, 2], [2, 1]], **arguments)
