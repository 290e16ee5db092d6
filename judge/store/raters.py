"""Who may enter a run's room: its set-up, accounts, one-time links, progress, the audit log."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import func, insert, select, update

from judge.errors import StoreError
from judge.records import Language
from judge.store import schema
from judge.store.annotation_project import Desk, Event, Progress, Rater, Study

LINK_LASTS = timedelta(days=7)


def found_study(desk: Desk) -> tuple[Study, str] | None:
    """Give the set-up of a run's labelling and the secret that signs its sessions, or None."""
    table = schema.studies
    query = select(table.c.record, table.c.secret).where(table.c.run_id == desk.run.run_id)
    with desk.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else (Study.model_validate_json(row[0]), str(row[1]))


def begin_study(desk: Desk, study: Study) -> tuple[Study, str]:
    """Set up the labelling of a run, or find it set up already; then the first set-up stands."""
    found = found_study(desk)
    if found is not None:
        return found
    secret = secrets.token_urlsafe(32)
    with desk.writing() as connection:
        connection.execute(
            insert(schema.studies).values(
                run_id=desk.run.run_id,
                created_at=desk.stamp(),
                secret=secret,
                record=study.model_dump_json(),
            )
        )
        desk.note(connection, "program", "study.begun", detail=study.model_dump_json())
    return study, secret


def raters(desk: Desk) -> tuple[Rater, ...]:
    """List all people of a run by name."""
    table = schema.raters
    query = select(table).where(table.c.run_id == desk.run.run_id).order_by(table.c.rater)
    with desk.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(
        Rater.model_validate({key: row[key] for key in row if key != "run_id"}) for row in rows
    )


def find_rater(desk: Desk, name: str) -> Rater | None:
    """Return the person of that name, or None."""
    table = schema.raters
    query = select(table).where(table.c.run_id == desk.run.run_id, table.c.rater == name)
    with desk.reading() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Rater.model_validate({key: row[key] for key in row if key != "run_id"})


def add_rater(desk: Desk, rater: Rater, *, actor: str) -> None:
    """Keep a new person.

    Raises
    ------
    StoreError
        If the name is taken.
    """
    with desk.writing() as connection:
        connection.execute(
            insert(schema.raters).values(run_id=desk.run.run_id, **rater.model_dump())
        )
        desk.note(connection, actor, "rater.added", subject=rater.rater, detail=rater.role)


def new_link(desk: Desk, name: str, *, actor: str) -> str:
    """Make a one-time link for a person; only its digest is kept.

    Returns
    -------
    str
        The secret part of the link, shown once.

    Raises
    ------
    StoreError
        If there is no such person.
    """
    if find_rater(desk, name) is None:
        raise StoreError(f"no rater {name!r} in this run.")
    token = secrets.token_urlsafe(32)
    with desk.writing() as connection:
        connection.execute(
            insert(schema.links).values(
                digest=_digest(token),
                run_id=desk.run.run_id,
                rater=name,
                expires_at=desk.stamp(ahead=LINK_LASTS),
            )
        )
        desk.note(connection, actor, "link.made", subject=name)
    return token


def use_link(desk: Desk, token: str, *, note_refusal: bool = True) -> Rater | None:
    """Let the holder of a link in, once; None where it is unknown, used or too old.

    Parameters
    ----------
    desk : Desk
    token : str
    note_refusal : bool
        Whether a refusal enters the log; somebody who tries many links would only fill it.
    """
    table, at = schema.links, desk.stamp()
    with desk.writing() as connection:
        name = connection.execute(
            update(table)
            .where(
                table.c.digest == _digest(token),
                table.c.run_id == desk.run.run_id,
                table.c.used_at.is_(None),
                table.c.expires_at > at,
            )
            .values(used_at=at)
            .returning(table.c.rater)
        ).scalar_one_or_none()
        # The token itself never enters the log; eight digits of its digest tell two links apart.
        shown = _digest(token)[:8]
        if name:
            desk.note(connection, str(name), "link.used", subject=shown)
        elif note_refusal:
            desk.note(connection, "somebody", "link.refused", subject=shown)
    return None if name is None else find_rater(desk, str(name))


def end_sessions(desk: Desk, name: str, *, actor: str) -> None:
    """End every session of a person and void the links not used yet."""
    people, links = schema.raters, schema.links
    mine = (links.c.run_id == desk.run.run_id) & (links.c.rater == name)
    with desk.writing() as connection:
        connection.execute(
            update(people)
            .where(people.c.run_id == desk.run.run_id, people.c.rater == name)
            .values(epoch=people.c.epoch + 1)
        )
        connection.execute(
            update(links).where(mine, links.c.used_at.is_(None)).values(used_at=desk.stamp())
        )
        desk.note(connection, actor, "rater.revoked", subject=name)


def keep_consent(desk: Desk, name: str) -> None:
    """Keep that a person has read the warning and agreed."""
    with desk.writing() as connection:
        connection.execute(
            update(schema.raters)
            .where(schema.raters.c.run_id == desk.run.run_id, schema.raters.c.rater == name)
            .values(consented_at=desk.stamp())
        )
        desk.note(connection, name, "consent.given")


def set_language(desk: Desk, name: str, lang: Language) -> None:
    """Keep the language in which a person wants the screens."""
    with desk.writing() as connection:
        connection.execute(
            update(schema.raters)
            .where(schema.raters.c.run_id == desk.run.run_id, schema.raters.c.rater == name)
            .values(lang=lang)
        )


def progress(desk: Desk) -> tuple[Progress, ...]:
    """Count each person's tasks by what became of them."""
    table = schema.claims
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


def log(desk: Desk, actor: str, action: str, *, subject: str = "", detail: str = "") -> None:
    """Add a line to the audit log."""
    with desk.writing() as connection:
        desk.note(connection, actor, action, subject=subject, detail=detail)


def events(desk: Desk, *, latest: int = 200, actor: str | None = None) -> tuple[Event, ...]:
    """List the newest lines of the audit log, newest tables."""
    table = schema.events
    query = select(table.c.at, table.c.actor, table.c.action, table.c.subject, table.c.detail)
    query = query.where(table.c.run_id == desk.run.run_id)
    if actor is not None:
        query = query.where(table.c.actor == actor)
    with desk.reading() as connection:
        rows = connection.execute(query.order_by(table.c.serial.desc()).limit(latest)).mappings()
        return tuple(Event.model_validate(dict(row)) for row in rows)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
