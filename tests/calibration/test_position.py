"""Position bias: what an answer gains by being shown first."""

import pytest

from calibration.bias import position_bias
from calibration.estimate import Undefined

NAN = float("nan")


def test_a_judge_that_takes_the_first_answer_shown_raises_its_win_rate() -> None:
    # 10 pairs go to the first place in both orders, 2 to the second, 8 are decided by content.
    first = [1] * 10 + [-1] * 2 + [1] * 8
    second = [-1] * 10 + [1] * 2 + [1] * 8

    found = position_bias(first, second)

    assert found.flip_rate.value == 0.6
    assert found.win_rate_shift.value == pytest.approx(0.2)
    assert found.win_rate_shift.low > 0.0
    assert (found.direction.b, found.direction.c) == (2, 10)


def test_a_tie_in_one_order_is_half_a_flip_of_the_win() -> None:
    found = position_bias([1, 0, 1], [0, 0, 1])

    assert found.flip_rate.value == pytest.approx(1 / 3)
    assert found.win_rate_shift.value == pytest.approx(0.25 / 3)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [([2.0], [1.0], "first_shown must hold -1, 0 or 1; got 2"), ([1.0], [1.0, 1.0], "got 1 and 2")],
)
def test_verdicts_that_do_not_fit_are_refused(
    first: list[float], second: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        position_bias(first, second)


def test_pairs_judged_in_one_order_only_say_nothing() -> None:
    with pytest.raises(Undefined, match="no pair has a verdict in both orders"):
        position_bias([1, NAN], [NAN, 1])
