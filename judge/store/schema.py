"""The tables of a store, and the numbered changes that made them.

Version 1 of the layout keeps runs and what belongs to them; version 2 adds the experts' room,
version 3 the seal on labels that prove a rubric. Each change is applied once, in one transaction
with its own record. Most of a row is the JSON of its record; columns of their own are what is
looked up, ordered or counted.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    inspect,
    select,
)

from judge.errors import StoreError

metadata = MetaData()
"""The tables of version 1."""

batches = MetaData()
"""The tables of version 3: what was posted to a provider as a batch."""

leases = MetaData()
"""The tables of version 4: who works on which part of a run, and what all of them share."""

room = MetaData()
"""The tables of version 2. Labels themselves stand in the table of version 1, exactly as an import
would have put them there."""

seal = MetaData()
"""The tables of version 3: which labels prove a rubric, and which ones it has seen."""


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _texts(*names: str) -> Iterator[Column[str]]:
    return map(_text, names)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    *_texts("name", "applied_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    *_texts("created_at", "manifest"),
)


def _of_run() -> Column[int]:
    return Column("run_id", Integer, ForeignKey(runs.c.run_id), nullable=False)


generations = Table(
    "generations",
    metadata,
    _of_run(),
    _number("ordinal"),
    *_texts("id", "system"),
    _number("sample"),
    _text("record"),
    PrimaryKeyConstraint("run_id", "ordinal"),
    UniqueConstraint("run_id", "id", "system", "sample"),
)

items = Table(
    "items",
    metadata,
    _of_run(),
    _number("ordinal"),
    *_texts("id", "record"),
    PrimaryKeyConstraint("run_id", "ordinal"),
    UniqueConstraint("run_id", "id"),
)

answers = Table(
    "answers",
    metadata,
    _of_run(),
    *_texts("id", "system"),
    _number("sample"),
    *_texts("key", "outcome", "record"),
    PrimaryKeyConstraint("run_id", "id", "system", "sample"),
)

judgments = Table(
    "judgments",
    metadata,
    _of_run(),
    *_texts("id", "system"),
    _number("sample"),
    *_texts("judge", "rubric"),
    _number("repeat"),
    *_texts("order", "key", "outcome", "record"),
    PrimaryKeyConstraint("run_id", "id", "system", "sample", "judge", "rubric", "repeat", "order"),
    Index("judgments_by_key", "key"),
)

attempts = Table(
    "attempts",
    metadata,
    _of_run(),
    _number("serial"),
    *_texts("key", "started_at", "outcome"),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),
    _text("record"),
    PrimaryKeyConstraint("run_id", "serial"),
    Index("attempts_by_key", "run_id", "key"),
)

labels = Table(
    "labels",
    metadata,
    _of_run(),
    *_texts("id", "system"),
    _number("sample"),
    *_texts("rater", "rubric", "criterion"),
    Column("score", Float),
    _text("record"),
    PrimaryKeyConstraint("run_id", "id", "system", "sample", "rater", "rubric", "criterion"),
)

documents = Table(
    "documents",
    metadata,
    _of_run(),
    *_texts("kind", "created_at", "body"),
    PrimaryKeyConstraint("run_id", "kind", "created_at"),
)

studies = Table(
    "studies",
    room,
    Column("run_id", Integer, ForeignKey(runs.c.run_id), primary_key=True),
    *_texts("created_at", "secret", "record"),
)

raters = Table(
    "raters",
    room,
    _of_run(),
    *_texts("rater", "role", "lang"),
    _number("epoch"),
    Column("consented_at", Text),
    PrimaryKeyConstraint("run_id", "rater"),
)

links = Table(
    "links",
    room,
    Column("digest", Text, primary_key=True),
    _of_run(),
    *_texts("rater", "expires_at"),
    Column("used_at", Text),
)

tasks = Table(
    "tasks",
    room,
    _of_run(),
    _text("task"),
    _number("ordinal"),
    _number("claimed"),
    _number("disputed"),
    _text("record"),
    PrimaryKeyConstraint("run_id", "task"),
)

claims = Table(
    "claims",
    room,
    _of_run(),
    *_texts("rater", "task"),
    _number("place"),
    *_texts("kind", "state", "layout", "claimed_at"),
    Column("closed_at", Text),
    Column("seconds", Float, nullable=False),
    _text("reason"),
    PrimaryKeyConstraint("run_id", "rater", "task"),
    Index("claims_by_task", "run_id", "task"),
)

drafts = Table(
    "drafts",
    room,
    _of_run(),
    *_texts("rater", "task"),
    _number("version"),
    _number("undo_to"),
    *_texts("at", "body"),
    PrimaryKeyConstraint("run_id", "rater", "task", "version"),
)

events = Table(
    "events",
    room,
    Column("serial", Integer, primary_key=True),
    _of_run(),
    *_texts("at", "actor", "action", "subject", "detail"),
    Index("events_by_run", "run_id", "serial"),
)

entries = Table(
    "entries",
    room,
    _of_run(),
    *_texts("entry", "kind", "author", "state"),
    _number("version"),
    *_texts("created_at", "record"),
    PrimaryKeyConstraint("run_id", "entry"),
)

parts = Table(
    "parts",
    batches,
    _of_run(),
    _number("part"),
    *_texts("asks", "provider", "label", "secret", "rung", "state", "created_at", "digest"),
    _number("lines"),
    _number("bytes"),
    Column("reserved_usd", Float),
    *(Column(name, Text) for name in ("upload", "batch_id", "posted_at", "expires_at", "why")),
    PrimaryKeyConstraint("run_id", "part"),
)

part_lines = Table(
    "part_lines",
    batches,
    _of_run(),
    _number("part"),
    _text("key"),
    _number("serial"),
    PrimaryKeyConstraint("run_id", "part", "key"),
    Index("part_lines_by_key", "run_id", "key"),
)

blocks = Table(
    "blocks",
    leases,
    _of_run(),
    *map(_number, ("block", "first", "last", "done", "unsettled")),
    Column("token", Text),
    Column("lease_until", Double),
    PrimaryKeyConstraint("run_id", "block"),
    Index("blocks_open", "run_id", "done", "block"),
)

workers = Table(
    "workers",
    leases,
    Column("worker", Integer, primary_key=True),
    _of_run(),
    *_texts("name", "state", "started_at"),
    *map(_number, ("calls", "kept", "granted_calls")),
    *(Column(name, Double, nullable=False) for name in ("beat", "usd", "granted_usd")),
    Index("workers_by_run", "run_id", "state"),
)

controls = Table(
    "controls",
    leases,
    Column("run_id", Integer, ForeignKey(runs.c.run_id), primary_key=True),
    *map(_number, ("stop", "next_serial")),
    Column("dearest_usd", Double),
    _text("settings"),
)

providers = Table(
    "providers",
    leases,
    _of_run(),
    _text("provider"),
    _number("pushbacks"),
    *(
        Column(name, Double, nullable=False)
        for name in ("paused_until", "requests_at", "tokens_at")
    ),
    PrimaryKeyConstraint("run_id", "provider"),
)


partitions = Table(
    "partitions",
    seal,
    Column("digest", Text, primary_key=True),
    *_texts("rubric", "created_at", "record"),
)

partition_prompts = Table(
    "partition_prompts",
    seal,
    *_texts("rubric", "prompt", "part"),
    Column("probability", Float, nullable=False),
    _text("partition"),
    PrimaryKeyConstraint("rubric", "prompt"),
)

openings = Table(
    "openings",
    seal,
    Column("serial", Integer, primary_key=True),
    *_texts("search", "rubric"),
    _number("look"),
    *_texts("opened_at", "record"),
)

opening_prompts = Table(
    "opening_prompts",
    seal,
    *_texts("rubric", "prompt"),
    _number("look"),
    PrimaryKeyConstraint("rubric", "prompt", "look"),
)

used_items = Table(
    "used_items",
    seal,
    *_texts("rubric", "content", "role", "digest", "version", "registered_at"),
    PrimaryKeyConstraint("rubric", "content", "role"),
)


def _create_everything(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_the_experts_room(connection: Connection) -> None:
    room.create_all(connection)


def _add_the_seal(connection: Connection) -> None:
    seal.create_all(connection)


def _add_provider_batches(connection: Connection) -> None:
    batches.create_all(connection)


def _add_leases(connection: Connection) -> None:
    leases.create_all(connection)


MIGRATIONS: tuple[tuple[int, Callable[[Connection], None]], ...] = (
    (1, _create_everything),
    (2, _add_the_experts_room),
    (3, _add_the_seal),
    (4, _add_provider_batches),
    (5, _add_leases),
)
LATEST = MIGRATIONS[-1][0]

_LAYOUT_LOCK = 0x63760000
"""Of the server: kept apart from the locks on runs."""


def migrate(engine: Engine, *, now: str) -> None:
    """Bring a store to the latest layout.

    Parameters
    ----------
    engine : Engine
        Of a new store, or of one that an earlier version made.
    now : str
        UTC time in ISO 8601, kept beside each change.

    Raises
    ------
    StoreError
        If a later version of the program made the store.
    """
    with engine.connect() as connection:
        if _version(connection) == LATEST:
            return
    with engine.begin() as connection:
        _wait_for_the_turn(connection)
        present = _version(connection)
        if present > LATEST:
            raise StoreError(
                f"the store has layout {present}, this version knows {LATEST}; install a newer "
                "cvalues."
            )
        for number, change in MIGRATIONS[present:]:
            change(connection)
            connection.execute(
                schema_version.insert().values(
                    version=number, name=change.__name__.strip("_"), applied_at=now
                )
            )


def _wait_for_the_turn(connection: Connection) -> None:
    """Let one program at a time change the layout; the others wait, and then find it changed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA busy_timeout=60000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LAYOUT_LOCK)))


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(schema_version.name):
        return 0
    versions = connection.execute(select(schema_version.c.version)).scalars()
    return max(versions, default=0)
