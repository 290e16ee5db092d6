"""One worker on a run that several share: claim blocks, ask, keep what is still its own.

A worker needs the store and the name of the run and nothing else, so that anything that can start
a program (a shell, Slurm, Kubernetes, Ray) can start workers, and may kill them at any moment.
"""

import asyncio
import os
import socket
import time
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
from judge.models.limits import Budget, Limit, Limits
from judge.models.retry import RetryPolicy
from judge.records import is_passing
from judge.run.plan import plan_of_run
from judge.run.run import Settings, keep_dialects, kept_dialects, limit_told
from judge.run.scheduler import Bench, Made, Task, ask_tasks
from judge.store.databases import patiently
from judge.store.leases import Block, Leases, Shared
from judge.store.open_units import open_units
from judge.store.records import AttemptEnded, AttemptStarted, Run, Write
from judge.store.store import Store
from judge.store.writer import SHARE, Writer

# Budget, pace and pushback that all workers of a run share through its ledger.
#
# A worker takes shares in advance and gives back what it does not use, so that the ledger is asked
# seldom and no limit of the run is passed, however many workers there are or die.

SHARE_PAUSE = 0.2
"""Seconds between two requests for a share while other workers may give some back."""

PATIENCE = 5.0
"""Seconds for which a worker waits for others to give back what they do not use."""

AHEAD = 1.0
"""Seconds' worth of a rate that a worker takes at once."""


class SharedBudget(Budget):
    """The limits of a run, of which this worker holds a share.

    Parameters
    ----------
    leases : Leases
    max_calls : int or None
        Calls of the whole run.
    max_usd : float or None
        US dollars of the whole run.
    """

    def __init__(self, leases: Leases, *, max_calls: int | None, max_usd: float | None) -> None:
        super().__init__(max_calls=max_calls, max_usd=max_usd)
        self._leases = leases
        self._limit_calls, self._limit_usd = max_calls, max_usd
        self._calls_left = 0
        self._usd_left = 0.0
        self._under_way = 0
        self._denied_at: float | None = None
        self._turn = asyncio.Lock()
        self.dearest: float | None = None
        """US dollars of the dearest call that this worker knows of."""

    async def reserve(self) -> float:
        """Set aside one call of this worker's share, asking for a larger one where it is used up.

        Raises
        ------
        BudgetExceeded
            If the call might cross a limit of the run.
        """
        if self._limit_calls is None and self._limit_usd is None:
            self._under_way += 1
            return 0.0
        async with self._turn:
            while (wanted := self._fitting()) is None:
                await self._ask_for_more()
            self._calls_left -= 1
            self._usd_left -= wanted
            self._under_way += 1
            return wanted

    def _fitting(self) -> float | None:
        """Give what a call sets aside, or None where the share is too small."""
        if self._limit_calls is not None and self._calls_left < 1:
            return None
        if self._limit_usd is None:
            return 0.0
        wanted = self._usd_left if self.dearest is None else self.dearest
        return wanted if 0.0 < wanted <= self._usd_left else None

    async def _ask_for_more(self) -> None:
        """Ask for a larger share; where there is none, give back what is too small, and wait."""
        need_calls = self._limit_calls is not None and self._calls_left < 1
        least = 0.0 if self.dearest is None else self.dearest - self._usd_left
        grant = await asyncio.to_thread(
            self._leases.grant,
            max_calls=self._limit_calls if need_calls else None,
            max_usd=self._limit_usd if least > 0.0 or self.dearest is None else None,
            least_usd=max(0.0, least),
        )
        self._calls_left += grant.calls
        self._usd_left += grant.usd
        if self._fitting() is not None:
            self._denied_at = None
            return
        calls, usd = max(0, self._calls_left), max(0.0, self._usd_left)
        self._calls_left -= calls
        self._usd_left -= usd
        await asyncio.to_thread(self._leases.give_back, calls=calls, usd=usd)
        self._denied_at = self._denied_at or time.monotonic()
        waited = time.monotonic() - self._denied_at
        if not self._under_way and (not grant.pending or waited > PATIENCE):
            limit = (
                f"{self._limit_calls} calls" if need_calls else f"{self._limit_usd:g} US dollars"
            )
            self._exceed(f"the limit of {limit} is reached")
        await asyncio.sleep(SHARE_PAUSE)

    def settle(self, reserved: float, cost: float | None, *, replied: bool = True) -> None:
        """Replace what was set aside by what the call cost; an unknown cost keeps the reserve."""
        self._under_way -= 1
        if cost is not None:
            self._usd_left += reserved - cost
            self.dearest = max(self.dearest or 0.0, cost)
        elif not replied and self.dearest is None:
            self._usd_left += reserved


@dataclass(kw_only=True)
class SharedPace:
    """The calls and tokens a minute that all workers of a run share."""

    leases: Leases
    requests_per_minute: float | None
    tokens_per_minute: float | None
    workers: int = 1
    """Workers at work, as the last heartbeat told."""
    _slots: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])
    _tokens: dict[str, float] = field(default_factory=dict[str, float])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, provider: str, tokens: int) -> None:
        """Wait until one more call, and its tokens, may be used."""
        moment = time.monotonic()
        async with self._turn:
            if self.requests_per_minute is not None:
                moment = max(moment, await self._request(provider, self.requests_per_minute))
            if self.tokens_per_minute is not None and tokens:
                moment = max(moment, await self._use(provider, tokens, self.tokens_per_minute))
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    async def _request(self, provider: str, per_minute: float) -> float:
        slots = self._slots.setdefault(provider, deque())
        if not slots:
            count = max(1, int(per_minute / 60.0 * AHEAD / self.workers))
            wait = await asyncio.to_thread(
                self.leases.pace, provider, "requests", units=count, per_minute=per_minute
            )
            begin = time.monotonic() + wait
            slots.extend(begin + place * 60.0 / per_minute for place in range(count))
        return slots.popleft()

    async def _use(self, provider: str, tokens: int, per_minute: float) -> float:
        left = self._tokens.get(provider, 0.0)
        if left >= tokens:
            self._tokens[provider] = left - tokens
            return 0.0
        units = max(float(tokens) - left, per_minute / 60.0 * AHEAD / self.workers)
        wait = await asyncio.to_thread(
            self.leases.pace, provider, "tokens", units=units, per_minute=per_minute
        )
        self._tokens[provider] = left + units - tokens
        return time.monotonic() + wait


class SharedPushback:
    """What providers told any worker to slow down, brought to all of them by the heartbeat."""

    def __init__(self, leases: Leases, limits: Limits) -> None:
        self._leases = leases
        self._limits = limits
        self._told: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def tell(self) -> None:
        """Tell the ledger of pushbacks that this worker has met since it last did."""
        for provider, gate in self._limits.gates().items():
            if gate.pushbacks > self._told.get(provider, 0):
                self._told[provider] = gate.pushbacks
                self._known[provider] = self._leases.pushed_back(provider, gate.pause_left)

    def heed(self, shared: Shared) -> None:
        """Slow down for pushbacks that other workers have met."""
        for provider, count in shared.pushbacks.items():
            if count > self._known.setdefault(provider, count):
                self._known[provider] = count
                gate = self._limits.gate(provider)
                gate.pushed_back(self._limits.clock.now(), shared.pauses.get(provider))
                self._told[provider] = gate.pushbacks


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
