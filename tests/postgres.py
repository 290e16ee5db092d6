"""A PostgreSQL server for tests that need one: skipped where scripts/with_postgres.sh made none."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine

ADDRESS = os.environ.get("CVALUES_TEST_POSTGRES", "")

needs_postgres = pytest.mark.skipif(
    not ADDRESS, reason="no PostgreSQL: run the tests with scripts/with_postgres.sh"
)


@contextmanager
def own_database() -> Generator[str]:
    """Make a database of a test's own; gives its address."""
    name = f"t{secrets.token_hex(6)}"
    engine = create_engine(ADDRESS, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield f"{ADDRESS.rpartition('/')[0]}/{name}"
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()
