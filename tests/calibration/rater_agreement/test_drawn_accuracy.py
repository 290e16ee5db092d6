"""Error rates under the draw that was made of the labels."""

import numpy as np
import pytest

from calibration import compare_error_rates
from calibration.rater_agreement.drawn_accuracy import drawn_accuracy
from calibration.validation import FloatArray


def by_verdict(rate: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """1,500 answers of a system; the judge is (.92, .65); 100 labels of each verdict."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(1500) < rate).astype(np.float64)
    judge = (rng.random(1500) < np.where(truth == 1.0, 0.92, 0.35)).astype(np.float64)
    chosen = np.concatenate([np.flatnonzero(judge == verdict)[:100] for verdict in (0.0, 1.0)])
    human = np.full(1500, np.nan)
    human[chosen] = truth[chosen]
    return judge, human


def test_a_draw_by_verdict_does_not_distort_the_error_rates() -> None:
    judge, human = by_verdict(0.97, 1)

    sensitivity, specificity = drawn_accuracy(judge, human, design="by-verdict")

    # Of the labels alone, the judge passes about half of what experts pass.
    both = ~np.isnan(human)
    assert float(judge[both & (human == 1.0)].mean()) < 0.6
    assert sensitivity.low < 0.92 < sensitivity.high
    assert sensitivity.high - sensitivity.low < 0.06
    assert specificity.low < 0.65 < specificity.high


def test_begg_and_greenes_by_hand() -> None:
    # 80 passes of the judge, 10 labelled, 9 of them right; 20 fails, 10 labelled, 2 wrong.
    judge = np.repeat([1.0, 0.0], [80, 20])
    human = np.full(100, np.nan)
    human[:10], human[80:90] = [1.0] * 9 + [0.0], [1.0] * 2 + [0.0] * 8

    sensitivity, specificity = drawn_accuracy(judge, human, design="by-verdict")

    assert sensitivity.value == pytest.approx(72.0 / 76.0)
    assert specificity.value == pytest.approx(16.0 / 24.0)


def test_one_judge_on_two_systems_does_not_seem_to_err_differently() -> None:
    alarms = 0
    for seed in range(30):
        parts = [by_verdict(rate, 2 * seed + at) for at, rate in enumerate((0.97, 0.8))]
        judge, human = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        systems = np.repeat(["a", "b"], 1500)
        alarms += compare_error_rates(judge, human, systems, design="by-verdict").differ

    # 77 % by the labelled items alone.
    assert alarms <= 4
