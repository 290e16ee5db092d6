"""The grading stage: tasks in, judgments kept, with as many calls at once as the limits allow.

Calls are made at least once and verdicts are kept exactly once. Before each call its attempt is
kept, so a spend stays visible even when the program is killed before the reply arrives.
"""

import asyncio
import itertools
import random
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from judge import grading, prompts
from judge.budget import Budget, Price
from judge.content import has_content
from judge.errors import BudgetExceeded, ModelError
from judge.grading import Task
from judge.models.base import Model, Reply
from judge.models.limits import Limits
from judge.models.retry import RetryPolicy, ask_with_retries
from judge.records import Attempt, Judgment, Outcome, Rung, Usage
from judge.store.base import AttemptEnded, AttemptStarted, Write


class Keep(Protocol):
    """Where writes go; returns once they are kept."""

    def __call__(self, *writes: Write) -> Awaitable[None]:
        """Keep writes in one transaction."""
        ...


def _no_progress(_judgment: Judgment) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the grading of a run works with."""

    models: Mapping[str, Model]
    """By judge name."""
    keep: Keep
    budget: Budget
    limits: Limits
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """By judge name, where the user gave one."""
    deadline: float = 120.0
    """Seconds for one call."""
    first_serial: int = 1
    seen: Callable[[Judgment], None] = _no_progress
    """Told of each judgment once it is kept."""
    nonce: Callable[[], str] = lambda: secrets.token_hex(8)
    dice: random.Random = field(default_factory=random.Random)
    """Spreads the waits between retries."""


async def grade_tasks(
    tasks: Iterator[Task], bench: Bench, *, workers: int, stop: asyncio.Event
) -> None:
    """Grade tasks until they are done, the budget is spent, or somebody asks to stop.

    Parameters
    ----------
    tasks : iterator of Task
        Drawn from as workers become free; never held.
    bench : Bench
    workers : int
        Judgments under way at once; the limits may allow fewer calls.
    stop : asyncio.Event
        Set by whoever wants no further call to begin; what is in flight is finished.

    Raises
    ------
    StoreError
        If a write was refused; then nothing more is asked.
    """
    state = _State(bench)

    async def work() -> None:
        for task in tasks:
            if stop.is_set() or bench.budget.exceeded:
                return
            made = await state.grade(task)
            if made is not None:
                bench.seen(made)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


class _State:
    """What the workers of a stage share while it runs."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._serials = itertools.count(bench.first_serial)
        self._rungs: dict[str, Rung] = {}

    async def grade(self, task: Task) -> Judgment | None:
        """Make one judgment and keep it; None when the budget did not allow the call."""
        if not has_content(task.material.get("response", "-")):
            verdicts = grading.no_verdicts(task, "skipped.no_content")
            made = grading.judgment(task, verdicts, attempts=())
            await self._bench.keep(made)
            return made
        ledger = _TaskLedger(self._bench, self._serials, task)
        try:
            made = await self._ask(task, ledger)
        except BudgetExceeded:
            await ledger.flush()
            return None
        await ledger.flush(made)
        return made

    async def _ask(self, task: Task, ledger: "_TaskLedger") -> Judgment:
        bench = self._bench
        model = bench.models[task.judge.name]
        nonce = bench.nonce()
        question = prompts.question(
            task.judge,
            task.form.trusted,
            task.material,
            reply_schema=task.form.reply_schema,
            nonce=nonce,
        ).model_copy(
            update={
                "rung": self._rungs.get(task.judge.name, model.rungs[0]),
                "deadline": bench.deadline,
            }
        )
        try:
            reply = await ask_with_retries(
                model,
                question,
                policy=bench.policy,
                limits=bench.limits,
                ledger=ledger,
                dice=bench.dice,
            )
        except ModelError as error:
            verdicts = grading.no_verdicts(task, _reason(error.outcome))
            return grading.judgment(task, verdicts, attempts=ledger.attempts)
        self._rungs[task.judge.name] = ledger.attempts[-1].rung
        verdicts, flags = grading.read_verdicts(task, reply, canaries=(nonce,))
        return grading.judgment(task, verdicts, attempts=ledger.attempts, reply=reply, flags=flags)


class _TaskLedger:
    """The attempts of one task, on their way into the store.

    The end of a call is kept together with what follows from it (the next call or the judgment),
    so that each call costs two transactions, not three.
    """

    def __init__(self, bench: Bench, serials: Iterator[int], task: Task) -> None:
        self.attempts: list[Attempt] = []
        self._bench = bench
        self._serials = serials
        self._task = task
        self._serial = 0
        self._reserved = 0.0
        self._ended: AttemptEnded | None = None

    async def before(self, number: int, rung: Rung) -> None:
        """Reserve the call and keep its attempt."""
        self._reserved = self._bench.budget.reserve()
        self._serial = next(self._serials)
        model = self._bench.models[self._task.judge.name]
        self.attempts.append(
            Attempt(key=self._task.key, number=number, transport=model.transport, rung=rung)
        )
        started = AttemptStarted(
            serial=self._serial,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            attempt=self.attempts[-1],
        )
        await self._bench.keep(*self._take_ended(), started)

    async def after(
        self, number: int, *, outcome: Outcome, reply: Reply | None, latency_ms: float, detail: str
    ) -> None:
        """Close the attempt and settle what it cost."""
        usage = reply.usage if reply else Usage()
        cost = self._cost(reply)
        self._bench.budget.settle(self._reserved, cost)
        self.attempts[number - 1] = self.attempts[number - 1].model_copy(
            update={
                "outcome": outcome,
                "detail": detail,
                "served_model": reply.served_model if reply else None,
                "usage": usage,
                "cost_usd": cost,
                "latency_ms": latency_ms,
            }
        )
        self._ended = AttemptEnded(serial=self._serial, attempt=self.attempts[number - 1])

    async def flush(self, *judgments: Judgment) -> None:
        """Keep the last call's end together with what came of it."""
        await self._bench.keep(*self._take_ended(), *judgments)

    def _take_ended(self) -> tuple[AttemptEnded, ...]:
        ended, self._ended = self._ended, None
        return () if ended is None else (ended,)

    def _cost(self, reply: Reply | None) -> float | None:
        if reply is None:
            return None
        price = self._bench.prices.get(self._task.judge.name)
        return price.cost(reply.usage) if price else reply.cost_usd


def _reason(outcome: Outcome) -> grading.Reason:
    if outcome == "ok":
        raise ValueError("an error has no outcome 'ok'")
    return outcome
