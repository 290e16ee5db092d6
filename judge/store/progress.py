"""How far a labelling has come: by person, and by task."""

from sqlalchemy import func, select, update

from judge.store import annotation_tables as tables
from judge.store.annotation_base import Progress
from judge.store.desk import Desk
from judge.store.people import raters


def progress(desk: Desk) -> tuple[Progress, ...]:
    """Count each person's tasks by what became of them."""
    table = tables.claims
    query = (
        select(table.c.rater, table.c.state, func.count(), func.sum(table.c.seconds))
        .where(table.c.run_id == desk.run.run_id)
        .group_by(table.c.rater, table.c.state)
    )
    with desk.reading() as connection:
        counted = {
            (rater, state): (int(count), float(seconds))
            for rater, state, count, seconds in connection.execute(query)
        }
    nothing = (0, 0.0)
    return tuple(
        Progress(
            rater=rater,
            done=counted.get((rater.rater, "done"), nothing)[0],
            skipped=counted.get((rater.rater, "skipped"), nothing)[0],
            open=counted.get((rater.rater, "open"), nothing)[0],
            seconds=sum(
                counted.get((rater.rater, state), nothing)[1] for state in ("done", "skipped")
            ),
        )
        for rater in raters(desk)
    )


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
