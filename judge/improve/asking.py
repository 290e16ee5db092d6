"""The engine's side of the search: judgments and reflections through the store, once each.

A search is one run of the store. All its calls share one budget, one ledger of attempts and the
limits of the providers, whichever candidate they are for. What was answered is kept under the
candidate's digest, so a search that was stopped replays: the same steps find the same answers.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from judge.grading.aggregation import combine
from judge.grading.judgment_task import Task
from judge.grading.pointwise import Forms, tasks
from judge.grading.prompt_injection import contain
from judge.improve.cases import Case
from judge.improve.evaluation import Halted, Judged, Reflection, Setup
from judge.models.base import Message, Question, Reply
from judge.models.limits import spent
from judge.records import Answer, Attempt, Candidate, Item, Judgment, Reason, digest, model_digest
from judge.run.scheduler import Bench, Made, ask_tasks
from judge.run.scheduler import Task as Asked
from judge.store.records import Run
from judge.store.store import Store
from rubrics.reply_schema import rubric_digest

PAGE = 200
OUTAGE = 30
"""Failed calls one after another that mean that nobody answers."""
LONGEST_REPLY = 4096
"""Tokens of a reflection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflecting:
    """One question to the reflection model."""

    request: Reflection
    model: Candidate
    number: int
    """1 for the first time this very question is put."""
    name: str
    """What the bench calls the model: a judge may be the same."""

    @property
    def key(self) -> str:
        """Content key."""
        asked = [self.request.instructions, dict(self.request.material), self.number]
        return digest(["reflection", model_digest(self.model), asked])

    @property
    def asks(self) -> str:
        """Name of the reflection model."""
        return self.name

    @property
    def slot(self) -> tuple[str, ...]:
        """Which answer of the run this is."""
        return (self.key, self.name, "0")

    def foregone(self) -> None:
        """Say that it has to be asked."""

    def otherwise(self, made: object) -> None:
        """Say that a refusal is no text, and that nothing else is tried."""

    def question(self, nonce: str) -> Question:
        """Build the call; whatever a data set or a model wrote is contained."""
        return Question(
            messages=(
                Message(role="system", content=self.request.instructions),
                Message(role="user", content=contain(self.request.material, nonce=nonce)),
            ),
            temperature=self.model.temperature,
            max_tokens=self.model.max_tokens,
            seed=self.model.seed,
        )

    def concluded(self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str) -> Answer:
        """Keep what came; an answer that gives the boundary's code away is none."""
        reply = came if isinstance(came, Reply) else None
        text = (reply.text or "") if reply else ""
        return Answer(
            key=self.key,
            id=self.key,
            system=self.name,
            item=Item(id=self.key, prompt=self.request.material.get("text_name", "")),
            outcome="ok" if isinstance(came, Reply) else came,
            response="" if nonce in text else text,
            provenance=reply.provenance if reply else "LIVE",
            served_model=reply.served_model if reply else None,
            **spent(attempts),
        )


class StoreEngine:
    """Asks through a bench, and keeps everything in a run of a store; see `Engine`.

    Parameters
    ----------
    store : Store
    run : Run
        The search's own; its manifest names judges and reflection model.
    bench : Bench
        Its `keep` must end in the store and its `seen` in `took`.
    workers : int
    stop : asyncio.Event
    """

    def __init__(
        self, store: Store, run: Run, *, bench: Bench, workers: int, stop: asyncio.Event
    ) -> None:
        self.calls = 0
        self.usd = 0.0
        self._store, self._run = store, run
        self._workers, self._stop = workers, stop
        self._judges = {judge.name: judge for judge in run.manifest.judges}
        self._bench = replace(bench, seen=self._took)
        self._told = bench.seen
        self._failures = 0
        self._judgments: dict[tuple[str, ...], Judgment] = {}
        self._answers: dict[str, Answer] = {}
        self._reflected: dict[str, Iterator[int]] = {}
        self._counted: set[tuple[str, ...]] = set()
        self._costs: dict[tuple[str, ...], float | None] = {}
        for judgment in store.judgments(run):
            if not judgment.outcome.startswith(("error.", "skipped.user")):
                self._judgments[_slot(judgment)] = judgment
        for answer in store.answers(run):
            if not answer.outcome.startswith(("error.", "skipped.user")):
                self._answers[answer.id] = answer

    def missing(self, setups: Sequence[Setup], cases: Sequence[Case]) -> int:
        """Count the judgments that the run does not hold yet."""
        asked = {
            task.slot for setup in setups for case in cases for task in self._tasks(setup, case, "")
        }
        return len(asked - self._judgments.keys())

    async def judge(
        self, setups: Sequence[Setup], cases: Sequence[Case], *, fresh: str = ""
    ) -> tuple[tuple[Judged, ...], ...]:
        """Judge cases under setups, case by case in turn."""
        rows = [[self._tasks(setup, case, fresh) for setup in setups] for case in cases]
        everything = {task.slot: task for row in rows for group in row for task in group}
        await self._ask(
            [task for slot, task in everything.items() if slot not in self._judgments], fresh
        )
        for slot in everything:
            self._count(slot, self._judgments[slot].attempts, self._judgments[slot].cost_usd)
        self._find_costs(list(everything.values()))
        return tuple(
            tuple(self._judged(row[place]) for row in rows) for place in range(len(setups))
        )

    def _tasks(self, setup: Setup, case: Case, fresh: str) -> list[Task]:
        """Plan a case for each judge of a setup, under the name of its rubric and round."""
        judges = [self._judges[name] for name in setup.judges]
        forms = Forms([lambda _: setup.rubric], judges, self._run.manifest.on_refusal)
        label = f"{setup.rubric.id}@{rubric_digest(setup.rubric)[:16]}" + (
            f"#{fresh}" if fresh else ""
        )
        # Guards' texts have names of their own, which no response of the run may take.
        return [
            replace(task, form=replace(task.form, rubric=label))
            for task in tasks([case.generation], forms)
        ]

    async def _ask(self, wanted: Sequence[Task], fresh: str) -> None:
        if self._stop.is_set():
            raise Halted("stopped")
        open_tasks = wanted if fresh else self._recalled(wanted)
        await self._put(open_tasks)
        if any(task.slot not in self._judgments for task in wanted):
            raise Halted(self._bench.budget.exceeded or "stopped")

    async def _put(self, asked: Sequence[Asked]) -> None:
        """Ask; attempts are numbered on from the last one in the store."""
        bench = replace(self._bench, first_serial=self._store.last_serial(self._run) + 1)
        await ask_tasks(iter(asked), bench, workers=self._workers, stop=self._stop)

    def _recalled(self, wanted: Sequence[Task]) -> Sequence[Task]:
        """Take over what other runs of the store were told to the very same question."""
        found: list[Task] = []
        left = iter(wanted)
        while page := list(islice(left, PAGE)):
            known = self._store.known(self._run, [task.key for task in page])
            for task in page:
                before = known.get(task.key)
                if before is None:
                    found.append(task)
                else:
                    found.append(replace(task, known=before))
        return found

    def _find_costs(self, asked: Sequence[Task]) -> None:
        """Find what verdicts cost that another run was told: here they cost nothing.

        What a judge costs is no less because its verdicts are known.
        """
        free = (task for task in asked if not self._judgments[task.slot].attempts)
        left = iter([task for task in free if task.slot not in self._costs])
        while page := list(islice(left, PAGE)):
            known = self._store.known(self._run, [task.key for task in page])
            for task in page:
                before = known.get(task.key)
                self._costs[task.slot] = None if before is None else self._cost_of(before)

    def _cost_of(self, before: Judgment) -> float | None:
        price = self._bench.prices.get(before.judge)
        return before.cost_usd if price is None else price.cost(before.usage)

    async def reflect(self, request: Reflection) -> str | None:
        """Ask the reflection model; the same question gets another answer each time."""
        model = self._run.manifest.candidate
        if model is None:
            return None
        same = digest([request.instructions, dict(request.material)])
        number = next(self._reflected.setdefault(same, count(1)))
        task = Reflecting(request=request, model=model, number=number, name=REFLECTION)
        if task.key not in self._answers:
            if self._stop.is_set():
                raise Halted("stopped")
            await self._put([task])
        answer = self._answers.get(task.key)
        if answer is None:
            raise Halted(self._bench.budget.exceeded or "stopped")
        self._count(task.slot, answer.attempts, answer.cost_usd)
        return answer.response if answer.outcome == "ok" and answer.response.strip() else None

    def _took(self, made: Made) -> None:
        """Remember what was kept, and notice when nobody answers."""
        if isinstance(made, Judgment):
            self._judgments[_slot(made)] = made
        else:
            self._answers[made.id] = made
        failed = made.outcome.startswith("error.")
        self._failures = self._failures + 1 if failed else 0
        hopeless = made.outcome == "error.auth" and self._failures >= 3
        if hopeless or self._failures >= max(OUTAGE, self._workers):
            self._stop.set()
        self._told(made)

    def _count(self, slot: tuple[str, ...], calls: int, usd: float | None) -> None:
        """Count what the search needed so far, the same whether it was stopped or not."""
        if slot not in self._counted:
            self._counted.add(slot)
            self.calls += calls
            self.usd += usd or 0.0

    def _judged(self, group: Sequence[Task]) -> Judged:
        members = [self._judgments[task.slot] for task in group]
        made = members[0] if len(members) == 1 else combine(members)
        costs = [
            member.cost_usd if member.attempts else self._costs.get(_slot(member))
            for member in members
        ]
        known = [cost for cost in costs if cost is not None]
        priced = len(known) == len(costs)
        return Judged(
            levels={
                verdict.criterion: verdict.score if verdict.kind == "scored" else None
                for verdict in made.verdicts
            },
            outcome=made.outcome,
            reasons={verdict.criterion: verdict.rationale for verdict in made.verdicts},
            calls=sum(member.attempts for member in members),
            usd=sum(known) if priced else None,
            provenance=made.provenance,
        )


REFLECTION = "reflection model"
"""What the bench calls the reflection model."""


def _slot(judgment: Judgment) -> tuple[str, ...]:
    return (
        judgment.id,
        judgment.system,
        str(judgment.sample),
        judgment.judge,
        judgment.rubric,
        str(judgment.repeat),
        judgment.order,
    )
