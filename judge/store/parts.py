"""Parts of a run that a provider answers as a batch: what was posted, and where it is now.

A part and an attempt for each of its lines are kept before anything is posted, so that whoever
has the store can find, on another day and another machine, what the provider owes.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, func, insert, or_, select, update

from judge.records import Record, Rung
from judge.store import rows, schema
from judge.store.records import AttemptStarted, Run, boundary_code
from judge.store.store import Store

PartState = Literal["prepared", "posting", "submitted", "collected", "refused"]
"""``prepared``: nothing was posted for sure. ``posting``: the POST may or may not have arrived.
``submitted``: the provider has it. ``collected`` and ``refused`` are final."""

OPEN: tuple[PartState, ...] = ("prepared", "posting", "submitted")


class Part(Record):
    """One batch of a provider, as the ledger knows it."""

    part: int = Field(ge=1)
    """1 for the first of a run."""
    asks: str
    """Name of the model that is asked."""
    provider: str
    label: str
    """How an orphan is told from somebody else's batch; names this store's run and the part."""
    secret: str
    """Boundary codes of the lines are drawn from it."""
    rung: Rung
    state: PartState = "prepared"
    created_at: str
    digest: str
    """Of all lines: what is posted again must be the same."""
    lines: int = Field(ge=1)
    bytes: int = Field(ge=1)
    reserved_usd: float | None = None
    """Dollars set aside until the part is collected; None where no price is known."""
    upload: str | None = None
    batch_id: str | None = None
    posted_at: str | None = None
    expires_at: str | None = None
    why: str | None = None
    """Why the whole was refused: the provider's code."""

    def nonce(self, key: str) -> str:
        """Draw the boundary code of a line."""
        return boundary_code(self.secret, key)


def add_part(store: Store, run: Run, part: Part, *, attempts: Sequence[AttemptStarted]) -> None:
    """Keep a part with an attempt for each of its lines, all or nothing.

    Raises
    ------
    StoreError
        If the database fails, or the part is there already.
    """
    with store.transaction() as connection:
        values = {"run_id": run.run_id, **part.model_dump()}
        connection.execute(insert(schema.parts).values(**values))
        for start in range(0, len(attempts), rows.PAGE):
            page = attempts[start : start + rows.PAGE]
            rows.start_attempts(connection, run, page)
            connection.execute(insert(schema.part_lines), [_line(run, part, each) for each in page])


def _line(run: Run, part: Part, started: AttemptStarted) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "part": part.part,
        "key": started.attempt.key,
        "serial": started.serial,
    }


def set_part(store: Store, run: Run, part: Part) -> Part:
    """Keep what became of a part.

    Returns
    -------
    Part
        The same, so that the caller's own is replaced by what is kept.
    """
    table = schema.parts
    changed = part.model_dump(
        include={"state", "upload", "batch_id", "posted_at", "expires_at", "reserved_usd", "why"}
    )
    with store.transaction() as connection:
        connection.execute(
            update(table)
            .where(table.c.run_id == run.run_id, table.c.part == part.part)
            .values(**changed)
        )
    return part


def parts(store: Store, run: Run) -> tuple[Part, ...]:
    """List the parts of a run, oldest first."""
    table = schema.parts
    query = select(table).where(table.c.run_id == run.run_id).order_by(table.c.part)
    with store.transaction() as connection:
        return tuple(
            Part.model_validate({k: v for k, v in row.items() if k != "run_id"})
            for row in connection.execute(query).mappings()
        )


def part_lines(store: Store, run: Run, part: Part) -> dict[str, int]:
    """Give the serial number of the attempt of each line, by content key, in the order posted."""
    table = schema.part_lines
    query = (
        select(table.c.key, table.c.serial)
        .where(table.c.run_id == run.run_id, table.c.part == part.part)
        .order_by(table.c.serial)
    )
    with store.transaction() as connection:
        return {str(key): int(serial) for key, serial in connection.execute(query)}


def keys_at_provider(store: Store, run: Run) -> set[str]:
    """Give the content keys of all lines whose part is not final."""
    with store.transaction() as connection:
        return set(_open_keys(connection, run))


def _open_keys(connection: Connection, run: Run) -> Iterator[str]:
    lines, part = schema.part_lines, schema.parts
    query = (
        select(lines.c.key)
        .join(part, (part.c.run_id == lines.c.run_id) & (part.c.part == lines.c.part))
        .where(lines.c.run_id == run.run_id, part.c.state.in_(OPEN))
    )
    for key in connection.scalars(query):
        yield str(key)


def ended_with(store: Store, run: Run, *, outcomes: Sequence[str]) -> dict[str, int]:
    """Count how often a line ended with one of the outcomes, by content key.

    Parameters
    ----------
    store : Store
    run : Run
    outcomes : sequence of str
        Each is an outcome, or the beginning of one that ends in a dot, such as ``error.``.
    """
    lines, attempts = schema.part_lines, schema.attempts
    wanted = [
        attempts.c.outcome.startswith(each) if each.endswith(".") else attempts.c.outcome == each
        for each in outcomes
    ]
    query = (
        select(lines.c.key, func.count())
        .join(
            attempts,
            (attempts.c.run_id == lines.c.run_id) & (attempts.c.serial == lines.c.serial),
        )
        .where(lines.c.run_id == run.run_id, or_(*wanted))
        .group_by(lines.c.key)
    )
    with store.transaction() as connection:
        return {str(key): int(times) for key, times in connection.execute(query)}
