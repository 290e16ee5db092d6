"""Cascades: a cheap judge, a dear one where it is not sure, an expert where neither is."""

import numpy as np
import pytest

from calibration import InsufficientLabels
from calibration.cascade import Tier, labels_to_prove, plan_cascade


def _tiers(*, labels: int, size: int = 4000) -> tuple[Tier, Tier, np.ndarray]:
    """The cheap judge errs with 1 - certainty, the dear one with 1 % on labelled items."""
    rng = np.random.default_rng(1)
    certainty = rng.uniform(0.5, 1.0, size)
    truth = (rng.random(size) < 0.7).astype(float)
    cheap = np.where(rng.random(size) < 1.0 - certainty, 1.0 - truth, truth)
    dear = np.where(rng.random(size) < 0.01, 1.0 - truth, truth)
    human = truth.copy()
    for array in (human, dear):
        array[labels:] = np.nan
    return (
        Tier(cheap, certainty, 1.0),
        Tier(dear, np.where(np.isnan(dear), np.nan, 0.99), 50.0),
        human,
    )


def test_the_cheap_judge_decides_what_it_is_sure_of() -> None:
    cheap, dear, human = _tiers(labels=800)

    plan = plan_cascade(cheap, dear, human, risk=0.05, expert_cost=2000.0)

    assert 0.05 < plan.setting.cheap_share < 0.5
    assert plan.setting.expert_share == pytest.approx(0.0, abs=1e-9)
    assert plan.setting.bound <= 0.05
    assert plan.setting.cost < plan.dear_alone + 1.0


def test_shares_of_the_tiers_sum_to_one() -> None:
    setting = plan_cascade(*_tiers(labels=800), risk=0.05, expert_cost=2000.0).setting

    total = setting.cheap_share + setting.dear_share + setting.expert_share

    assert total == pytest.approx(1.0)


def test_a_dear_judge_that_errs_too_often_leaves_the_rest_to_experts() -> None:
    cheap, dear, human = _tiers(labels=4000)
    bad = np.where(np.arange(4000) % 5 == 0, 1.0 - np.asarray(dear.verdict), dear.verdict)
    sure = np.where(np.isnan(bad), np.nan, 0.9)

    plan = plan_cascade(cheap, Tier(bad, sure, 50.0), human, risk=0.1, expert_cost=2000.0)

    assert plan.setting.expert_share > 0.5
    assert plan.setting.dear_cut == np.inf


def test_what_cannot_be_proven_says_how_many_labels_would() -> None:
    with pytest.raises(InsufficientLabels, match="100 labels; at least 217 are needed"):
        plan_cascade(*_tiers(labels=100), risk=0.02, expert_cost=2000.0)


def test_labels_to_prove_grow_as_the_error_nears_the_risk() -> None:
    few, many = labels_to_prove(0.01, 0.05), labels_to_prove(0.03, 0.05)

    assert few is not None
    assert many is not None
    assert few < many
    assert labels_to_prove(0.05, 0.05) is None
