"""Leases on PostgreSQL: which worker asks which part of a run, and what all workers share.

A run's units are cut into blocks. A worker claims open blocks for some seconds, renews the claim
while it works, and keeps only what belongs to blocks that are still its own; a dead worker's claim
runs out, and others take its blocks. What was paid for a lost claim stays counted. All times are
the server's own, in seconds since 1970, so clocks of machines are never compared.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, TextClause, text

from judge.errors import ConfigError
from judge.store import rows
from judge.store.databases import in_one_message, patiently
from judge.store.records import AttemptEnded, AttemptStarted, Run, Write
from judge.store.store import Store

SPACE = 0x6377
"""Keeps the locks of leases apart from those of other programs on the server."""

_CALLS = AttemptStarted | AttemptEnded

SERIALS = 1000
"""Numbers of attempts that a worker takes at once."""

SAVED = 1.0
"""Seconds' worth of a shared rate that may be saved up."""


def _sql(template: str) -> TextClause:
    """Make a statement; ``$now`` is the server's clock, in seconds since 1970."""
    return text(template.replace("$now", "extract(epoch from clock_timestamp())"))


_CREATE = _sql("""
INSERT INTO blocks (run_id, block, first, last, done, unsettled)
SELECT :run, n, n * :size, n * :size + :size - 1, 0, 0
FROM generate_series(0, :most) AS n ON CONFLICT DO NOTHING""")

_ANALYSE = _sql("ANALYZE blocks, generations, items")
"""Claims plan badly on tables that the server has not looked at since they were filled."""

_OPEN_CONTROLS = _sql("""
INSERT INTO controls (run_id, stop, next_serial, settings)
SELECT :run, 0, coalesce(max(serial), 0) + 1, :settings FROM attempts WHERE run_id = :run""")

_EARLIER = _sql("""
INSERT INTO workers (run_id, name, state, started_at, beat, calls, kept, granted_calls, usd,
  granted_usd)
SELECT :run, 'before leases', 'left', '', $now, count(*), 0, count(*),
  coalesce(sum(cost_usd), 0), coalesce(sum(cost_usd), 0)
FROM attempts WHERE run_id = :run HAVING count(*) > 0""")

_AT_WORK = _sql("SELECT count(*) FROM workers WHERE run_id = :run AND state = 'working'")
_BEGIN_AGAIN = _sql("UPDATE controls SET stop = 0, settings = :settings WHERE run_id = :run")
_OPEN_AGAIN = _sql("UPDATE blocks SET done = 0 WHERE run_id = :run AND unsettled > 0")
_SETTINGS = _sql("SELECT settings FROM controls WHERE run_id = :run")
_LOCK = _sql("SELECT pg_advisory_xact_lock(:space, :run)")

_JOIN = _sql("""
INSERT INTO workers (run_id, name, state, started_at, beat, calls, kept, granted_calls, usd,
  granted_usd)
VALUES (:run, :name, 'working', :at, $now, 0, 0, 0, 0, 0) RETURNING worker""")

_LEAVE = _sql("""
UPDATE workers SET state = 'left', granted_calls = calls, granted_usd = usd
WHERE worker = :worker""")

_CLAIM = _sql("""
WITH found AS (
  SELECT block FROM blocks
  WHERE run_id = :run AND done = 0 AND (lease_until IS NULL OR lease_until < $now)
  ORDER BY block LIMIT :count FOR UPDATE SKIP LOCKED)
UPDATE blocks SET token = :token, lease_until = $now + :seconds FROM found
WHERE blocks.run_id = :run AND blocks.block = found.block
RETURNING blocks.block, blocks.first, blocks.last""")

_RENEW = _sql("""
UPDATE blocks SET lease_until = $now + :seconds
WHERE run_id = :run AND done = 0 AND token = :token AND block = ANY(:blocks) RETURNING block""")

_OWN = _sql("""
SELECT block FROM blocks
WHERE run_id = :run AND done = 0 AND token = :token AND block = ANY(:blocks)
ORDER BY block FOR UPDATE""")

_FINISH = _sql("""
UPDATE blocks SET done = 1, unsettled = :unsettled, lease_until = NULL
WHERE run_id = :run AND token = :token AND block = :block""")

_RELEASE = _sql("""
UPDATE blocks SET lease_until = NULL, token = NULL
WHERE run_id = :run AND token = :token AND done = 0""")

_LEFT = _sql("SELECT count(*) FROM blocks WHERE run_id = :run AND done = 0")

_SERIALS = _sql("""
UPDATE controls SET next_serial = next_serial + :count
WHERE run_id = :run RETURNING next_serial - :count""")

_SPEND = _sql("""
UPDATE workers SET calls = calls + :calls, usd = usd + :usd, kept = kept + :kept
WHERE worker = :worker""")

_BEAT = _sql("UPDATE workers SET beat = $now, state = 'working' WHERE worker = :worker")

_LOST = _sql("""
UPDATE workers SET state = 'lost', granted_calls = calls, granted_usd = usd
WHERE run_id = :run AND state = 'working' AND beat < $now - :seconds""")

_CONTROLS = _sql("SELECT stop, dearest_usd FROM controls WHERE run_id = :run")

_OTHERS = _sql("""
SELECT count(*) FILTER (WHERE state = 'working'),
  coalesce(sum(kept) FILTER (WHERE worker <> :worker), 0)
FROM workers WHERE run_id = :run""")

_PROVIDERS = _sql("""
SELECT provider, pushbacks, paused_until - $now FROM providers WHERE run_id = :run""")

_KNOW = _sql("""
INSERT INTO providers (run_id, provider, pushbacks, paused_until, requests_at, tokens_at)
VALUES (:run, :provider, 0, 0, 0, 0) ON CONFLICT DO NOTHING""")

_PUSHED_BACK = _sql("""
UPDATE providers SET pushbacks = pushbacks + 1,
  paused_until = greatest(paused_until, $now + :pause)
WHERE run_id = :run AND provider = :provider RETURNING pushbacks""")

_PACES = {
    kind: _sql(
        """
UPDATE providers SET $column = greatest($column, $now - :saved) + :units * :interval
WHERE run_id = :run AND provider = :provider
RETURNING $column - :units * :interval - $now""".replace("$column", f"{kind}_at")
    )
    for kind in ("requests", "tokens")
}

_GRANTED = _sql("""
SELECT coalesce(sum(greatest(granted_calls, calls)), 0),
  coalesce(sum(greatest(granted_usd, usd)), 0),
  coalesce(bool_or(granted_calls > calls OR granted_usd > usd + 1e-9)
    FILTER (WHERE worker <> :worker), false),
  count(*) FILTER (WHERE state = 'working')
FROM workers WHERE run_id = :run""")

_GRANT = _sql("""
UPDATE workers SET granted_calls = granted_calls + :calls, granted_usd = granted_usd + :usd
WHERE worker = :worker""")

_GIVE_BACK = _sql("""
UPDATE workers SET granted_calls = granted_calls - :calls, granted_usd = granted_usd - :usd
WHERE worker = :worker""")

_DEAREST = _sql("""
UPDATE controls SET dearest_usd = greatest(coalesce(dearest_usd, 0), :usd)
WHERE run_id = :run""")

_STOP = _sql("UPDATE controls SET stop = 1 WHERE run_id = :run")

_WORKERS = _sql("""
SELECT worker, name, state, started_at, $now - beat, calls, usd, kept
FROM workers WHERE run_id = :run ORDER BY worker""")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a run that one worker has claimed: units by their place in the file."""

    number: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What a heartbeat brings back: what the other workers of a run are doing."""

    stop: bool
    workers: int
    """Workers at work, this one included; 1 or more."""
    kept_by_others: int
    """Records that other workers of this and earlier sittings have kept."""
    pushbacks: Mapping[str, int]
    """How often each provider has pushed any worker back."""
    pauses: Mapping[str, float]
    """Seconds for which nobody may ask a provider; only those that are left."""
    dearest_usd: float | None
    """What the dearest call of any worker has cost."""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker of a run, as an operator sees it."""

    worker: int
    name: str
    state: str
    """``working``, ``left`` or ``lost``."""
    started_at: str
    silent_for: float
    """Seconds since it was last heard of."""
    calls: int
    usd: float
    kept: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a worker may spend before it asks again."""

    calls: int
    usd: float
    pending: bool
    """Whether other workers hold grants that may come back."""


P = ParamSpec("P")
T = TypeVar("T")


def _patient(
    ask: "Callable[Concatenate[Leases, P], T]",
) -> "Callable[Concatenate[Leases, P], T]":
    """Ask again for a while where the server cannot be reached."""

    @wraps(ask)
    def asked(leases: "Leases", *args: P.args, **named: P.kwargs) -> T:
        return patiently(lambda: ask(leases, *args, **named))

    return asked


class Leases:
    """The leases of one worker on one run.

    Parameters
    ----------
    store : Store
        On PostgreSQL.
    run : Run
    seconds : float
        How long a claim lasts without being renewed.

    Raises
    ------
    ConfigError
        If the store is on another database, which only one process writes at a time.
    """

    def __init__(self, store: Store, run: Run, *, seconds: float = 60.0) -> None:
        if not store.shared:
            raise ConfigError(
                "several workers need a store on PostgreSQL (--store postgresql+psycopg://…); "
                f"{store.place} is written by one process at a time."
            )
        self.seconds = seconds
        self.token = secrets.token_hex(16)
        self.worker = 0
        self._store = store
        self._run = run
        self._serial = self._serials_left = 0

    @_patient
    def open_run(self, *, units: int, size: int, settings: str) -> None:
        """Cut a run into blocks where that was not done, and open those again that lack records.

        Safe under several programs: one of them does it, the others wait and find it done.

        Parameters
        ----------
        units : int
            Generations or prompts of the run.
        size : int
            Units in a block.
        settings : str
            JSON of how the run is carried out, for workers that are started without options.
        """
        of_run = {"run": self._run.run_id}
        with self._store.transaction() as connection:
            self._lock(connection)
            known = connection.scalar(_SETTINGS, of_run)
            if known is None:
                connection.execute(_CREATE, {**of_run, "size": size, "most": (units - 1) // size})
                connection.execute(_ANALYSE)
                connection.execute(
                    _OPEN_CONTROLS,
                    {**of_run, "settings": settings},
                )
                return
            connection.execute(_LOST, {**of_run, "seconds": self.seconds})
            at_work = connection.scalar(
                _AT_WORK,
                of_run,
            )
            if not at_work:
                # A new sitting: what failed is asked again, and an old stop means nothing more.
                connection.execute(
                    _BEGIN_AGAIN,
                    {**of_run, "settings": settings},
                )
                connection.execute(_OPEN_AGAIN, of_run)

    @_patient
    def settings(self) -> str | None:
        """Give the settings that the run was opened with; None where nobody has opened it."""
        with self._store.transaction() as connection:
            return connection.scalar(
                _SETTINGS,
                {"run": self._run.run_id},
            )

    @_patient
    def join(self, name: str, started_at: str) -> None:
        """Count this worker in."""
        with self._store.transaction() as connection:
            self.worker = connection.execute(
                _JOIN,
                {"run": self._run.run_id, "name": name, "at": started_at},
            ).scalar_one()

    @_patient
    def leave(self) -> None:
        """Give back what is claimed and granted, and count this worker out."""
        of_run = {"run": self._run.run_id, "token": self.token}
        with self._store.transaction() as connection:
            connection.execute(_RELEASE, of_run)
            connection.execute(
                _LEAVE,
                {"worker": self.worker},
            )

    @_patient
    def claim(self, count: int) -> tuple[Block, ...]:
        """Claim open blocks, at most ``count``; none where all are done or claimed by others."""
        with self._store.transaction() as connection:
            found = connection.execute(
                _CLAIM,
                {
                    "run": self._run.run_id,
                    "count": count,
                    "token": self.token,
                    "seconds": self.seconds,
                },
            )
            return tuple(sorted((Block(*row) for row in found), key=lambda each: each.number))

    @_patient
    def renew(self, blocks: Collection[int]) -> set[int]:
        """Prolong claims; blocks that do not come back are another's now."""
        with self._store.transaction() as connection:
            found = connection.scalars(
                _RENEW,
                {
                    "run": self._run.run_id,
                    "token": self.token,
                    "seconds": self.seconds,
                    "blocks": sorted(blocks),
                },
            )
            return {int(block) for block in found}

    @_patient
    def keep(self, writes: Sequence[tuple[int, Write]]) -> set[int]:
        """Keep writes, each for its block; records of blocks that are not owned are left out.

        Attempts are kept whoever owns the block: what was spent was spent.

        Parameters
        ----------
        writes : sequence of (int, Write)
            The number of a block, and what belongs to it.

        Returns
        -------
        set of int
            The blocks that are still owned.
        """
        made = (block for block, write in writes if not isinstance(write, _CALLS))
        blocks = sorted(set(made))
        with self._store.transaction() as connection:
            owned = self._owned(connection, blocks) if blocks else set[int]()
            kept = [write for block, write in writes if block in owned or isinstance(write, _CALLS)]
            with in_one_message(connection):
                rows.keep(connection, self._run, kept, shared=True)
                self._count(connection, kept)
        return owned

    def _owned(self, connection: Connection, blocks: Sequence[int]) -> set[int]:
        of_claim = {"run": self._run.run_id, "token": self.token, "blocks": blocks}
        return {int(block) for block in connection.scalars(_OWN, of_claim)}

    def _count(self, connection: Connection, kept: Sequence[Write]) -> None:
        started = [write for write in kept if isinstance(write, AttemptStarted)]
        ended = [write for write in kept if isinstance(write, AttemptEnded)]
        connection.execute(
            _SPEND,
            {
                "worker": self.worker,
                "calls": len(started),
                "usd": sum(write.attempt.cost_usd or 0.0 for write in ended),
                "kept": len(kept) - len(started) - len(ended),
            },
        )

    @_patient
    def finish(self, unsettled: Mapping[int, int]) -> None:
        """Mark blocks as done, each with how many of its records a later sitting asks again."""
        with self._store.transaction() as connection:
            connection.execute(
                _FINISH,
                [
                    {
                        "run": self._run.run_id,
                        "token": self.token,
                        "block": block,
                        "unsettled": count,
                    }
                    for block, count in sorted(unsettled.items())
                ],
            )

    @_patient
    def left(self) -> int:
        """Count the blocks that are not done, by whomever they are claimed."""
        with self._store.transaction() as connection:
            return int(
                connection.scalar(
                    _LEFT,
                    {"run": self._run.run_id},
                )
                or 0
            )

    @_patient
    def serial(self) -> int:
        """Give a number for an attempt that no other worker gives."""
        if not self._serials_left:
            with self._store.transaction() as connection:
                self._serial = connection.execute(
                    _SERIALS,
                    {"run": self._run.run_id, "count": SERIALS},
                ).scalar_one()
            self._serials_left = SERIALS
        self._serials_left -= 1
        self._serial += 1
        return self._serial - 1

    @_patient
    def heartbeat(self) -> Shared:
        """Say that this worker lives, and learn what the others are doing."""
        of_run = {"run": self._run.run_id}
        with self._store.transaction() as connection:
            connection.execute(_BEAT, {"worker": self.worker})
            connection.execute(_LOST, {**of_run, "seconds": self.seconds})
            stop, dearest = connection.execute(_CONTROLS, of_run).one()
            workers, kept = connection.execute(_OTHERS, {**of_run, "worker": self.worker}).one()
            seen = connection.execute(_PROVIDERS, of_run).all()
        return Shared(
            stop=bool(stop),
            workers=max(1, int(workers)),
            kept_by_others=int(kept),
            pushbacks={str(name): int(count) for name, count, _ in seen},
            pauses={str(name): float(wait) for name, _, wait in seen if wait > 0.0},
            dearest_usd=None if dearest is None else float(dearest),
        )

    @_patient
    def pushed_back(self, provider: str, pause: float | None) -> int:
        """Tell the others that a provider has pushed back; give how often it has now."""
        with self._store.transaction() as connection:
            self._know(connection, provider)
            return connection.execute(
                _PUSHED_BACK,
                {"run": self._run.run_id, "provider": provider, "pause": pause or 0.0},
            ).scalar_one()

    @_patient
    def pace(self, provider: str, kind: str, *, units: float, per_minute: float) -> float:
        """Take units of a rate that all workers share.

        Parameters
        ----------
        provider : str
        kind : {'requests', 'tokens'}
        units : float
        per_minute : float
            Of the whole run.

        Returns
        -------
        float
            Seconds until the units may be used; from then on one each ``60 / per_minute`` seconds.
            Negative where the rate was not used up: a second's worth of it may be made up for, so
            that a moment in which the ledger or the workers stand still costs nothing.
        """
        with self._store.transaction() as connection:
            self._know(connection, provider)
            wait = connection.execute(
                _PACES[kind],
                {
                    "run": self._run.run_id,
                    "provider": provider,
                    "units": units,
                    "interval": 60.0 / per_minute,
                    "saved": SAVED,
                },
            ).scalar_one()
        return float(wait)

    def _know(self, connection: Connection, provider: str) -> None:
        connection.execute(_KNOW, {"run": self._run.run_id, "provider": provider})

    @_patient
    def grant(
        self, *, max_calls: int | None, max_usd: float | None, least_usd: float = 0.0
    ) -> Grant:
        """Take a share of what is left of the run's budget.

        Shares get smaller towards the end, so that little is left unused in the hands of workers.

        Parameters
        ----------
        max_calls, max_usd : int or None, float or None
            The limits of the run.
        least_usd : float
            Dollars below which a share is of no use; less is not given.
        """
        of_run = {"run": self._run.run_id}
        with self._store.transaction() as connection:
            self._lock(connection)
            connection.execute(_LOST, {**of_run, "seconds": self.seconds})
            calls, usd, unused, workers = connection.execute(
                _GRANTED, {**of_run, "worker": self.worker}
            ).one()
            parts = 4 * max(1, int(workers))
            more_calls = 0
            if max_calls is not None and max_calls > calls:
                more_calls = max(1, min(200, (max_calls - int(calls)) // parts))
            more_usd = 0.0
            if max_usd is not None and max_usd - usd >= max(least_usd, 1e-9):
                more_usd = max(least_usd, (max_usd - float(usd)) / parts)
            connection.execute(
                _GRANT,
                {"worker": self.worker, "calls": more_calls, "usd": more_usd},
            )
        return Grant(more_calls, more_usd, bool(unused))

    @_patient
    def give_back(self, *, calls: int, usd: float) -> None:
        """Give back a share that is too small for one more call."""
        with self._store.transaction() as connection:
            values = {"worker": self.worker, "calls": calls, "usd": usd}
            connection.execute(_GIVE_BACK, values)

    @_patient
    def note_dearest(self, usd: float) -> None:
        """Tell the others what a call may cost."""
        with self._store.transaction() as connection:
            connection.execute(
                _DEAREST,
                {"run": self._run.run_id, "usd": usd},
            )

    @_patient
    def stop(self) -> None:
        """Ask every worker of the run to finish its calls in flight and to leave."""
        with self._store.transaction() as connection:
            connection.execute(
                _STOP,
                {"run": self._run.run_id},
            )

    @_patient
    def workers(self) -> tuple[WorkerRow, ...]:
        """List all workers that the run has had, oldest first."""
        with self._store.transaction() as connection:
            found = connection.execute(
                _WORKERS,
                {"run": self._run.run_id},
            )
            return tuple(WorkerRow(*row) for row in found)

    def _lock(self, connection: Connection) -> None:
        """Let one program at a time change what all share, until the transaction ends."""
        connection.execute(
            _LOCK,
            {"space": SPACE, "run": self._run.run_id},
        )
