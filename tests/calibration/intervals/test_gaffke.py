"""Gaffke's interval and the Dirichlet means behind it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.intervals import STRICT, dirichlet_mean_cdf, mean_interval, own_end_shares


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        # scipy.special.betainc(good, bad, t) at t = .2, .5, .9 (SciPy 1.17).
        (3.0, 2.0, (0.0272, 0.3125, 0.9477)),
        (1.0, 30.0, (0.998762059852799, 0.9999999990686774, 1.0)),
        (0.5, 0.5, (0.2951672353008665, 0.5, 0.7951672353008665)),
    ],
)
def test_two_points_make_a_beta(good: float, bad: float, expected: tuple[float, ...]) -> None:
    cdf = dirichlet_mean_cdf(np.array([0.0, 1.0]), np.array([bad, good]), np.array([0.2, 0.5, 0.9]))

    assert cdf == pytest.approx(expected, abs=1e-7)


def test_a_heavy_middle_point_is_integrated_without_waves() -> None:
    values, counts = np.array([-1.0, 0.0, 1.0]), np.array([1.0, 180.0, 8.0])
    grid = np.linspace(-0.05, 0.15, 801)

    cdf = dirichlet_mean_cdf(values, counts, grid)

    assert np.diff(cdf).min() > -1e-9
    # The mean is the area above the distribution function: (8 - 1) / 189.
    assert grid[-1] - np.trapezoid(cdf, grid) == pytest.approx(7 / 189, abs=1e-4)


def test_fractional_counts_beside_a_heavy_point_stay_monotone() -> None:
    values, counts = np.array([-9.0, -4.0, 1.0]), np.array([1.0, 131.59, 0.3])
    grid = np.linspace(-4.6, -3.6, 801)

    cdf = dirichlet_mean_cdf(values, counts, grid)

    assert np.diff(cdf).min() > -1e-9
    # Mean: (-9 - 4 * 131.59 + .3) / 132.89.
    assert grid[-1] - np.trapezoid(cdf, grid) == pytest.approx(-4.02634, abs=1e-3)


def test_beyond_the_support_nothing_is_left() -> None:
    cdf = dirichlet_mean_cdf(np.array([2.0, 3.0]), np.array([1.0, 1.0]), np.array([1.0, 2.0, 3.0]))

    assert cdf.tolist() == [0.0, 0.0, 1.0]


def test_zeros_and_ones_give_clopper_and_pearson() -> None:
    ratings = np.repeat([0.0, 1.0], [3, 27])

    interval = mean_interval(ratings, np.ones(30), (0.0, 1.0), tail=0.025, exact=STRICT)

    # R binom.test(27, 30): 0.7347 to 0.9789.
    assert (interval.low, interval.high) == pytest.approx((0.7347, 0.9789), abs=1e-4)


def test_equal_ratings_still_leave_room_for_an_unseen_tail() -> None:
    interval = mean_interval(np.full(30, 10.0), np.ones(30), (1.0, 10.0), tail=0.025)

    # All of 30 labels equal: .8 (1 - x) ** 30 = .025, so that x = .1091 of the scale may lie at its
    # far end, 0.982 points.
    assert interval.low == pytest.approx(10.0 - 9.0 * (1.0 - 0.03125 ** (1 / 30)), abs=1e-4)
    assert interval.high == pytest.approx(10.0, abs=1e-3)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        pytest.param([10.0] * 297 + [1.0] * 3, (0.8, 0.8), id="a rare one among tens"),
        pytest.param([10.0] * 97 + [2.0] * 3, (0.8, 0.8), id="a rare two among tens"),
        pytest.param([8.0, 9.0, 10.0] * 10 + [1.0], (0.5, 0.5), id="thirds smooth a rare one"),
        pytest.param(np.linspace(1.0, 10.0, 40).tolist(), (0.5, 0.5), id="ratings of all sizes"),
    ],
)
def test_limits_lie_nearer_the_exact_ones_where_nothing_smooths_the_steps_of_a_rare_rating(
    ratings: list[float], expected: tuple[float, float]
) -> None:
    drawn = np.array(ratings)

    shares = own_end_shares([(drawn, np.ones(drawn.size), 1.0)], (1.0, 10.0))

    # Spans of steps are tried on a grid, which may lose a little of the share.
    assert shares == pytest.approx(expected, abs=0.02)


def test_another_part_smooths_the_steps_of_the_one_that_is_least_known() -> None:
    rare = np.array([10.0] * 48 + [1.0] * 2), np.ones(50), 0.5
    spread = np.linspace(1.0, 10.0, 60), np.ones(60), 0.5

    assert own_end_shares([rare], (1.0, 10.0)) == pytest.approx((0.8, 0.8), abs=0.02)
    assert own_end_shares([rare, spread], (1.0, 10.0)) == (0.5, 0.5)


def test_many_different_ratings_are_gathered_without_moving_the_interval() -> None:
    ratings = np.random.default_rng(5).uniform(0.0, 1.0, 200)
    few = np.round(ratings * 40) / 40

    fine = mean_interval(ratings, np.ones(200), (0.0, 1.0), tail=0.025)
    coarse = mean_interval(few, np.ones(200), (0.0, 1.0), tail=0.025)

    assert fine.low == pytest.approx(coarse.low, abs=2e-3)
    assert fine.high == pytest.approx(coarse.high, abs=2e-3)


@given(st.lists(st.integers(1, 10), min_size=2, max_size=60))
def test_the_interval_holds_the_mean_and_stays_on_the_scale(drawn: list[int]) -> None:
    ratings = np.array(drawn, dtype=np.float64)

    interval = mean_interval(ratings, np.ones(ratings.size), (1.0, 10.0), tail=0.025, exact=STRICT)

    assert 1.0 - 1e-9 <= interval.low <= ratings.mean() + 1e-9
    assert ratings.mean() - 1e-9 <= interval.high <= 10.0 + 1e-9
    assert interval.width > 0.0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
def test_mirrored_ratings_give_the_mirrored_interval(drawn: list[int]) -> None:
    ratings = np.array(drawn, dtype=np.float64)

    there = mean_interval(ratings, np.ones(ratings.size), (0.0, 3.0), tail=0.025)
    back = mean_interval(3.0 - ratings, np.ones(ratings.size), (0.0, 3.0), tail=0.025)

    assert there.low == pytest.approx(3.0 - back.high, abs=1e-4)


def test_the_interval_of_equal_ratings_at_an_end_reaches_that_end() -> None:
    interval = mean_interval(np.full(30, 10.0), np.ones(30), (1.0, 10.0), tail=0.025)

    assert interval.high == 10.0
