"""Numbered changes of the layout, each applied once, in one transaction with its own record."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, inspect, select

from judge.errors import StoreError
from judge.store import annotation_tables, tables


def _create_everything(connection: Connection) -> None:
    tables.metadata.create_all(connection)


def _add_the_experts_room(connection: Connection) -> None:
    annotation_tables.metadata.create_all(connection)


MIGRATIONS: tuple[tuple[int, Callable[[Connection], None]], ...] = (
    (1, _create_everything),
    (2, _add_the_experts_room),
)
LATEST = MIGRATIONS[-1][0]


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
    present = _version(engine)
    if present > LATEST:
        raise StoreError(
            f"the store has layout {present}, this version knows {LATEST}; install a newer cvalues."
        )
    for number, change in MIGRATIONS[present:]:
        with engine.begin() as connection:
            change(connection)
            connection.execute(
                tables.schema_version.insert().values(
                    version=number, name=change.__name__.strip("_"), applied_at=now
                )
            )


def _version(engine: Engine) -> int:
    if not inspect(engine).has_table(tables.schema_version.name):
        return 0
    with engine.connect() as connection:
        versions = connection.execute(select(tables.schema_version.c.version)).scalars()
        return max(versions, default=0)
