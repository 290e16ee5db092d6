"""Rows from records and records from rows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    RowMapping,
    Table,
    bindparam,
    delete,
    insert,
    update,
)

from judge.manifest import Manifest
from judge.records import Answer, Generation, Item, Judgment
from judge.store import schema
from judge.store.records import AttemptEnded, AttemptStarted, Label, Run, Write

PAGE = 500
"""Rows that are held in memory at once."""

_END_ATTEMPT = update(schema.attempts).where(
    schema.attempts.c.run_id == bindparam("of_run"),
    schema.attempts.c.serial == bindparam("of_serial"),
)

SLOT = ("id", "system", "sample", "judge", "rubric", "repeat", "order")
"""The columns that say which judgment of a run this is."""

UNIT = ("id", "system", "sample")
"""The columns that say which answer of a run this is."""


def insert_numbered(
    connection: Connection, run_id: int, table: Table, *, records: Iterable[Generation | Item]
) -> None:
    """Keep what a run begins with, each with its place in the file, a page at a time."""
    columns = UNIT if table is schema.generations else ("id",)
    numbered = enumerate(records)
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


def insert_document(connection: Connection, run_id: int, *, kind: str, body: str, now: str) -> None:
    """Keep a text that belongs to a run."""
    connection.execute(
        insert(schema.documents).values(run_id=run_id, kind=kind, created_at=now, body=body)
    )


def attempt_row(run: Run, write: AttemptStarted) -> dict[str, object]:
    """Give the row of a call that is about to be made."""
    return {
        "run_id": run.run_id,
        "serial": write.serial,
        "key": write.attempt.key,
        "started_at": write.started_at,
        "outcome": write.attempt.outcome,
        "record": write.attempt.model_dump_json(),
    }


def end_attempts(connection: Connection, run: Run, ended: Sequence[AttemptEnded]) -> None:
    """Write down what became of calls."""
    connection.execute(
        _END_ATTEMPT,
        [
            {
                "of_run": run.run_id,
                "of_serial": write.serial,
                "outcome": write.attempt.outcome,
                "prompt_tokens": write.attempt.usage.prompt_tokens,
                "completion_tokens": write.attempt.usage.completion_tokens,
                "cost_usd": write.attempt.cost_usd,
                "record": write.attempt.model_dump_json(),
            }
            for write in ended
        ],
    )


def made(run: Run) -> tuple[Table, tuple[str, ...]]:
    """Give the table of what a run makes, and the columns that tell its rows apart."""
    if run.manifest.kind == "generate":
        return schema.answers, UNIT
    return schema.judgments, SLOT


def keep(connection: Connection, run: Run, writes: Sequence[Write]) -> None:
    """Keep a group of writes."""
    started = [attempt_row(run, write) for write in writes if isinstance(write, AttemptStarted)]
    if started:
        connection.execute(insert(schema.attempts), started)
    ended = [write for write in writes if isinstance(write, AttemptEnded)]
    if ended:
        end_attempts(connection, run, ended)
    for table, columns, kind in (
        (schema.judgments, SLOT, Judgment),
        (schema.answers, UNIT, Answer),
    ):
        added = [made_row(run, write, columns) for write in writes if isinstance(write, kind)]
        if added:
            places = [{name: row[name] for name in ("run_id", *columns)} for row in added]
            make_way(connection, table, places)
            connection.execute(insert(table), added)


def make_way(connection: Connection, table: Table, places: Sequence[Mapping[str, object]]) -> None:
    """Take away what an earlier try left in rows' places, if it ended in an error or a stop."""
    connection.execute(
        _clearance(table, tuple(places[0])),
        [{f"its_{name}": value for name, value in place.items()} for place in places],
    )


@cache
def _clearance(table: Table, columns: tuple[str, ...]) -> Delete:
    """Build the statement once: building it takes longer than the database takes to obey it."""
    return (
        delete(table)
        .where(*(table.c[name] == bindparam(f"its_{name}") for name in columns))
        .where(unsettled(table))
    )


def unsettled(table: Table) -> ColumnElement[bool]:
    """Say which rows a resumed run asks for again."""
    return table.c.outcome.startswith("error.") | (table.c.outcome == "skipped.user_stop")


def made_row(run: Run, made: Judgment | Answer, columns: Sequence[str]) -> dict[str, object]:
    """Give the row of what a run made, with the columns that tell its rows apart."""
    return {
        "run_id": run.run_id,
        **{name: getattr(made, name) for name in columns},
        "key": made.key,
        "outcome": made.outcome,
        "record": made.model_dump_json(),
    }


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
