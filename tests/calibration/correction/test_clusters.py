"""Items that share a prompt."""

import numpy as np
import pytest

from calibration import InsufficientLabels, estimate_rate
from calibration.labelled_sample import design_effects, intraclass_correlation
from calibration.validation import FloatArray, IntArray


def test_the_correlation_of_a_published_example() -> None:
    # Shrout and Fleiss (1979), Psychol. Bull. 86(2), table 2: 6 targets, 4 judges; ICC(1,1) = .17.
    ratings = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7]

    found = intraclass_correlation(np.array(ratings, dtype=np.float64), np.repeat(np.arange(6), 4))

    assert found == pytest.approx(0.17, abs=0.005)


@pytest.mark.parametrize(
    ("ratings", "clusters", "expected"),
    [
        ([1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1], 1.0),
        ([1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1], 0.0),
        ([1.0, 1.0, 1.0, 1.0], [0, 0, 1, 1], 0.0),
        ([1.0, 0.0, 1.0, 0.0], [0, 1, 2, 3], 0.0),
        ([1.0, 0.0, 1.0, 0.0], [0, 0, 0, 0], 0.0),
    ],
)
def test_extreme_correlations(ratings: list[float], clusters: list[int], expected: float) -> None:
    assert intraclass_correlation(np.array(ratings), np.array(clusters)) == expected


def answers(prompts: int, *, each: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """200 prompts of 10 answers, all passing or failing together but for the judge's noise."""
    rng = np.random.default_rng(9)
    clusters = np.repeat(np.arange(200), 10)
    truth = (rng.random(200) < 0.8)[clusters] * 1.0
    judge = np.where(rng.random(2000) < 0.1, 1.0 - truth, truth)
    labelled = (clusters < prompts) & (np.arange(2000) % 10 < each)
    return judge, np.where(labelled, truth, np.nan), clusters


def test_without_clusters_items_count_in_full() -> None:
    judge, human, _ = answers(30, each=10)

    effects = design_effects(judge, human, None, used=~np.isnan(human))

    assert (effects.items, effects.labels) == (1.0, 1.0)


def test_the_noise_of_the_judge_does_not_hide_the_clusters() -> None:
    judge, human, clusters = answers(30, each=10)

    effects = design_effects(judge, human, clusters, used=~np.isnan(human))

    assert effects.items < 7.5
    assert effects.labels > 8.5


def test_one_label_for_each_prompt_counts_nearly_in_full() -> None:
    judge, human, clusters = answers(30, each=1)

    effects = design_effects(judge, human, clusters, used=~np.isnan(human))

    # 30 of 200 prompts, judge's correlation about .57: 1 + 2 * .57 * .15.
    assert effects.labels == pytest.approx(1.17, abs=0.02)
    assert effects.warnings == ()


def test_few_prompts_count_as_one_answer_each() -> None:
    judge, human, clusters = answers(12, each=10)

    effects = design_effects(judge, human, clusters, used=~np.isnan(human))

    assert effects.labels == pytest.approx(10.0, abs=0.1)
    assert "Only 12 prompts" in effects.warnings[0]


def test_labels_that_do_not_vary_count_one_answer_a_prompt() -> None:
    judge, human, clusters = answers(30, each=10)
    human[~np.isnan(human)] = 1.0

    effects = design_effects(judge, human, clusters, used=~np.isnan(human))

    assert effects.labels == pytest.approx(10.0, abs=0.2)


def test_a_judge_unrelated_to_the_experts_reveals_nothing_of_the_clusters() -> None:
    _, human, clusters = answers(30, each=10)
    used = ~np.isnan(human)
    judge = np.tile([1.0, 0.0], 1000)
    human[used] = np.tile([1.0, 1.0, 0.0, 0.0], 75)

    effects = design_effects(judge, human, clusters, used=used)

    assert effects.labels == pytest.approx(10.0, abs=0.2)


def test_one_labelled_prompt_is_refused() -> None:
    judge, human, clusters = answers(1, each=10)

    with pytest.raises(InsufficientLabels, match="1 prompt"):
        estimate_rate(judge, human, clusters=clusters)


def test_clusters_widen_the_interval_of_a_rate() -> None:
    judge, human, clusters = answers(30, each=10)

    alone, grouped = (estimate_rate(judge, human, clusters=one) for one in (None, clusters))

    assert grouped.high - grouped.low > 2.0 * (alone.high - alone.low)
    assert any("One label for each prompt" in one for one in grouped.warnings)


def test_names_of_prompts_may_be_texts_but_not_missing() -> None:
    judge, human, clusters = answers(30, each=10)
    named = np.array([f"prompt {one}" for one in clusters], dtype=object)

    assert estimate_rate(judge, human, clusters=named).n_labelled == 300
    named[5] = None
    with pytest.raises(ValueError, match="clusters has no name for item 5"):
        estimate_rate(judge, human, clusters=named)
