"""How many labels a mean needs."""

import numpy as np
import pytest

from calibration import InsufficientLabels, estimate_mean
from calibration.planning import (
    MeanPilot,
    pilot_from_accuracy,
    pilot_from_ratings,
    plan_labels,
    plan_mean_labels,
)
from calibration.validation import FloatArray

SCALE = (1.0, 10.0)


def rated(n: int, labels: int, seed: int, *, noise: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Draw scores and labels that go together, the labels on a random part."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(6.5, 1.5, n)
    judge = np.clip(np.rint(quality + noise * rng.normal(size=n)), *SCALE)
    human = np.clip(np.rint(quality + 0.5 * rng.normal(size=n)), *SCALE)
    human[labels:] = np.nan
    return judge, human


@pytest.fixture
def pilot() -> MeanPilot:
    return pilot_from_ratings(*rated(2000, 80, 0), scale=SCALE)


def test_the_half_width_that_is_foretold_is_what_the_labels_give(pilot: MeanPilot) -> None:
    plan = plan_mean_labels(pilot, half_width=0.2, n_judged=2000)

    widths = [estimate_mean(*rated(2000, plan.labels, seed), scale=SCALE) for seed in range(1, 31)]
    mean = float(np.mean([0.5 * (each.high - each.low) for each in widths]))

    assert plan.half_width <= 0.2
    assert mean == pytest.approx(plan.half_width, rel=0.15)


def test_a_better_judge_needs_fewer_labels(pilot: MeanPilot) -> None:
    better = pilot_from_ratings(*rated(2000, 80, 0, noise=0.3), scale=SCALE)

    few = plan_mean_labels(better, half_width=0.12, n_judged=2000)
    many = plan_mean_labels(pilot, half_width=0.12, n_judged=2000)

    assert few.labels < many.labels < many.human_only_labels
    assert few.saving > many.saving > 1.0


def test_a_gate_gets_the_power_that_is_asked_for(pilot: MeanPilot) -> None:
    plan = plan_mean_labels(pilot, floor=pilot.mean - 0.5, power=0.8, n_judged=2000)

    assert plan.power is not None
    assert plan.power >= 0.8


def test_labels_go_to_the_groups_that_vary_more(pilot: MeanPilot) -> None:
    plan = plan_mean_labels(
        pilot, half_width=0.2, n_judged=2000, groups={"calm": (1000, 0.5), "wild": (1000, 2.0)}
    )

    shares = dict(plan.allocation)
    assert sum(shares.values()) == plan.labels
    assert shares["wild"] > 1.5 * shares["calm"]


def test_rates_share_labels_out_by_spread_too() -> None:
    good = pilot_from_accuracy(0.97, sensitivity=0.995, specificity=0.9)

    plan = plan_labels(good, half_width=0.02, groups={"law": (500, 0.4), "art": (500, 0.1)})

    assert dict(plan.allocation)["law"] > dict(plan.allocation)["art"]


def test_nine_labels_are_no_pilot() -> None:
    with pytest.raises(InsufficientLabels, match="9 labels; a plan for a mean needs 10"):
        pilot_from_ratings(*rated(100, 9, 0), scale=SCALE)


def test_a_plan_without_an_aim_is_refused(pilot: MeanPilot) -> None:
    with pytest.raises(ValueError, match="what should the labels achieve"):
        plan_mean_labels(pilot)


def test_a_floor_above_the_mean_is_refused(pilot: MeanPilot) -> None:
    with pytest.raises(ValueError, match="floor must be below the expected mean"):
        plan_mean_labels(pilot, floor=9.0)


def test_more_than_all_items_cannot_be_labelled(pilot: MeanPilot) -> None:
    with pytest.raises(InsufficientLabels, match="labels for all 200 items"):
        plan_mean_labels(pilot, half_width=0.01, n_judged=200)
