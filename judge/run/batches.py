"""A run asked as provider batches: parts posted, polled, collected, and found again.

What is open is read from the ledger alone, so a run goes on after a kill at any moment, on another
day, or on another machine. Before a part is posted, it and an attempt for each line are kept; a
POST whose reply never came is looked for at the provider before anything is posted again.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain

from judge.errors import (
    AuthRejected,
    ConnectionFailed,
    ModelError,
    RateLimited,
    RejectedError,
    TransportError,
)
from judge.events import Value, happened
from judge.files.decoding import counted
from judge.grading.judgment_task import REFUSALS, JoinedTask
from judge.models.base import Reply
from judge.models.batch import BatchService, BatchStatus
from judge.models.limits import Price
from judge.records import Attempt, Rung, Usage, replaced
from judge.run.batch_parts import (
    BatchSettings,
    Filling,
    Found,
    batch_attempt,
    line_of,
    made_digest,
    now_text,
    slot_digest,
    without_cost,
)
from judge.run.scheduler import Made, Task
from judge.store.parts import (
    OPEN,
    Part,
    add_part,
    ended_with,
    keys_at_provider,
    part_lines,
    parts,
    set_part,
)
from judge.store.records import AttemptEnded, AttemptStarted, Run, Write
from judge.store.store import Store

GROUP = 500
"""Records kept in one transaction while results are collected."""

DOWNLOADS = 5
"""Tries to download the results of one part, before they are left for later."""


@dataclass(kw_only=True)
class BatchOutcome:
    """What a sitting with batches ended with."""

    at_provider: int = 0
    """Lines that the provider has not answered yet."""
    left: int = 0
    """Lines that failed as often as they may, to be asked live."""
    limit: str | None = None
    """Which limit ended the run, in a clause."""
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, kw_only=True)
class BatchRun:
    """What a run with batches works with."""

    store: Store
    run: Run
    tasks: Callable[[], Iterator[Task]]
    """Gives every task of the run, anew with each call."""
    services: Mapping[str, BatchService]
    """By the name that tasks ask for."""
    settings: BatchSettings
    stop: asyncio.Event
    seen: Callable[[Made], None]
    note: Callable[[str], None]
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    max_calls: int | None = None
    max_usd: float | None = None


async def carry_out_batches(batch_run: BatchRun) -> BatchOutcome:
    """Post what a run still lacks, and collect what has ended, until nothing is open.

    Returns
    -------
    BatchOutcome
        What is still at the provider, or left to be asked live.

    Raises
    ------
    AuthRejected
        If the provider refuses the key.
    StoreError
        If the database fails; everything is found again in a later sitting.
    """
    conductor = _Conductor(batch_run)
    try:
        return await conductor.conduct()
    finally:
        for service in batch_run.services.values():
            await service.close()


class _Conductor:
    """One sitting at a run with batches."""

    def __init__(self, batch_run: BatchRun) -> None:
        self._b = batch_run
        store, run = batch_run.store, batch_run.run
        self._settled = {slot_digest(slot) for slot in store.settled(run)}
        self._at_provider = keys_at_provider(store, run)
        self._parts = {part.part: part for part in parts(store, run)}
        self._failed: dict[str, int] = {}
        self._declined: set[str] = set()
        self._refused: dict[str, str] = {}
        self._full: set[str] = set()
        self._fillings: dict[str, Filling] = {}
        self._outcome = BatchOutcome()
        self._read_failures()

    def _read_failures(self) -> None:
        store, run = self._b.store, self._b.run
        self._failed = ended_with(store, run, outcomes=("error.",))
        self._declined = set(ended_with(store, run, outcomes=tuple(REFUSALS)))
        self._pending = self._open_tasks()

    async def conduct(self) -> BatchOutcome:
        """Go on until nothing is open, a limit is reached, or somebody asks to stop."""
        if self._b.settings.cancel:
            await self._cancel()
        while not self._b.stop.is_set():
            await self._recover()
            await self._collect()
            if not self._b.settings.cancel:
                await self._post_all()
            if not self._b.settings.wait or not (self._open() or self._full):
                break
            await self._pause()
        self._outcome.at_provider = len(self._at_provider)
        return self._outcome

    def _open(self) -> list[Part]:
        return [part for part in self._parts.values() if part.state in OPEN]

    async def _pause(self) -> None:
        if self._full:
            self._full.clear()
            self._pending = self._open_tasks()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._b.stop.wait(), self._b.settings.poll)

    # What is open -------------------------------------------------------------------------------

    def _open_tasks(self) -> Iterator[Task]:
        """Stream the tasks that may be posted now; what is clear without a call is kept at once."""
        clear: list[Made] = []
        self._outcome.left = 0
        for planned in self._b.tasks():
            if slot_digest(planned.slot) in self._settled:
                continue
            known = planned.foregone()
            if known is not None:
                clear.append(known)
                continue
            if isinstance(planned, JoinedTask):
                # Its next question depends on the reply to this one; it is asked live.
                self._outcome.left += 1
                continue
            task = self._stepped(planned)
            if task.key in self._at_provider:
                continue
            if self._failed.get(task.key, 0) >= self._b.settings.tries:
                self._outcome.left += 1
                continue
            yield task
        self._keep_all(clear)

    def _stepped(self, task: Task) -> Task:
        """Go down the ladder of what a judge declined, as far as it was declined."""
        while task.key in self._declined:
            declined = task.concluded((), "unscored.judge_refused", nonce="")
            other = task.otherwise(declined)
            if other is None:
                return task
            task = other
        return task

    def _keep_all(self, made: Sequence[Made]) -> None:
        for start in range(0, len(made), GROUP):
            self._keep(made[start : start + GROUP], made[start : start + GROUP])

    def _keep(self, writes: Sequence[Write], made: Sequence[Made]) -> None:
        self._b.store.write(self._b.run, writes)
        for each in made:
            self._settled.add(made_digest(each))
            self._b.seen(each)

    # Posting ------------------------------------------------------------------------------------

    async def _post_all(self) -> None:
        """Post parts until nothing is open, or the provider or a limit takes no more."""
        while not self._b.stop.is_set():
            filled = self._fill()
            if filled is None:
                return
            part, lines = filled
            await self._post(part, lines)

    def _fill(self) -> "tuple[Part, list[bytes]] | None":
        """Make the next part, and keep it with its attempts; None where there is none."""
        while (asks := self._next_full()) is not None:
            filling = self._fillings.pop(asks)
            if filling.limit:
                if self._outcome.limit is None:
                    happened("budget_reached", run=self._b.run.name, limit=filling.limit)
                self._outcome.limit = filling.limit
                self._refused.setdefault(asks, filling.limit)
            if filling.lines and asks not in self._full:
                return self._kept(filling)
        return None

    def _next_full(self) -> str | None:
        """Fill the parts of all models side by side, until one is full or no task is left."""
        for task in self._pending:
            if task.asks in self._full or task.asks in self._refused:
                continue
            if task.asks not in self._fillings:
                self._fillings[task.asks] = self._begin(task.asks)
            filling = self._fillings[task.asks]
            if task.key not in filling.keys and not filling.add(task):
                self._pending = chain([task], self._pending)
                return task.asks
        return next(iter(self._fillings), None)

    def _begin(self, asks: str) -> "Filling":
        calls, usd = self._b.store.spent(self._b.run)
        reserved = sum(part.reserved_usd or 0.0 for part in self._open())
        max_calls, max_usd = self._b.max_calls, self._b.max_usd
        return Filling(
            asks=asks,
            service=self._b.services[asks],
            rung=self._rung(asks),
            secret=secrets.token_hex(16),
            price=self._b.prices.get(asks),
            price_share=self._b.settings.price_share,
            most_lines=self._b.settings.most_lines,
            calls_left=None if max_calls is None else max_calls - calls,
            usd_left=None if max_usd is None else max_usd - usd - reserved,
        )

    def _rung(self, asks: str) -> Rung:
        """Give the strictest way of asking that no part of this model was refused for."""
        rungs = self._b.services[asks].rungs
        tried = [part.rung for part in self._parts.values() if part.asks == asks and part.why]
        lower: list[Rung] = [rung for rung in rungs if rung not in tried]
        return lower[0] if lower else rungs[-1]

    def _kept(self, filling: "Filling") -> tuple[Part, list[bytes]]:
        number = max(self._parts, default=0) + 1
        part = Part(
            part=number,
            asks=filling.asks,
            provider=filling.service.provider,
            label=f"cvalues-{secrets.token_hex(6)}-{self._b.run.run_id}-{number}",
            secret=filling.secret,
            rung=filling.rung,
            created_at=now_text(),
            digest=sha256(b"\n".join(filling.lines)).hexdigest(),
            lines=len(filling.lines),
            bytes=filling.size,
            reserved_usd=filling.usd,
        )
        serial = self._b.store.last_serial(self._b.run)
        attempts = [
            AttemptStarted(
                serial=serial + place,
                started_at=part.created_at,
                attempt=batch_attempt(key, number=self._failed.get(key, 0) + 1, rung=part.rung),
            )
            for place, key in enumerate(filling.keys, 1)
        ]
        add_part(self._b.store, self._b.run, part, attempts=attempts)
        self._parts[number] = part
        self._at_provider.update(filling.keys)
        return part, filling.lines

    async def _post(self, part: Part, lines: Sequence[bytes]) -> None:
        """Bring a part to the provider; whatever happens, the ledger says what is known of it."""
        service = self._b.services[part.asks]
        try:
            if part.upload is None:
                upload = await service.upload(lines, label=part.label)
                part = self._set(part, upload=upload)
            part = self._set(part, state="posting", posted_at=now_text())
            self._submitted(part, await service.create(part.upload, lines, label=part.label))
        except RateLimited:
            # It was certainly not taken: there are as many lines at the provider as it allows.
            self._set(part, state="prepared")
            self._full.add(part.asks)
            self._b.note(f"part {part.part}: the provider takes no more for now")
        except AuthRejected:
            self._set(part, state="prepared")
            raise
        except RejectedError as error:
            self._refuse(part, str(error))
        except TransportError as error:
            self._full.add(part.asks)
            self._b.note(f"part {part.part}: {error}; it is looked for before it is posted again")

    def _set(self, part: Part, **changes: object) -> Part:
        changed = part.model_copy(update=changes)
        self._parts[part.part] = set_part(self._b.store, self._b.run, changed)
        return changed

    def _tell(self, event: str, part: Part, **fields: Value) -> None:
        """Tell of a part; why a provider refused it may quote a prompt, and is left out."""
        happened(
            event,
            run=self._b.run.name,
            part=part.part,
            lines=part.lines,
            provider=part.provider,
            level=logging.INFO,
            **fields,
        )

    def _submitted(self, part: Part, status: BatchStatus) -> None:
        expires = status.expires_at
        moment = None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat()
        self._set(part, state="submitted", batch_id=status.batch_id, expires_at=moment)
        self._tell("part_posted", part, batch_id=status.batch_id)
        self._b.note(f"part {part.part}: {counted(part.lines, 'line')} posted as {status.batch_id}")

    def _refuse(self, part: Part, why: str) -> None:
        """Give up a part that the provider refuses as a whole; its lines are open again."""
        serials = part_lines(self._b.store, self._b.run, part)
        writes: list[Write] = [
            AttemptEnded(
                serial=serial,
                attempt=batch_attempt(
                    key, number=self._failed.get(key, 0) + 1, rung=part.rung
                ).model_copy(
                    update={"outcome": "error.bad_request", "detail": f"the batch: {why}"}
                ),
            )
            for key, serial in serials.items()
        ]
        for start in range(0, len(writes), GROUP):
            self._b.store.write(self._b.run, writes[start : start + GROUP])
        self._set(part, state="refused", why=why, reserved_usd=None)
        self._tell("part_refused", part)
        self._b.note(f"part {part.part} was refused as a whole ({why})")
        self._at_provider.difference_update(serials)
        refused = [each for each in self._parts.values() if each.asks == part.asks]
        if sum(each.state == "refused" for each in refused) >= 2 and not any(
            each.state == "collected" for each in refused
        ):
            self._refused[part.asks] = why
            self._outcome.limit = (
                f"the provider refuses batches of {part.asks} ({why}); ask live, without --batch"
            )
        self._read_failures()

    # Finding again ------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Bring to an end what an earlier sitting, or a lost reply, left half posted."""
        half = [part for part in self._open() if part.state != "submitted"]
        half = [part for part in half if part.asks not in self._full]
        if not half:
            return
        wanted = {part.part: part_lines(self._b.store, self._b.run, part) for part in half}
        if any(part.state == "posting" for part in half):
            await asyncio.sleep(self._b.settings.grace)
        for part in half:
            if part.state == "posting" and await self._adopt(part, wanted[part.part]):
                continue
            await self._post_again(part, wanted[part.part])

    async def _post_again(self, part: Part, keys: Mapping[str, int]) -> None:
        lines = self._lines_of(part, keys)
        if sha256(b"\n".join(lines)).hexdigest() != part.digest:
            self._refuse(part, "its lines are not what they were")
            return
        await self._post(part, lines)

    def _lines_of(self, part: Part, keys: Mapping[str, int]) -> list[bytes]:
        """Write the lines of a part anew, as they were."""
        service = self._b.services[part.asks]
        written: dict[str, bytes] = {}
        for planned in self._b.tasks():
            task = self._stepped(planned)
            if task.key in keys and task.key not in written:
                written[task.key] = line_of(
                    task, service, rung=part.rung, nonce=part.nonce(task.key)
                )
        return [written[key] for key in keys if key in written]

    async def _adopt(self, part: Part, keys: Mapping[str, int]) -> bool:
        """Look for a part that may have been taken; True where nothing may be posted now."""
        service = self._b.services[part.asks]
        try:
            found = [status async for status in self._candidates(part)]
            if not service.labelled:
                found = [await service.poll(status.batch_id) for status in found]
                if any(status.state == "running" for status in found):
                    return True
                found = [status for status in found if await self._holds(service, status, keys)]
        except TransportError as error:
            self._b.note(f"part {part.part}: {error}; it cannot be looked for now")
            return True
        if not found:
            return False
        *spare, first = found
        self._submitted(part, first)
        self._b.note(f"part {part.part} had been taken: found again as {first.batch_id}")
        for status in spare:
            self._b.note(f"part {part.part}: {status.batch_id} is a billed orphan; cancelled")
            with suppress(ModelError):
                await service.cancel(status.batch_id)
        return True

    async def _candidates(self, part: Part) -> AsyncIterator[BatchStatus]:
        """Stream the provider's batches that may be a part, latest first."""
        service = self._b.services[part.asks]
        known = {each.batch_id for each in self._parts.values()}
        since = datetime.fromisoformat(part.created_at).timestamp() - 3600.0
        async for status in service.listed():
            if status.created_at is not None and status.created_at < since:
                return
            ours = status.label == part.label if service.labelled else True
            if ours and status.batch_id not in known:
                yield status

    async def _holds(
        self, service: BatchService, status: BatchStatus, keys: Mapping[str, int]
    ) -> bool:
        """Tell by the names of its lines whether a batch without a label is a part."""
        async for line in service.results(status):
            return line.custom_id in keys
        return False

    async def _cancel(self) -> None:
        for part in self._open():
            if part.batch_id is not None:
                with suppress(ModelError):
                    await self._b.services[part.asks].cancel(part.batch_id)
                    self._b.note(f"part {part.part}: the provider is asked to end {part.batch_id}")

    # Collecting ---------------------------------------------------------------------------------

    async def _collect(self) -> None:
        """Look how far each part is, and keep what has ended."""
        for part in self._open():
            if part.batch_id is None or self._b.stop.is_set():
                continue
            service = self._b.services[part.asks]
            try:
                status = await service.poll(part.batch_id)
                if status.state == "refused":
                    self._refuse(part, status.why or status.provider_state)
                elif status.state == "ended":
                    found = await self._download(service, status, part)
                    self._match(part, found, status)
            except AuthRejected:
                raise
            except RejectedError:
                self._refuse(part, "the provider knows it no more")
            except TransportError as error:
                self._b.note(f"part {part.part}: {error}; asked again later")

    async def _download(self, service: BatchService, status: BatchStatus, part: Part) -> "Found":
        """Read all results of a part; what a cut download brought is kept and gone on from."""
        found = Found(part_lines(self._b.store, self._b.run, part))
        for again in range(DOWNLOADS):
            try:
                async for line in service.results(replaced(status, rung=part.rung)):
                    found.add(line.custom_id, line.result)
            except TransportError as error:
                if again == DOWNLOADS - 1:
                    raise
                await asyncio.sleep(error.retry_after if error.retry_after is not None else again)
                found.begin_again()
            else:
                return found
        return found

    def _match(self, part: Part, found: "Found", status: BatchStatus) -> None:
        """Turn the results of a part into records, and say what was odd about them."""
        failures = 0
        for writes, made in self._records(part, found):
            self._keep(writes, made)
        failures = self._close(part, found)
        why = "rung_rejected" if found.rung_rejected else None
        self._set(part, state="collected", reserved_usd=None, why=why)
        self._at_provider.difference_update(found.serials)
        answered = part.lines - failures
        self._tell("part_collected", part, answered=answered)
        odd = found.remarks()
        self._b.note(
            f"part {part.part}: {status.provider_state}, {answered} of "
            f"{counted(part.lines, 'line')} answered" + (f" ({odd})" if odd else "")
        )
        if failures or found.declined:
            self._read_failures()

    def _records(self, part: Part, found: "Found") -> "Iterator[tuple[list[Write], list[Made]]]":
        """Stream groups of records, with the ends of the attempts that they rest on."""
        writes: list[Write] = []
        made: list[Made] = []
        for planned in self._b.tasks():
            if slot_digest(planned.slot) in self._settled:
                continue
            task = self._stepped(planned)
            result = found.results.get(task.key)
            if not isinstance(result, Reply) or result.finish_reason == "length":
                continue
            attempt = self._ended(part, task.key, result)
            record = task.concluded((attempt,), result, nonce=part.nonce(task.key))
            if task.key in found.used:
                record = without_cost(record)
            else:
                found.used.add(task.key)
                if task.otherwise(record) is not None:
                    found.declined += 1
                    attempt = attempt.model_copy(update={"outcome": record.outcome})
                    record = None
                writes.append(AttemptEnded(serial=found.serials[task.key], attempt=attempt))
            if record is not None:
                writes.append(record)
                made.append(record)
            if len(writes) >= GROUP:
                yield writes, made
                writes, made = [], []
        yield writes, made

    def _ended(self, part: Part, key: str, result: Reply | ModelError) -> Attempt:
        attempt = batch_attempt(key, number=self._failed.get(key, 0) + 1, rung=part.rung)
        if isinstance(result, ModelError):
            return attempt.model_copy(update={"outcome": result.outcome, "detail": str(result)})
        cut = result.finish_reason == "length"
        return attempt.model_copy(
            update={
                "outcome": "unscored.truncated" if cut else "ok",
                "served_model": result.served_model,
                "usage": result.usage,
                "cost_usd": self._cost(part.asks, result.usage),
            }
        )

    def _cost(self, asks: str, usage: Usage) -> float | None:
        price = self._b.prices.get(asks)
        whole = None if price is None else price.cost(usage)
        return None if whole is None else whole * self._b.settings.price_share

    def _close(self, part: Part, found: "Found") -> int:
        """End the attempts of lines without an answer; their tasks stay open."""
        missing = ConnectionFailed("the results have no such line")
        writes: list[Write] = []
        for key, serial in found.serials.items():
            if key in found.used:
                continue
            ended = self._ended(part, key, found.results.get(key, missing))
            if ended.outcome == "unscored.truncated":
                # Live it is asked once more with twice the tokens; that it was paid for stays.
                ended = ended.model_copy(update={"outcome": "error.expired"})
                ended = ended.model_copy(update={"detail": "cut at the limit of tokens"})
            writes.append(AttemptEnded(serial=serial, attempt=ended))
        for start in range(0, len(writes), GROUP):
            self._b.store.write(self._b.run, writes[start : start + GROUP])
        return len(writes)
