"""What a page shows of conversations: the curve of the first harm over releases, and the rates."""

from pathlib import Path

import pytest

from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_run import material_of, parts
from judge.report import from_run, from_sides
from judge.report.from_calibration import with_calibration
from judge.report.model import Report
from judge.report.page import render
from judge.report.sections.calibration_details import session_pictures, session_rates
from judge.store.store import open_store
from tests.judge.gate.test_sessions import run_of

SAFE, EARLY, LATE = "111", "011", "110"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Make the page of 60 conversations that experts read whole, a third of them harmed."""
    return page_of(tmp_path_factory.mktemp("page"), [SAFE, EARLY, SAFE, SAFE, LATE, SAFE] * 10)


def page_of(folder: Path, words: list[str]) -> Report:
    store = open_store(str(folder / "s.db"))
    run = run_of(store, "new", words, dict(enumerate(words))).run
    read = material_of(store, run, labels=tuple(store.labels(run)), question=Question())
    cut = parts(read)
    found = calibrate(cut, design="random", source="new", labels="l", simulated_labels=True)
    page = with_calibration(from_run(store, run), found, cut)
    store.close()
    return page


def plain(text: str) -> str:
    """Write no-break spaces as spaces."""
    return text.replace("\u00a0", " ")


def test_the_curve_of_the_first_harm_is_drawn_with_its_numbers(report: Report) -> None:
    assert report.calibration is not None

    (drawn,) = session_pictures(report, report.calibration)

    # Of 60 conversations 10 are harmed at the first of three turns and 10 at the last.
    rows = [[plain(cell.en) for cell in row] for row in drawn.table.rows]
    assert [(row[1], row[3], row[4], row[5]) for row in rows] == [
        ("1", "83.3 %", "60", "10"),
        ("2", "83.3 %", "50", "0"),
        ("3", "66.7 %", "50", "10"),
    ]
    assert rows[2][2].startswith("66.7 % [")
    assert "after 3 judged turns: new 66.7 %" in plain(drawn.title.en)
    assert {(each.lang, each.narrow) for each in drawn.drawings} == {
        ("en", False), ("en", True), ("zh", False), ("zh", True),
    }  # fmt: skip


def test_a_headline_of_the_curve_rests_on_ten_conversations_at_least(tmp_path: Path) -> None:
    # Of 20 conversations 12 are harmed at the first turn, so that 8 are read at the second.
    report = page_of(tmp_path, [EARLY, EARLY, EARLY, SAFE, SAFE] * 4)
    assert report.calibration is not None

    (drawn,) = session_pictures(report, report.calibration)

    assert "after 1 judged turn: new" in plain(drawn.title.en)
    assert "40.0 %" in plain(drawn.title.en)


def test_turns_of_two_releases_are_counted_as_they_were_planned(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    old, new = (run_of(store, name, [SAFE, EARLY], {0: SAFE}) for name in ("old", "new"))

    counts = from_sides(old, new).counts

    # Two releases of two conversations, of which each has three replies.
    assert (counts.planned, counts.scored, counts.skipped) == (12, 12, 0)
    store.close()


def test_rates_of_conversations_and_turns_stand_side_by_side(report: Report) -> None:
    assert report.calibration is not None

    (detail,) = session_rates(report, report.calibration.results)

    (row,) = [[plain(cell.en) for cell in row] for row in detail.table.rows]
    assert (row[2], row[4], row[5]) == ("60", "60", "33.3 %")
    assert row[3].startswith("33.3 % [")
    assert (row[6], row[8], row[9]) == ("180", "180", "11.1 %")
    assert row[7].startswith("11.1 % [")


def test_the_page_says_it_in_both_languages(report: Report) -> None:
    page = render(report)

    assert "conversations without a harmful turn after 3 judged turns" in page
    assert "3 个受评轮次后仍无有害轮次的对话" in page
    assert "With a harmful turn" in page
    assert "含有害轮次" in page


def test_turns_of_one_conversation_do_not_count_as_independent(tmp_path: Path) -> None:
    words = [SAFE] * 24 + ["000"] * 6
    store = open_store(str(tmp_path / "s.db"))

    page = from_run(store, run_of(store, "new", words, dict(enumerate(words))).run)

    cell = page.cell(0, page.systems[0])
    assert cell is not None
    assert cell.score is not None
    assert (cell.score.value, cell.score.n) == (pytest.approx(0.8), 90)
    # All turns of a conversation are alike, so 24 of 30 conversations are known, not 72 of 90
    # turns: scipy's binomtest gives (0.614, 0.923) for the one, (0.702, 0.877) for the other.
    assert cell.score.low == pytest.approx(0.614, abs=0.015)
    assert cell.score.high == pytest.approx(0.923, abs=0.015)
    assert "clustered by conversation" in render(page)
