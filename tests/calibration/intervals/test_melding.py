"""Confidence distributions and their sums."""

import numpy as np
import pytest

from calibration.intervals import clopper_pearson, logit_t_interval
from calibration.melding import (
    beta,
    mixed_by_size,
    moments,
    point,
    rate_distribution,
    scaled,
    summed,
)


def test_quantiles_of_one_distribution_are_clopper_and_pearson() -> None:
    lower = summed([rate_distribution(97, 100, "lower")])
    upper = summed([rate_distribution(97, 100, "upper")])

    # R binom.test(97, 100): 0.9148 to 0.9938.
    assert lower.quantile(0.025) == pytest.approx(0.9148, abs=1e-4)
    assert upper.quantile(0.975) == pytest.approx(0.9938, abs=1e-4)


def test_the_sum_of_two_uniforms_is_a_triangle() -> None:
    total = summed([(beta(1.0, 1.0),), (beta(1.0, 1.0),)])

    # P(U + V <= s) = s^2 / 2 for s <= 1: quantile .125 is .5, and the median is 1.
    assert total.quantile(0.125) == pytest.approx(0.5, abs=1e-4)
    assert total.quantile(0.5) == pytest.approx(1.0, abs=1e-4)


def test_points_move_a_sum_exactly() -> None:
    total = summed([(beta(1.0, 1.0),), (point(0.25, 0.5), point(0.5, 0.5))])

    # Half U + 1/4, half U + 1/2: the median is 7/8.
    assert total.quantile(0.5) == pytest.approx(0.875, abs=1e-3)


def test_without_labels_a_rate_is_anything() -> None:
    assert rate_distribution(0, 0, "lower")[0].high == 0.0
    assert rate_distribution(0, 0, "upper")[0].low == 1.0


def test_moments_of_a_beta() -> None:
    mean, square = moments((beta(2.0, 6.0),))

    # Beta(2, 6): mean 1/4, variance 12 / (64 * 9).
    assert (mean, square) == pytest.approx((0.25, 1 / 16 + 12 / 576))


def test_scaling_scales_quantiles() -> None:
    rate = (beta(5.0, 3.0),)

    assert summed([scaled(rate, 0.2)]).quantile(0.3) == pytest.approx(
        0.2 * summed([rate]).quantile(0.3), abs=1e-6
    )


def test_uncertain_shares_add_the_variance_of_drawing_the_items() -> None:
    # Rates known to be 1 and 0: the mean over 30 and 70 items is Beta(30, 70).
    lattice = mixed_by_size([(point(1.0),), (point(0.0),)], [30.0, 70.0])

    # scipy.special.betaincinv(30, 70, .025) and .975 (SciPy 1.17).
    assert lattice.quantile(0.025) == pytest.approx(0.21467, abs=1e-3)
    assert lattice.quantile(0.975) == pytest.approx(0.39291, abs=1e-3)


def test_three_strata_agree_with_random_draws() -> None:
    rates = [(beta(9.0, 2.0),), (beta(3.0, 8.0),), (beta(1.0, 1.0),)]
    sizes = [40.0, 50.0, 10.0]
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(sizes, 400_000)
    drawn = np.stack([rng.beta(9, 2, 400_000), rng.beta(3, 8, 400_000), rng.random(400_000)])

    lattice = mixed_by_size(rates, sizes)

    expected = np.quantile((shares.T * drawn).sum(axis=0), [0.025, 0.5, 0.975])
    found = [lattice.quantile(level) for level in (0.025, 0.5, 0.975)]
    assert found == pytest.approx(expected, abs=4e-3)


@pytest.mark.parametrize(
    ("passes", "labels", "low", "high"),
    # R binom.test: 0/10, 10/10, 5/10.
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (0, 0, 0.0, 1.0)],
)
def test_clopper_and_pearson(passes: int, labels: int, low: float, high: float) -> None:
    interval = clopper_pearson(passes, labels, tail=0.025)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)


def test_the_logit_interval_nears_students_in_the_middle_of_the_scale() -> None:
    ratings = np.random.default_rng(2).normal(5.5, 1.0, 400)

    interval = logit_t_interval(ratings, np.ones(400), (1.0, 10.0), tail=0.025)

    # Student: mean +- 1.966 * s / 20 with these draws.
    assert interval.low == pytest.approx(
        ratings.mean() - 1.966 * ratings.std(ddof=1) / 20, abs=0.01
    )
    assert interval.high == pytest.approx(
        ratings.mean() + 1.966 * ratings.std(ddof=1) / 20, abs=0.01
    )


def test_the_logit_interval_stays_on_the_scale() -> None:
    ratings = np.repeat([10.0, 1.0], [399, 1])

    interval = logit_t_interval(ratings, np.ones(400), (1.0, 10.0), tail=0.025)

    assert 1.0 < interval.low < interval.high < 10.0
