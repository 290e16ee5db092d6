"""What the experts' room keeps: its set-up, people, tasks, claims, drafts, events, entries."""

import hashlib
import random
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, RowMapping, false, func, insert, select, update

from judge.records import Generation, Language, Record, replaced
from judge.store import schema
from judge.store.records import Run
from judge.store.store import Store

Role = Literal["rater", "coordinator", "reviewer"]
Screen = Literal["rubric", "best-of-three"]
State = Literal["open", "done", "skipped"]
EntryKind = Literal["attack", "expert", "comparison"]
EntryState = Literal["draft", "submitted", "accepted", "rejected"]
Unit = tuple[str, str, int]


class Study(Record):
    """How the labelling of a run is set up; fixed once it has begun."""

    screen: Screen = "rubric"
    per_item: int = Field(default=2, ge=1)
    """Experts who label each task independently."""
    third: Literal["reviewer", "anyone", "nobody"] = "reviewer"
    """Who is given a task on which the experts disagree; that person is blind to it too."""
    design: str = "random"
    """How the tasks were drawn, as `cvalues sample` names it."""
    seed: int = 0
    asked: tuple[str, ...] = ()
    """Criteria that experts are asked for; empty for all."""


class Rater(Record):
    """A person with access to one run."""

    rater: str
    role: Role = "rater"
    lang: Language = "zh"
    epoch: int = 0
    """Sessions of an earlier epoch are over."""
    consented_at: str | None = None


class LabelTask(Record):
    """What one screen shows: one generation, or three to the same prompt."""

    task: str
    """Opaque name; says nothing of item, system or verdict."""
    units: tuple[Unit, ...]
    probability: float | None = None
    """Chance of inclusion in the sample, a fraction; None where nobody drew."""


class Claim(Record):
    """A task in the hands of one rater."""

    rater: str
    task: LabelTask
    place: int
    """Where the task stands in this rater's own random order, from 1."""
    kind: Literal["label", "adjudicate"]
    state: State
    layout: tuple[int, ...]
    """The task's units in the order in which this rater sees them."""
    seconds: float = 0.0
    """Time on the task while the page was in use."""


class Draft(Record):
    """What a rater has chosen and written so far on one task."""

    scores: Mapping[str, int | None] = Field(default_factory=dict)
    """By ``rubric.criterion``; None where the rater could not assess."""
    note: str = ""
    best: int | None = None
    """Best of three: place of the chosen reply among the task's units."""
    answer: str = ""
    """The expert's own answer."""
    turn: int | None = Field(default=None, ge=0, exclude_if=lambda turn: turn is None)
    """A whole conversation: index of the first turn at fault."""


class KeptDraft(Record):
    """A draft with its version; 0 is the empty page."""

    version: int
    undo_to: int
    """The version that undoing leads back to; -1 where there is nothing to undo."""
    draft: Draft


class Event(Record):
    """Who did what, when; never changed or removed."""

    at: str
    actor: str
    action: str
    subject: str
    detail: str


class Progress(Record):
    """How far one person has come."""

    rater: Rater
    done: int
    skipped: int
    open: int
    seconds: float


class Turn(Record):
    """One question to the model under test and what it answered."""

    prompt: str
    response: str
    provenance: str = "LIVE"
    served_model: str | None = None


class Material(Record):
    """What a person collected: an attack, or a question with its replies."""

    group: str = ""
    """Scenario or domain."""
    lang: str = "zh"
    """A language tag."""
    system: str = ""
    """Name of the model that answered."""
    turns: tuple[Turn, ...] = ()
    unsafe_turn: int | None = None
    """Attack: the turn, from 1, in which the model became unsafe."""
    opinion: str = ""
    """What the judge said of the last reply, asked after the person had decided."""
    prompt: str = ""
    replies: tuple[Turn, ...] = ()
    best: int | None = None
    """Place of the best reply, from 0."""
    score: int | None = None
    """What the expert gave the best reply, 1 to 10."""
    answer: str = ""
    """What the expert wrote in place of the replies."""
    answer_origin: Literal["", "person", "model"] = ""
    task: str = ""
    """The labelling task that a comparison came from."""


class Entry(Record):
    """A piece of collected material and where it stands."""

    entry: str
    kind: EntryKind
    author: str
    state: EntryState
    version: int
    created_at: str
    material: Material


# One run's part of the store, as the experts' room reads and writes it.


def now() -> datetime:
    """Give the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A run in a store, with a clock."""

    store: Store
    run: Run
    clock: Callable[[], datetime] = now
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Hold a transaction; it is kept, on disk, when the context ends without an error.

        One at a time: SQLite has one writer, and waiting here is fairer than its busy timeout.
        """
        with self._turn, self.store.transaction() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Hold a connection that only reads."""
        with self.store.transaction() as connection:
            yield connection

    def stamp(self, *, ahead: timedelta = timedelta()) -> str:
        """Give the time as it is kept, or that of some while later."""
        return (self.clock() + ahead).isoformat(timespec="microseconds")

    def note(
        self,
        connection: Connection,
        actor: str,
        action: str,
        *,
        subject: str = "",
        detail: str = "",
    ) -> None:
        """Add a line to the audit log, in the transaction of what it tells."""
        connection.execute(
            insert(schema.events).values(
                run_id=self.run.run_id,
                at=self.stamp(),
                actor=actor,
                action=action,
                subject=subject,
                detail=detail,
            )
        )


def generations_of(desk: Desk, units: Iterable[Unit]) -> tuple[Generation, ...]:
    """Read generations in the order of the units; one that the run lacks is left out."""
    table = schema.generations
    found: list[Generation] = []
    with desk.reading() as connection:
        for id_, system, sample in units:
            row = connection.execute(
                select(table.c.record, table.c.ordinal).where(
                    table.c.run_id == desk.run.run_id,
                    table.c.id == id_,
                    table.c.system == system,
                    table.c.sample == sample,
                )
            ).one_or_none()
            if row is not None:
                unit = Generation.model_validate_json(str(row.record))
                found.append(_with_messages(desk, connection, unit, ordinal=int(row.ordinal)))
    return tuple(found)


def _with_messages(
    desk: Desk, connection: Connection, unit: Generation, *, ordinal: int
) -> Generation:
    """Give a turn of a conversation its messages, which the store keeps with the first of them."""
    if unit.session is None or unit.messages:
        return unit
    table = schema.generations
    earlier = connection.execute(
        select(table.c.record)
        .where(table.c.run_id == desk.run.run_id, table.c.ordinal < ordinal)
        .order_by(table.c.ordinal.desc())
    ).scalars()
    units = (Generation.model_validate_json(str(record)) for record in earlier)
    first = next(other for other in units if other.messages)
    return replaced(unit, messages=first.messages)


# Which task a rater gets next, and how many are done or in dispute.


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
    table = schema.tasks
    row = min(
        free_tasks(desk, connection, rater, study=study, adjudicates=adjudicates, labels=labels),
        key=lambda row: _place(study, rater, row),
        default=None,
    )
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


def free_tasks(
    desk: Desk,
    connection: Connection,
    rater: str,
    *,
    study: Study,
    adjudicates: bool,
    labels: bool,
) -> list[RowMapping]:
    """List the tasks that a rater may still be given, in no order."""
    table, claims = schema.tasks, schema.claims
    mine = select(claims.c.task).where(claims.c.run_id == desk.run.run_id, claims.c.rater == rater)
    query = select(table.c.task, table.c.disputed, table.c.record).where(
        table.c.run_id == desk.run.run_id, table.c.task.not_in(mine)
    )
    wanted = (table.c.claimed < study.per_item) if labels else false()
    settles = (table.c.disputed == 1) if adjudicates else false()
    found = connection.execute(query.where(wanted | settles)).mappings()
    elsewhere = labelled_units(desk, connection, rater)
    return [row for row in found if elsewhere.isdisjoint(_units(row, needed=bool(elsewhere)))]


def labelled_units(desk: Desk, connection: Connection, rater: str) -> frozenset[Unit]:
    """List what a rater has labelled, also on sheets that were imported."""
    table = schema.labels
    query = select(table.c.id, table.c.system, table.c.sample).where(
        table.c.run_id == desk.run.run_id, table.c.rater == rater
    )
    rows = connection.execute(query.distinct())
    return frozenset((str(name), str(system), int(sample)) for name, system, sample in rows)


def _units(row: RowMapping, *, needed: bool) -> tuple[Unit, ...]:
    """Read the responses of a task, where anything hangs on them."""
    return LabelTask.model_validate_json(str(row["record"])).units if needed else ()


def layout_for(study: Study, rater: str, task: LabelTask) -> tuple[int, ...]:
    """Give the order in which a rater sees the replies of a task, always the same."""
    order = list(range(len(task.units)))
    random.Random(_rank(study, rater, f"{task.task}/replies")).shuffle(order)
    return tuple(order)


def _place(study: Study, rater: str, row: RowMapping) -> tuple[str, int]:
    """Order tasks by chance, but the turns of one conversation one after the other."""
    units = _units(row, needed="#" in str(row["record"]))
    if len(units) == 1:
        ((item, system, sample),) = units
        session, _, turn = item.rpartition("#")
        if session and turn.isdigit():
            return _rank(study, rater, f"{session}\x1f{system}\x1f{sample}"), int(turn)
    return _rank(study, rater, str(row["task"])), 0


def _rank(study: Study, rater: str, task: str) -> str:
    return hashlib.sha256(f"{study.seed}\x1f{rater}\x1f{task}".encode()).hexdigest()


def task_states(desk: Desk, *, per_item: int) -> dict[str, int]:
    """Count the tasks: all, those that all wanted experts have labelled, those in dispute."""
    listed, claims = schema.tasks, schema.claims
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
    claims, listed = schema.claims, schema.tasks
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
