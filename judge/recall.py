"""What a judge has said before to the very same question is not asked again.

The content key decides: it covers the judge with its settings and address, the trusted text, the
rubric, the reply's schema, the judged texts, and the repeat. A copy says that it is one: it carries
the flag `cached`, and no calls, no tokens and no cost, for this run spent none. Verdicts,
provenance and served model are those of the original.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from judge.grading import Task
from judge.models.base import Question, Reply
from judge.records import Attempt, Judgment, Reason, Usage
from judge.stage import Task as Asked
from judge.store.base import Run
from judge.store.sql import Store

FLAG = "cached"
"""The remark that a copied judgment carries."""

PAGE = 200
"""Questions that are looked up at once."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A task whose answer is known."""

    task: Task
    before: Judgment

    @property
    def key(self) -> str:
        """Content key."""
        return self.task.key

    @property
    def asks(self) -> str:
        """Name of the judge, who is not asked."""
        return self.task.asks

    @property
    def slot(self) -> tuple[str, ...]:
        """Which judgment of the run this is."""
        return self.task.slot

    def foregone(self) -> Judgment:
        """Give the judgment of this unit that was made of another, or in another run."""
        unit = self.task.generation
        return self.before.model_copy(
            update={
                "id": unit.id,
                "system": unit.system,
                "sample": unit.sample,
                "group": unit.group,
                "lang": unit.lang,
                "flags": tuple(dict.fromkeys((*self.before.flags, FLAG))),
                "usage": Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0),
                "cost_usd": 0.0,
                "latency_ms": None,
                "attempts": 0,
            }
        )

    def question(self, nonce: str) -> Question:
        """Build the call that is not needed."""
        return self.task.question(nonce)

    def otherwise(self, made: object) -> None:
        """Say that what a judge declined before is not tried otherwise now."""

    def concluded(
        self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str
    ) -> Judgment:
        """Make the judgment as if the call had been made."""
        return self.task.concluded(attempts, came, nonce=nonce)


def recalled(tasks: Iterator[Asked], store: Store, run: Run) -> Iterator[Asked]:
    """Stream tasks, those that another run of the store has answered as `Recalled`.

    Parameters
    ----------
    tasks : iterator of Task
        Read a page at a time.
    store : Store
    run : Run
        The run that the tasks belong to; it is not searched itself.
    """
    if len(store.runs()) == 1:
        yield from tasks
        return
    while page := list(islice(tasks, PAGE)):
        before = store.known(run, [task.key for task in page])
        for task in page:
            known = before.get(task.key)
            # Preferences are written in terms of the pair, so the same texts in the other order
            # of systems have the other sign.
            if isinstance(task, Task) and known is not None and known.order == task.order:
                # What was declined before need not be declined again where there is a ladder.
                yield task.otherwise(known) or Recalled(task, known)
            else:
                yield task
