"""Rows of claims and drafts, read and written within somebody else's transaction."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, insert, select, update

from judge.errors import StoreError
from judge.store import tables
from judge.store.annotation_base import Claim, Draft, KeptDraft, LabelTask
from judge.store.desk import Desk

EMPTY = KeptDraft(version=0, undo_to=-1, draft=Draft())


class StaleForm(StoreError):  # noqa: N818 - reads as a statement at the place where it is raised
    """The form was filled in from a page that is no longer the newest, or sent twice."""


def own(desk: Desk, claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """Say which row of the claims this is."""
    table = tables.claims
    return (
        table.c.run_id == desk.run.run_id,
        table.c.rater == claim.rater,
        table.c.task == claim.task.task,
    )


def claim_query(desk: Desk) -> Select[Any]:
    """Ask for the claims of a run with their tasks, in the order in which they were made."""
    claims, listed = tables.claims, tables.tasks
    return (
        select(claims, listed.c.record)
        .join(listed, (claims.c.run_id == listed.c.run_id) & (claims.c.task == listed.c.task))
        .where(claims.c.run_id == desk.run.run_id)
        .order_by(claims.c.rater, claims.c.place)
    )


def claim_row(desk: Desk, claim: Claim) -> dict[str, object]:
    """Give the row of a new claim."""
    return {
        "run_id": desk.run.run_id,
        "rater": claim.rater,
        "task": claim.task.task,
        "place": claim.place,
        "kind": claim.kind,
        "state": claim.state,
        "layout": json.dumps(claim.layout),
        "claimed_at": desk.stamp(),
        "seconds": claim.seconds,
        "reason": "",
    }


def read_claim(row: RowMapping) -> Claim:
    """Make the record of a claim from its row."""
    return Claim(
        rater=str(row["rater"]),
        task=LabelTask.model_validate_json(str(row["record"])),
        place=int(row["place"]),
        kind=row["kind"],
        state=row["state"],
        layout=tuple(json.loads(str(row["layout"]))),
        seconds=float(row["seconds"]),
    )


def checked(desk: Desk, connection: Connection, claim: Claim, *, version: int) -> KeptDraft:
    """Give the newest draft of an open task.

    Raises
    ------
    StaleForm
        If the task is closed, or the newest draft has another version.
    """
    state = connection.execute(
        select(tables.claims.c.state).where(*own(desk, claim)).with_for_update()
    ).scalar_one_or_none()
    present = newest(desk, connection, rater=claim.rater, task=claim.task.task)
    if state != "open" or present.version != version:
        raise StaleForm(f"version {version} of a task that is {state} at {present.version}.")
    return present


def newest(desk: Desk, connection: Connection, *, rater: str, task: str) -> KeptDraft:
    """Return the newest draft of a rater on a task, or the empty one."""
    table = tables.drafts
    query = (
        select(table.c.version, table.c.undo_to, table.c.body)
        .where(table.c.run_id == desk.run.run_id, table.c.rater == rater, table.c.task == task)
        .order_by(table.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return EMPTY if row is None else _kept(row[0], row[1], row[2])


def version_of(desk: Desk, connection: Connection, claim: Claim, *, version: int) -> KeptDraft:
    """Return one version of a draft; 0 is the empty one."""
    if version == 0:
        return EMPTY
    table = tables.drafts
    row = connection.execute(
        select(table.c.version, table.c.undo_to, table.c.body).where(
            table.c.run_id == desk.run.run_id,
            table.c.rater == claim.rater,
            table.c.task == claim.task.task,
            table.c.version == version,
        )
    ).one()
    return _kept(row[0], row[1], row[2])


def keep_draft(desk: Desk, connection: Connection, claim: Claim, *, kept: KeptDraft) -> None:
    """Add a version of a draft."""
    connection.execute(
        insert(tables.drafts).values(
            run_id=desk.run.run_id,
            rater=claim.rater,
            task=claim.task.task,
            version=kept.version,
            undo_to=kept.undo_to,
            at=desk.stamp(),
            body=kept.draft.model_dump_json(),
        )
    )


def spend(desk: Desk, connection: Connection, claim: Claim, *, seconds: float) -> None:
    """Add to the time on a task."""
    if seconds > 0:
        connection.execute(
            update(tables.claims)
            .where(*own(desk, claim))
            .values(seconds=tables.claims.c.seconds + seconds)
        )


def _kept(version: object, undo_to: object, body: object) -> KeptDraft:
    return KeptDraft(
        version=int(str(version)),
        undo_to=int(str(undo_to)),
        draft=Draft.model_validate_json(str(body)),
    )
