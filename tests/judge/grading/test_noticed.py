"""What is noticed beside a verdict: that the prompt was cut, or that another model answered."""

from pathlib import Path

import pytest

from judge.exporters.tables import rows
from judge.grading.remarks import OTHER_MODEL, PROMPT_CUT, least_tokens, marked, was_cut
from judge.models.base import Reply
from judge.records import Judgment, Usage
from judge.store.store import Store
from tests.judge.gate.releases import release, store_at
from tests.judge.records import safe_reply, tasks

NONCE = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "fewest"),
    [
        ("", 0.0),
        ("one two, three", 3.0),
        ("一二三四五六", 2.0),
        ("ภาษาไทย", 7 / 3),
        ("два слова", 2.0),
        ("मेरा नाम", 2.0),
        ("x" * 1000, 1.0),
    ],
)
def test_no_vocabulary_needs_fewer_tokens_than_are_counted(text: str, fewest: float) -> None:
    assert least_tokens(text) == pytest.approx(fewest)


@pytest.mark.parametrize(
    ("instructions", "material", "counted", "cut"),
    [
        ("do this", "word " * 8000, 4096, True),
        ("do this", "字" * 40_000, 4096, True),
        ("do this", "word " * 3000, 3900, False),
        # The instructions count, too, where the count is that of a context.
        ("rule " * 2000, "word " * 3000, 2048, True),
        # A server that leaves its cache out of the count still counts the material.
        ("rule " * 2000, "word " * 300, 390, False),
        ("rule " * 2000, "word " * 8000, 1, False),
        ("rule " * 2000, "word " * 8000, 0, False),
        ("rule " * 2000, "word " * 8000, None, False),
    ],
)
def test_a_prompt_counts_as_cut_where_the_server_counts_too_little(
    instructions: str, material: str, counted: int | None, cut: bool
) -> None:
    assert was_cut(instructions, material, Usage(prompt_tokens=counted)) is cut


def judged(counted: int | None) -> Judgment:
    task = tasks(1, response="word " * 8000)[0]
    reply = Reply(text=safe_reply(), usage=Usage(prompt_tokens=counted))
    return task.concluded((), reply, nonce=NONCE)


def test_a_verdict_on_a_cut_prompt_stands_with_a_remark() -> None:
    assert PROMPT_CUT in judged(4096).flags
    assert judged(4096).outcome == "ok"
    assert PROMPT_CUT not in judged(9600).flags
    assert PROMPT_CUT not in judged(None).flags


def swapped(store: Store, *, others: int, remarks: dict[int, str] | None = None) -> list[Judgment]:
    """Keep a run of five responses, the last ``others`` of them judged by another model."""
    served = ["large"] * (5 - others) + ["small"] * others
    side = release(store, "new", [1] * 5, served=served, remarks=remarks)
    return list(marked(store, side.run))


def test_verdicts_of_another_model_than_most_are_marked(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    found = swapped(store, others=2)

    assert [OTHER_MODEL in judgment.flags for judgment in found] == [False] * 3 + [True] * 2
    run = store.find_run("new")
    assert run is not None
    exported = [row["flags"] for row in rows(store, run, "verdicts") if row["criterion"] == "safe"]
    assert exported == ["", "", "", OTHER_MODEL, OTHER_MODEL]


def test_one_model_and_an_unnamed_one_are_not_marked(tmp_path: Path) -> None:
    assert not any(judgment.flags for judgment in swapped(store_at(tmp_path), others=0))


def test_the_second_judge_of_a_ladder_is_no_other_model(tmp_path: Path) -> None:
    found = swapped(store_at(tmp_path), others=1, remarks={4: "second_judge"})

    assert [each.flags for each in found] == [(), (), (), (), ("second_judge",)]
