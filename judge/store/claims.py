"""Tasks and who works on them: drawn once, claimed k times each, drafted, submitted, reopened."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from judge.errors import StoreError
from judge.store import rows, schema
from judge.store.annotation_project import (
    Claim,
    Desk,
    Draft,
    KeptDraft,
    LabelTask,
    State,
    Study,
    free_task,
    free_tasks,
    labelled_units,
    layout_for,
)
from judge.store.records import Label

# Rows of claims and drafts, read and written within somebody else's transaction.

EMPTY = KeptDraft(version=0, undo_to=-1, draft=Draft())


class StaleForm(StoreError):  # noqa: N818 - reads as a statement at the place where it is raised
    """The form was filled in from a page that is no longer the newest, or sent twice."""


def own(desk: Desk, claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """Say which row of the claims this is."""
    table = schema.claims
    return (
        table.c.run_id == desk.run.run_id,
        table.c.rater == claim.rater,
        table.c.task == claim.task.task,
    )


def claim_query(desk: Desk) -> Select[Any]:
    """Ask for the claims of a run with their tasks, in the order in which they were made."""
    claims, listed = schema.claims, schema.tasks
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
        select(schema.claims.c.state).where(*own(desk, claim)).with_for_update()
    ).scalar_one_or_none()
    present = newest(desk, connection, rater=claim.rater, task=claim.task.task)
    if state != "open" or present.version != version:
        raise StaleForm(f"version {version} of a task that is {state} at {present.version}.")
    return present


def newest(desk: Desk, connection: Connection, *, rater: str, task: str) -> KeptDraft:
    """Return the newest draft of a rater on a task, or the empty one."""
    table = schema.drafts
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
    table = schema.drafts
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
        insert(schema.drafts).values(
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
            update(schema.claims)
            .where(*own(desk, claim))
            .values(seconds=schema.claims.c.seconds + seconds)
        )


def _kept(version: object, undo_to: object, body: object) -> KeptDraft:
    return KeptDraft(
        version=int(str(version)),
        undo_to=int(str(undo_to)),
        draft=Draft.model_validate_json(str(body)),
    )


@dataclass(frozen=True, kw_only=True)
class Dissent:
    """When a task needs a third: once so many have submitted it, and they are found apart."""

    per_item: int
    found: Callable[[Sequence[Draft]], bool]


def add_tasks(desk: Desk, drawn: Sequence[LabelTask]) -> int:
    """Keep the tasks of a run in the order drawn; those that are there already stay as they are."""
    table = schema.tasks
    with desk.writing() as connection:
        query = select(table.c.task).where(table.c.run_id == desk.run.run_id)
        known = set(connection.scalars(query))
        added = [
            {
                "run_id": desk.run.run_id,
                "task": task.task,
                "ordinal": ordinal,
                "claimed": 0,
                "disputed": 0,
                "record": task.model_dump_json(),
            }
            # A draw that was recorded twice names its tasks twice; each is asked for once.
            for ordinal, task in enumerate({task.task: task for task in drawn}.values())
            if task.task not in known
        ]
        if added:
            connection.execute(insert(table), added)
            desk.note(connection, "program", "tasks.drawn", detail=str(len(added)))
    return len(added)


def count_tasks(desk: Desk) -> int:
    """Count the tasks of a run."""
    query = select(func.count()).where(schema.tasks.c.run_id == desk.run.run_id)
    with desk.reading() as connection:
        return int(connection.execute(query).scalar_one())


def next_claim(
    desk: Desk, rater: str, study: Study, *, adjudicates: bool, labels: bool = True
) -> Claim | None:
    """Give a rater the task at hand, or the next one; None when nothing is left.

    Parameters
    ----------
    desk : Desk
    rater : str
    study : Study
    adjudicates : bool
        Whether this person settles disputed tasks; they look like any other.
    labels : bool
        Whether this person labels at all, beside settling.
    """
    for at_hand in own_claims(desk, rater, state="open"):
        if not _labelled_on_a_sheet(desk, at_hand):
            return at_hand
    with desk.writing() as connection:
        task, kind = free_task(
            desk, connection, rater, study=study, adjudicates=adjudicates, labels=labels
        )
        if task is None:
            return None
        claims = schema.claims
        place = connection.execute(
            select(func.count()).where(claims.c.run_id == desk.run.run_id, claims.c.rater == rater)
        ).scalar_one()
        claim = Claim(
            rater=rater,
            task=task,
            place=int(place) + 1,
            kind=kind,
            state="open",
            layout=layout_for(study, rater, task),
        )
        connection.execute(insert(claims).values(claim_row(desk, claim)))
        desk.note(connection, rater, "task.opened", subject=task.task)
    return claim


def count_within_reach(
    desk: Desk, rater: str, study: Study, *, adjudicates: bool, labels: bool = True
) -> int:
    """Count the tasks that a rater has or may still be given; others may take some of the latter.

    Parameters
    ----------
    desk : Desk
    rater : str
    study : Study
    adjudicates : bool
        Whether this person settles disputed tasks.
    labels : bool
        Whether this person labels at all, beside settling.
    """
    table = schema.claims
    mine = select(func.count()).where(table.c.run_id == desk.run.run_id, table.c.rater == rater)
    with desk.reading() as connection:
        free = free_tasks(
            desk, connection, rater, study=study, adjudicates=adjudicates, labels=labels
        )
        return int(connection.execute(mine).scalar_one()) + len(free)


def _labelled_on_a_sheet(desk: Desk, claim: Claim) -> bool:
    """Close an open task that its rater has labelled on a sheet meanwhile; tell whether it was."""
    with desk.reading() as connection:
        if labelled_units(desk, connection, claim.rater).isdisjoint(claim.task.units):
            return False
    task = schema.tasks
    with desk.writing() as connection:
        connection.execute(
            update(schema.claims)
            .where(*own(desk, claim))
            .values(state="skipped", closed_at=desk.stamp(), reason="labelled on a sheet")
        )
        back = {"claimed": task.c.claimed - 1} if claim.kind == "label" else {"disputed": 1}
        this = (task.c.run_id == desk.run.run_id, task.c.task == claim.task.task)
        connection.execute(update(task).where(*this).values(**back))
        desk.note(
            connection,
            claim.rater,
            "task.skipped",
            subject=claim.task.task,
            detail="labelled on a sheet",
        )
    return True


def find_claim(desk: Desk, rater: str, task: str) -> Claim | None:
    """Return a rater's own claim on a task, or None."""
    return next(iter(own_claims(desk, rater, task=task)), None)


def count_done(desk: Desk, rater: str) -> int:
    """Count a rater's submitted tasks."""
    table = schema.claims
    query = select(func.count()).where(
        table.c.run_id == desk.run.run_id, table.c.rater == rater, table.c.state == "done"
    )
    with desk.reading() as connection:
        return int(connection.execute(query).scalar_one())


def own_claims(
    desk: Desk, rater: str, *, state: State | None = None, task: str | None = None
) -> tuple[Claim, ...]:
    """List a rater's claims, or those in a state or on a task, in the order of their making."""
    query = claim_query(desk).where(schema.claims.c.rater == rater)
    if state is not None:
        query = query.where(schema.claims.c.state == state)
    if task is not None:
        query = query.where(schema.claims.c.task == task)
    with desk.reading() as connection:
        return tuple(read_claim(row) for row in connection.execute(query).mappings())


def newest_draft(desk: Desk, rater: str, task: str) -> KeptDraft:
    """Return the newest draft; version 0 and empty where nothing was saved."""
    with desk.reading() as connection:
        return newest(desk, connection, rater=rater, task=task)


def save_draft(
    desk: Desk, claim: Claim, draft: Draft, *, version: int, seconds: float = 0.0
) -> KeptDraft:
    """Keep a draft; when this returns, it is on disk.

    Parameters
    ----------
    desk : Desk
    claim : Claim
        Open.
    draft : Draft
    version : int
        That of the draft which the page was made from.
    seconds : float
        Time spent since the last save.

    Raises
    ------
    StaleForm
        If another page has saved since, or the task is closed.
    """
    with desk.writing() as connection:
        present = checked(desk, connection, claim, version=version)
        kept = present
        if present.draft != draft:
            kept = KeptDraft(version=version + 1, undo_to=version, draft=draft)
            keep_draft(desk, connection, claim, kept=kept)
        spend(desk, connection, claim, seconds=seconds)
    return kept


def undo_draft(desk: Desk, claim: Claim, *, version: int) -> KeptDraft:
    """Go one step back, as a new version; at the first step nothing happens.

    Raises
    ------
    StaleForm
        If another page has saved since, or the task is closed.
    """
    with desk.writing() as connection:
        present = checked(desk, connection, claim, version=version)
        if present.undo_to < 0:
            return present
        earlier = version_of(desk, connection, claim, version=present.undo_to)
        kept = KeptDraft(version=version + 1, undo_to=earlier.undo_to, draft=earlier.draft)
        keep_draft(desk, connection, claim, kept=kept)
        desk.note(connection, claim.rater, "draft.undone", subject=claim.task.task)
    return kept


def close_claim(
    desk: Desk,
    claim: Claim,
    *,
    version: int,
    state: Literal["done", "skipped"],
    labels: Iterable[Label] = (),
    reason: str = "",
    dissent: Dissent | None = None,
) -> None:
    """End the work on a task, with its labels, in one transaction.

    Where all wanted experts have submitted it and are found to disagree, it is marked for a third,
    unless they agree after all.

    Raises
    ------
    StaleForm
        If another page has saved since, or the task is closed: nothing is kept twice.
    StoreError
        If labels of that name for the item are there already, from a file.
    """
    with desk.writing() as connection:
        checked(desk, connection, claim, version=version)
        connection.execute(
            update(schema.claims)
            .where(*own(desk, claim))
            .values(state=state, closed_at=desk.stamp(), reason=reason)
        )
        added = [rows.label_row(desk.run, label) for label in labels]
        if added:
            connection.execute(insert(schema.labels), added)
        task = schema.tasks
        this = (task.c.run_id == desk.run.run_id, task.c.task == claim.task.task)
        if state == "skipped":
            # Somebody else is to have it.
            back = {"claimed": task.c.claimed - 1} if claim.kind == "label" else {"disputed": 1}
            connection.execute(update(task).where(*this).values(**back))
        if dissent is not None and _complete(desk, connection, claim, per_item=dissent.per_item):
            said = _submitted(desk, connection, claim.task.task)
            apart = dissent.found([draft for other, draft in said if other.kind == "label"])
            # Who took a task back may agree now; a third who has it already keeps it.
            wanted, before = (1, 0) if apart else (0, 1)
            connection.execute(
                update(task).where(*this, task.c.disputed == before).values(disputed=wanted)
            )
        desk.note(connection, claim.rater, f"task.{state}", subject=claim.task.task, detail=reason)


def _complete(desk: Desk, connection: Connection, claim: Claim, *, per_item: int) -> bool:
    table = schema.claims
    done = select(func.count()).where(
        table.c.run_id == desk.run.run_id,
        table.c.task == claim.task.task,
        table.c.state == "done",
        table.c.kind == "label",
    )
    return claim.kind == "label" and connection.execute(done).scalar_one() >= per_item


def reopen(desk: Desk, claim: Claim) -> None:
    """Take back a submitted task: its labels go, its draft stays.

    Raises
    ------
    StaleForm
        If it is not a submitted task.
    """
    with desk.writing() as connection:
        changed = connection.execute(
            update(schema.claims)
            .where(*own(desk, claim), schema.claims.c.state == "done")
            .values(state="open", closed_at=None)
        )
        if changed.rowcount != 1:
            raise StaleForm("the task is not closed.")
        _take_back_labels(desk, connection, claim)
        desk.note(connection, claim.rater, "task.reopened", subject=claim.task.task)


def _take_back_labels(desk: Desk, connection: Connection, claim: Claim) -> None:
    """Delete what the submitted draft put there, and nothing that came from a file."""
    table = schema.labels
    draft = newest(desk, connection, rater=claim.rater, task=claim.task.task).draft
    for id_, system, sample in claim.task.units:
        for key in draft.scores:
            rubric, _, criterion = key.rpartition(".")
            connection.execute(
                delete(table).where(
                    table.c.run_id == desk.run.run_id,
                    table.c.id == id_,
                    table.c.system == system,
                    table.c.sample == sample,
                    table.c.rater == claim.rater,
                    table.c.rubric == rubric,
                    table.c.criterion == criterion,
                )
            )


def submitted(desk: Desk) -> tuple[tuple[Claim, Draft], ...]:
    """Give every submitted task with what its rater said, in the order of raters and places."""
    with desk.reading() as connection:
        return _submitted(desk, connection)


def _submitted(
    desk: Desk, connection: Connection, task: str | None = None
) -> tuple[tuple[Claim, Draft], ...]:
    claims, drafts = schema.claims, schema.drafts
    query = claim_query(desk).where(claims.c.state == "done")
    words = select(drafts.c.rater, drafts.c.task, drafts.c.body).where(
        drafts.c.run_id == desk.run.run_id
    )
    if task is not None:
        query, words = query.where(claims.c.task == task), words.where(drafts.c.task == task)
    # A later version overwrites an earlier one.
    bodies = {
        (rater, of): body
        for rater, of, body in connection.execute(words.order_by(drafts.c.version))
    }
    found = (read_claim(row) for row in connection.execute(query).mappings())
    return tuple(
        (claim, Draft.model_validate_json(bodies[claim.rater, claim.task.task]))
        for claim in found
        if (claim.rater, claim.task.task) in bodies
    )
