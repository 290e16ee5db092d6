"""Corrected pass rates for reports and gates."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import InsufficientLabels, UnusableJudge, estimate_rate, gate_rate
from calibration.labelled_sample import HOW_CHOSEN
from calibration.validation import Design, FloatArray

NONE = float("nan")


def judged(
    passed: int, failed: int, *, labels: dict[str, tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """Build verdicts, and labels given as passes and fails among the judge's passes and fails."""
    judge = np.repeat([1.0, 0.0], [passed, failed])
    human = np.full(passed + failed, np.nan)
    for verdict, start in (("pass", 0), ("fail", passed)):
        good, bad = labels.get(verdict, (0, 0))
        human[start : start + good] = 1.0
        human[start + good : start + good + bad] = 0.0
    return judge, human


def test_the_value_weighs_the_rates_by_the_share_of_each_verdict() -> None:
    judge, human = judged(800, 200, labels={"pass": (72, 8), "fail": (5, 15)})

    estimate = estimate_rate(judge, human)

    assert estimate.value == pytest.approx(0.8 * 0.9 + 0.2 * 0.25)


@pytest.mark.parametrize("design", ["random", "by-verdict", "curated"])
def test_one_warning_says_how_the_labelled_items_were_chosen(design: Design) -> None:
    judge, human = judged(800, 200, labels={"pass": (72, 8), "fail": (5, 15)})

    warnings = estimate_rate(judge, human, design=design).warnings

    assert sum(warning.startswith(HOW_CHOSEN) for warning in warnings) == 1


def test_limits_are_those_of_two_million_random_draws_from_the_same_distributions() -> None:
    judge, human = judged(4500, 500, labels={"pass": (269, 1), "fail": (20, 10)})

    report = estimate_rate(judge, human)
    gate = gate_rate(judge, human, error=0.025)

    # Quantiles of 2e6 draws from the melded Beta distributions; numpy default_rng(0), error 5e-5.
    assert (report.low, report.high) == pytest.approx((0.94072, 0.97846), abs=3e-4)
    assert (gate.low, gate.high) == pytest.approx((0.93730, 0.98051), abs=3e-4)


def test_a_useless_verdict_leaves_the_interval_of_the_labels_alone() -> None:
    human = np.concatenate([np.repeat([1.0, 0.0], [97, 3]), np.full(100_000, np.nan)])
    judge = np.ones(human.size)

    gate = gate_rate(judge, human, error=0.025)

    # Clopper-Pearson for 97 of 100: R binom.test(97, 100) gives 0.9148 to 0.9938.
    assert (gate.low, gate.high) == pytest.approx((0.9148, 0.9938), abs=2e-4)
    assert gate.human_only is not None
    assert gate.human_only.low == pytest.approx(0.9148, abs=1e-4)


def likely_labels(labels: int, rate: float) -> Iterator[tuple[int, float]]:
    """Give the counts of passes among the labels, with their binomial chances."""
    for passes in range(labels + 1):
        ways = math.comb(labels, passes)
        yield passes, ways * rate**passes * (1.0 - rate) ** (labels - passes)


@pytest.mark.parametrize("labels", [30, 100])
@pytest.mark.parametrize("expected", [2.9, 3.05, 3.2, 3.5, 4.7, 9.0])
def test_the_labels_alone_cover_where_the_judge_passes_everything(
    labels: int, expected: float
) -> None:
    # Mid-p limits cover 92.1 % of 100 labels where 3.1 fails are expected, by the same exact sum.
    rate, held = 1.0 - expected / labels, 0.0
    for passes, chance in likely_labels(labels, rate):
        if chance > 1e-6:
            judge, human = judged(5_000, 0, labels={"pass": (passes, labels - passes)})
            estimate = estimate_rate(judge, human)
            held += chance * (estimate.low <= rate <= estimate.high)

    assert held >= 0.94


def test_a_judge_with_many_labels_on_both_verdicts_keeps_mid_p_limits() -> None:
    judge, human = judged(4500, 500, labels={"pass": (269, 1), "fail": (20, 10)})

    estimate = estimate_rate(judge, human)

    # The limits before the exact share, which were mid-p throughout.
    assert (estimate.low, estimate.high) == pytest.approx((0.9408453, 0.9786083), abs=1e-6)


def test_all_labels_passing_still_gives_a_width() -> None:
    judge, human = judged(97, 3, labels={"pass": (30, 0)})

    estimate = estimate_rate(judge, human)

    assert estimate.low < 0.95
    assert estimate.high == pytest.approx(1.0)


def test_the_gate_is_stricter_than_the_report_at_the_same_confidence() -> None:
    judge, human = judged(900, 100, labels={"pass": (88, 2), "fail": (3, 7)})

    report, gate = estimate_rate(judge, human, confidence=0.9), gate_rate(judge, human, error=0.05)

    assert gate.low < report.low < report.high < gate.high
    assert gate.confidence == pytest.approx(0.9)


def test_labels_drawn_by_verdict_are_not_mistaken_for_the_rate() -> None:
    judge, human = judged(970, 30, labels={"pass": (20, 0), "fail": (2, 18)})

    estimate = estimate_rate(judge, human, design="by-verdict")

    assert estimate.value == pytest.approx(0.97 + 0.03 * 0.1)
    assert estimate.human_only is not None
    assert estimate.human_only.high > 0.95


def test_strata_with_different_label_rates_are_weighed_back() -> None:
    # 10 of 900 items labelled in an easy stratum, 50 of 100 in a hard one; the judge passes all.
    judge = np.ones(1000)
    human = np.full(1000, np.nan)
    human[:10] = 1.0
    human[900:950] = np.repeat([1.0, 0.0], 25)
    strata = np.repeat(["easy", "hard"], [900, 100])

    estimate = estimate_rate(judge, human, strata=strata)

    assert estimate.value == pytest.approx(0.95)
    assert estimate.low < 0.9


def test_a_stratum_without_labels_is_unknown() -> None:
    judge = np.ones(200)
    human = np.full(200, np.nan)
    human[:50] = 1.0

    estimate = estimate_rate(judge, human, strata=np.repeat(["seen", "unseen"], 100))

    assert estimate.low < 0.5
    assert estimate.high == pytest.approx(1.0)


def test_missing_verdicts_without_labels_are_carried_as_all_good_and_all_bad() -> None:
    judge, human = judged(800, 100, labels={"pass": (80, 0), "fail": (0, 10)})
    judge = np.append(judge, np.full(100, np.nan))
    human = np.append(human, np.full(100, np.nan))

    estimate = estimate_rate(judge, human)

    assert estimate.low < 0.80
    assert estimate.high > 0.89
    assert any("100 of 1000 items have no verdict" in one for one in estimate.warnings)
    assert estimate.n_judged == 900


def test_labels_among_the_missing_verdicts_stand_for_them() -> None:
    judge, human = judged(800, 100, labels={"pass": (80, 0), "fail": (0, 10)})
    judge = np.append(judge, np.full(100, np.nan))
    human = np.append(human, np.concatenate([np.repeat([1.0, 0.0], [9, 1]), np.full(90, np.nan)]))

    estimate = estimate_rate(judge, human)

    assert estimate.value == pytest.approx(0.8 + 0.1 * 0.9)
    assert estimate.low > 0.8


def test_missing_verdicts_are_bounded_stratum_by_stratum() -> None:
    judge, human = judged(800, 100, labels={"pass": (80, 0), "fail": (0, 10)})
    judge = np.append(judge, np.full(20, np.nan))
    human = np.append(human, np.concatenate([np.ones(5), np.full(15, np.nan)]))
    strata = np.append(np.full(910, "here"), np.full(10, "there"))

    estimate = estimate_rate(judge, human, strata=strata)

    assert any("10 of them, with no label near" in one for one in estimate.warnings)


def test_a_judge_below_chance_is_refused() -> None:
    judge, human = judged(50, 50, labels={"pass": (5, 20), "fail": (22, 3)})

    with pytest.raises(UnusableJudge, match="below chance"):
        estimate_rate(judge, human)


def test_an_uninformative_judge_is_answered_with_a_warning() -> None:
    judge, human = judged(50, 50, labels={"pass": (18, 2), "fail": (18, 2)})

    estimate = estimate_rate(judge, human)

    assert any("better than chance" in one for one in estimate.warnings)


@pytest.mark.parametrize(
    ("judge", "text"),
    [
        ([1.0, 1.0, 1.0, 1.0], "fails no item"),
        ([1.0, 1.0, 1.0, 0.0], "fails has a label; these 25.0% of the items are carried"),
        ([0.0, 0.0, 0.0, 1.0], "passes has a label; these 25.0% of the items are carried"),
    ],
)
def test_a_verdict_without_labels_is_named(judge: list[float], text: str) -> None:
    estimate = estimate_rate(judge, [1.0, 0.0, 1.0, NONE])

    assert any(text in one for one in estimate.warnings)


def test_the_same_input_gives_the_same_digits() -> None:
    judge, human = judged(450, 50, labels={"pass": (40, 3), "fail": (2, 5)})

    assert estimate_rate(judge, human) == estimate_rate(judge.copy(), human.copy())


def test_the_order_of_items_does_not_matter() -> None:
    judge, human = judged(450, 50, labels={"pass": (40, 3), "fail": (2, 5)})
    order = np.random.default_rng(3).permutation(500)

    shuffled = estimate_rate(judge[order], human[order])

    assert shuffled.low == pytest.approx(estimate_rate(judge, human).low, abs=1e-12)


@pytest.mark.parametrize(
    ("judge", "human", "word"),
    [
        ([], [], "judge"),
        ([1.0, 0.5, 1.0], [1.0, 0.0, NONE], "judge"),
        ([1.0, 0.0, 1.0], [1.0, 2.0, NONE], "human"),
        ([1.0, 0.0, np.inf], [1.0, 0.0, NONE], "judge"),
        ([1.0, 0.0], [1.0, 0.0, NONE], "judge 2, human 3"),
        ([NONE, NONE, NONE], [1.0, 0.0, NONE], "judge has no verdict"),
        ([[1.0, 0.0]], [1.0, 0.0], "1-D"),
        (["yes", "no"], [1.0, 0.0], "judge must be numbers"),
    ],
)
def test_malformed_arrays_are_named(judge: list[float], human: list[float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        estimate_rate(judge, human)


def test_malformed_options_are_named() -> None:
    judge, human = judged(10, 10, labels={"pass": (3, 1), "fail": (1, 3)})

    with pytest.raises(ValueError, match="design"):
        estimate_rate(judge, human, design="convenient")  # pyright: ignore[reportArgumentType] - wrong on purpose
    with pytest.raises(ValueError, match="confidence"):
        estimate_rate(judge, human, confidence=95.0)
    with pytest.raises(ValueError, match="error"):
        gate_rate(judge, human, error=0.6)
    with pytest.raises(ValueError, match="strata"):
        estimate_rate(judge, human, design="curated", strata=judge)
    with pytest.raises(ValueError, match="clusters"):
        estimate_rate(judge, human, clusters=judge[:4])


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(InsufficientLabels, match="1 label"):
        estimate_rate([1.0, 0.0, 1.0], [1.0, NONE, NONE])
    with pytest.raises(InsufficientLabels, match="no labelled item has a verdict"):
        estimate_rate([NONE, NONE, 1.0], [1.0, 0.0, NONE])


counts = st.integers(0, 40)


@given(counts, counts, counts, counts, st.integers(0, 500), st.integers(0, 500))
def test_an_answer_lies_in_its_interval_and_is_never_certain(
    good: int, bad: int, missed: int, caught: int, more_passed: int, more_failed: int
) -> None:
    if good + bad + missed + caught < 2:
        return
    judge, human = judged(
        good + bad + more_passed,
        missed + caught + more_failed,
        labels={"pass": (good, bad), "fail": (missed, caught)},
    )
    try:
        estimate = estimate_rate(judge, human)
    except UnusableJudge:
        return

    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.high > estimate.low


def test_an_estimate_says_whether_the_judge_is_shown_to_be_better_than_chance() -> None:
    human = np.where(np.arange(100) < 40, np.tile([1.0, 0.0], 50), np.nan)

    assert estimate_rate(np.tile([1.0, 0.0], 50), human).above_chance is True
    assert estimate_rate(np.tile([1.0, 1.0, 0.0, 0.0], 25), human).above_chance is False
    assert estimate_rate(np.ones(100), human).above_chance is False
