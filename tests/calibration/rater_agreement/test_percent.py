import numpy as np
import pytest
from scipy import stats

from calibration.estimate import Undefined
from calibration.rater_agreement.nominal import percent_agreement, share


def test_items_without_both_ratings_are_left_out() -> None:
    agreed = percent_agreement([1, 0, float("nan"), 1], [1, 1, 1, float("nan")])

    assert (agreed.value, agreed.n_judged, agreed.n_labelled) == (0.5, 3, 2)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    bounds = share(1, 20, method="agreement")

    # P(X >= 1) at the lower end and P(X <= 1) at the upper end: both .025, by hand.
    at_least_one = 1 - (1 - bounds.low) ** 20
    at_most_one = (1 - bounds.high) ** 20 + 20 * bounds.high * (1 - bounds.high) ** 19
    assert at_least_one == pytest.approx(0.025)
    assert at_most_one == pytest.approx(0.025)


def test_full_agreement_is_not_certainty() -> None:
    bounds = share(20, 20, method="agreement")

    assert bounds.low == pytest.approx(0.025 ** (1 / 20))
    assert bounds.high == 1.0


def test_thirty_items_cover_every_share_in_94_percent_and_no_tail_exceeds_4_percent() -> None:
    counts = np.arange(31)
    limits = [share(int(k), 30, method="agreement") for k in counts]
    low = np.array([each.low for each in limits])
    high = np.array([each.high for each in limits])
    for rate in np.linspace(0.005, 0.995, 199):
        chance = stats.binom.pmf(counts, 30, rate)
        above, below = float(chance @ (low > rate)), float(chance @ (high < rate))
        assert max(above, below) <= 0.04
        assert above + below <= 0.06


def test_a_share_of_nothing_is_undefined() -> None:
    with pytest.raises(Undefined, match="flip rate: there is no item to count"):
        share(0, 0, method="flip rate")


def test_a_confidence_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence must lie strictly between 0 and 1"):
        percent_agreement([1], [1], confidence=1.0)
