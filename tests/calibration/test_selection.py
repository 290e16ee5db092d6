"""What parts the labelled items from the others is told with its size."""

import numpy as np
import pytest

from calibration.estimate import InsufficientLabels
from calibration.selection import selection_difference


def labels(n: int, labelled: int) -> np.ndarray:
    return np.where(np.arange(n) < labelled, 1.0, np.nan)


def test_a_difference_of_shares_by_agresti_and_caffo() -> None:
    judge = np.concatenate([np.repeat([1.0, 0.0], [30, 20]), np.repeat([1.0, 0.0], [80, 20])])

    found = selection_difference(judge, labels(150, 50))

    # (31/52 - 81/102) -+ 1.96 sqrt(.5962 .4038 / 52 + .7941 .2059 / 102)
    assert found.difference == pytest.approx(-0.2)
    assert (found.low, found.high) == pytest.approx((-0.3528, -0.0432), abs=5e-4)


def test_the_detectable_difference_is_told_in_four_of_five_draws() -> None:
    rng = np.random.default_rng(5)
    draws = [
        np.concatenate([rng.random(40) < 0.9, rng.random(400) < 0.9 - 0.19]).astype(float)
        for _ in range(400)
    ]
    found = [selection_difference(each, labels(440, 40)) for each in draws]

    # At shares near .9 and .71: (1.96 + .84) sqrt(.9 .1 / 40 + .71 .29 / 400) = .147 and more,
    # since one imagined item of each kind stands on each side.
    assert np.median([each.detectable for each in found]) == pytest.approx(0.16, abs=0.015)
    told = np.mean([each.low > 0.0 or each.high < 0.0 for each in found])
    assert told >= 0.8


def test_a_difference_of_means_by_welch() -> None:
    lengths = np.concatenate([np.array([9.0, 10, 11, 10, 9, 11]), np.array([7.0, 8, 9, 8, 7, 9])])

    found = selection_difference(lengths, labels(12, 6))

    # Two equal variances of 0.8 over 6 items: t of 10 degrees of freedom times 0.5164.
    assert found.difference == pytest.approx(2.0)
    assert (found.low, found.high) == pytest.approx((0.849, 3.151), abs=1e-3)


def test_a_property_that_does_not_vary_is_no_property() -> None:
    with pytest.raises(InsufficientLabels):
        selection_difference(np.ones(100), labels(100, 30))


def test_a_random_draw_differs_by_chance_alone() -> None:
    alarms = 0
    for repeat in range(400):
        rng = np.random.default_rng(repeat)
        found = selection_difference((rng.random(600) < 0.9).astype(float), labels(600, 60))
        alarms += found.low > 0.0 or found.high < 0.0

    assert alarms <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05 * 0.95)
