"""How many labels are needed."""

import numpy as np
import pytest

from calibration import InsufficientLabels, UnusableJudge, plan_labels
from calibration.planning import (
    Pilot,
    gate_power,
    pilot_from_accuracy,
    pilot_from_labels,
    zero_failure_labels,
)
from calibration.post_stratification import Stratum

GOOD_JUDGE = pilot_from_accuracy(0.97, sensitivity=0.995, specificity=0.9)


def test_a_pilot_from_error_rates_keeps_the_rate() -> None:
    assert GOOD_JUDGE.rate == pytest.approx(0.97)
    # Squared phi of this 2 x 2 table: (.97 * .03 * .895)^2 / (.97 * .03 * .96815 * .03185).
    assert GOOD_JUDGE.explained == pytest.approx(0.7559, abs=1e-4)


def test_a_pilot_from_labels_is_shrunk_from_zero_and_one() -> None:
    pilot = pilot_from_labels([1.0, 1.0, 1.0, 0.0], [1.0, 1.0, np.nan, 0.0])

    assert pilot == Pilot(judge_rate=3.5 / 5, pass_given_pass=2.5 / 3, pass_given_fail=0.25)


def test_the_wanted_half_width_is_just_reached() -> None:
    plan = plan_labels(GOOD_JUDGE, half_width=0.02)

    # Prototype of the same interval: mean half-width .025 at n = 100 and .012 at n = 300.
    assert 100 < plan.labels < 200
    assert plan.half_width <= 0.02
    assert plan.power is None


def test_the_judge_saves_labels() -> None:
    plan = plan_labels(GOOD_JUDGE, half_width=0.02)

    assert plan.human_only_labels > 2 * plan.labels
    assert plan.saving == pytest.approx(1 / (1 - 0.7559), rel=1e-3)


def test_a_gate_needs_fewer_labels_with_a_lower_floor() -> None:
    near, far = (plan_labels(GOOD_JUDGE, floor=floor) for floor in (0.95, 0.90))

    assert far.labels < near.labels
    assert near.power is not None
    assert near.power >= 0.8


def test_both_aims_take_the_larger_number() -> None:
    alone = plan_labels(GOOD_JUDGE, floor=0.95).labels

    assert plan_labels(GOOD_JUDGE, floor=0.95, half_width=0.1).labels == alone


def test_labels_are_shared_out_over_groups() -> None:
    plan = plan_labels(GOOD_JUDGE, half_width=0.03, groups={"law": 300, "ethics": 100})

    assert sum(count for _, count in plan.allocation) == plan.labels
    assert plan.allocation[0][0] == "law"
    assert plan.allocation[0][1] == pytest.approx(0.75 * plan.labels, abs=1)


def test_groups_that_are_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        plan_labels(GOOD_JUDGE, half_width=0.03, groups={"law": 3})


def test_more_labels_than_items_are_not_to_be_had() -> None:
    with pytest.raises(InsufficientLabels, match="all 200 items"):
        plan_labels(GOOD_JUDGE, half_width=0.001, n_judged=200)


def test_aims_must_be_given_and_possible() -> None:
    with pytest.raises(ValueError, match="half_width, floor or both"):
        plan_labels(GOOD_JUDGE)
    with pytest.raises(ValueError, match=r"floor must be below the expected rate 0\.9700"):
        plan_labels(GOOD_JUDGE, floor=0.98)
    with pytest.raises(ValueError, match="half_width"):
        plan_labels(GOOD_JUDGE, half_width=0.0)
    with pytest.raises(ValueError, match="power"):
        plan_labels(GOOD_JUDGE, floor=0.9, power=1.0)


def test_power_is_that_of_simulated_labels() -> None:
    strata = (
        Stratum(size=4840.0, passes=0.9969 * 193, labels=193.0),
        Stratum(size=160.0, passes=0.15 * 7, labels=7.0),
    )

    # Share of 4000 simulated label sets whose strict limit reached .95, default_rng(0).
    assert gate_power(strata, floor=0.95, error=0.05) == pytest.approx(0.6275, abs=0.03)


def test_a_gate_that_even_perfect_labels_cannot_pass_has_no_power() -> None:
    strata = (
        Stratum(size=4000.0, passes=19.0, labels=20.0),
        Stratum(size=1000.0, passes=1.0, labels=5.0),
    )

    assert gate_power(strata, floor=0.99, error=0.05) == 0.0


def test_zero_failure_sizes() -> None:
    # ln .05 / ln floor, rounded up.
    sizes = [zero_failure_labels(floor) for floor in (0.95, 0.97, 0.98, 0.99)]

    assert sizes == [59, 99, 149, 299]


def test_nothing_is_planned_for_a_judge_below_chance() -> None:
    human = np.tile([1.0, 0.0], 30)

    pilot = pilot_from_labels(1.0 - human, human)

    assert pilot.below_chance
    with pytest.raises(UnusableJudge, match="below chance"):
        plan_labels(pilot, half_width=0.1)
    with pytest.raises(ValueError, match="sensitivity \\+ specificity must exceed 1"):
        pilot_from_accuracy(0.97, sensitivity=0.3, specificity=0.3)
