"""Labels that a rubric has seen: worked examples in it, and responses by which it was tuned.

A judge that reads the answer beside the question agrees with it, and a rubric that was chosen by
labels agrees with them better than with others. Neither says how it does on labels that are new to
it, so calibration leaves them out and says how many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.run.plan import kept_rubrics
from judge.store.records import Label, Run
from judge.store.seal import SealLedger, UsedItem, content_key
from judge.store.store import Store
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
        if not self.examples and not self.tuned:
            return None
        return (
            f"{self.examples + self.tuned} labelled responses are left out: the rubric has seen "
            f"them ({self.examples} as worked examples, {self.tuned} when its texts were chosen)"
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
    keys = {each.unit: content_key(each.prompt, each.response) for each in store.generations(run)}
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
