"""Labels that a rubric has seen: worked examples in it, and responses by which it was tuned.

A judge that reads the answer beside the question agrees with it, and a rubric that was chosen by
labels agrees with them better than with others. Neither says how it does on labels that are new to
it, so calibration leaves them out and says how many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from judge.calibrate.from_files import ScoredItem
from judge.columns import Unit
from judge.store.records import Label, Run
from judge.store.run_contents import kept_rubrics
from judge.store.seal import Role, SealLedger, UsedItem, content_key
from judge.store.store import Store
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric


@dataclass(frozen=True, kw_only=True)
class UnseenLabels:
    """Labels of responses that the run's rubrics have not seen.

    Attributes
    ----------
    labels : tuple of Label
    examples, tuned : int
        Labelled responses that were left out because they are shown in the rubric, or because its
        texts were chosen by them.
    """

    labels: tuple[Label, ...]
    examples: int = 0
    tuned: int = 0

    @property
    def remark(self) -> str | None:
        """Say what was left out; None where nothing was."""
        return remark_on(examples=self.examples, tuned=self.tuned)


def remark_on(*, examples: int, tuned: int) -> str | None:
    """Say how many labelled responses are left out; None where none is."""
    if not examples and not tuned:
        return None
    return (
        f"{examples + tuned} labelled responses are left out: the rubric has seen "
        f"them ({examples} as worked examples, {tuned} when its texts were chosen)"
    )


def unseen_labels(store: Store, run: Run, labels: Sequence[Label]) -> UnseenLabels:
    """Leave out labels of responses that a run's rubrics have seen.

    Parameters
    ----------
    store : Store
        Holds the register of what rubrics have seen.
    run : Run
    labels : sequence of Label
    """
    editions = list(kept_rubrics(store, run).values())
    shown: set[str] = set()
    tuned: set[str] = set()
    ledger = SealLedger(store)
    for rubric in editions:
        shown |= {content_key(each.prompt, each.response) for each in rubric.examples}
        for item in ledger.used(rubric.id):
            if _has_seen(rubric, item):
                (shown if item.role == "example" else tuned).add(item.content)
    if not shown and not tuned:
        return UnseenLabels(labels=tuple(labels))
    keys = {
        each.unit: content_key(each.prompt, each.response)
        for each in store.texts_of(run, {label.id for label in labels})
    }
    examples, others, kept = set[object](), set[object](), list[Label]()
    for label in labels:
        unit = (label.id, label.system, label.sample)
        if keys.get(unit) in shown:
            examples.add(unit)
        elif keys.get(unit) in tuned:
            others.add(unit)
        else:
            kept.append(label)
    return UnseenLabels(labels=tuple(kept), examples=len(examples), tuned=len(others))


def _has_seen(rubric: Rubric, item: UsedItem) -> bool:
    """Tell whether a rubric is the version that saw a response, or a later one."""
    return _numbers(rubric.version) >= _numbers(item.version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def seen_units(store: Store, items: Sequence[ScoredItem]) -> Mapping[Unit, Role]:
    """Find the items of a table that their rubric has seen.

    Where the table does not say which version of the rubric judged, every version counts as one
    that has: a calibration that is too good is worse than one with fewer labels.

    Parameters
    ----------
    store : Store
        Holds the register of what rubrics have seen.
    items : sequence of ScoredItem

    Returns
    -------
    mapping of unit to {'example', 'tuned'}
    """
    ledger, found = SealLedger(store), dict[Unit, Role]()
    for rubric in sorted({item.rubric for item in items}):
        used = ledger.used(rubric)
        mine = [item for item in items if item.rubric == rubric]
        if used and mine:
            found.update(_seen(store, mine, used))
    return found


def _seen(
    store: Store, items: Sequence[ScoredItem], used: Sequence[UsedItem]
) -> Iterator[tuple[Unit, Role]]:
    """Go through the items of one rubric."""
    rubrics = {item.rubric for item in items}
    runs = [
        run
        for run in store.runs()
        if any(edition.rubric in rubrics for edition in run.manifest.rubrics)
    ]
    editions = {
        rubric_digest(edition): edition
        for run in runs
        for edition in kept_rubrics(store, run).values()
    }
    texts = _texts_of(store, runs, {item.unit for item in items if item.text is None})
    for item in items:
        keys = {content_key(*item.text)} if item.text else texts.get(item.unit, set[str]())
        edition = editions.get(item.rubric_hash or "")
        roles = [
            one.role
            for one in used
            if one.content in keys and (edition is None or _has_seen(edition, one))
        ]
        if roles:
            yield item.unit, "example" if "example" in roles else "tuned"


def _texts_of(store: Store, runs: Sequence[Run], wanted: set[Unit]) -> Mapping[Unit, set[str]]:
    """Give the texts under which the store's runs know some items."""
    found: dict[Unit, set[str]] = {}
    for run in runs if wanted else ():
        for each in store.generations(run):
            if each.unit in wanted:
                found.setdefault(each.unit, set()).add(content_key(each.prompt, each.response))
    return found
