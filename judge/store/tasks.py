"""Which task a rater gets next, and how many are done or in dispute."""

import hashlib
import random
from typing import Literal

from sqlalchemy import Connection, false, func, select, update

from judge.store import tables
from judge.store.annotation_base import LabelTask, Study
from judge.store.desk import Desk


def free_task(
    desk: Desk,
    connection: Connection,
    rater: str,
    *,
    study: Study,
    adjudicates: bool,
    labels: bool,
) -> tuple[LabelTask | None, Literal["label", "adjudicate"]]:
    """Take the first task in the rater's own order that wants another pair of eyes."""
    table, claims = tables.tasks, tables.claims
    mine = select(claims.c.task).where(claims.c.run_id == desk.run.run_id, claims.c.rater == rater)
    query = select(table.c.task, table.c.disputed).where(
        table.c.run_id == desk.run.run_id, table.c.task.not_in(mine)
    )
    wanted = (table.c.claimed < study.per_item) if labels else false()
    settles = (table.c.disputed == 1) if adjudicates else false()
    found = connection.execute(query.where(wanted | settles)).mappings()
    row = min(found, key=lambda row: _rank(study, rater, str(row["task"])), default=None)
    if row is not None:
        settling = adjudicates and row["disputed"] == 1
        changes = {"disputed": 2} if settling else {"claimed": table.c.claimed + 1}
        record = connection.execute(
            update(table)
            .where(table.c.run_id == desk.run.run_id, table.c.task == row["task"])
            .values(**changes)
            .returning(table.c.record)
        ).scalar_one()
        kind = "adjudicate" if settling else "label"
        return LabelTask.model_validate_json(str(record)), kind
    return None, "label"


def layout_for(study: Study, rater: str, task: LabelTask) -> tuple[int, ...]:
    """Give the order in which a rater sees the replies of a task, always the same."""
    order = list(range(len(task.units)))
    random.Random(_rank(study, rater, f"{task.task}/replies")).shuffle(order)
    return tuple(order)


def _rank(study: Study, rater: str, task: str) -> str:
    return hashlib.sha256(f"{study.seed}\x1f{rater}\x1f{task}".encode()).hexdigest()


def task_states(desk: Desk, *, per_item: int) -> dict[str, int]:
    """Count the tasks: all, those that all wanted experts have labelled, those in dispute."""
    listed, claims = tables.tasks, tables.claims
    run = desk.run.run_id
    finished = (
        select(claims.c.task)
        .where(claims.c.run_id == run, claims.c.state == "done", claims.c.kind == "label")
        .group_by(claims.c.task)
        .having(func.count() >= per_item)
    )
    with desk.reading() as connection:
        everything = select(func.count()).select_from(listed).where(listed.c.run_id == run)
        labelled = select(func.count()).select_from(finished.subquery())
        disputed = everything.where(listed.c.disputed > 0)
        settled = (
            select(func.count())
            .select_from(claims)
            .where(claims.c.run_id == run, claims.c.state == "done", claims.c.kind == "adjudicate")
        )
        return {
            "all": int(connection.execute(everything).scalar_one()),
            "labelled": int(connection.execute(labelled).scalar_one()),
            "disputed": int(connection.execute(disputed).scalar_one()),
            "settled": int(connection.execute(settled).scalar_one()),
        }


def release(desk: Desk, rater: str, *, actor: str) -> None:
    """Hand a person's open tasks to others; what they drafted stays in the log of drafts."""
    claims, listed = tables.claims, tables.tasks
    with desk.writing() as connection:
        freed = connection.execute(
            update(claims)
            .where(
                claims.c.run_id == desk.run.run_id,
                claims.c.rater == rater,
                claims.c.state == "open",
            )
            .values(state="skipped", closed_at=desk.stamp(), reason="released")
            .returning(claims.c.task, claims.c.kind)
        ).all()
        for task, kind in freed:
            back = {"claimed": listed.c.claimed - 1} if kind == "label" else {"disputed": 1}
            connection.execute(
                update(listed)
                .where(listed.c.run_id == desk.run.run_id, listed.c.task == task)
                .values(**back)
            )
        desk.note(connection, actor, "tasks.released", subject=rater, detail=str(len(freed)))
