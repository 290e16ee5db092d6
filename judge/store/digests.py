"""Digests of what a run holds, so that what rests on it can be held against it.

A digest is taken over what means something, sorted, so that neither the order of rows nor a field
that a later version adds changes it. It shows that something was changed; it cannot show by whom,
for whoever changes a file can write a new digest beside it. See SECURITY.md.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from judge.conversation import content_digest
from judge.records import Generation, Judgment
from judge.store.records import Label, Run

if TYPE_CHECKING:
    from judge.store.store import Store

PREFIX = "sha256:"


def digest_of(rows: Iterable[object]) -> str:
    """Hash rows of JSON content, whatever their order."""
    hashes = Hashes()
    for row in rows:
        hashes.add(row)
    return hashes.digest()


_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


class Hashes:
    """Hashes of rows that are gathered one by one: 32 bytes a row, in one piece of memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, row: object) -> None:
        """Hash one more row of JSON content."""
        self._bytes += hashlib.sha256(_write(row).encode()).digest()

    def digest(self, *, once: bool = False) -> str:
        """Hash what was gathered, whatever its order; with ``once``, equal rows as one."""
        hashes = np.frombuffer(self._bytes, dtype="S32") if self._bytes else np.empty(0, "S32")
        found = np.unique(hashes) if once else np.sort(hashes)
        return PREFIX + hashlib.sha256(found.tobytes()).hexdigest()


def data_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash the prompts of a run: ids, texts and groups; what a policy pins as ``data``."""
    prompts = Hashes()
    for each in store.generations(run, system=system):
        prompts.add(prompt_row(each))
    return prompts.digest(once=True)


def items_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what was judged: prompts and responses. The name of the system is no part of it."""
    return digest_of_items(store.generations(run, system=system))


def digest_of_items(generations: Iterable[Generation]) -> str:
    """Hash responses at hand, as :func:`items_digest` does."""
    return digest_of(map(item_row, generations))


def verdicts_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what the judges said."""
    return digest_of(map(verdict_row, store.judgments(run, system=system)))


def labels_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash what the experts said."""
    return digest_of(_label(each) for each in store.labels(run) if system in {None, each.system})


def joint_digest(items: str, verdicts: str, labels: str) -> str:
    """Hash the digests of responses, verdicts and labels together."""
    return digest_of((items, verdicts, labels))


def side_digest(store: "Store", run: Run, *, system: str | None = None) -> str:
    """Hash responses, verdicts and labels together; what a policy pins as ``baseline``.

    Parameters
    ----------
    store : Store
    run : Run
    system : str, optional
        Hash what belongs to one system alone.
    """
    return joint_digest(
        items_digest(store, run, system=system),
        verdicts_digest(store, run, system=system),
        labels_digest(store, run, system=system),
    )


SEAL = "seal"
"""Kind of the document in an exported run that says what it held."""

LOOK = "gate-look"
"""Kind of the document that says that a gate looked at a candidate; it changes nothing sealed."""


def run_digests(store: "Store", run: Run) -> dict[str, str]:
    """Give the digests of a run: what was judged, the verdicts and the labels."""
    return {
        "items": items_digest(store, run),
        "verdicts": verdicts_digest(store, run),
        "labels": labels_digest(store, run),
    }


def basis_digests(store: "Store", run: Run) -> dict[str, str]:
    """Give the digests of what a passport rests on that names a run.

    A search for a better rubric has verdicts of its own; responses and labels are those of the run
    that it improves.
    """
    improved = store.find_run(run.manifest.search.get("of", run.name)) or run
    return {**run_digests(store, improved), "verdicts": verdicts_digest(store, run)}


def is_as_exported(store: "Store", run: Run) -> bool | None:
    """Tell whether a run holds what it held when it was exported; None where it was not."""
    body = store.latest_document(run, SEAL)
    if body is None:
        return None
    sealed: dict[str, str] = json.loads(body)
    present = _sealed_digests(store, run)
    return all(present.get(name) == digest for name, digest in sealed.items())


def seal(store: "Store", run: Run) -> None:
    """Write down what a run holds, so that a later change of the file is noticed."""
    store.add_document(run, SEAL, json.dumps(_sealed_digests(store, run)))


def _sealed_digests(store: "Store", run: Run) -> dict[str, str]:
    """Give the digests of a run with those of its manifest, rubrics and draws."""
    kept = [[kind, body] for kind, body in store.every_document(run) if kind not in {SEAL, LOOK}]
    record = digest_of([*kept, run.manifest.model_dump(mode="json")])
    return {**run_digests(store, run), "record": record}


def _asked(generation: Generation) -> tuple[str, ...]:
    """Give what a conversation put to the system: the words that are not its own."""
    return tuple(turn.text for turn in generation.messages if turn.role in {"system", "user"})


def prompt_row(generation: Generation) -> tuple[object, ...]:
    """Give what `data_digest` hashes of a response: what was asked."""
    return (generation.id, generation.prompt, generation.group, *_asked(generation))


def item_row(generation: Generation) -> list[object]:
    """Give what `items_digest` hashes of a response."""
    conversation = content_digest(generation)
    return [
        generation.id,
        generation.sample,
        generation.prompt,
        generation.group,
        generation.response,
        *(() if conversation is None else (conversation,)),
    ]


def verdict_row(judgment: Judgment) -> list[object]:
    """Give what `verdicts_digest` hashes of a judgment."""
    # What is at its usual value is left out, so that digests of earlier versions stay.
    marks = [list(judgment.flags)] if judgment.flags else []
    stamps = [] if judgment.provenance == "LIVE" else [judgment.provenance]
    return [
        *[judgment.id, judgment.system, judgment.sample, judgment.judge, judgment.rubric],
        *[judgment.rubric_hash, judgment.repeat, judgment.order, judgment.served_model],
        [
            [each.criterion, each.score if each.kind == "scored" else each.outcome]
            for each in judgment.verdicts
        ],
        *marks,
        *stamps,
    ]


def _label(label: Label) -> list[object]:
    return [
        *[label.id, label.system, label.sample, label.rater, label.rubric, label.criterion],
        *[label.score, label.kind],
    ]
