import numpy as np
import pytest
from scipy import special

from calibration.rater_agreement.jackknife import jackknife_interval
from calibration.rater_agreement.nominal import weighted_kappa


def test_pseudo_values_of_a_mean_give_students_interval() -> None:
    # For a coefficient near 0, atanh is nearly the identity, and the jackknife of a mean is the
    # mean with its standard error.
    x = np.tile([-0.02, 0.0, 0.01, 0.02], 25)
    left = (x.sum() - x) / 99.0

    found = jackknife_interval(float(x.mean()), left, np.ones(100), confidence=0.95, imagined=0.0)

    assert found is not None
    reach = special.stdtrit(99, 0.975) * x.std(ddof=1) / 10.0
    assert (found.low, found.high) == pytest.approx((x.mean() - reach, x.mean() + reach), rel=1e-3)


def test_each_limit_counts_an_imagined_item_as_extreme_as_the_most_extreme_one() -> None:
    # 96 items of 0 and four of -0.04: below, half an item more of -0.04; above, one more of 0.
    x = np.repeat([0.0, -0.04], [96, 4])
    left = (x.sum() - x) / 99.0

    found = jackknife_interval(float(x.mean()), left, np.ones(100), confidence=0.95, imagined=5.0)

    assert found is not None
    reach = special.stdtrit(99, 0.975)
    for end, count, sign in ((found.low, 4.5, -1.0), (found.high, 4.0, 1.0)):
        mean = -0.04 * count / 100.5
        error = np.sqrt((0.04**2 * count - 100.5 * mean**2) / 100.5 / 99.5)
        assert end == pytest.approx(mean + sign * reach * error, rel=2e-3)


def test_values_that_no_item_moves_say_nothing() -> None:
    assert jackknife_interval(1.0, np.ones(30), np.ones(30), confidence=0.95) is None


def test_a_coefficient_that_is_undefined_without_an_item_says_nothing() -> None:
    left = np.array([0.5, np.nan, 0.4])

    assert jackknife_interval(0.5, left, np.ones(3), confidence=0.95) is None


def test_weighted_kappa_of_a_long_scale_is_no_wider_than_its_sample_says() -> None:
    # Two raters round one latent value, kappa .87; 72 items gave a width of .327 by the table.
    rng = np.random.default_rng(5)
    latent = 7.5 + 1.5 * rng.normal(size=72)
    both = [np.clip(np.rint(latent + 0.5 * rng.normal(size=72)), 1, 10) for _ in range(2)]

    found = weighted_kappa(*both, categories=np.arange(1.0, 11.0))

    assert found.method.endswith("jackknife interval")
    assert found.high - found.low < 0.16
    assert found.low < 0.866 < found.high
