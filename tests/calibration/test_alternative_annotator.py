from math import comb

import numpy as np
import pytest

from calibration.estimate import InsufficientLabels
from calibration.rater_agreement.alternative_annotator import alternative_annotator_test
from calibration.validation import FloatArray

NAN = float("nan")


def uniform(count: int, seed: int) -> FloatArray:
    """Give pseudo-random fractions that no library version can change."""
    state, found = seed, list[float]()
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        found.append(state / 2**31)
    return np.array(found)


def four_categories(items: int = 60) -> tuple[FloatArray, FloatArray]:
    """Give a judge with 20 % errors and three experts with 15, 20 and 40 %."""
    u = uniform(items * 6, 7).reshape(items, 6)
    truth = np.floor(u[:, 0] * 4)
    wrong = (truth + 1) % 4
    experts = [np.where(u[:, k] < e, wrong, truth) for k, e in ((1, 0.15), (2, 0.2), (3, 0.4))]
    return np.where(u[:, 4] < 0.2, wrong, truth), np.column_stack(experts)


@pytest.mark.parametrize(
    ("epsilon", "winning_rate", "p_values"),
    [
        (0.1, 2 / 3, (0.007812, 0.032421, 0.000047)),
        (0.2, 1.0, (0.000054, 0.000194, 0.0)),
    ],
)
def test_the_verdict_is_that_of_the_authors_program(
    epsilon: float, winning_rate: float, p_values: tuple[float, ...]
) -> None:
    # From alt_test in the authors' notebook (nitaytech/AltTest) on the same ratings.
    found = alternative_annotator_test(*four_categories(), epsilon=epsilon)

    assert found.winning_rate == pytest.approx(winning_rate)
    assert [one.published_p for one in found.experts] == pytest.approx(p_values, abs=5e-7)
    # Ours keeps its level at every number of items, and so is never the smaller.
    assert all(one.p_value >= p for one, p in zip(found.experts, p_values, strict=True))
    assert found.advantage.value == pytest.approx(0.9166666667)
    assert found.passed


def test_a_useless_judge_fails() -> None:
    judge, experts = four_categories()

    found = alternative_annotator_test((judge + 2) % 4, experts)

    assert not found.passed
    assert found.winning_rate == 0.0


def test_scores_are_compared_by_distance() -> None:
    u = uniform(400, 3).reshape(80, 5)
    truth = 1 + 9 * u[:, 0]
    experts = truth[:, None] + 2 * (u[:, 1:4] - 0.5)

    near = alternative_annotator_test(truth, experts, nearness="distance")
    far = alternative_annotator_test(truth + 3, experts, nearness="distance")

    assert (near.winning_rate, far.winning_rate) == (1.0, 0.0)


def test_few_items_have_a_level_but_no_published_p_value() -> None:
    judge, experts = four_categories(20)

    found = alternative_annotator_test(judge, experts)

    assert {one.published_p for one in found.experts} == {None}
    assert "under 30 items" in found.warnings[0]


@pytest.mark.parametrize("items", [15, 20, 29, 50, 100])
def test_at_the_boundary_few_judges_that_lose_by_epsilon_pass(items: int) -> None:
    # The judge ties with every expert but loses a fifth of the items; the level is exact, the sum
    # of the chances of so few losses that the judge passes.
    experts = np.repeat(np.tile([0.0, 1.0], items)[:items, None], 3, axis=1)
    level = 0.0
    for losses in range(items // 5 + 1):
        judge = np.where(np.arange(items) < losses, 1.0 - experts[:, 0], experts[:, 0])
        if not alternative_annotator_test(judge, experts).passed:
            break
        level += comb(items, losses) * 0.2**losses * 0.8 ** (items - losses)

    assert level <= 0.05


def test_a_judge_that_misses_the_rare_class_never_passes() -> None:
    # 150 answers, 21 of them unsafe, three experts who nearly agree; the judge finds 3 of the 21.
    truth = np.repeat([0.0, 1.0], [21, 129])
    experts = np.repeat(truth[:, None], 3, axis=1)
    experts[5, 0], experts[40, 1], experts[80, 2] = 1.0, 0.0, 0.0
    judge = np.where(np.arange(150) < 3, 0.0, 1.0)

    found = alternative_annotator_test(judge, experts)

    assert found.winning_rate == 1.0
    assert not found.passed
    assert (found.classes[0].name, found.classes[0].n, found.classes[0].held) == ("0", 21, False)
    assert "does not miss this class" in found.warnings[-1]
    assert alternative_annotator_test(truth, experts).passed


def test_a_judge_that_ties_everywhere_is_tested_without_spread() -> None:
    ratings = np.array([0.0, 1.0] * 25)

    found = alternative_annotator_test(ratings, np.column_stack([ratings] * 3))

    assert found.passed
    assert found.advantage.value == 1.0
    assert found.advantage.low < 1.0


def test_an_expert_with_few_items_is_left_out_and_said() -> None:
    judge, experts = four_categories()
    sparse = np.full(60, NAN)
    sparse[:5] = 1.0

    found = alternative_annotator_test(judge, np.column_stack([experts, sparse]))

    assert [one.name for one in found.experts] == ["expert 1", "expert 2", "expert 3"]
    assert "1 experts have under 10 items" in found.warnings[0]


def test_two_experts_are_not_enough() -> None:
    judge, experts = four_categories()

    with pytest.raises(InsufficientLabels, match=r"needs 3 experts with 10 items .* got 2"):
        alternative_annotator_test(judge, experts[:, :2])


def test_arrays_must_align() -> None:
    with pytest.raises(ValueError, match="judge has 1 items and experts have 2"):
        alternative_annotator_test([1], [[1, 1, 1], [1, 0, 1]])
