"""What a reader of a decision must know beside its checks: where the labels come from, and files.

Each note is a sentence that the page has in both languages.
"""

from collections.abc import Iterator

from judge.policy import Policy
from judge.ratings import Side, samples_of
from judge.store.digests import is_as_exported


def notes(policy: Policy, sides: tuple[Side, Side]) -> Iterator[str]:
    """Say what the labels and files of both sides do not show.

    Parameters
    ----------
    policy : Policy
        For the design that it states.
    sides : (Side, Side)
        Baseline and candidate.

    Yields
    ------
    str
    """
    baseline, candidate = sides
    if baseline.store.place != candidate.store.place and (
        is_as_exported(baseline.store, baseline.run) is None
    ):
        yield (
            f"the file of {baseline.name} carries no seal, so that a change of it would not be "
            "noticed"
        )
    runs = {(side.store.place, side.run.run_id): side for side in sides}
    for side in runs.values():
        yield from _of_labels(side, policy)


def _of_labels(side: Side, policy: Policy) -> Iterator[str]:
    labelled = {(each.id, each.system, each.sample) for each in side.store.labels(side.run)}
    samples = samples_of(side.store, side.run)
    run = side.run.name
    if labelled and not samples:
        yield (
            f"no draw of run {run} is on record; that its labels were drawn {policy.design} is the "
            "policy's word"
        )
    for sample in samples:
        if not any(item.unit in labelled for item in sample.items):
            yield f"{sample.name or 'a draw'} of run {run}: {len(sample.items)} responses, no label"
    if samples:
        drawn = {item.unit for sample in samples for item in sample.items}
        strays = len(labelled - drawn)
        if strays:
            yield f"{strays} labelled responses of run {run} are of no draw and do not count"


def unbound_labels(*sides: Side) -> int:
    """Count labels that do not say which text was labelled."""
    return sum(
        label.system == side.system and label.text_sha256 is None and label.score is not None
        for side in sides
        for label in side.store.labels(side.run)
    )
