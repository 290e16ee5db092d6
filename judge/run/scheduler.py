"""The asking stage: tasks in, records kept, with as many calls at once as the limits allow.

Calls are made at least once and what comes of them is kept exactly once. Before each call its
attempt is kept, so a spend stays visible even when the program is killed before the reply arrives.
"""

import asyncio
import itertools
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from judge.errors import BudgetExceeded, ModelError, Stopped
from judge.events import LOG, happened
from judge.models.base import Model, Question, Reply
from judge.models.limits import Budget, Limits, Price
from judge.models.retry import RetryPolicy, ask_with_retries
from judge.records import Answer, Attempt, Judgment, Outcome, Reason, Rung, Usage, replaced
from judge.store.records import AttemptEnded, AttemptStarted, Write

Made = Judgment | Answer


class Task(Protocol):
    """One question to one model, and what is to be made of the reply."""

    @property
    def key(self) -> str:
        """Content key."""
        ...

    @property
    def asks(self) -> str:
        """Name of the model that is asked."""
        ...

    @property
    def slot(self) -> tuple[str, ...]:
        """Which record of the run this makes, as the store tells them apart."""
        ...

    def foregone(self) -> Made | None:
        """Give what is clear without a call, or None."""
        ...

    def question(self, nonce: str) -> Question:
        """Build the call."""
        ...

    def concluded(self, attempts: Sequence[Attempt], came: Reply | Reason, *, nonce: str) -> Made:
        """Make the record of a reply, or of the reason why there is none."""
        ...

    def otherwise(self, made: Made) -> "Task | None":
        """Give what to ask in place of what was declined; None where nothing is to be tried."""
        ...


class Keep(Protocol):
    """Where writes go."""

    def __call__(self, *writes: Write) -> Awaitable[None]:
        """Take writes for one transaction; who awaits the result waits until they are kept."""
        ...


def tell_of(made: Made) -> None:
    """Tell telemetry of a record that was kept."""
    if LOG.isEnabledFor(logging.DEBUG):
        happened(
            "judgment",
            level=logging.DEBUG,
            model=made.judge if isinstance(made, Judgment) else made.system,
            outcome=made.outcome,
            usd=made.cost_usd,
            prompt_tokens=made.usage.prompt_tokens,
            completion_tokens=made.usage.completion_tokens,
        )


def _no_progress(_: Made) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the asking of a run works with."""

    models: Mapping[str, Model]
    """By the name that tasks ask for."""
    keep: Keep
    budget: Budget
    limits: Limits
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """By the same name, where the user gave one."""
    deadline: float = 120.0
    """Seconds for one call."""
    first_serial: int = 1
    serial: Callable[[], int] | None = None
    """Numbers the attempts where several programs do; else they are counted from the first."""
    seen: Callable[[Made], None] = _no_progress
    """Told of each record once it is kept."""
    ahead: bool = False
    """Whether the next call goes out while a record is on its way: for keeping that takes long."""
    nonce: Callable[[], str] = lambda: secrets.token_hex(8)
    dice: random.Random = field(default_factory=random.Random)
    """Spreads the waits between retries."""


async def ask_tasks(
    tasks: Iterator[Task] | AsyncIterator[Task], bench: Bench, *, workers: int, stop: asyncio.Event
) -> None:
    """Work on tasks until they are done, the budget is spent, or somebody asks to stop.

    Parameters
    ----------
    tasks : iterator of Task, or asynchronous iterator of it
        Drawn from as workers become free; never held.
    bench : Bench
    workers : int
        Tasks under way at once; the limits may allow fewer calls.
    stop : asyncio.Event
        Set by whoever wants no further call to begin; what is in flight is finished.

    Raises
    ------
    StoreError
        If a write was refused; then nothing more is asked.
    """
    desk = _Desk(bench, stop)

    source = tasks if isinstance(tasks, AsyncIterator) else _Stream(tasks)

    async def work() -> None:
        async for task in source:
            if stop.is_set() or bench.budget.exceeded:
                return
            settled = await desk.settle(task)
            if settled is not None and bench.ahead:
                # Its own attempt waits behind this record.
                group.create_task(tell(*settled))
            elif settled is not None:
                await tell(*settled)

    async def tell(made: Made, kept: Awaitable[None]) -> None:
        await kept
        bench.seen(made)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


class _Stream:
    """Tasks at hand, given one by one to whoever asks."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks = tasks

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> Task:
        for task in self._tasks:
            return task
        raise StopAsyncIteration


class _Desk:
    """What the workers of a stage share while it runs."""

    def __init__(self, bench: Bench, stop: asyncio.Event) -> None:
        self._bench = bench
        self._stop = stop
        self._serials = (
            itertools.count(bench.first_serial)
            if bench.serial is None
            else iter(bench.serial, None)
        )

    async def settle(self, task: Task) -> "tuple[Made, Awaitable[None]] | None":
        """Make one record and give it away to be kept.

        Returns
        -------
        (Made, awaitable) or None
            The awaitable ends once the record is kept. None where nobody has to wait: there was
            no call, or the budget or a stop did not allow it.
        """
        foregone = task.foregone()
        if foregone is not None:
            await self._bench.keep(foregone)
            self._bench.seen(foregone)
            return None
        ledger = _TaskLedger(self._bench, self._serials, task, stop=self._stop)
        try:
            made = await self._ask(task, ledger)
            while (other := task.otherwise(made)) is not None:
                task = other
                ledger.turn_to(task)
                made = await self._ask(task, ledger)
        except (BudgetExceeded, Stopped):
            await ledger.flush()
            return None
        return made, ledger.flush(made)

    async def _ask(self, task: Task, ledger: "_TaskLedger") -> Made:
        bench = self._bench
        model = bench.models[task.asks]
        nonce = bench.nonce()
        try:
            reply = await ask_with_retries(
                model,
                replaced(task.question(nonce), rung=model.rungs[0], deadline=bench.deadline),
                policy=bench.policy,
                limits=bench.limits,
                ledger=ledger,
                dice=bench.dice,
            )
        except ModelError as error:
            return task.concluded(ledger.attempts, error.outcome, nonce=nonce)
        return task.concluded(ledger.attempts, reply, nonce=nonce)


_NO_USAGE = Usage()
_ATTEMPT = Attempt(key="", number=1, transport="", rung="prompt")
_STARTED = AttemptStarted(serial=0, started_at="", attempt=_ATTEMPT)
_ENDED = AttemptEnded(serial=0, attempt=_ATTEMPT)
"""Copied for each call, whose values this program makes: a validation would check nothing."""


class _TaskLedger:
    """The attempts of one task, on their way into the store.

    The end of a call is kept together with what follows from it (the next call or the judgment),
    so that each call costs two transactions, not three.
    """

    def __init__(
        self, bench: Bench, serials: Iterator[int], task: Task, *, stop: asyncio.Event
    ) -> None:
        self.attempts: list[Attempt] = []
        self._task = task
        self._earlier = 0
        self._bench = bench
        self._stop = stop
        self._serials = serials
        self._serial = 0
        self._reserved = 0.0
        self._ended: AttemptEnded | None = None

    def turn_to(self, task: Task) -> None:
        """Go on with what is asked in place of a question that was declined."""
        self._task = task
        self._earlier = len(self.attempts)

    async def before(self, number: int, rung: Rung) -> None:
        """Reserve the call and keep its attempt."""
        budget = self._bench.budget
        self._reserved = await budget.reserve()
        if self._stop.is_set():
            # It waited for its turn, and nobody wants the call any more.
            budget.settle(self._reserved, None, replied=False)
            raise Stopped
        self._serial = next(self._serials)
        model = self._bench.models[self._task.asks]
        self.attempts.append(
            replaced(
                _ATTEMPT,
                key=self._task.key,
                number=self._earlier + number,
                transport=model.transport,
                rung=rung,
            )
        )
        started = replaced(
            _STARTED,
            serial=self._serial,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            attempt=self.attempts[-1],
        )
        await self._bench.keep(*self._take_ended(), started)

    async def after(
        self, number: int, *, outcome: Outcome, reply: Reply | None, latency_ms: float, detail: str
    ) -> None:
        """Close the attempt and settle what it cost."""
        usage = reply.usage if reply else _NO_USAGE
        cost = self._cost(reply)
        self._bench.budget.settle(self._reserved, cost, replied=reply is not None)
        place = self._earlier + number - 1
        self.attempts[place] = replaced(
            self.attempts[place],
            outcome=outcome,
            detail=detail,
            served_model=reply.served_model if reply else None,
            usage=usage,
            cost_usd=cost,
            latency_ms=latency_ms,
        )
        self._ended = replaced(_ENDED, serial=self._serial, attempt=self.attempts[place])

    def flush(self, *made: Made) -> Awaitable[None]:
        """Keep the last call's end together with what came of it."""
        return self._bench.keep(*self._take_ended(), *made)

    def _take_ended(self) -> tuple[AttemptEnded, ...]:
        ended, self._ended = self._ended, None
        return () if ended is None else (ended,)

    def _cost(self, reply: Reply | None) -> float | None:
        if reply is None:
            return None
        price = self._bench.prices.get(self._task.asks)
        return price.cost(reply.usage) if price else reply.cost_usd
