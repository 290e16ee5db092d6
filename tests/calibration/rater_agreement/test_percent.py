import pytest

from calibration.estimate import Undefined
from calibration.rater_agreement.nominal import mid_p_interval, percent_agreement, share


def test_items_without_both_ratings_are_left_out() -> None:
    agreed = percent_agreement([1, 0, float("nan"), 1], [1, 1, 1, float("nan")])

    assert (agreed.value, agreed.n_judged, agreed.n_labelled) == (0.5, 3, 2)


def test_the_interval_inverts_the_mid_p_test() -> None:
    bounds = mid_p_interval(1, 20, confidence=0.95)

    # P(X > 1) + P(X = 1)/2 at the lower end, P(X < 1) + P(X = 1)/2 at the upper end: both .025,
    # by hand from the binomial with n = 20.
    low = 1 - (1 - bounds.low) ** 20 - 0.5 * 20 * bounds.low * (1 - bounds.low) ** 19
    high = (1 - bounds.high) ** 20 + 0.5 * 20 * bounds.high * (1 - bounds.high) ** 19
    assert low == pytest.approx(0.025)
    assert high == pytest.approx(0.025)


def test_full_agreement_is_not_certainty() -> None:
    bounds = mid_p_interval(20, 20, confidence=0.95)

    assert bounds.low == pytest.approx(0.05 ** (1 / 20))  # half of p**20 is .025
    assert bounds.high == 1.0


def test_a_share_of_nothing_is_undefined() -> None:
    with pytest.raises(Undefined, match="flip rate: there is no item to count"):
        share(0, 0, method="flip rate")


def test_a_confidence_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence must lie strictly between 0 and 1"):
        percent_agreement([1], [1], confidence=1.0)
