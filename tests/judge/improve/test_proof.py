from collections.abc import Sequence

import numpy as np
import pytest

from judge.improve.cases import Case
from judge.improve.components import with_components
from judge.improve.evaluation import Judged, Setup, agreement_scores
from judge.improve.proof import (
    Pairing,
    gain_interval,
    moved,
    overall,
    plain_gains,
    prompt_means,
    prove,
)
from judge.improve.selection import Candidate, Trial, balance, choose, paired
from rubrics import load_rubric
from tests.judge.improve.engines import RUBRIC, case

GRADES = load_rubric("values-grade", language="en")


def says(levels: Sequence[int | None], criterion: str = "safe") -> tuple[Judged, ...]:
    return tuple(Judged(levels={criterion: level}) for level in levels)


def pairing(
    labels: Sequence[int], before: Sequence[int | None], after: Sequence[int | None]
) -> Pairing:
    cases = [case(number, label=label) for number, label in enumerate(labels)]
    return Pairing(cases=cases, before=says(before), after=says(after), rubric=RUBRIC)


def test_agreement_is_linear_in_the_distance_and_missing_is_never_a_number() -> None:
    scores = agreement_scores(
        np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 1.0, 1.0, 1.0]), (1.0, 3.0)
    )

    np.testing.assert_array_equal(scores, [1.0, 0.5, 0.0, np.nan])


def test_a_clear_gain_is_better_with_its_interval() -> None:
    # 100 prompts: 70 right before and after, 25 right after only, 5 wrong in both.
    found = prove(
        pairing([1] * 95 + [0] * 5, [1] * 70 + [0] * 25 + [1] * 5, [1] * 95 + [1] * 5),
        ["safe"],
        alpha=0.05,
        n_judged=1000,
    )

    (proof,) = found
    assert proof.verdict == "BETTER"
    assert (proof.n, proof.prompts) == (100, 100)
    assert proof.agreement_before == pytest.approx(0.70)
    assert proof.agreement_after == pytest.approx(0.95)
    assert proof.gain.value == pytest.approx(0.25)
    # Clopper-Pearson of 25 in 100 is 0.169 to 0.347, mid-p 0.173 to 0.341; the limits lie between,
    # and differences may also be negative.
    assert (proof.gain.low, proof.gain.high) == pytest.approx((0.161, 0.341), abs=0.001)
    assert overall(found) == "BETTER"


def test_the_same_turned_round_is_worse() -> None:
    found = prove(
        pairing([1] * 100, [1] * 95 + [0] * 5, [1] * 70 + [0] * 30),
        ["safe"],
        alpha=0.05,
        n_judged=1000,
    )

    assert overall(found) == "WORSE"


def test_no_difference_shows_nothing_and_its_p_value_is_one() -> None:
    found = prove(pairing([1, 0] * 40, [1] * 80, [1] * 80), ["safe"], alpha=0.05, n_judged=80)

    assert overall(found) == "NOT SHOWN"
    assert found[0].p_value == 1.0


def test_a_gain_that_missing_verdicts_could_undo_is_not_shown() -> None:
    after: list[int | None] = [1] * 20 + [None] * 60
    found = prove(pairing([1] * 80, [0] * 12 + [1] * 68, after), ["safe"], alpha=0.05, n_judged=80)

    (proof,) = found
    assert proof.missing_after == 60
    assert proof.gain.low > 0.0
    assert proof.gain_if_missing.low < 0.0
    assert proof.verdict == "NOT SHOWN"


def test_two_criteria_are_adjusted_by_holm() -> None:
    # 60 prompts, of which 7 are put right under one criterion: p is just under 0.05 by itself.
    labels = [{"safe": 1.0, "severity": 0.0}] * 60
    cases = [
        Case(generation=e.generation, cluster=e.cluster, prompts=e.prompts, labels=lab)
        for e, lab in zip((case(n) for n in range(60)), labels, strict=True)
    ]
    before = tuple(Judged(levels={"safe": int(n >= 6), "severity": 0}) for n in range(60))
    after = tuple(Judged(levels={"safe": 1, "severity": 0}) for _ in range(60))

    alone = prove(
        Pairing(cases=cases, before=before, after=after, rubric=RUBRIC),
        ["safe"],
        alpha=0.05,
        n_judged=60,
    )
    both = prove(
        Pairing(cases=cases, before=before, after=after, rubric=RUBRIC),
        ["safe", "severity"],
        alpha=0.05,
        n_judged=60,
    )

    assert alone[0].adjusted_p == alone[0].p_value
    assert both[0].adjusted_p == pytest.approx(2 * both[0].p_value)


def test_responses_to_one_prompt_count_as_one_value() -> None:
    values, weights = prompt_means(np.array([1.0, 1.0, 0.0, -1.0]), np.array([0, 0, 0, 1]))

    np.testing.assert_allclose(values, [2 / 3, -1.0])
    # Kish: (3 + 1)^2 / (9 + 1) = 1.6 effective prompts, shared out 3 to 1.
    np.testing.assert_allclose(weights, [1.2, 0.4])


def test_copies_of_a_prompt_do_not_shorten_the_interval() -> None:
    once = np.array([1.0, 0.0, 1.0, 0.0, -1.0, 0.0] * 5)
    thrice = np.repeat(once, 3)

    one = gain_interval(*prompt_means(once, np.arange(30)), tail=0.025)
    three = gain_interval(*prompt_means(thrice, np.repeat(np.arange(30), 3)), tail=0.025)

    assert (one.low, one.high) == pytest.approx((three.low, three.high))


def test_items_that_moved_are_listed_the_wrong_way_first() -> None:
    found = moved(pairing([1, 1, 0], [0, 1, 0], [1, 0, 0]), ["safe"])

    assert [(each.id, each.better) for each in found] == [("p1", False), ("p0", True)]


def test_a_better_judge_narrows_the_corrected_interval() -> None:
    labels = [1, 0] * 50
    (proof,) = prove(
        pairing(labels, [1] * 50 + labels[50:], labels), ["safe"], alpha=0.05, n_judged=10_000
    )

    assert proof.width_before is not None
    assert proof.width_after is not None
    assert proof.width_change is not None
    assert proof.width_after < proof.width_before
    assert proof.width_change.high < 0.0


def test_gains_without_an_interval_leave_out_what_one_side_missed() -> None:
    assert plain_gains(pairing([1, 1, 1], [0, None, 1], [1, 1, None]), ["safe"]) == {"safe": 1.0}


def trial(
    text: str | None, levels: Sequence[int | None], judges: tuple[str, ...] = ("j",)
) -> Trial:
    rubric = RUBRIC if text is None else with_components(RUBRIC, {"safe.definition": text})
    setup = Setup(rubric=rubric, judges=judges)
    origin = "old" if text is None else "hand"
    return Trial(candidate=Candidate(setup=setup, origin=origin), judged=says(levels))


CASES = [case(number, label=number % 2) for number in range(40)]
RIGHT = [number % 2 for number in range(40)]


def test_the_simplest_within_one_standard_error_of_the_best_is_chosen() -> None:
    nearly = [*RIGHT[:39], 1 - RIGHT[39]]
    wrong = [1 - level for level in RIGHT[:10]] + RIGHT[10:]
    rows, order = choose(
        [
            trial(None, wrong),
            trial("A long definition, with many words that nobody needs to read.", RIGHT),
            trial("Short.", nearly),
        ],
        CASES,
        ["safe"],
    )

    assert order[0] == 2
    assert order[-1] == 0
    assert rows[1].gain == pytest.approx(0.25)


def test_the_old_rubric_stays_where_nothing_is_gained() -> None:
    _, order = choose(
        [trial(None, RIGHT), trial("Short.", [1 - RIGHT[0], *RIGHT[1:]])], CASES, ["safe"]
    )

    assert order == [0]


def test_a_verdict_that_is_missing_is_no_disagreement() -> None:
    half: list[int | None] = [None] * 20 + RIGHT[20:]
    rows, _ = choose([trial(None, RIGHT), trial("Short.", half)], CASES, ["safe"])

    assert (rows[1].agreement, rows[1].missing, rows[1].gain) == (1.0, 20, 0.0)


def test_a_cheaper_judge_within_one_standard_error_wins_and_a_point_has_its_price() -> None:
    wrong = [1 - level for level in RIGHT[:10]] + RIGHT[10:]
    rows, order = choose(
        [
            trial(None, wrong, ("old",)),
            trial("Short.", RIGHT, ("dear",)),
            trial("Short.", RIGHT, ("cheap",)),
        ],
        CASES,
        ["safe"],
        prices={"old": 0.001, "dear": 0.026, "cheap": 0.006},
    )

    assert order[0] == 2
    # 0.005 dollars more for each response buy 25 points.
    assert rows[2].usd_per_point == pytest.approx(0.0002)


def test_each_class_counts_alike() -> None:
    cases = [case(number, label=int(number < 30)) for number in range(40)]

    weights = balance(cases, ["safe"])

    assert weights[0, :30].sum() == pytest.approx(weights[0, 30:].sum())
    assert weights.sum() == pytest.approx(40.0)


def test_the_standard_error_is_that_of_prompts() -> None:
    rng = np.random.default_rng(0)
    first = np.repeat(rng.integers(0, 2, 30), 4)[None, :].astype(np.float64)
    second = np.zeros_like(first)
    clusters = [str(number // 4) for number in range(120)]

    together = paired(first, second, weights=np.ones_like(first), clusters=clusters)
    apart = paired(
        first, second, weights=np.ones_like(first), clusters=[str(n) for n in range(120)]
    )

    assert together is not None
    assert apart is not None
    assert together[1] > 1.9 * apart[1]


def test_long_scales_are_scored_by_distance() -> None:
    cases = [
        Case(generation=e.generation, cluster=e.cluster, prompts=e.prompts, labels={"grade": 3.0})
        for e in (case(n) for n in range(4))
    ]
    sides = Pairing(
        cases=cases, before=says([1] * 4, "grade"), after=says([2] * 4, "grade"), rubric=GRADES
    )

    assert plain_gains(sides, ["grade"]) == {"grade": 0.5}
