"""The tables of a store, as version 1 of its layout made them and later migrations change them."""

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
    UniqueConstraint,
)

metadata = MetaData()

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied_at", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("manifest", Text, nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "ordinal"),
    UniqueConstraint("run_id", "id", "system", "sample"),
)

items = Table(
    "items",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "ordinal"),
    UniqueConstraint("run_id", "id"),
)

answers = Table(
    "answers",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "id", "system", "sample"),
)

judgments = Table(
    "judgments",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("judge", Text, nullable=False),
    Column("rubric", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("order", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "id", "system", "sample", "judge", "rubric", "repeat", "order"),
    Index("judgments_by_key", "key"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("serial", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "serial"),
    Index("attempts_by_key", "run_id", "key"),
)

labels = Table(
    "labels",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("rater", Text, nullable=False),
    Column("rubric", Text, nullable=False),
    Column("criterion", Text, nullable=False),
    Column("score", Float),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "id", "system", "sample", "rater", "rubric", "criterion"),
)

documents = Table(
    "documents",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "kind", "created_at"),
)
