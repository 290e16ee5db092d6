"""Collected material: attacks, experts' questions, comparisons, and where each piece stands."""

import secrets
from collections.abc import Sequence

from sqlalchemy import RowMapping, insert, select, update

from judge.records import Generation
from judge.records import Turn as Message
from judge.store import schema
from judge.store.annotation_project import (
    Claim,
    Desk,
    Draft,
    Entry,
    EntryKind,
    EntryState,
    Material,
    Turn,
)
from judge.store.claims import StaleForm


def add_entry(
    desk: Desk, kind: EntryKind, author: str, *, material: Material, state: EntryState = "draft"
) -> Entry:
    """Keep a new piece of material."""
    entry = Entry(
        entry=secrets.token_hex(8),
        kind=kind,
        author=author,
        state=state,
        version=1,
        created_at=desk.stamp(),
        material=material,
    )
    with desk.writing() as connection:
        connection.execute(
            insert(schema.entries).values(
                run_id=desk.run.run_id,
                record=material.model_dump_json(),
                **entry.model_dump(exclude={"material"}),
            )
        )
        desk.note(connection, author, f"{kind}.{state}", subject=entry.entry)
    return entry


def add_comparison(
    desk: Desk, claim: Claim, draft: Draft, *, generations: Sequence[Generation]
) -> None:
    """Keep which of several replies an expert preferred, for pairs to be built from."""
    scores = [score for score in draft.scores.values() if score is not None]
    material = Material(
        group=generations[0].group or "",
        lang=generations[0].lang or "zh",
        prompt=generations[0].prompt,
        replies=tuple(
            Turn(
                prompt=each.prompt,
                response=each.response,
                provenance="RECORDED",
                served_model=each.system,
            )
            for each in generations
        ),
        best=draft.best,
        score=scores[0] if scores else None,
        answer=draft.answer,
        answer_origin="person" if draft.answer.strip() else "",
        task=claim.task.task,
    )
    add_entry(desk, "comparison", claim.rater, material=material, state="submitted")


def withdraw_comparison(desk: Desk, claim: Claim) -> None:
    """Take a comparison back whose task is open again."""
    for entry in entries(desk, author=claim.rater):
        if entry.kind == "comparison" and entry.material.task == claim.task.task:
            change_entry(desk, entry, actor=claim.rater, state="draft")


def change_entry(
    desk: Desk,
    entry: Entry,
    *,
    actor: str,
    state: EntryState | None = None,
    material: Material | None = None,
    detail: str = "",
) -> Entry:
    """Keep the next version of a piece of material.

    Raises
    ------
    StaleForm
        If it has changed since it was read.
    """
    changed = entry.model_copy(
        update={
            "state": state or entry.state,
            "material": material or entry.material,
            "version": entry.version + 1,
        }
    )
    table = schema.entries
    with desk.writing() as connection:
        kept = connection.execute(
            update(table)
            .where(
                table.c.run_id == desk.run.run_id,
                table.c.entry == entry.entry,
                table.c.version == entry.version,
            )
            .values(
                state=changed.state,
                version=changed.version,
                record=changed.material.model_dump_json(),
            )
        )
        if kept.rowcount != 1:
            raise StaleForm(f"entry {entry.entry} has changed since version {entry.version}.")
        action = f"{entry.kind}.{state}" if state else f"{entry.kind}.changed"
        desk.note(connection, actor, action, subject=entry.entry, detail=detail)
    return changed


def find_entry(desk: Desk, name: str) -> Entry | None:
    """Return a piece of material, or None."""
    return next((entry for entry in entries(desk) if entry.entry == name), None)


def entries(
    desk: Desk, *, state: EntryState | None = None, author: str | None = None
) -> tuple[Entry, ...]:
    """List material in the order in which it came."""
    table = schema.entries
    query = select(table).where(table.c.run_id == desk.run.run_id)
    if state is not None:
        query = query.where(table.c.state == state)
    if author is not None:
        query = query.where(table.c.author == author)
    with desk.reading() as connection:
        found = connection.execute(query.order_by(table.c.created_at)).mappings()
        return tuple(_entry(row) for row in found)


def conversations(desk: Desk) -> tuple[Generation, ...]:
    """Give the attack conversations of a run as they were held, in the order in which they came.

    Drafts and what a reviewer rejected are left out. Where its author saw the model become unsafe
    is kept beside each, for nobody who labels it to see.
    """
    return tuple(
        _conversation(entry.entry, entry.material)
        for entry in entries(desk)
        if entry.kind == "attack"
        and entry.material.turns
        and entry.state in {"submitted", "accepted"}
    )


def _conversation(name: str, material: Material) -> Generation:
    marked = material.unsafe_turn
    return Generation(
        id=f"attack-{name}",
        prompt=material.turns[-1].prompt,
        response=material.turns[-1].response,
        messages=tuple(
            message
            for turn in material.turns
            for message in (
                Message(role="user", content=turn.prompt),
                Message(role="assistant", content=turn.response),
            )
        ),
        system=material.system or "default",
        group=material.group or None,
        lang=material.lang,
        # Turns of the room count questions from 1, messages count everything from 0.
        extra={"marked_turn": None if marked is None else 2 * marked - 1},
    )


def _entry(row: RowMapping) -> Entry:
    return Entry(
        entry=str(row["entry"]),
        kind=row["kind"],
        author=str(row["author"]),
        state=row["state"],
        version=int(row["version"]),
        created_at=str(row["created_at"]),
        material=Material.model_validate_json(str(row["record"])),
    )
