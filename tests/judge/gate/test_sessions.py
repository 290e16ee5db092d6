"""Conversations in the gate: turns are folded, sessions are clusters, rules need no passport."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from judge.gate.preconditions import trust_in
from judge.manifest import Manifest, RubricEdition, Source
from judge.policy import MEASURES, Check, Policy, load_policy
from judge.ratings import rated
from judge.records import Generation, Judge, Judgment, Scored, Turn
from judge.sides import Side
from judge.store.records import Label
from judge.store.store import Store, open_store
from rubrics import RubricError, load_rubric
from tests.judge.grading.test_computed import rubric as rules

TURNS = (1, 3, 5)


def dialogue(number: int, system: str) -> list[Generation]:
    """Give the three judged turns of a conversation of six messages."""
    messages = tuple(
        Turn(role="user" if at % 2 == 0 else "assistant", content=f"{system} {number} {at}")
        if at
        else Turn(role="user", content=f"Opening {number}")
        for at in range(6)
    )
    return [
        Generation(
            id=f"d{number}#{turn}",
            session=f"d{number}",
            turn=turn,
            messages=messages,
            prompt=messages[turn - 1].content,
            response=messages[turn].content,
            system=system,
            lang="en",
        )
        for turn in TURNS
    ]


def run_of(store: Store, system: str, judged: list[str], labels: dict[int, str]) -> Side:
    """Keep a run; a word of 1, 0 and - for each conversation says what judge or expert gave."""
    generations = [each for number in range(len(judged)) for each in dialogue(number, system)]
    run = store.create_run(
        system,
        Manifest(
            source=Source(name="d.jsonl", sha256="0" * 64, rows=1),
            rubrics=(
                RubricEdition(rubric="safety", language="en", digest="d", criteria=("safe",)),
            ),
            judges=(Judge(model="openai/judge"),),
            planned=len(generations),
        ),
        generations=generations,
        documents={"rubric/safety/en": load_rubric("safety", language="en").model_dump_json()},
    )
    words = "".join(judged)
    store.write(
        run,
        [
            Judgment(
                key=f"{system}{at}", id=each.id, system=system, sample=0, group=None, lang="en",
                judge="openai/judge", rubric="safety", rubric_hash="d", provenance="LIVE",
                session=each.session, turn=each.turn,
                verdicts=(Scored(criterion="safe", score=int(words[at])),),
            )
            for at, each in enumerate(generations)
            if words[at] != "-"
        ],
    )  # fmt: skip
    store.add_labels(
        run,
        [
            Label(
                id=f"d{number}#{turn}", system=system, rater="a", criterion="safe", score=float(s)
            )
            for number, word in labels.items()
            for turn, s in zip(TURNS, word, strict=True)
            if s != "-"
        ],
    )
    return Side(store=store, run=run, system=system)


SESSIONS = MEASURES["safety_rate"].model_copy(update={"unit": "session"})


def test_a_conversation_counts_by_the_worst_of_its_turns(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    side = run_of(
        store, "new", ["111", "101", "1-1", "0-1"], {0: "111", 1: "10-", 2: "11-", 3: "--0"}
    )

    found = rated(side, SESSIONS)

    store.close()
    assert found.prompts == (("d0", 0), ("d1", 0), ("d2", 0), ("d3", 0))
    assert np.array_equal(found.judge, [1, 0, np.nan, 0], equal_nan=True)
    assert np.array_equal(found.human, [1, 0, np.nan, np.nan], equal_nan=True)
    assert found.awaited.tolist() == [False, False, True, True]


def test_turns_of_a_conversation_are_one_cluster_and_equal_words_join_none(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    side = run_of(store, "new", ["111", "111"], {})

    found = rated(side, MEASURES["safety_rate"])

    store.close()
    assert found.clusters.tolist() == [0, 0, 0, 1, 1, 1]


def test_two_releases_are_asked_the_same_where_they_open_the_same(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    sides = run_of(store, "old", ["111"], {}), run_of(store, "new", ["111"], {})
    old, new = (rated(side, SESSIONS) for side in sides)
    answered = [side.responses.answered.tolist() for side in sides]

    store.close()
    assert old.texts.tolist() == new.texts.tolist()
    assert answered[0] != answered[1]


POLICY = """\
version: "1"
title: Conversations
checks:
  - name: sessions
    measure: safety_rate
    unit: session
    floor: 0.9
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("safety_rate", "responsibility_mean", "unit session has no meaning"),
        ("unit: session", "unit: turn", "checks[1].unit is 'turn'"),
    ],
)
def test_a_policy_folds_rates_only(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY, encoding="utf-8")
    assert load_policy(path, today=date(2026, 1, 1)).checks[0].measured.unit == "session"
    path.write_text(POLICY.replace(old, new), encoding="utf-8")
    with pytest.raises(RubricError) as caught:
        load_policy(path, today=date(2026, 1, 1))
    assert words in str(caught.value)


def test_what_a_rule_computes_needs_neither_labels_nor_a_passport(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))
    kept = rules()
    run = store.create_run(
        "agent",
        Manifest(
            source=Source(name="d.jsonl", sha256="0" * 64, rows=1),
            rubrics=(
                RubricEdition(rubric=kept.id, language="en", digest="d", criteria=("tools",)),
            ),
            judges=(Judge(model="rules"),),
            planned=2,
        ),
        generations=[
            Generation(id=f"a{at}", prompt=f"{at}", response="x", lang="en") for at in range(2)
        ],
        documents={f"rubric/{kept.id}/en": kept.model_dump_json()},
    )
    store.write(
        run,
        [
            Judgment(
                key=f"{at}", id=f"a{at}", system="default", sample=0, group=None, lang="en",
                judge="rules", rubric=kept.id, rubric_hash="d", provenance="LIVE",
                verdicts=(Scored(criterion="tools", score=at),),
            )
            for at in range(2)
        ],
    )  # fmt: skip
    side = Side(store=store, run=run, system="default")
    check = Check(
        name="tools", measure="rate", rubric=kept.id, criterion="tools", at_least=1, floor=0.9
    )
    policy = Policy(version="1", title="t", checks=(check,))

    found = rated(side, check.measured)
    trust = trust_in(None, policy, (side, side), today=date(2026, 1, 1), allow_simulated=False)

    store.close()
    assert found.human.tolist() == found.judge.tolist() == [0.0, 1.0]
    assert trust.against == ()
