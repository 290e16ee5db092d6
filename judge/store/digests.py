"""Digests of what a run holds, so that what rests on it can be held against it.

A digest is taken over what means something, sorted, so that neither the order of rows nor a field
that a later version adds changes it. It shows that something was changed; it cannot show by whom,
for whoever changes a file can write a new digest beside it. See SECURITY.md.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from judge.conversation import content_digest
from judge.records import Generation, Judgment
from judge.store.records import Label, Run

if TYPE_CHECKING:
    from judge.store.store import Store

PREFIX = "sha256:"


def digest_of(rows: Iterable[object]) -> str:
    """Hash rows of JSON content, whatever their order."""
    each = sorted(
        hashlib.sha256(json.dumps(row, ensure_ascii=False, sort_keys=True).encode()).digest()
        for row in rows
    )
    return PREFIX + hashlib.sha256(b"".join(each)).hexdigest()


def data_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash the prompts of a run: ids, texts and groups; what a policy pins as ``data``."""
    prompts = {
        (each.id, each.prompt, each.group, *_asked(each))
        for each in store.generations(run)
        if system in {None, each.system}
    }
    return digest_of(prompts)


def items_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what was judged: prompts and responses. The name of the system is no part of it."""
    return digest_of(
        _item(each) for each in store.generations(run) if system in {None, each.system}
    )


def verdicts_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what the judges said."""
    return digest_of(
        _verdicts(each) for each in store.judgments(run) if system in {None, each.system}
    )


def labels_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what the experts said."""
    return digest_of(_label(each) for each in store.labels(run) if system in {None, each.system})


def side_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash responses, verdicts and labels together; what a policy pins as ``baseline``."""
    return digest_of(
        (
            items_digest(store, run, system=system),
            verdicts_digest(store, run, system=system),
            labels_digest(store, run, system=system),
        )
    )


SEAL = "seal"
"""Kind of the document in an exported run that says what it held."""


def run_digests(store: "Store", run: Run) -> dict[str, str]:
    """Give the digests of a run: what was judged, the verdicts and the labels."""
    return {
        "items": items_digest(store, run),
        "verdicts": verdicts_digest(store, run),
        "labels": labels_digest(store, run),
    }


def sealed_as(store: "Store", run: Run) -> dict[str, str] | None:
    """Give the digests that a run had when it was exported; None where it was not."""
    body = store.latest_document(run, SEAL)
    return None if body is None else json.loads(body)


def seal(store: "Store", run: Run) -> None:
    """Write down what a run holds, so that a later change of the file is noticed."""
    store.add_document(run, SEAL, json.dumps(run_digests(store, run)))


def _asked(generation: Generation) -> tuple[str, ...]:
    """Give what a conversation put to the system: the words that are not its own."""
    return tuple(turn.text for turn in generation.messages if turn.role in {"system", "user"})


def _item(generation: Generation) -> list[object]:
    conversation = content_digest(generation)
    return [
        generation.id,
        generation.sample,
        generation.prompt,
        generation.group,
        generation.response,
        *(() if conversation is None else (conversation,)),
    ]


def _verdicts(judgment: Judgment) -> list[object]:
    return [
        *[judgment.id, judgment.system, judgment.sample, judgment.judge, judgment.rubric],
        *[judgment.rubric_hash, judgment.repeat, judgment.order, judgment.served_model],
        [
            [each.criterion, each.score if each.kind == "scored" else each.outcome]
            for each in judgment.verdicts
        ],
    ]


def _label(label: Label) -> list[object]:
    return [
        *[label.id, label.system, label.sample, label.rater, label.rubric, label.criterion],
        *[label.score, label.kind],
    ]
