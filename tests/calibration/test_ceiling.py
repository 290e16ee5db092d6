import numpy as np
import pytest

from calibration.estimate import Undefined
from calibration.rater_agreement.human_ceiling import Coefficient, human_ceiling

NAN = float("nan")


def test_expert_and_judge_are_held_against_the_same_rest() -> None:
    experts = [[1, 1, 0], [0, 0, 0], [1, 1, 1], [1, NAN, 0]]
    judge = [1, 0, 0, 0]

    found = human_ceiling(judge, experts, names=["a", "b", "c"])

    # By hand: a agrees with 1/2, 2/2, 2/2 and 0/1 of the rest; the judge with 1/2, 2/2, 0/2, 1/1.
    assert found.experts["a"].value == pytest.approx(2.5 / 4)
    assert found.experts["b"].value == pytest.approx(2.5 / 3)
    assert found.experts["c"].value == pytest.approx(2.0 / 4)
    assert found.judge.value == pytest.approx((2.5 / 4 + 1.5 / 3 + 2.0 / 4) / 3)
    assert found.n == 4


def test_a_judge_that_copies_the_majority_reaches_beyond_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.6
    flips = rng.random((200, 3)) < 0.15
    experts = (truth[:, None] ^ flips).astype(np.float64)

    found = human_ceiling(truth.astype(np.float64), experts)

    assert found.ratio is not None
    assert found.ratio.low > 1.0


@pytest.mark.parametrize("coefficient", ["percent", "kappa", "ac1", "weighted-kappa", "ac2"])
def test_an_expert_repeated_as_judge_has_a_ratio_of_one(coefficient: Coefficient) -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(1, 4, 60).astype(np.float64)
    second = np.where(rng.random(60) < 0.7, first, rng.integers(1, 4, 60))

    found = human_ceiling(first, np.column_stack([first, second]), coefficient=coefficient)

    # Against the first expert the judge is perfect, against the second it is the first expert.
    assert found.judge.value == pytest.approx((1.0 + found.ceiling.value) / 2, abs=1e-9)


def test_a_joint_bootstrap_gives_the_ratio_less_room_than_its_parts() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(150) < 0.5
    hard = rng.random(150) < 0.3  # everybody errs on the hard items
    ratings = truth[:, None] ^ (hard[:, None] & (rng.random((150, 4)) < 0.5))
    found = human_ceiling(ratings[:, 0].astype(float), ratings[:, 1:].astype(float))

    assert found.ratio is not None
    apart = found.judge.high / found.ceiling.low - found.judge.low / found.ceiling.high
    assert found.ratio.high - found.ratio.low < apart


def test_experts_no_better_than_chance_give_no_ratio() -> None:
    rng = np.random.default_rng(3)
    experts = rng.integers(0, 2, (40, 3)).astype(np.float64)

    found = human_ceiling(experts[:, 0], experts, coefficient="kappa")

    assert found.ratio is None
    assert found.ceiling.low < 0.0


def test_unanimous_experts_keep_an_interval() -> None:
    labels = np.array([0.0, 1.0] * 20)

    found = human_ceiling(labels, np.column_stack([labels, labels]))

    assert found.ceiling.value == 1.0
    assert found.ceiling.low < 1.0
    assert found.ratio is not None
    assert found.ratio.low < found.ratio.high


def test_an_expert_who_shares_no_item_is_left_out() -> None:
    labels = np.array([[1, 1, NAN], [1, 1, NAN], [1, 0, NAN], [NAN, NAN, 0]] * 5)

    found = human_ceiling([1, 1, 0, 0] * 5, labels, names=["a", "b", "c"])

    assert set(found.experts) == {"a", "b"}


def test_a_ceiling_that_resamples_bring_to_zero_leaves_a_finite_ratio_or_none() -> None:
    found = human_ceiling([1, 0, 1], [[1, 1], [1, 0], [0, 1]])

    assert found.ratio is None or np.isfinite([found.ratio.low, found.ratio.high]).all()


def test_a_ratio_reaches_no_further_than_a_perfect_judge_would() -> None:
    rng = np.random.default_rng(34)
    quality = rng.normal(3.0, 0.9, (30, 1))
    rated = np.clip(np.rint(quality + 0.8 * rng.normal(size=(30, 4))), 1, 3)

    found = human_ceiling(rated[:, 0], rated[:, 1:], coefficient="weighted-kappa")

    assert found.ratio is not None
    assert found.ratio.value < found.ratio.high
    # 1 / 0.0904; without that end the logarithm of the ratio would let it reach 164,593 here.
    assert found.ratio.high == pytest.approx(11.066, abs=1e-3)


def test_one_expert_an_item_is_undefined() -> None:
    with pytest.raises(Undefined, match="labels of two experts"):
        human_ceiling([1, 0], [[1, NAN], [NAN, 0]])


def test_equal_ratings_are_undefined() -> None:
    with pytest.raises(Undefined, match="all ratings are equal"):
        human_ceiling([1, 1], [[1, 1], [1, 1]])


def test_a_pair_without_variation_has_no_kappa() -> None:
    experts = [[1, 1, NAN], [1, 1, NAN], [NAN, 0, 1], [NAN, 1, 0]]

    with pytest.raises(Undefined, match="share one rating on every item"):
        human_ceiling([1, 1, 1, 1], experts, coefficient="kappa")


def test_a_continuous_score_is_undefined() -> None:
    scores = np.linspace(0, 1, 30)

    with pytest.raises(Undefined, match="30 levels are too many"):
        human_ceiling(scores, np.column_stack([scores, scores]))


@pytest.mark.parametrize(
    ("categories", "names", "message"),
    [
        ([1.0, 2.0], None, "rating 0 is not among the categories"),
        (None, ["a", "a"], "names must be 2 different names"),
    ],
)
def test_input_that_does_not_fit_is_refused(
    categories: list[float] | None, names: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        human_ceiling([1, 0], [[1, 0], [0, 0]], categories=categories, names=names)


def test_arrays_must_align() -> None:
    with pytest.raises(ValueError, match="judge has 1 items and experts have 2"):
        human_ceiling([1], [[1, 0], [0, 0]])
