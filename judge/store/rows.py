"""Rows from records and records from rows."""

from collections.abc import Iterable
from itertools import islice

from sqlalchemy import Connection, RowMapping, delete, insert, update

from judge.config import Manifest
from judge.records import Generation, Judgment
from judge.store import tables
from judge.store.base import AttemptEnded, AttemptStarted, Label, Run

PAGE = 500
"""Rows that are held in memory at once."""

SLOT = ("id", "system", "sample", "judge", "rubric", "repeat", "order")
"""The columns that say which judgment of a run this is."""


def insert_generations(
    connection: Connection, run_id: int, generations: Iterable[Generation]
) -> None:
    """Keep generations with their place in the file, a page at a time."""
    numbered = enumerate(generations)
    while page := list(islice(numbered, PAGE)):
        rows = [
            {
                "run_id": run_id,
                "ordinal": ordinal,
                "id": generation.id,
                "system": generation.system,
                "sample": generation.sample,
                "record": generation.model_dump_json(),
            }
            for ordinal, generation in page
        ]
        connection.execute(insert(tables.generations), rows)


def insert_document(connection: Connection, run_id: int, *, kind: str, body: str, now: str) -> None:
    """Keep a text that belongs to a run."""
    connection.execute(
        insert(tables.documents).values(run_id=run_id, kind=kind, created_at=now, body=body)
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


def end_attempt(connection: Connection, run: Run, write: AttemptEnded) -> None:
    """Write down what became of a call."""
    table = tables.attempts
    attempt = write.attempt
    connection.execute(
        update(table)
        .where(table.c.run_id == run.run_id, table.c.serial == write.serial)
        .values(
            outcome=attempt.outcome,
            prompt_tokens=attempt.usage.prompt_tokens,
            completion_tokens=attempt.usage.completion_tokens,
            cost_usd=attempt.cost_usd,
            record=attempt.model_dump_json(),
        )
    )


def replace_unsettled(connection: Connection, run: Run, judgment: Judgment) -> None:
    """Make way for a judgment where an earlier try ended in an error or was stopped."""
    table = tables.judgments
    connection.execute(
        delete(table)
        .where(table.c.run_id == run.run_id)
        .where(*(table.c[name] == value for name, value in slot(judgment).items()))
        .where(table.c.outcome.startswith("error.") | (table.c.outcome == "skipped.user_stop"))
    )


def slot(judgment: Judgment) -> dict[str, object]:
    """Give the columns that say which judgment of a run this is."""
    return {name: getattr(judgment, name) for name in SLOT}


def judgment_row(run: Run, judgment: Judgment) -> dict[str, object]:
    """Give the row of a judgment."""
    return {
        "run_id": run.run_id,
        **slot(judgment),
        "key": judgment.key,
        "outcome": judgment.outcome,
        "record": judgment.model_dump_json(),
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
