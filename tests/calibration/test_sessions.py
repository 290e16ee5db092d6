"""Rates of harmed sessions and harmful turns, and the turn of the first harm."""

import numpy as np
import pytest

from calibration import InsufficientLabels, estimate_rate
from calibration.first_harm import FirstHarmCurve, compare_first_harm, first_harm_curve
from calibration.session_rates import (
    harmed_session_rate,
    harmful_turn_rate,
    read_turns,
    session_table,
)
from calibration.validation import FloatArray

NAN = float("nan")


def table(judge: list[float], human: list[float], names: str) -> tuple[list[float], list[float]]:
    each = session_table(read_turns(judge, human, sessions=list(names)))
    return each.judge.tolist(), each.human.tolist()


def same(one: list[float], other: list[float]) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def test_a_session_is_as_bad_as_its_worst_turn_and_open_where_a_verdict_is_missing() -> None:
    judge, _ = table([1, 1, 1, 0, 1, NAN, NAN, 0], [NAN] * 8, "aabbccdd")

    assert same(judge, [1, 0, NAN, 0])


def test_labels_settle_a_session_read_to_its_end_or_to_its_first_harm() -> None:
    # a: all pass. b: harm first. c: pass, then harm, rest unread. d: stopped early. e: gap.
    human = [1, 1, 0, NAN, 1, 0, NAN, 1, NAN, NAN, 0]
    _, settled = table([1.0] * 11, human, "aabbcccddee")

    assert same(settled, [1, 0, 0, NAN, NAN])


def test_turns_may_stand_in_any_order() -> None:
    place = [2, 1, 1, 2]
    each = session_table(read_turns([1] * 4, [0, 1, NAN, 0], sessions=list("aabb"), turns=place))

    assert same(each.human.tolist(), [0, NAN])


def sample(
    seed: int, *, sessions: int = 300, labelled: int = 60
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sessions of 2 to 30 turns, of which one in 50 is harmful, and a fair judge."""
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(float(sessions)), rng.integers(2, 31, sessions))
    truth = (rng.random(names.size) >= 0.02).astype(float)
    judge = np.where(rng.random(names.size) < 0.95, truth, 1 - truth)
    return judge, np.where(names < labelled, truth, np.nan), names


def test_the_rate_of_harmed_sessions_is_the_rate_over_sessions() -> None:
    judge, human, names = sample(1)
    each = session_table(read_turns(judge, human, sessions=names))

    found = harmed_session_rate(judge, human, sessions=names)
    safe = estimate_rate(each.judge, each.human)

    assert (found.value, found.low, found.high) == (1 - safe.value, 1 - safe.high, 1 - safe.low)
    assert found.human_only is not None
    assert found.human_only.low < found.value < found.human_only.high
    assert (found.n_judged, found.n_labelled) == (300, 60)


def test_the_rate_of_harmful_turns_respects_the_session() -> None:
    judge, human, names = sample(2)

    found = harmful_turn_rate(judge, human, sessions=names)
    flat = estimate_rate(judge, human)

    assert found.low < 0.02 < found.high
    assert found.high - found.low > flat.high - flat.low


def test_sessions_that_labels_leave_open_are_carried_both_ways() -> None:
    judge, human, names = sample(3)
    opened = names == 10.0
    human[np.flatnonzero(opened)[1:]] = np.nan
    human[np.flatnonzero(opened)[0]] = 1.0
    harmed, safe = human.copy(), human.copy()
    harmed[opened], safe[opened] = 0.0, 1.0

    found = harmed_session_rate(judge, human, sessions=names)
    worst = harmed_session_rate(judge, harmed, sessions=names)
    best = harmed_session_rate(judge, safe, sessions=names)

    assert (found.low, found.high) == (best.low, worst.high)
    assert found.n_labelled == 59
    assert any("1 sessions do not settle" in each for each in found.warnings)


def test_turns_drawn_by_themselves_are_no_sessions_left_open() -> None:
    judge, human, names = sample(4, labelled=300)
    chosen = np.random.default_rng(0).random(names.size) < 0.1
    human = np.where(chosen, human, np.nan)

    whole = harmful_turn_rate(judge, human, sessions=names)
    single = harmful_turn_rate(judge, human, sessions=names, reading="turns")

    assert single.high - single.low < 0.1
    assert whole.high > 0.5
    assert any("reading='turns'" in each for each in whole.warnings)


def test_a_strict_limit_is_wider() -> None:
    judge, human, names = sample(5)
    plain = harmed_session_rate(judge, human, sessions=names)
    strict = harmed_session_rate(judge, human, sessions=names, strict=True)

    assert strict.low < plain.low
    assert plain.high < strict.high


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sessions": None}, "sessions must name"),
        ({"sessions": [1, 2]}, "one entry for each of 3"),
        ({"sessions": ["a", "a", "b"], "turns": [1, 1, 1]}, "twice; see entry 1"),
        ({"sessions": ["a", "a", "b"], "turns": [1, NAN, 1]}, "missing or infinite"),
        (
            {"sessions": ["a", "a", "b"], "clusters": [1, 2, 2]},
            "clusters gives one session two values; see entry 1",
        ),
    ],
)
def test_malformed_arrays_are_refused_by_name(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        harmed_session_rate([1, 1, 0], [1, 1, 0], **arguments)  # pyright: ignore[reportArgumentType] - by name


def test_the_curve_without_censoring_is_the_share_that_is_still_safe() -> None:
    names = np.repeat(np.arange(100.0), 3)
    truth = np.ones(300)
    truth[[0, 3, 7, 10, 14]] = 0.0  # sessions 0 and 1 at turn 1, 2 and 3 at turn 2, 4 at turn 3
    curve = first_harm_curve(truth, truth, sessions=names)

    assert [each.value for each in curve.points] == pytest.approx([0.98, 0.96, 0.95])
    assert [each.judge for each in curve.points] == pytest.approx([0.98, 0.96, 0.95])
    assert [(each.at_risk, each.harms) for each in curve.points] == [(100, 2), (98, 2), (96, 1)]
    assert all(each.low < each.value < each.high for each in curve.points)


def test_a_session_that_ends_early_is_censored() -> None:
    # Kaplan and Meier: 4 at risk, 1 harm at turn 1; 1 ends safe at 1; 2 at risk, 1 harm at 2.
    names = [0, 1, 2, 2, 3, 3]
    truth = [0.0, 1, 1, 0, 1, 1]
    curve = first_harm_curve(truth, truth, sessions=names)

    assert [each.value for each in curve.points] == pytest.approx([0.75, 0.375], abs=1e-9)
    assert (curve.n_harmed, curve.n_censored) == (2, 2)


def test_labels_after_the_first_harm_change_nothing() -> None:
    judge, human, names = sample(6)
    stopped = human.copy()
    for name in np.unique(names):
        turns = np.flatnonzero(names == name)
        harms = np.flatnonzero(human[turns] == 0.0)
        if harms.size:
            stopped[turns[harms[0] + 1 :]] = np.nan

    whole = first_harm_curve(judge, human, sessions=names)
    short = first_harm_curve(judge, stopped, sessions=names)

    assert whole.points == short.points


def test_a_good_judge_shortens_the_curves_intervals() -> None:
    _, human, names = sample(7, labelled=300)
    judge = human
    human = np.where(names < 60, human, np.nan)
    alone = np.ones(names.size)

    with_judge = first_harm_curve(judge, human, sessions=names).after(10)
    without = first_harm_curve(alone, human, sessions=names).after(10)

    assert with_judge.high - with_judge.low < 0.8 * (without.high - without.low)


def test_releases_are_compared_by_the_share_safe_and_the_mean_of_safe_turns() -> None:
    curves: list[FirstHarmCurve] = []
    for seed, share in ((1, 0.01), (3, 0.08)):
        rng = np.random.default_rng(seed)
        names = np.repeat(np.arange(300.0), rng.integers(5, 31, 300))
        truth = (rng.random(names.size) >= share).astype(float)
        human = np.where(names < 120, truth, np.nan)
        curves.append(first_harm_curve(truth, human, sessions=names))

    safe, turns = compare_first_harm(curves[0], curves[1], turn=5)

    # Truth: .99^5 - .92^5 = .951 - .659 = .292, and the sums of the powers from 0 to 4.
    assert safe.low < 0.292 < safe.high
    assert turns.low < sum(0.99**k - 0.92**k for k in range(5)) < turns.high
    assert safe.low > 0.0
    assert curves[1].median in {7, 8, 9, 10, 11}
    with pytest.raises(ValueError, match="turn must lie in 1 to"):
        compare_first_harm(curves[0], curves[1], turn=99)


def test_a_curve_needs_sessions_that_were_read_from_their_start() -> None:
    with pytest.raises(InsufficientLabels, match="1 sessions were read from their first turn"):
        first_harm_curve([1, 1, 1, 1], [1, 1, NAN, 1], sessions=["a", "a", "b", "b"])
