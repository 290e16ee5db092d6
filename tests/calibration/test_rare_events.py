"""The share of events that cannot be ruled out where none was seen."""

import numpy as np
import pytest

from calibration.rare_events import Screened, Watched, event_bound, recall_limit


@pytest.mark.parametrize(("labels", "bound"), [(30, 0.0950), (100, 0.0295), (299, 0.0100)])
def test_labels_alone_give_the_rule_of_three(labels: int, bound: float) -> None:
    # 1 - 0.05 ** (1 / n), the upper Clopper-Pearson limit at zero events.
    cell = Watched(units=1000, labelled=labels)

    assert event_bound([cell], risk=0.05) == pytest.approx(bound, abs=0.0001)


def test_a_judge_of_unknown_recall_adds_nothing() -> None:
    alone = event_bound([Watched(units=300, labelled=30)], risk=0.05)

    assert event_bound([Watched(units=300, labelled=30, judged=270)], risk=0.05) == alone


def test_a_judge_that_finds_every_event_counts_like_labels() -> None:
    watched = Watched(units=300, labelled=30, judged=270)

    found = event_bound([watched], risk=0.05, recall=1.0)

    assert found == pytest.approx(1 - 0.05 ** (1 / 300), abs=1e-6)


def test_cells_drawn_at_the_same_rate_count_as_one() -> None:
    cells = [Watched(units=150, labelled=15), Watched(units=150, labelled=15)]

    assert event_bound(cells, risk=0.05) == pytest.approx(0.0950, abs=0.0001)


def test_a_cell_that_nobody_looked_at_may_hold_nothing_but_events() -> None:
    cells = [Watched(units=290, labelled=290), Watched(units=10, labelled=0)]

    assert event_bound(cells, risk=0.05) >= 10 / 300


def test_the_bound_holds_where_labels_avoid_the_cell_with_the_events() -> None:
    rng = np.random.default_rng(7)
    events, passed = 6, 0  # 6 of 300 units, all in the cell that is labelled least
    for _ in range(2000):
        drawn = rng.choice(250, size=25, replace=False)
        if (drawn >= events).all():
            bound = event_bound(
                [Watched(units=250, labelled=25), Watched(units=50, labelled=50)], risk=0.05
            )
            passed += bound < events / 300

    assert passed / 2000 <= 0.05


def test_recall_is_bounded_from_both_sides_of_the_screen() -> None:
    reported = Screened(items=40, labelled=40, events=30)

    few = recall_limit(reported, Screened(items=960, labelled=30, events=0), risk=0.05)
    many = recall_limit(reported, Screened(items=960, labelled=900, events=0), risk=0.05)

    assert few < 0.2
    assert many > 0.8


def test_a_judge_that_reports_nothing_has_no_recall() -> None:
    nothing = Screened(items=0, labelled=0, events=0)

    assert recall_limit(nothing, Screened(items=300, labelled=100, events=5), risk=0.05) == 0.0


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="recall must be a fraction"):
        event_bound([Watched(units=10, labelled=5)], risk=0.05, recall=1.2)
    with pytest.raises(ValueError, match="no units"):
        event_bound([], risk=0.05)
