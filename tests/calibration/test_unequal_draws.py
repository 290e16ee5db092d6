"""Labels drawn at unequal rates, few clusters, and finite populations."""

import numpy as np
import pytest

from calibration import estimate_mean, estimate_rate
from calibration.labelled_sample import robust_effect
from calibration.melding import finite_rate_distribution, summed
from calibration.validation import FloatArray, IntArray


def two_strata(seed: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Two halves that pass 99 % and 70 %, with 90 and 10 labels; the judge is (.97, .60)."""
    rng = np.random.default_rng(seed)
    strata = np.repeat([0, 1], 1000)
    truth = (rng.random(2000) < np.where(strata == 0, 0.99, 0.70)).astype(np.float64)
    judge = (rng.random(2000) < np.where(truth == 1.0, 0.97, 0.40)).astype(np.float64)
    labelled = (np.arange(2000) < 90) | ((np.arange(2000) >= 1000) & (np.arange(2000) < 1010))
    return judge, np.where(labelled, truth, np.nan), strata


def test_the_stratum_that_fails_most_with_fewest_labels_is_not_hidden() -> None:
    covered = 0
    for seed in range(100):
        judge, human, strata = two_strata(seed)
        found = estimate_rate(judge, human, strata=strata)
        covered += found.low <= 0.845 <= found.high

    # .85 of these by counting labels by Kish's formula.
    assert covered >= 94


def test_strata_drawn_at_one_rate_are_counted_together() -> None:
    judge, _, strata = two_strata(3)
    truth = (np.random.default_rng(4).random(2000) < 0.9) * 1.0
    even = np.where(np.arange(2000) % 20 == 0, truth, np.nan)

    by_stratum, plain = estimate_rate(judge, even, strata=strata), estimate_rate(judge, even)

    assert (by_stratum.low, by_stratum.high) == (plain.low, plain.high)


def test_an_interval_can_be_computed_again_from_its_strata() -> None:
    judge, human, strata = two_strata(5)

    found = estimate_rate(judge, human, strata=strata)

    assert [one.items for one in found.strata] == [
        int(((judge == verdict) & (strata == stratum)).sum())
        for verdict in (1.0, 0.0)
        for stratum in (0, 1)
    ]
    weights = np.array([one.effective_items for one in found.strata])
    means = np.array([one.mean for one in found.strata], dtype=np.float64)
    assert found.value == pytest.approx(weights @ means / weights.sum())


def test_few_clusters_that_agree_count_labels_nearly_in_full() -> None:
    # Ten questions of 15 labels, each half passed: the clusters explain nothing.
    ratings, clusters = np.tile([1.0, 0.0], 75), np.repeat(np.arange(10), 15)

    assert robust_effect(ratings, np.ones(150), clusters) == 1.0


def test_few_clusters_with_one_outcome_each_count_once() -> None:
    clusters = np.repeat(np.arange(10), 15)

    assert robust_effect(
        (clusters < 9).astype(np.float64), np.ones(150), clusters
    ) == pytest.approx(15.0)


def test_labels_alone_never_look_at_the_judge() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(60), 10)
    truth = (rng.random(600) < rng.beta(2, 2, 60)[clusters]) * 1.0
    human = np.where(clusters < 12, truth, np.nan)
    judges = [np.where(rng.random(600) < error, 1.0 - truth, truth) for error in (0.1, 0.3)]

    alone = [estimate_rate(judge, human, clusters=clusters).human_only for judge in judges]

    assert alone[0] == alone[1]


def test_a_finite_population_is_known_where_every_item_is_labelled() -> None:
    judge, _, _ = two_strata(6)
    truth = (np.random.default_rng(7).random(2000) < 0.32) * 1.0
    judge = np.where(np.random.default_rng(8).random(2000) < 0.8, truth, judge)

    census = estimate_rate(judge, truth, population="finite")
    whole = estimate_rate(judge, truth)

    assert (census.low, census.high) == pytest.approx((truth.mean(), truth.mean()), abs=1e-3)
    assert "a census" in " ".join(census.warnings)
    assert whole.high - whole.low > 0.03
    assert "population='finite'" in " ".join(whole.warnings)


def test_exact_limits_of_a_finite_population() -> None:
    # 3 passes of 10 labels among 50 items: P(X >= 3 | K) is 2.2 % at K = 4 and 4.8 % at 5,
    # P(X <= 3 | K) is 2.6 % at K = 31 and 1.8 % at 32 (hypergeometric distribution).
    low = summed([finite_rate_distribution(3, 10, "lower", items=50, labelled=10)])
    high = summed([finite_rate_distribution(3, 10, "upper", items=50, labelled=10)])

    assert low.quantile(0.025) * 50 == pytest.approx(5.0, abs=0.1)
    assert high.quantile(0.975) * 50 == pytest.approx(31.0, abs=0.1)


def test_half_of_the_items_labelled_leaves_seven_tenths_of_the_width() -> None:
    rng = np.random.default_rng(2)
    human = rng.integers(1, 11, 400) * 1.0
    judge = np.clip(human + rng.integers(-2, 3, 400), 1, 10)
    half = np.where(np.arange(400) % 2 == 0, human, np.nan)

    widths = [
        found.high - found.low
        for found in (
            estimate_mean(judge, half, population="finite"),
            estimate_mean(judge, half),
        )
    ]

    assert widths[0] == pytest.approx(widths[1] * 0.5**0.5, rel=0.01)


def test_a_rare_severe_tail_is_not_hidden_behind_many_spread_ratings() -> None:
    rng = np.random.default_rng(3)
    human = rng.choice([8.0, 9.0, 10.0], 2000)
    judge = np.where(rng.random(2000) < 0.5, human, rng.choice([8.0, 9.0, 10.0], 2000))

    found = estimate_mean(judge, np.where(np.arange(2000) < 200, human, np.nan))

    assert found.method == "judge-adjusted, Gaffke, mid"
    assert "too few near 1" in " ".join(found.warnings)
