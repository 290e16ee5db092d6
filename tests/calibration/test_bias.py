import numpy as np
import pytest
from numpy.testing import assert_array_equal

from calibration.bias import BiasEffect, bias_battery, is_chinese, log_length, same_family
from calibration.validation import FloatArray

NAN = float("nan")


def judged(
    favour: float, *, items: int = 2000, labels: int = 400
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Give judge, human, length and family of a judge that favours its own family by so much."""
    rng = np.random.default_rng(4)
    truth = rng.random(items) < 0.8
    length, family = rng.normal(size=items), (rng.random(items) < 0.3).astype(np.float64)
    passes = np.where(truth, 0.9, 0.25) + favour * family
    human = truth.astype(np.float64)
    human[rng.permutation(items)[labels:]] = NAN
    return (rng.random(items) < passes).astype(np.float64), human, length, family


def effect(found: tuple[BiasEffect, ...], name: str) -> BiasEffect:
    """Find one effect."""
    return next(one for one in found if one.name == name)


def test_a_planted_preference_is_found_and_an_innocent_covariate_is_not() -> None:
    judge, human, length, family = judged(0.25)

    effects = bias_battery(judge, human, {"length": length, "own family": family}).effects

    own = effect(effects, "own family")
    # The preference is capped at 1 for the 80 % of good answers: .8 * .1 + .2 * .25 = .13.
    assert own.error.low < 0.13 < own.error.high
    assert own.error.low > 0.0
    assert own.adjusted_p < 0.05
    assert own.contrast == "with against without"
    assert own.raw_shift is not None
    assert own.raw_shift.value == pytest.approx(own.error.value * family.mean())
    innocent = effect(effects, "length")
    assert innocent.error.low < 0.0 < innocent.error.high
    assert innocent.contrast == "per standard deviation"
    assert innocent.raw_shift is None
    assert innocent.adjusted_p > 0.05


def test_labels_drawn_at_random_leave_the_corrected_score_alone() -> None:
    judge, human, _, family = judged(0.25)

    own = bias_battery(judge, human, {"own family": family}).effects[0]

    assert abs(own.corrected_shift.value) < 0.01
    assert own.corrected_shift.low < 0.0 < own.corrected_shift.high


def test_labels_from_one_family_only_in_part_shift_the_corrected_score() -> None:
    judge, human, _, family = judged(0.25)
    rare = (family == 1.0) & ~np.isnan(human)
    human[np.flatnonzero(rare)[10:]] = NAN

    own = bias_battery(judge, human, {"own family": family}).effects[0]

    # Under-sampled favoured items hide the favour: allowing for it lowers the corrected score.
    share = family[~np.isnan(human)].mean()
    assert own.corrected_shift.value == pytest.approx(-own.error.value * (family.mean() - share))
    assert own.corrected_shift.value != 0.0


def test_errors_on_one_class_are_no_bias_at_an_equal_label() -> None:
    rng = np.random.default_rng(8)
    human = (rng.random(600) < 0.5).astype(np.float64)
    judge = np.where((human == 0.0) & (rng.random(600) < 0.4), 1.0, human)
    tone = np.where(rng.random(600) < 0.8, human, 1.0 - human)  # goes with the class

    found = bias_battery(judge, human, {"tone": tone}).effects[0]

    assert found.error.high < 0.0
    assert found.adjusted_error is not None
    assert found.adjusted_error.low < 0.0 < found.adjusted_error.high


def test_a_judge_without_errors_keeps_an_interval() -> None:
    human = np.array([0.0, 1.0] * 30)

    found = bias_battery(human, human, {"side": np.repeat([0, 1], 30)}).effects[0]

    assert found.error.value == 0.0
    assert found.error.low < 0.0 < found.error.high
    assert found.p_value > 0.5


def test_what_cannot_be_measured_is_said() -> None:
    judge, human = [1.0] * 12, [1.0, 0.0] * 6
    known = [1.0] * 6 + [NAN] * 6

    found = bias_battery(
        judge, human, {"still": [3] * 12, "few": known, "rare": [1] * 2 + [0] * 10}
    )

    assert found.effects == ()
    assert found.unmeasured == {
        "still": "it has one value on all labelled items.",
        "few": "6 labelled items; at least 10 are needed.",
        "rare": "2 labelled items of one kind; at least 5 are needed.",
    }


def test_entangled_covariates_are_not_adjusted_for_each_other() -> None:
    judge, human, length, _ = judged(0.0)

    found = bias_battery(judge, human, {"length": length, "twice": 2 * length})

    assert [one.adjusted_error for one in found.effects] == [None, None]


def test_labels_of_one_value_cannot_be_held_fixed() -> None:
    rng = np.random.default_rng(0)
    judge = (rng.random(40) < 0.8).astype(np.float64)

    found = bias_battery(judge, np.ones(40), {"side": np.repeat([0, 1], 20)})

    assert found.effects[0].adjusted_error is None


def test_few_labels_are_not_spread_over_many_covariates() -> None:
    judge, human, length, family = judged(0.0, items=40, labels=25)

    found = bias_battery(judge, human, {"length": length, "own family": family})

    assert all(one.adjusted_error is None for one in found.effects)


def test_the_same_seed_gives_the_same_digits() -> None:
    judge, human, length, _ = judged(0.1, items=100, labels=60)

    assert bias_battery(judge, human, {"x": length}) == bias_battery(judge, human, {"x": length})


def test_a_covariate_must_align() -> None:
    with pytest.raises(ValueError, match="length must have one entry for each item; got 1"):
        bias_battery([1, 0], [1, 0], {"length": [3]})


def test_one_unit_of_log_length_is_a_doubling() -> None:
    assert_array_equal(log_length(["", "a", "三个字", "seventy"]), [0.0, 1.0, 2.0, 3.0])


def test_chinese_is_told_by_its_letters() -> None:
    assert_array_equal(is_chinese(["我不能帮你 sorry", "I cannot 好", "？！"]), [0.0, 0.0, NAN])
    assert_array_equal(is_chinese(["我不能帮助你", "我不能帮助你 ok"]), [1.0, 1.0])


def test_systems_of_the_judges_family_are_marked() -> None:
    assert_array_equal(same_family(["qwen", "llama", "qwen"], {"qwen"}), [1.0, 0.0, 1.0])
