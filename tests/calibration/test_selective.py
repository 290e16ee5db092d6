"""Which verdicts may stand without an expert."""

import numpy as np
import pytest

from calibration import InsufficientLabels
from calibration.selective import least_labels, plan_triage, proven_levels

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def _judged(seed: int = 1, *, labels: int = 600, size: int = 4000) -> Arrays:
    """A judge whose chance of error falls from a half to nothing with its certainty."""
    rng = np.random.default_rng(seed)
    certainty = rng.uniform(0.5, 1.0, size)
    verdict = (rng.random(size) < 0.7).astype(float)
    wrong = rng.random(size) < 1.0 - certainty
    human = np.where(wrong, 1.0 - verdict, verdict)
    human[labels:] = np.nan
    return verdict, human, certainty


def test_the_surest_verdicts_stand_and_no_more_than_the_labels_prove() -> None:
    verdict, human, certainty = _judged(labels=2000)

    cut = plan_triage(verdict, human, certainty, risk=0.1).cuts["all"]

    # Among the surest share s the mean error is s / 4, so 0.4 is the most that may stand.
    assert 0.15 <= cut.kept_share <= 0.4
    assert cut.bound <= 0.1
    assert cut.errors <= 0.1 * cut.labels


def test_a_lower_risk_lets_fewer_stand() -> None:
    arrays = _judged(labels=2000)

    strict = plan_triage(*arrays, risk=0.05).cuts["all"]
    loose = plan_triage(*arrays, risk=0.1).cuts["all"]

    assert strict.kept < loose.kept


def test_what_stands_is_what_has_a_verdict_and_the_certainty() -> None:
    verdict, human, certainty = _judged(labels=2000)
    triage = plan_triage(verdict, human, certainty, risk=0.1)

    stands = triage.stands([1.0, np.nan, 1.0, 1.0], [0.999, 0.999, 0.51, np.nan])

    assert stands.tolist() == [True, False, False, False]


def test_a_group_with_too_few_labels_goes_to_experts_whole() -> None:
    verdict, human, certainty = _judged(labels=2000)
    human[np.arange(4000) % 20 == 0] = np.where(np.arange(200) < 30, human[::20], np.nan)
    groups = ["large" if place % 20 else "small" for place in range(4000)]

    triage = plan_triage(verdict, human, certainty, risk=0.1, groups=groups)

    assert set(triage.cuts) == {"large"}
    # Two groups are tested, each at 2.5 %: log(0.025) / log(0.9) = 35.01, and 30 have a label.
    assert triage.refused["small"].startswith("30 labels where")
    assert not triage.stands([1.0], [1.0], ["small"]).any()


def test_groups_share_the_risk_of_being_wrong() -> None:
    verdict, human, certainty = _judged(labels=2000)
    groups = ["left" if place % 2 else "right" for place in range(4000)]

    alone = plan_triage(verdict[::2], human[::2], certainty[::2], risk=0.1).cuts["all"]
    shared = plan_triage(verdict, human, certainty, risk=0.1, groups=groups).cuts["right"]

    assert shared.kept <= alone.kept


def test_a_judge_worse_than_the_risk_is_refused() -> None:
    verdict, human, _ = _judged()

    with pytest.raises(InsufficientLabels, match="no cut is proven"):
        plan_triage(verdict, human, np.full(4000, 0.9), risk=0.02)


def test_no_labels_but_a_few_are_refused_with_the_number_needed() -> None:
    verdict, human, certainty = _judged(labels=20)

    with pytest.raises(InsufficientLabels, match="20 labels where 59 without an error are needed"):
        plan_triage(verdict, human, certainty, risk=0.05)


def test_a_census_without_errors_lets_everything_stand() -> None:
    verdict = np.ones(200)

    cut = plan_triage(verdict, verdict, np.linspace(0.5, 1.0, 200), risk=0.05).cuts["all"]

    assert cut.kept_share == 1.0
    assert cut.bound == 0.0


def test_items_to_come_are_promised_less_than_the_items_at_hand() -> None:
    arrays = _judged(labels=3000)

    here = plan_triage(*arrays, risk=0.1).cuts["all"]
    later = plan_triage(*arrays, risk=0.1, target="items to come").cuts["all"]

    assert later.kept <= here.kept
    assert later.bound <= 0.1


def test_the_promise_holds_in_nineteen_studies_of_twenty() -> None:
    broken = 0
    for seed in range(200):
        verdict, human, certainty = _judged(seed, labels=300, size=1500)
        rng = np.random.default_rng([seed, 9])
        truth = np.where(rng.random(1500) < 1.0 - certainty, 1.0 - verdict, verdict)
        truth = np.where(np.isnan(human), truth, human)
        try:
            triage = plan_triage(verdict, human, certainty, risk=0.1)
        except InsufficientLabels:
            continue
        stands = triage.stands(verdict, certainty)
        broken += (verdict != truth)[stands].mean() > 0.1

    # 5 % of 200 studies and three standard errors.
    assert broken <= 19


def test_the_fallback_procedure_hands_the_level_on() -> None:
    levels = proven_levels([0.02, 0.04, 0.9, 0.001], 0.05)

    # Worked by hand: half of 0.05 at the first, and an eighth of it at each.
    assert levels[0] == pytest.approx(0.03125)
    assert levels[1] is None
    assert levels[3] == pytest.approx(0.00625)


def test_the_least_labels_are_those_of_the_rule_of_three() -> None:
    # log(0.05) / log(0.98) = 148.3 and log(0.05) / log(0.9) = 28.4.
    assert least_labels(0.02, 0.05) == 149
    assert least_labels(0.1, 0.05) == 29
