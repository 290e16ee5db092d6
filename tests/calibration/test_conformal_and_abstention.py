import numpy as np
import pytest

from calibration.conformal import conformal_bands, plan_abstention
from calibration.estimate import InsufficientLabels, Undefined

NAN = float("nan")
SCALE = (1.0, 10.0)
LEVELS = tuple(range(1, 11))


def test_the_band_is_the_ordered_errors_at_the_conformal_ranks() -> None:
    # 79 errors -39 ... 39: rank floor(80 * .025) = 2 from either end is -38 and 38.
    errors = np.arange(-39.0, 40.0)

    bands = conformal_bands(np.full(79, 50.0), 50.0 + errors, scale=(0.0, 100.0))

    assert (bands.bands["all"].below, bands.bands["all"].above) == (-38.0, 38.0)
    found = bands.around(50.0)
    assert (found.low, found.high, found.levels) == (12.0, 88.0, ())


def test_a_lenient_judge_gets_a_lopsided_interval() -> None:
    human = np.repeat([5.0, 6.0, 7.0], 20)

    found = conformal_bands(human + 2, human, scale=SCALE, levels=LEVELS).around(9.0)

    assert found.levels == (7.0,)


def test_the_interval_stays_on_the_scale() -> None:
    errors = np.tile([-2.0, 0.0, 2.0], 20)

    found = conformal_bands(np.full(60, 5.0), 5.0 + errors, scale=SCALE, levels=LEVELS).around(10)

    assert found.levels == (8.0, 9.0, 10.0)


def test_a_band_between_two_levels_holds_both() -> None:
    half = conformal_bands(np.full(40, 4.5), np.full(40, 5.0), scale=SCALE, levels=LEVELS)

    assert half.around(4.0).levels == (4.0, 5.0)
    assert half.around(10.0).levels == (10.0,)


def test_each_group_has_its_own_band_or_a_reason() -> None:
    judge = np.full(100, 5.0)
    human = np.concatenate([np.tile([4.0, 6.0], 30), np.tile([2.0, 8.0], 20)])
    groups = ["easy"] * 60 + ["hard"] * 30 + ["rare"] * 10

    bands = conformal_bands(judge, human, scale=SCALE, groups=groups, confidence=0.9)

    assert bands.bands["easy"].above == 1.0
    assert bands.bands["hard"].above == 3.0
    assert bands.refused == {"rare": "10 labels where 19 are needed."}
    with pytest.raises(InsufficientLabels, match="'rare': 10 labels where 19"):
        bands.around(5.0, "rare")
    with pytest.raises(InsufficientLabels, match="'new': no labelled item belongs to it"):
        bands.around(5.0, "new")


def test_39_labels_are_needed_for_95_percent() -> None:
    human = np.arange(38) % 3 + 4.0

    with pytest.raises(InsufficientLabels, match="all: 38 labels where 39 are needed"):
        conformal_bands(np.full(38, 5.0), human, scale=SCALE)
    conformal_bands(np.full(39, 5.0), np.append(human, 5.0), scale=SCALE)


def test_intervals_hold_new_items_as_often_as_promised() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        human = rng.integers(1, 11, 80).astype(np.float64)
        judge = np.clip(human + rng.integers(-2, 4, 80), 1, 10)
        bands = conformal_bands(judge[:60], human[:60], scale=SCALE, levels=LEVELS, confidence=0.9)
        held += sum(
            value in bands.around(verdict).levels
            for verdict, value in zip(judge[60:], human[60:], strict=True)
        )

    # 8000 items at 90 %: the Monte-Carlo error of the mean over 400 sets is below .007.
    assert held / 8000 > 0.9 - 0.014


def test_a_missing_verdict_has_no_interval() -> None:
    bands = conformal_bands(np.full(40, 5.0), np.tile([4.0, 6.0], 20), scale=SCALE)

    with pytest.raises(ValueError, match="verdict must lie in 1 to 10; got nan"):
        bands.around(NAN)


def test_a_rating_outside_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="ratings must lie in 1 to 10"):
        conformal_bands([0.0, 5.0], [5.0, 5.0], scale=SCALE)


def test_groups_must_align() -> None:
    with pytest.raises(ValueError, match="groups must name a group for each item"):
        conformal_bands([5.0, 5.0], [5.0, 5.0], scale=SCALE, groups=["a"])


def test_equal_errors_on_a_continuous_scale_are_undefined() -> None:
    with pytest.raises(Undefined, match="all errors are equal"):
        conformal_bands(np.full(50, 5.0), np.full(50, 6.0), scale=SCALE)


def test_unsure_verdicts_go_to_an_expert() -> None:
    rng = np.random.default_rng(2)
    certainty = rng.random(2000)
    human = (rng.random(2000) < 0.7).astype(np.float64)
    wrong = rng.random(2000) < np.where(certainty > 0.4, 0.03, 0.45)
    judge = np.where(wrong, 1.0 - human, human)
    human[800:] = NAN

    rule = plan_abstention(judge, human, certainty, wanted=0.93)

    assert 0.3 < rule.cut < 0.5
    assert rule.kept_share == pytest.approx(0.6, abs=0.11)
    assert rule.guaranteed >= 0.93
    assert rule.agreement.value > 0.95
    asked = rule.to_expert([1, 1, NAN, 1], [0.9, 0.1, 0.9, NAN])
    assert asked.tolist() == [False, True, True, True]


def test_a_good_judge_keeps_everything() -> None:
    human = np.tile([0.0, 1.0], 100)

    rule = plan_abstention(human, human, np.linspace(0, 1, 200))

    assert rule.kept_share == 1.0
    assert rule.guaranteed == pytest.approx(0.005 ** (1 / 200))  # Clopper and Pearson at .05 / 10


def test_a_wanted_agreement_out_of_reach_is_refused() -> None:
    human = np.tile([0.0, 1.0], 20)

    with pytest.raises(InsufficientLabels, match="no cut surely reaches an agreement of 99%"):
        plan_abstention(human, human, np.linspace(0, 1, 40), wanted=0.99)


def test_a_judge_that_is_always_wrong_keeps_nothing() -> None:
    human = np.tile([0.0, 1.0], 20)

    with pytest.raises(InsufficientLabels, match="the best lower bound is 0%"):
        plan_abstention(1 - human, human, [NAN] * 20 + [1.0] * 20)


def test_certainty_must_align() -> None:
    with pytest.raises(ValueError, match="certainty must have one entry for each item; got 1"):
        plan_abstention([1, 0], [1, 0], [0.5])
