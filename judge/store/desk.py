"""One run's part of the store, as the experts' room reads and writes it."""

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select

from judge.records import Generation
from judge.store import tables
from judge.store.annotation_base import Unit
from judge.store.base import Run
from judge.store.sql import Store


def now() -> datetime:
    """Give the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A run in a store, with a clock."""

    store: Store
    run: Run
    clock: Callable[[], datetime] = now
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Hold a transaction; it is kept, on disk, when the context ends without an error.

        One at a time: SQLite has one writer, and waiting here is fairer than its busy timeout.
        """
        with self._turn, self.store.transaction() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Hold a connection that only reads."""
        with self.store.transaction() as connection:
            yield connection

    def stamp(self, *, ahead: timedelta = timedelta()) -> str:
        """Give the time as it is kept, or that of some while later."""
        return (self.clock() + ahead).isoformat(timespec="microseconds")

    def note(
        self,
        connection: Connection,
        actor: str,
        action: str,
        *,
        subject: str = "",
        detail: str = "",
    ) -> None:
        """Add a line to the audit log, in the transaction of what it tells."""
        connection.execute(
            insert(tables.events).values(
                run_id=self.run.run_id,
                at=self.stamp(),
                actor=actor,
                action=action,
                subject=subject,
                detail=detail,
            )
        )


def generations_of(desk: Desk, units: Iterable[Unit]) -> tuple[Generation, ...]:
    """Read generations in the order of the units; one that the run lacks is left out."""
    table = tables.generations
    found: list[Generation] = []
    with desk.reading() as connection:
        for id_, system, sample in units:
            record = connection.execute(
                select(table.c.record).where(
                    table.c.run_id == desk.run.run_id,
                    table.c.id == id_,
                    table.c.system == system,
                    table.c.sample == sample,
                )
            ).scalar_one_or_none()
            if record is not None:
                found.append(Generation.model_validate_json(str(record)))
    return tuple(found)
