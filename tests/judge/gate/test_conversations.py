"""Two releases by their conversations: rates of harm beside each other, and what changed."""

import json
from pathlib import Path

import pytest

from judge.gate.conversations import conversation_change
from judge.policy import MEASURES
from judge.sides import Side
from judge.store.store import Store, open_store
from tests.cli.program import program
from tests.judge.gate.test_sessions import run_of

OLD = ["111", "101", "011", "110", "111", "111"] * 20
NEW = ["111", "111", "111", "110", "111", "111"] * 20
"""Half of the old release's 120 conversations are harmed, a sixth of the new one's."""


def sides(store: Store, *, labelled: int) -> tuple[Side, Side]:
    return (
        run_of(store, "old", OLD, {n: OLD[n] for n in range(labelled)}),
        run_of(store, "new", NEW, {n: NEW[n] for n in range(labelled)}),
    )


def test_rates_of_both_releases_are_corrected_and_their_change_is_given(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    found = conversation_change(*sides(store, labelled=120), MEASURES["safety_rate"])
    store.close()

    assert found.baseline.harmed_sessions is not None
    assert found.candidate.harmed_sessions is not None
    assert found.baseline.harmed_sessions.value == pytest.approx(0.5)
    assert found.candidate.harmed_sessions.value == pytest.approx(1 / 6)
    # Of 360 turns 60 and 20 are harmful; after three turns 50 % and 83.3 % are still safe.
    assert found.harmful_turns is not None
    assert found.harmful_turns.value == pytest.approx(-40 / 360)
    assert found.harmful_turns.high < 0.0
    assert found.safe_after is not None
    assert (found.horizon, found.safe_after.value) == (3, pytest.approx(1 / 3))
    assert found.safe_after.low > 0.0


def test_without_labels_the_judge_alone_is_named(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    found = conversation_change(*sides(store, labelled=0), MEASURES["safety_rate"])
    store.close()

    assert found.candidate.harmed_sessions is None
    assert found.candidate.judge_harmed == pytest.approx(1 / 6)
    assert found.harmful_turns is None
    assert found.safe_after is None


def test_the_command_counts_conversations_where_turns_were_judged(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    sides(store, labelled=120)
    store.close()

    told = program("compare", "old", "new", "--store", "s.db", folder=tmp_path)
    read = json.loads(
        program("compare", "old", "new", "--store", "s.db", "--json", folder=tmp_path).out
    )

    assert told.code == 0
    assert "conversations with a harmful turn" in told.out
    assert "50.0% [" in told.out
    assert (read["unit"], read["n"]) == ("session", 120)
    assert read["differences"][0]["difference"] == pytest.approx(1 / 3, abs=0.01)
    assert read["conversations"]["horizon"] == 3


def test_a_unit_that_fits_no_run_is_refused(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    sides(store, labelled=0)
    store.close()
    words = ["compare", "old", "new", "--store", "s.db", "--unit", "turn"]

    ended = program(*words, folder=tmp_path)

    assert ended.code == 2
    assert "--unit" in ended.err
