"""Limits a minute, and a break after long reading; the clock is the test's."""

from datetime import UTC, datetime, timedelta

from judge.web.annotation_room import Pace

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def test_a_limit_is_forgotten_after_a_minute() -> None:
    clock = Clock()
    pace = Pace(clock)
    first = [pace.allows("ann", "asks", a_minute=2) for _ in range(3)]
    clock.at += timedelta(seconds=61)

    assert first == [True, True, False]
    assert pace.allows("ann", "asks", a_minute=2)


def test_a_break_is_due_after_three_quarters_of_an_hour_without_one() -> None:
    clock = Clock()
    pace = Pace(clock)
    told: list[int | None] = []
    for _ in range(10):
        told.append(pace.minutes_on_end("ann"))
        clock.at += timedelta(minutes=5)

    assert told[:9] == [None] * 9
    assert told[9] == 45


def test_a_pause_begins_a_new_stretch() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(9):
        pace.minutes_on_end("ann")
        clock.at += timedelta(minutes=5)
    clock.at += timedelta(minutes=5)

    assert pace.minutes_on_end("ann") is None
