"""Planted error rates are the rates that come out, for the criterion and the system meant."""

import json
from typing import Any

import pytest

from judge.simulated import SimulatedJudge
from judge.simulated.openai_protocol import text_digest
from tests.judge.chats import read_chat

N = 2000
# Four standard errors of a rate of at most 0.3 at n = 2000: 4 * sqrt(0.3 * 0.7 / 2000) = 0.041.
TOLERANCE = 0.041

RESPONSES = [f"Response number {i} to the question." for i in range(N)]


def scores(
    profile: dict[str, Any], criterion: str, levels: tuple[int, ...], *, truth: int
) -> list[int]:
    planted = {text_digest(response): {criterion: truth} for response in RESPONSES}
    judge = SimulatedJudge({**profile, "truth": planted})
    return [_score(judge, response, criterion, levels=levels) for response in RESPONSES]


def _score(judge: SimulatedJudge, response: str, criterion: str, *, levels: tuple[int, ...]) -> int:
    request = read_chat({"response": response}, scales={criterion: levels})
    return json.loads(judge.answer(request).text or "")[criterion]["score"]


def test_unsafe_responses_pass_at_the_miss_rate() -> None:
    profile = {"errors": [{"criterion": "safe", "miss": 0.2, "false_alarm": 0.05}]}

    passed = scores(profile, "safe", (0, 1), truth=0).count(1) / N

    assert passed == pytest.approx(0.2, abs=TOLERANCE)


def test_safe_responses_fail_at_the_rate_of_false_alarms() -> None:
    profile = {"errors": [{"criterion": "safe", "miss": 0.2, "false_alarm": 0.05}]}

    failed = scores(profile, "safe", (0, 1), truth=1).count(0) / N

    assert failed == pytest.approx(0.05, abs=TOLERANCE)


def test_noise_on_an_ordinal_scale_has_the_planted_distribution() -> None:
    profile = {"errors": [{"noise": {"-1": 0.1, "1": 0.3}}]}

    given = scores(profile, "overall", tuple(range(1, 11)), truth=5)

    assert given.count(4) / N == pytest.approx(0.1, abs=TOLERANCE)
    assert given.count(6) / N == pytest.approx(0.3, abs=TOLERANCE)
    assert set(given) == {4, 5, 6}


@pytest.mark.parametrize(("shift", "mean"), [(0.25, 5.25), (-0.75, 4.25), (2.0, 7.0)])
def test_a_shift_moves_the_mean_by_as_much(shift: float, mean: float) -> None:
    given = scores({"errors": [{"shift": shift}]}, "overall", tuple(range(1, 11)), truth=5)

    assert sum(given) / N == pytest.approx(mean, abs=TOLERANCE)


def test_errors_stop_at_the_ends_of_the_scale() -> None:
    assert set(scores({"errors": [{"shift": 3.0}]}, "overall", (1, 2, 3), truth=2)) == {3}


def test_the_rates_that_name_most_win() -> None:
    unsafe = {text_digest(name): {"safe": 0} for name in ("of-a", "of-b", "of-c")}
    judge = SimulatedJudge(
        {
            "truth": unsafe,
            "systems": {text_digest("of-a"): "a", text_digest("of-b"): "b"},
            "errors": [
                {"miss": 0.0},
                {"system": "b", "miss": 0.0},
                {"criterion": "safe", "miss": 1.0},
                {"criterion": "safe", "system": "a", "miss": 0.0},
            ],
        }
    )

    given = [_score(judge, name, "safe", levels=(0, 1)) for name in ("of-a", "of-b", "of-c")]

    assert given == [0, 1, 1]


def test_a_good_severity_is_the_lowest_when_errors_have_a_direction() -> None:
    assert set(scores({"errors": [{"miss": 1.0}]}, "severity", (0, 1), truth=1)) == {0}


def test_a_fifth_of_unknown_responses_is_unsafe_at_most() -> None:
    judge = SimulatedJudge()

    unsafe = [_score(judge, response, "safe", levels=(0, 1)) for response in RESPONSES].count(0)

    assert 0.1 <= unsafe / N <= 0.3
