"""The tables of the experts' room: who may enter, what they are shown, what they wrote.

They come with version 2 of the layout. Expert labels themselves stand in the table of version 1,
exactly as an import would have put them there.
"""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from judge.store import tables

metadata = MetaData()

studies = Table(
    "studies",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("record", Text, nullable=False),
)

raters = Table(
    "raters",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("rater", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("consented_at", Text),
    PrimaryKeyConstraint("run_id", "rater"),
)

links = Table(
    "links",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("rater", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
)

tasks = Table(
    "tasks",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("task", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("claimed", Integer, nullable=False),
    Column("disputed", Integer, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "task"),
)

claims = Table(
    "claims",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("rater", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("claimed_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("seconds", Float, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "rater", "task"),
    Index("claims_by_task", "run_id", "task"),
)

drafts = Table(
    "drafts",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("rater", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("undo_to", Integer, nullable=False),
    Column("at", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "rater", "task", "version"),
)

events = Table(
    "events",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("events_by_run", "run_id", "serial"),
)

entries = Table(
    "entries",
    metadata,
    Column("run_id", Integer, ForeignKey(tables.runs.c.run_id), nullable=False),
    Column("entry", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "entry"),
)
