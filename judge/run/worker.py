"""One worker on a run that several share: claim blocks, ask, keep what is still its own.

A worker needs the store and the name of the run and nothing else, so that anything that can start
a program (a shell, Slurm, Kubernetes, Ray) can start workers, and may kill them at any moment.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from judge.errors import ConfigError
from judge.events import happened
from judge.models.base import Model
from judge.models.limits import Limit, Limits
from judge.models.retry import RetryPolicy
from judge.records import is_passing
from judge.run.plan import plan_of_run
from judge.run.run import Settings, keep_dialects, kept_dialects, limit_told
from judge.run.scheduler import Bench, Made, Task, ask_tasks
from judge.run.shared_limits import SharedBudget, SharedPace, SharedPushback
from judge.store.databases import patiently
from judge.store.leases import Block, Leases
from judge.store.open_units import open_units
from judge.store.records import AttemptEnded, AttemptStarted, Run, Write
from judge.store.store import Store
from judge.store.writer import SHARE, Writer

BLOCK = 20
"""Units (generations or prompts) in a block."""

BEAT = 2.0
"""Most seconds between two heartbeats: how late a stop or another's pushback is seen."""

Recall = Callable[[Sequence[Task]], Sequence[Task]]


@dataclass(slots=True)
class _Claim:
    """A block that this worker holds."""

    block: Block
    open: int = 0
    """Tasks without a record so far."""
    unsettled: int = 0
    """Records that a later sitting asks again."""
    lost: bool = False


@dataclass(kw_only=True)
class LeasedRun:
    """What a worker works with."""

    store: Store
    run: Run
    models: Mapping[str, Model]
    settings: Settings
    stop: asyncio.Event
    seen: Callable[[Made], None]
    leases: Leases
    others: Callable[[int, int], None] = lambda _kept, _workers: None
    """Told, with each heartbeat, what other workers have kept and how many are at work."""
    recall: Recall | None = None
    """Takes over what other runs were told; None to ask everything."""
    leader: bool = False
    """Whether stopping this worker stops all of the run."""
    limits: Limits = field(init=False)


async def carry_out_leased(work: LeasedRun) -> str | None:
    """Ask for what a run still lacks, beside whoever else does.

    Returns
    -------
    str or None
        Which limit ended the run, in a clause.

    Raises
    ------
    StoreError
        If the database refuses a write, or cannot be reached for two minutes.
    """
    leases = work.leases
    await asyncio.to_thread(
        open_for_workers, work.store, work.run, leases=leases, settings=work.settings
    )
    name = f"{socket.gethostname()}:{os.getpid()}"
    await asyncio.to_thread(leases.join, name, _now())
    happened(
        "worker_joined",
        run=work.run.name,
        worker=name,
        lease_s=leases.seconds,
        concurrency=work.settings.concurrency,
    )
    worker = _Worker(work, name)
    try:
        return await worker.work()
    finally:
        happened("worker_left", run=work.run.name, worker=name, limit=worker.limit)
        if work.leader and work.stop.is_set():
            await asyncio.to_thread(leases.stop)
        await asyncio.to_thread(leases.leave)


def open_for_workers(store: Store, run: Run, *, leases: Leases, settings: Settings) -> None:
    """Make a run ready to be shared, where nobody has done that."""
    units = store.count_units(run)
    leases.open_run(units=units, size=BLOCK, settings=settings_text(settings))


def settings_text(settings: Settings) -> str:
    """Write how a run is carried out, for workers that are started without options."""
    return TypeAdapter(dict[str, Any]).dump_json(asdict(settings)).decode()


def settings_of(leases: Leases, run: Run) -> Settings:
    """Read how a run is carried out.

    Raises
    ------
    ConfigError
        If nobody has opened the run for workers.
    """
    text = leases.settings()
    if text is None:
        raise ConfigError(
            f"run {run.name!r} is not open for workers; begin it with cvalues judge on this store."
        )
    known = TypeAdapter(dict[str, Any]).validate_json(text)
    names = {each.name for each in fields(Settings)}
    return TypeAdapter(Settings).validate_python({k: v for k, v in known.items() if k in names})


class _Worker:
    """A worker while it works."""

    def __init__(self, work: LeasedRun, name: str) -> None:
        self._w = work
        self._name = name
        self._leases = work.leases
        self._plan = plan_of_run(work.store, work.run)
        self._queue: deque[Task] = deque()
        self._claims: dict[int, _Claim] = {}
        self._claim_of: dict[tuple[str, ...], _Claim] = {}
        self._finished: dict[int, int] = {}
        self._ended = asyncio.Event()
        self._refill = asyncio.Lock()
        settings = work.settings
        self._pace = SharedPace(
            leases=work.leases,
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
        )
        limit = Limit(
            concurrency=settings.concurrency,
            start=min(settings.concurrency, Limit().start),
        )
        paced = settings.requests_per_minute or settings.tokens_per_minute
        self._limits = Limits(limit, pace=self._pace if paced else None)
        self._dialects = kept_dialects(work.store, work.run)
        self._limits.teach(work.models, self._dialects)
        self._pushback = SharedPushback(work.leases, self._limits)
        self._budget = SharedBudget(
            work.leases, max_calls=settings.max_calls, max_usd=settings.budget_usd
        )

    async def work(self) -> str | None:
        """Work until nothing is left, a limit is reached, or somebody asks to stop."""
        settings = self._w.settings
        beating = asyncio.create_task(self._beat())
        try:
            async with AsyncExitStack() as stack:
                for model in self._w.models.values():
                    stack.push_async_callback(model.close)
                writer = await stack.enter_async_context(Writer(self._keep, share=SHARE))
                bench = Bench(
                    models=self._w.models,
                    keep=writer.put,
                    budget=self._budget,
                    limits=self._limits,
                    policy=RetryPolicy(max_attempts=settings.max_attempts),
                    prices=settings.prices,
                    deadline=settings.deadline,
                    serial=self._leases.serial,
                    seen=self._seen,
                    ahead=True,
                )
                await ask_tasks(self, bench, workers=settings.concurrency, stop=self._w.stop)
        finally:
            await asyncio.to_thread(patiently, self._keep_dialects)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        await asyncio.to_thread(self._finish)
        return limit_told(self._w.run, self.limit)

    @property
    def limit(self) -> str | None:
        """Which limit ended the run, in a clause."""
        return self._budget.exceeded

    # Tasks --------------------------------------------------------------------------------------

    def __aiter__(self) -> "_Worker":
        """Give the tasks of claimed blocks, claiming more as they run out."""
        return self

    async def __anext__(self) -> Task:
        """Give the next task whose block is still owned."""
        while True:
            async with self._refill:
                while not self._queue:
                    if self._w.stop.is_set() or not await self._fill():
                        raise StopAsyncIteration
                task = self._queue.popleft()
            if not self._claim_of[task.slot].lost:
                return task

    async def _fill(self) -> bool:
        """Claim more blocks; False when nothing is left, for anybody."""
        wanted = max(1, -(-self._w.settings.concurrency // BLOCK))
        while not self._queue:
            self._ended.clear()
            claimed = await asyncio.to_thread(self._claim, wanted)
            for claim, tasks in claimed:
                self._claims[claim.block.number] = claim
                for task in tasks:
                    self._claim_of[task.slot] = claim
                self._queue.extend(tasks)
                if not tasks:
                    self._done(claim)
            if not claimed:
                if self._w.stop.is_set() or self._budget.exceeded:
                    return False
                held = any(not claim.lost for claim in self._claims.values())
                if not held and not await asyncio.to_thread(self._leases.left):
                    return False
                # What is left is in flight here, or somebody else's: that shows with time.
                await self._block_ended(min(1.0, self._leases.seconds / 4.0))
        return True

    async def _block_ended(self, seconds: float) -> None:
        """Wait until a block of this worker ends, but not longer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)

    def _claim(self, count: int) -> list[tuple[_Claim, list[Task]]]:
        self._finish()
        blocks = self._leases.claim(count)
        spans = [(block.first, block.last) for block in blocks]
        read = partial(open_units, self._w.store, self._w.run, spans)
        found = patiently(read) if spans else []
        claimed = [
            (_Claim(block, open=len(tasks)), tasks)
            for block, (units, settled) in zip(blocks, found, strict=True)
            for tasks in [self._open_tasks(units, settled)]
        ]
        if claimed:
            happened(
                "worker_claimed",
                run=self._w.run.name,
                worker=self._name,
                blocks=len(claimed),
                tasks=sum(claim.open for claim, _ in claimed),
            )
        return claimed

    def _lose(self, number: int) -> None:
        """Note that a block is another worker's by now."""
        claim = self._claims.get(number)
        if claim is None or claim.lost:
            return
        claim.lost = True
        happened(
            "lease_lost",
            run=self._w.run.name,
            worker=self._name,
            block=number,
            tasks=claim.open,
        )

    def _open_tasks(self, units: Any, settled: Collection[tuple[str, ...]]) -> list[Task]:
        """Plan a block again, without what is settled."""
        planned: Iterable[Task] = self._plan.tasks_of(units)
        tasks: list[Task] = [task for task in planned if task.slot not in settled]
        return list(self._w.recall(tasks)) if self._w.recall else tasks

    # Records ------------------------------------------------------------------------------------

    def _keep(self, writes: Sequence[Write]) -> None:
        """Keep a group of writes; what belongs to a lost block is left out."""
        placed = [(self._block_of(write), write) for write in writes]
        owned = self._leases.keep(placed)
        for number in {block for block, _ in placed} - owned:
            self._lose(number)

    def _block_of(self, write: Write) -> int:
        """Give the block of a record; -1 for attempts, which are kept whoever owns the block."""
        if isinstance(write, AttemptStarted | AttemptEnded):
            return -1
        claim = self._claim_of.get(write.slot)
        return -1 if claim is None else claim.block.number

    def _seen(self, made: Made) -> None:
        claim = self._claim_of.pop(made.slot, None)
        if claim is None or claim.lost:
            return
        claim.open -= 1
        claim.unsettled += is_passing(made.outcome)
        if claim.open == 0:
            self._done(claim)
        self._w.seen(made)

    def _keep_dialects(self) -> None:
        learnt = self._limits.learnt(self._w.models)
        keep_dialects(self._w.store, self._w.run, learnt, before=self._dialects)

    def _done(self, claim: _Claim) -> None:
        self._claims.pop(claim.block.number, None)
        self._finished[claim.block.number] = claim.unsettled
        self._ended.set()

    def _finish(self) -> None:
        finished, self._finished = self._finished, {}
        if finished:
            self._leases.finish(finished)

    # Heartbeat ----------------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Renew claims and hear of the others until cancelled."""
        every = min(BEAT, self._leases.seconds / 3.0)
        while True:
            await asyncio.sleep(every)
            shared = await asyncio.to_thread(self._exchange)
            self._pace.workers = shared.workers
            self._pushback.heed(shared)
            if shared.dearest_usd is not None:
                self._budget.dearest = max(self._budget.dearest or 0.0, shared.dearest_usd)
            self._w.others(shared.kept_by_others, shared.workers)
            if shared.stop:
                self._w.stop.set()

    def _exchange(self) -> Any:
        held = [number for number, claim in list(self._claims.items()) if not claim.lost]
        still = self._leases.renew(held) if held else set[int]()
        for number in set(held) - set(still):
            self._lose(number)
        self._finish()
        self._pushback.tell()
        if self._budget.dearest is not None:
            self._leases.note_dearest(self._budget.dearest)
        return self._leases.heartbeat()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
