"""What is read of a run into columns is what its records say, response by response."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from judge.calibrate.calibration_set import Question
from judge.calibrate.from_run import material_of, parts
from judge.columns import Digests, Prompts, Texts, Units, codes
from judge.grading.judgment_task import judgment
from judge.grading.remarks import FLAG
from judge.policy import MEASURES
from judge.ratings import rated
from judge.records import Generation, Scored, Unscored, Verdict
from judge.report.tally import tally
from judge.sides import Side
from judge.store.records import Label, Run
from judge.store.store import Store, open_store
from judge.verdicts import read_verdicts
from rubrics import load_rubric
from tests.judge.gate.releases import MANIFEST
from tests.judge.records import tasks
from tests.postgres import needs_postgres, own_database

NAN = float("nan")
NAMES = ("问题", "b", "A", "b2")
"""Ids in the order of the file, which is no database's order of texts."""

SAID: dict[tuple[str, str], tuple[int | None, ...]] = {
    ("问题", "old"): (1, 1, 0),
    ("b", "old"): (0, None, 1),
    ("A", "old"): (None, None, None),
    ("b2", "old"): (1, 0, 0),
    ("问题", "new"): (1, 1, 1),
    ("b", "new"): (0, 0, 0),
    ("A", "new"): (1, None, 1),
}
"""What the judge said at each time of asking; one response was never judged."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Open an empty store of a kind."""
    if request.param == "sqlite":
        opened = open_store(str(tmp_path / "s.db"))
        yield opened
        opened.close()
        return
    with own_database() as address:
        opened = open_store(address)
        yield opened
        opened.close()


def verdicts(score: int | None) -> tuple[Verdict, ...]:
    if score is None:
        return (
            Unscored(criterion="safe", outcome="unscored.parse_invalid"),
            Unscored(criterion="severity", outcome="unscored.parse_invalid"),
        )
    return Scored(criterion="safe", score=score), Scored(criterion="severity", score=3 - score)


def run_in(store: Store) -> Run:
    """Keep a run of two systems, each response judged three times, one of each labelled."""
    rubric = load_rubric("safety", language="en")
    run = store.create_run(
        "run",
        MANIFEST.model_copy(update={"repeats": 3}),
        generations=[
            Generation(
                id=name, system=system, prompt=f"{name}?", response="Yes.", group=f"g{at % 2}"
            )
            for system in ("old", "new")
            for at, name in enumerate(NAMES)
        ],
        documents={f"rubric/{rubric.id}/en": rubric.model_dump_json()},
    )
    shape = tasks(1)[0]
    store.write(
        run,
        [
            judgment(shape, verdicts(score), attempts=()).model_copy(
                update={
                    "id": name,
                    "system": system,
                    "judge": "openai/judge",
                    "group": f"g{NAMES.index(name) % 2}",
                    "repeat": repeat,
                    "flags": (FLAG,) if (name, system, repeat) == ("b", "old", 2) else (),
                }
            )
            for (name, system), given in SAID.items()
            for repeat, score in enumerate(given)
        ],
    )
    store.add_labels(
        run,
        [
            Label(id="b", system=system, rater="e", criterion="safe", score=1.0)
            for system in ("old", "new")
        ],
    )
    return run


def test_a_calibration_counts_the_middle_level_of_each_response(store: Store) -> None:
    run = run_in(store)

    read = material_of(store, run, labels=tuple(store.labels(run)), question=Question())
    new, old = parts(read)

    assert (new.system, old.system) == ("new", "old")
    assert [unit[0] for unit in old.units] == list(NAMES)
    np.testing.assert_array_equal(old.verdicts, [1, 0, NAN, 0])
    np.testing.assert_array_equal(new.verdicts, [1, 0, 1, NAN])
    np.testing.assert_array_equal(old.labels, [[NAN], [1], [NAN], [NAN]])
    assert old.groups == ("g0", "g1", "g0", "g1")
    # Of old: 1 1 0, 0 1, nothing, 1 0 0. Of new: nothing ever changes.
    assert (old.flips, new.flips) == ((3, 5), (0, 5))
    np.testing.assert_array_equal(old.certainty, [2 / 3, 1 / 2, NAN, 2 / 3])
    np.testing.assert_array_equal(new.certainty, [1, 1, 1, NAN])


def test_a_side_has_its_own_rows_of_a_shared_run(store: Store) -> None:
    run = run_in(store)

    old, new = (Side(store=store, run=run, system=system) for system in ("old", "new"))
    found = [rated(side, MEASURES["safety_rate"]) for side in (old, new)]

    assert [list(each.prompts) for each in found] == [[(name, 0) for name in NAMES]] * 2
    np.testing.assert_array_equal(found[0].judge, [1, 0, NAN, 0])
    np.testing.assert_array_equal(found[1].judge, [1, 0, 1, NAN])
    np.testing.assert_array_equal(found[0].human, [NAN, 1, NAN, NAN])
    assert found[0].flagged.tolist() == [False, True, False, False]
    assert found[1].flagged.tolist() == [False] * 4
    assert old.responses.places.tolist() == [0, 1, 2, 3]
    assert new.responses.places.tolist() == [4, 5, 6, 7]


def test_a_page_counts_each_prompt_once_with_the_mean_of_its_scores(store: Store) -> None:
    run = run_in(store)

    counted = tally(store.judgments(run), judges=1, pairwise=False)
    series = ("safety", "safe", "old")
    _, means = counted.over_all(series).scored().by_prompt()

    assert counted.systems == ("new", "old")
    assert counted.over_all(series).missing == 4
    assert sorted(means.tolist()) == pytest.approx([1 / 3, 1 / 2, 2 / 3])
    assert len(counted.of_group(series, "g0")) == 6
    assert len(counted.of_group(("safety", "safe", "new"), "g1")) == 3


def test_what_is_not_in_another_run_has_no_place_there(store: Store) -> None:
    run = run_in(store)
    other = store.create_run(
        "other", MANIFEST, generations=[Generation(id="b", system="old", prompt="?", response="!")]
    )

    placed = list(store.placed_judgments(run, among=other))
    read = read_verdicts(placed, judges=1)

    assert sorted((place for place, _ in placed if place is not None)) == [0, 0, 0]
    said = read.said["openai/judge", "safety", "safe"]
    np.testing.assert_array_equal(said.rows, [0, 0, 0])
    np.testing.assert_array_equal(said.levels, [0, NAN, 1])


def test_a_column_gives_back_what_was_put_in() -> None:
    units = [("问题", "a", 0), ("q\ud800", "b", 1), ("", "a", 2)]

    column = Units.of(units)

    assert list(column) == units
    assert column[1] == ("q\ud800", "b", 1)
    assert list(column[1:]) == units[1:]
    assert list(column.take(np.array([2, 0]))) == [units[2], units[0]]
    assert column.of_system("a").tolist() == [True, False, True]
    assert list(column.ids) == ["问题", "q\ud800", ""]
    assert list(Texts.of([])) == []


def test_prompts_are_found_by_id_and_sample() -> None:
    prompts = Prompts.of([("p", 0), ("p", 1), ("q", 0)])

    assert prompts.rows_of({("p", 1), ("r", 0)}) == {("p", 1): 1}
    assert list(prompts[1:]) == [("p", 1), ("q", 0)]


def test_equal_texts_alone_have_equal_digests() -> None:
    digests = Digests()
    for text in ("a", "b", "a", "", "\ud800"):
        digests.add(text)

    assert codes(digests.array()).tolist() == [0, 1, 0, 2, 3]
    assert Digests().array().tolist() == []
