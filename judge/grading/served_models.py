"""Which models answered under the name of a judge, and which verdicts came from another than most.

Gateways fall back to another model in the middle of a run. Its verdicts are those of a second
judge under the first one's name, so they are marked, and a gate asks for experts' labels.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from judge.grading.remarks import ESCALATED, OTHER_MODEL, SECOND
from judge.records import Judgment, replaced

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

Asked = tuple[str, str]
"""A judge, and the step of its ladder on which another model is asked; empty for the first."""


def usual_models(served: Mapping[tuple[Asked, str], int]) -> dict[Asked, str]:
    """Give the model that answered most often, for each that was asked.

    Parameters
    ----------
    served : mapping of (Asked, str) to int
        Judgments by who was asked and who answered.
    """
    counts = defaultdict[Asked, Counter[str]](Counter)
    for (asked, model), count in served.items():
        counts[asked][model] += count
    # Of two with the same count the first by name, so that the same run gives the same remarks.
    return {asked: min(by, key=lambda name: (-by[name], name)) for asked, by in counts.items()}


def asked_of(judge: str, flags: Collection[str]) -> Asked:
    """Say who was asked for a judgment."""
    return judge, next((flag for flag in (SECOND, ESCALATED) if flag in flags), "")


def marked(store: "Store", run: "Run") -> Iterator[Judgment]:
    """Stream a run's judgments, those of another model than most with the remark `OTHER_MODEL`.

    Parameters
    ----------
    store : Store
    run : Run
    """
    from judge.store.served_models import count_served

    served = Counter[tuple[Asked, str]]()
    for judge, model, flags, count in count_served(store, run):
        served[asked_of(judge, flags), model] += count
    usual = usual_models(served)
    if len(served) == len(usual):
        yield from store.judgments(run)
        return
    for judgment in store.judgments(run):
        expected = usual.get(asked_of(judgment.judge, judgment.flags))
        if judgment.served_model in {None, expected}:
            yield judgment
        else:
            yield replaced(judgment, flags=(*judgment.flags, OTHER_MODEL))
