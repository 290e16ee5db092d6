"""What is particular to PostgreSQL: one writer for each run."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select

from judge.errors import StoreError

_SPACE = 0x6376
"""Keeps our locks apart from those of other programs on the server: "cv" in ASCII."""


@contextmanager
def writer_lock(engine: Engine, run_id: int) -> Generator[None]:
    """Hold the server's lock on a run; it goes with the connection if the program dies.

    Raises
    ------
    StoreError
        If another connection holds it.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(_SPACE, run_id))):
            raise StoreError("the run is being written by another process; wait for it or stop it.")
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(_SPACE, run_id)))
