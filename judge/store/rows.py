"""Rows from records and records from rows."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    Table,
    insert,
    select,
)

from judge.errors import StoreError
from judge.manifest import Manifest
from judge.records import PASSING, Answer, Generation, Item, Judgment, replaced
from judge.store import schema
from judge.store.records import AttemptEnded, AttemptStarted, Label, Run, Write

PAGE = 500
"""Rows that are held in memory at once."""

SLOT = ("id", "system", "sample", "judge", "rubric", "repeat", "order")
"""The columns that say which judgment of a run this is."""

UNIT = ("id", "system", "sample")
"""The columns that say which answer of a run this is."""


def insert_numbered(
    connection: Connection, run_id: int, table: Table, *, records: Iterable[Generation | Item]
) -> None:
    """Keep what a run begins with, each with its place in the file, a page at a time.

    The messages of a conversation are kept once, with the first of its units.
    """
    columns = UNIT if table is schema.generations else ("id",)
    numbered = enumerate(_without_repeats(records))
    while page := list(islice(numbered, PAGE)):
        rows = [
            {
                "run_id": run_id,
                "ordinal": ordinal,
                **{name: getattr(record, name) for name in columns},
                "record": record.model_dump_json(),
            }
            for ordinal, record in page
        ]
        connection.execute(insert(table), rows)


def _without_repeats(records: Iterable[Generation | Item]) -> Iterator[Generation | Item]:
    held: object = ()
    for record in records:
        messages = record.messages if isinstance(record, Generation) else ()
        repeats = bool(messages) and messages is held
        held = messages
        yield replaced(record, messages=()) if repeats else record


def insert_document(connection: Connection, run_id: int, *, kind: str, body: str, now: str) -> None:
    """Keep a text that belongs to a run."""
    connection.execute(
        insert(schema.documents).values(run_id=run_id, kind=kind, created_at=now, body=body)
    )


_START_ATTEMPT = """INSERT INTO attempts (run_id, serial, key, started_at, outcome, record)
VALUES (?, ?, ?, ?, ?, ?)"""

_END_ATTEMPT = """UPDATE attempts
SET outcome = ?, prompt_tokens = ?, completion_tokens = ?, cost_usd = ?, record = ?
WHERE run_id = ? AND serial = ?"""


def start_attempts(connection: Connection, run: Run, started: Sequence[AttemptStarted]) -> None:
    """Write down calls that are about to be made."""
    values = [
        (
            run.run_id,
            write.serial,
            write.attempt.key,
            write.started_at,
            write.attempt.outcome,
            write.attempt.model_dump_json(),
        )
        for write in started
    ]
    # On a server the same group may come again, where the reply to a commit was lost.
    again = " ON CONFLICT DO NOTHING" if connection.dialect.name == "postgresql" else ""
    _execute_many(connection, _START_ATTEMPT + again, values)


def end_attempts(connection: Connection, run: Run, ended: Sequence[AttemptEnded]) -> None:
    """Write down what became of calls."""
    values = [
        (
            write.attempt.outcome,
            write.attempt.usage.prompt_tokens,
            write.attempt.usage.completion_tokens,
            write.attempt.cost_usd,
            write.attempt.model_dump_json(),
            run.run_id,
            write.serial,
        )
        for write in ended
    ]
    _execute_many(connection, _END_ATTEMPT, values)


def _execute_many(
    connection: Connection, statement: str, values: Sequence[tuple[object, ...]]
) -> int:
    """Hand rows to the driver as they are: building statements of them costs more than the rows."""
    if connection.dialect.name == "postgresql":
        statement = statement.replace("?", "%s")
    return connection.exec_driver_sql(statement, list(values)).rowcount


def made(run: Run) -> tuple[Table, tuple[str, ...]]:
    """Give the table of what a run makes, and the columns that tell its rows apart."""
    if run.manifest.kind == "generate":
        return schema.answers, UNIT
    return schema.judgments, SLOT


def keep(
    connection: Connection, run: Run, writes: Sequence[Write], *, shared: bool = False
) -> None:
    """Keep a group of writes.

    A record takes the place of what an earlier try left there, if that may be otherwise next time
    (`judge.records.is_passing`); what was kept otherwise stands.

    Parameters
    ----------
    connection : Connection
    run : Run
    writes : sequence of Write
    shared : bool
        Whether several programs write the run: then a record that is there already is left out,
        for another worker has kept it, or the reply to a commit was lost.

    Raises
    ------
    StoreError
        If a record is there already and the run is not shared.
    """
    started = [write for write in writes if isinstance(write, AttemptStarted)]
    if started:
        start_attempts(connection, run, started)
    ended = [write for write in writes if isinstance(write, AttemptEnded)]
    if ended:
        end_attempts(connection, run, ended)
    judgments = [write for write in writes if isinstance(write, Judgment)]
    if judgments:
        kept = _keep_made(connection, run, table="judgments", slot=SLOT, made=judgments)
        _refuse_twice(len(judgments) - kept, shared=shared)
    answers = [write for write in writes if isinstance(write, Answer)]
    if answers:
        kept = _keep_made(connection, run, table="answers", slot=UNIT, made=answers)
        _refuse_twice(len(answers) - kept, shared=shared)


def _refuse_twice(count: int, *, shared: bool) -> None:
    if count and not shared:
        raise StoreError(f"{count} of the records are in the run already; none was written.")


def _keep_made(
    connection: Connection,
    run: Run,
    *,
    table: str,
    slot: tuple[str, ...],
    made: Sequence[Judgment | Answer],
) -> int:
    place = attrgetter(*slot)
    values = [
        (run.run_id, *place(each), each.key, each.outcome, each.model_dump_json()) for each in made
    ]
    return _execute_many(connection, _kept_once(table, slot), values)


@cache
def _kept_once(table: str, slot: tuple[str, ...]) -> str:
    """Write the statement that keeps records, each in its place and at most once."""
    names = ", ".join(f'"{name}"' for name in ("run_id", *slot))
    marks = ", ".join("?" for _ in (*slot, 1, 2, 3, 4))
    passing = ", ".join(f"'{outcome}'" for outcome in PASSING)
    return _KEPT_ONCE.format(table=table, names=names, marks=marks, passing=passing)


_KEPT_ONCE = """
INSERT INTO {table} ({names}, "key", outcome, record) VALUES ({marks}) ON CONFLICT ({names})
DO UPDATE SET "key" = excluded."key", outcome = excluded.outcome, record = excluded.record
WHERE {table}.outcome >= 'error.' AND {table}.outcome < 'error/'
  OR {table}.outcome IN ({passing})"""


def unsettled(table: FromClause) -> ColumnElement[bool]:
    """Say which rows a resumed run asks for again."""
    return table.c.outcome.startswith("error.") | table.c.outcome.in_(PASSING)


def label_row(run: Run, label: Label) -> dict[str, object]:
    """Give the row of an expert's label."""
    return {
        "run_id": run.run_id,
        "id": label.id,
        "system": label.system,
        "sample": label.sample,
        "rater": label.rater,
        "rubric": label.rubric or "",
        "criterion": label.criterion,
        "score": label.score,
        "record": label.model_dump_json(),
    }


def read_run(row: RowMapping) -> Run:
    """Make the record of a run from its row."""
    return Run(
        run_id=int(row["run_id"]),
        name=str(row["name"]),
        created_at=str(row["created_at"]),
        manifest=Manifest.model_validate_json(str(row["manifest"])),
    )


def conversation_before(connection: Connection, run: Run, before: int) -> Generation | None:
    """Find the unit with the messages of which the unit at a place in the file is a part."""
    table = schema.generations
    query = (
        select(table.c.record)
        .where(table.c.run_id == run.run_id, table.c.ordinal < before)
        .order_by(table.c.ordinal.desc())
    )
    for record in connection.execution_options(yield_per=PAGE).scalars(query):
        unit = Generation.model_validate_json(record)
        if unit.messages:
            return unit
    return None
