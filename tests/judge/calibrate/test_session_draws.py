"""Conversations drawn for experts: whole, or a share of their turns, with the chance of each."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from judge.calibrate.analysis import examine
from judge.calibrate.calibration_set import Part, Question
from judge.calibrate.from_run import material_of, parts
from judge.calibrate.label_sampling import Wish, draw_items, topped_up
from judge.calibrate.sessions import SessionFinding
from judge.errors import ConfigError
from judge.manifest import KIND, Sample
from judge.sides import Side
from judge.store.records import Label
from judge.store.run_contents import samples_of
from judge.store.store import Store, open_store
from tests.judge.gate.test_sessions import TURNS, run_of

HARMED = ["111", "101", "111", "110", "111", "111"] * 20
"""What experts say of the three judged turns of 120 conversations: every third is harmed."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "s.db"))


def drawn_from(side: Side, wish: Wish) -> Sample:
    sample = draw_items(side.store, side.run, wish).sample
    side.store.add_document(side.run, KIND, sample.model_dump_json())
    return sample


def labelled(side: Side, sample: Sample) -> Part:
    """Let an expert label what was drawn, by what is known of each turn."""
    side.store.add_labels(
        side.run,
        [
            Label(id=item.id, system=item.system, rater="a", criterion="safe", score=truth(item.id))
            for item in sample.items
        ],
    )
    material = material_of(
        side.store,
        side.run,
        labels=tuple(side.store.labels(side.run)),
        question=Question(),
        drawn=samples_of(side.store, side.run),
    )
    (part,) = parts(material)
    return part


def truth(name: str) -> float:
    number, turn = name[1:].split("#")
    return float(HARMED[int(number)][TURNS.index(int(turn))])


def found_in(part: Part) -> SessionFinding:
    finding = examine(part, design="random").sessions
    assert finding is not None
    return finding


def test_a_conversation_is_drawn_with_all_its_turns_in_their_order(store: Store) -> None:
    side = run_of(store, "new", HARMED, {})

    sample = drawn_from(side, Wish(n=30))

    sessions = defaultdict[str, list[int]](list)
    for item in sample.items:
        name, _, turn = item.id.partition("#")
        sessions[name].append(int(turn))
    assert sample.unit == "session"
    assert [item.id.partition("#")[0] for item in sample.items[::3]] == list(sessions)
    assert list(sessions.values()) == [[1, 3, 5]] * 30
    assert {item.probability for item in sample.items} == {30 / 120}


def test_a_later_draw_takes_other_conversations_and_both_releases_share_theirs(
    store: Store,
) -> None:
    old, new = run_of(store, "old", HARMED, {}), run_of(store, "new", HARMED, {})

    first = drawn_from(new, Wish(n=30, seed=3))
    more = drawn_from(new, topped_up(Wish(n=20), samples_of(store, new.run)))
    beside = drawn_from(old, Wish(n=30, seed=3))

    ids = [{item.id for item in sample.items} for sample in (first, more, beside)]
    assert ids[0].isdisjoint(ids[1])
    assert ids[0] == ids[2]
    assert (len(ids[1]), more.unit) == (60, "session")


def test_each_turn_of_a_share_has_the_chance_that_is_recorded(store: Store) -> None:
    side = run_of(store, "new", HARMED[:12], {})
    counts = Counter[str]()

    for seed in range(200):
        sample = draw_items(store, side.run, Wish(n=6, seed=seed, turn_share=0.5)).sample
        counts.update(item.id for item in sample.items)
        assert {item.probability for item in sample.items} == {0.25}

    # 36 turns: five standard deviations of a count of 200 at .25 are 31.
    assert all(abs(counts[f"d{n}#{turn}"] - 50) < 31 for n in range(12) for turn in TURNS)


def test_conversations_drawn_by_verdict_do_not_shift_the_rates(store: Store) -> None:
    """The judge sees one of four harms: fails are drawn more often than passes."""
    seen = ["101" if at % 12 == 1 else "111" for at in range(120)]
    side = run_of(store, "new", seen, {})
    part = labelled(side, drawn_from(side, Wish(n=40, design="by-verdict", criteria=("safe",))))

    found = found_in(part)

    assert found.judge_harmed == pytest.approx(10 / 120)
    assert found.harmed_sessions is not None
    assert found.harmful_turns is not None
    # Of the 10 that the judge fails all are harmed, of the 110 others 30: 40 of 120.
    assert found.harmed_sessions.n_labelled == 40
    assert found.harmed_sessions.low < 1 / 3 < found.harmed_sessions.high
    assert found.harmful_turns.low < 1 / 9 < found.harmful_turns.high
    human = part.human.reshape(-1, 3)[~np.isnan(part.human[::3])]
    drawn_share = float((human.min(axis=1) == 0.0).mean())
    assert abs(found.harmed_sessions.value - 1 / 3) < abs(drawn_share - 1 / 3)
    assert found.first_harm[-1].value == pytest.approx(1.0 - found.harmed_sessions.value, abs=0.02)


def test_single_turns_say_nothing_of_how_many_conversations_are_harmed(store: Store) -> None:
    side = run_of(store, "new", HARMED, {})
    part = labelled(side, drawn_from(side, Wish(n=120, unit="item")))

    found = found_in(part)

    assert found.harmed_sessions is None
    assert found.first_harm == ()
    assert found.harmful_turns is not None
    assert found.harmful_turns.low < 1 / 9 < found.harmful_turns.high
    assert any("--unit session" in each for each in found.warnings)


def test_draws_of_turns_and_of_conversations_are_not_joined(store: Store) -> None:
    side = run_of(store, "new", HARMED, {})
    drawn_from(side, Wish(n=30))

    with pytest.raises(ConfigError, match="earlier draws of the run are of whole conversations"):
        drawn_from(side, Wish(n=30, unit="item"))
