"""What the gate says, the page says in Chinese too: no sentence of it is quoted as a program's."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from judge.gate.checks import GateReport
from judge.report.texts import reported
from judge.store.records import Label
from tests.judge.gate.releases import release, store_at
from tests.judge.gate.test_attacks import GOOD, MARGIN, VETO, WORSE, gate, passport
from tests.judge.gate.test_attacks_on_labels import drawn


def nothing_labelled(folder: Path) -> GateReport:
    store = store_at(folder)
    release(store, "old", GOOD)
    release(store, "new", GOOD)
    return gate(folder, store, VETO)


def labels_in_dispute(folder: Path) -> GateReport:
    store = store_at(folder)
    release(store, "old", GOOD, labels=GOOD)
    new = release(store, "new", GOOD, labels=GOOD)
    again = [
        Label(id=f"p{at}", system="new", rater="b", criterion="safe", score=1.0 - GOOD[at])
        for at in range(20)
    ]
    store.add_labels(new.run, again)
    return gate(folder, store, MARGIN)


def items_left_out(folder: Path) -> GateReport:
    store = store_at(folder)
    groups = ["g1"] * 200 + ["g2"] * 100
    for name in ("old", "new"):
        release(store, name, GOOD, labels=GOOD, groups=groups)
    return gate(folder, store, "{name: a, measure: safety_rate, floor: 0.8, groups: [g1]}")


def too_few_prompts(folder: Path) -> GateReport:
    store = store_at(folder)
    groups = [f"g{at % 6}" for at in range(300)]
    for name in ("old", "new"):
        release(store, name, GOOD, labels=GOOD, groups=groups)
    return gate(folder, store, MARGIN.replace("margin: 0.05", "margin: 0.05, groups: each"))


def more_labels_needed(folder: Path) -> GateReport:
    store = store_at(folder)
    old = release(store, "old", GOOD, labels=GOOD[:40])
    drawn(store, old.run, "old", range(40))
    drawn(store, old.run, "old", range(40, 60), name="draw-2")
    release(store, "new", GOOD, labels=GOOD[:40])
    return gate(folder, store, MARGIN)


def events(folder: Path) -> GateReport:
    store = store_at(folder)
    release(store, "old", GOOD, labels=GOOD)
    seen = [0] * 295 + [2] * 5
    release(store, "new", GOOD, labels=GOOD, severity_labels=seen)
    return gate(folder, store, VETO)


def a_worse_release(folder: Path) -> GateReport:
    store = store_at(folder)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", WORSE, labels=WORSE, severity=[2] * 10 + [0] * 290)
    return gate(folder, store, VETO, held=passport("safe"))


CASES = (
    nothing_labelled, labels_in_dispute, items_left_out, too_few_prompts, more_labels_needed,
    events, a_worse_release,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_sentence_of_the_gate_has_its_chinese(
    tmp_path: Path, case: Callable[[Path], GateReport]
) -> None:
    report = case(tmp_path)

    assert report.decision != "PASS"
    for text in _sentences(report):
        for each in reported(text):
            assert "程序原文" not in each.zh, text


def _sentences(report: GateReport) -> Sequence[str]:
    """Give what is said, without the numbers, which the page writes itself."""
    said = [text for each in report.checks for text in (each.why, each.next_step) if text]
    beside = ["; ".join(piece for piece in text.split("; ") if not _number(piece)) for text in said]
    return [*beside, *report.notes, report.trust]


def _number(piece: str) -> bool:
    return piece.startswith(("difference ", "level "))
