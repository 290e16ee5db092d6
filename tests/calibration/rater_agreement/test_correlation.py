import numpy as np
import pytest
from scipy import stats

from calibration.estimate import Undefined
from calibration.rater_agreement.interval_scale import kendall, spearman
from tests.calibration.rater_agreement.published import unfold

# Agresti (2002), Categorical Data Analysis, table 2.8: income by job satisfaction, 96 men.
JOBS = [[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]]


def test_tau_b_is_that_of_the_job_satisfaction_table() -> None:
    # Agresti counts 1331 concordant and 849 discordant pairs; tau-b .152.
    assert kendall(*unfold(JOBS)).value == pytest.approx(0.152, abs=5e-4)


@pytest.mark.parametrize("size", [4, 10])
def test_a_short_scale_gives_the_values_of_scipy(size: int) -> None:
    rng = np.random.default_rng(3)
    judge = rng.integers(0, size, 60).astype(np.float64)
    human = np.clip(judge + rng.integers(-1, 2, 60), 0, size - 1)

    assert spearman(judge, human).value == pytest.approx(
        float(stats.spearmanr(judge, human).statistic)
    )
    assert kendall(judge, human).value == pytest.approx(
        float(stats.kendalltau(judge, human).statistic)
    )


def test_a_continuous_score_takes_the_interval_of_fisher() -> None:
    # 30 pairs, rho = 0.5 would give 1.96 * sqrt(1.125 / 27) around atanh(.5): 0.148 to 0.739.
    rng = np.random.default_rng(0)
    human = rng.normal(size=30)
    judge = human + rng.normal(size=30)

    found = spearman(judge, human)

    reach = 1.959964 * np.sqrt((1 + found.value**2 / 2) / 27)
    assert np.arctanh([found.low, found.high]) == pytest.approx(
        np.arctanh(found.value) + np.array([-reach, reach]), abs=1e-5
    )


@pytest.mark.parametrize("correlation", [spearman, kendall])
def test_a_perfect_order_keeps_an_interval(correlation: type) -> None:
    scores = np.arange(25.0)

    found = correlation(scores, scores)

    assert found.value == pytest.approx(1.0)
    assert found.low < 0.95


@pytest.mark.parametrize("correlation", [spearman, kendall])
@pytest.mark.parametrize("judge", [[7, 7, 7, 7, 7, 7], [7.0] * 6])
def test_a_judge_that_never_varies_has_no_rank_correlation(
    correlation: type, judge: list[float]
) -> None:
    with pytest.raises(Undefined, match="the judge gives one value"):
        correlation(judge, [1, 2, 3, 4, 5, 6])
