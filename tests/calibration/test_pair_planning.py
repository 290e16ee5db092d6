"""Plans for a gate on two systems, held against the gate itself."""

import numpy as np
import pytest

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import (
    PairPilot,
    difference_risks_of_counts,
    hard_floor,
    pairs_from_accuracy,
    pairs_from_labels,
    plan_pairs,
)
from calibration.paired_difference import difference_risks, gate_difference

ROWS = (
    (0.95, 0.05, (0.97, 0.60), 2000),
    (0.95, 0.05, (0.995, 0.90), 2000),
    (0.97, 0.02, (0.97, 0.60), 5000),
    (0.97, 0.02, (0.995, 0.90), 5000),
    (0.90, 0.05, (0.92, 0.65), 2000),
)


def test_zero_differences_still_need_the_hard_floor() -> None:
    # log(0.05) / log(1 - margin), rounded up.
    assert [hard_floor(margin) for margin in (0.05, 0.02, 0.01)] == [59, 149, 299]
    assert hard_floor(0.45, width=9.0) == 59
    same = np.ones(300)
    for labels, passes in ((58, False), (59, True)):
        known = np.where(np.arange(300) < labels, 1.0, np.nan)
        found = gate_difference(same, known, same, known)
        assert (found.low > -0.05) is passes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [1.0, 9.0])
def test_the_p_values_are_those_of_the_limits(seed: int, width: float) -> None:
    rng = np.random.default_rng(seed)
    scale = (0.0, 1.0) if width == 1.0 else (1.0, 10.0)
    human = rng.integers(0, 2, (2, 300)) * width + scale[0]
    judge = np.where(rng.random((2, 300)) < 0.85, human, scale[0] + scale[1] - human)
    human[:, 80:] = np.nan
    arrays = judge[0], human[0], judge[1], human[1]
    bound = -0.1 * width

    at_most, at_least = difference_risks(*arrays, bound=bound, scale=scale)

    for error in (0.001, 0.01, 0.05, 0.2, 0.45):
        found = gate_difference(*arrays, scale=scale, error=error)
        if abs(at_most - error) > 1e-3:
            assert (found.low > bound) is (at_most < error)
        if abs(at_least - error) > 1e-3:
            assert (found.high < bound) is (at_least < error)


def _rated_pilot(pairs: int, seed: int) -> PairPilot:
    """Make a pilot of ratings from 1 to 10 with up to twice as many different rows as pairs."""
    rng = np.random.default_rng(seed)
    human = rng.uniform(1.0, 10.0, (2, pairs))
    judge = np.clip(human + rng.normal(size=(2, pairs)), 1.0, 10.0)
    return pairs_from_labels(judge[0], human[0], judge[1], human[1], scale=(1, 10))


@pytest.mark.parametrize(
    ("pilot", "labels", "bound"),
    [
        (pairs_from_accuracy(0.95, sensitivity=0.97, specificity=0.6), 100, -0.05),
        (pairs_from_accuracy(0.9, sensitivity=0.3, specificity=0.3, shared=0.5), 100, -0.05),
        (_rated_pilot(20, seed=1), 40, -0.7),
        (_rated_pilot(200, seed=2), 120, -0.5),
    ],
    ids=["pass and fail", "a reversed judge", "few ratings", "many ratings"],
)
def test_risks_from_counts_are_those_of_the_gate(
    pilot: PairPilot, labels: int, bound: float
) -> None:
    rng = np.random.default_rng(4)
    labelled = rng.multinomial(labels, pilot.shares, size=12)
    others = rng.multinomial(400 - labels, pilot.shares, size=12)

    found = difference_risks_of_counts(pilot.rows, labelled, others, bound=bound, scale=pilot.scale)

    for risk, of_labelled, of_others in zip(found, labelled, others, strict=True):
        unlabelled = np.repeat(pilot.rows, of_others, axis=0)
        unlabelled[:, [1, 3]] = np.nan
        prompts = np.concatenate([np.repeat(pilot.rows, of_labelled, axis=0), unlabelled])
        try:
            expected = difference_risks(*prompts.T, bound=bound, scale=pilot.scale)[0]
        except UnusableJudge:
            expected = 1.0
        assert risk == pytest.approx(expected, abs=1e-9)


def test_systems_that_differ_less_need_fewer_labels() -> None:
    plans = [
        plan_pairs(
            pairs_from_accuracy(0.95, sensitivity=0.97, specificity=0.6, **how),
            margin=0.05,
            n_judged=1000,
        )
        for how in ({}, {"shared": 0.5}, {"churn": 0.02})
    ]

    prompts = [plan.prompts for plan in plans]
    assert prompts == sorted(prompts, reverse=True)
    assert all(plan.labels == 2 * plan.prompts for plan in plans)
    assert all(plan.hard_floor == 59 <= plan.prompts for plan in plans)


def test_a_plan_for_many_prompts_is_no_plan_for_all_of_them() -> None:
    # Unrelated systems of a rate of .97 and a margin of 2 points: about 900 of 5,000 prompts.
    pilot = pairs_from_accuracy(0.97, sensitivity=0.97, specificity=0.6)

    plan = plan_pairs(pilot, margin=0.02, n_judged=5000, repeats=20)

    assert 600 < plan.prompts < 1300
    assert plan.power == pytest.approx(0.8, abs=0.01)


def test_a_plan_that_no_number_of_labels_carries_says_so() -> None:
    pilot = pairs_from_accuracy(0.9, sensitivity=0.9, specificity=0.6)

    with pytest.raises(InsufficientLabels, match="at least 149 labelled prompts are needed"):
        plan_pairs(pilot, margin=0.02, n_judged=100)
    with pytest.raises(InsufficientLabels, match="labels on all 160 prompts would not"):
        plan_pairs(pilot, margin=0.02, n_judged=160)


def test_a_pilot_of_labels_treats_both_systems_alike() -> None:
    rng = np.random.default_rng(3)
    human = (rng.random((2, 200)) < [[0.95], [0.85]]).astype(float)

    pilot = pairs_from_labels(human[0], human[0], human[1], human[1])

    assert pilot.difference == pytest.approx(0.0, abs=1e-12)
    assert pilot.discordant == pytest.approx(float((human[0] != human[1]).mean()), abs=0.01)


def test_a_pilot_of_nine_pairs_is_too_small() -> None:
    with pytest.raises(InsufficientLabels, match="9 prompts"):
        pairs_from_labels(*np.ones((4, 9)))


def test_churn_is_what_it_says() -> None:
    pilot = pairs_from_accuracy(0.95, sensitivity=0.97, specificity=0.6, churn=0.02)

    assert pilot.discordant == pytest.approx(0.02)
    with pytest.raises(ValueError, match=r"churn must be above 0 and at most 0.095"):
        pairs_from_accuracy(0.95, sensitivity=0.97, specificity=0.6, churn=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "margin", "judge", "n"), ROWS)
@pytest.mark.parametrize("how", [{}, {"shared": 0.5}, {"churn": 0.02}])
def test_the_gate_passes_as_often_as_the_plan_promises(
    rate: float, margin: float, judge: tuple[float, float], n: int, how: dict[str, float]
) -> None:
    pilot = pairs_from_accuracy(rate, sensitivity=judge[0], specificity=judge[1], **how)
    plan = plan_pairs(pilot, margin=margin, n_judged=n)
    rng = np.random.default_rng(17)
    repeats, passed = 800, 0
    for _ in range(repeats):
        drawn = pilot.rows[rng.choice(len(pilot.rows), size=n, p=pilot.shares)]
        drawn[plan.prompts :, [1, 3]] = np.nan
        passed += difference_risks(*drawn.T, bound=-margin)[0] < 0.05

    assert passed / repeats == pytest.approx(0.8, abs=0.05)
