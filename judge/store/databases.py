"""What is particular to each database: its connections, one writer for each run, durability."""

import errno
import fcntl
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError

from judge.errors import NotAStore, StoreError, StoreUnreachable

T = TypeVar("T")

_SPACE = 0x6376
"""Keeps our locks apart from those of other programs on the server: "cv" in ASCII."""


_PATIENCE = 30.0
"""Seconds that a write waits while another program writes to the same file."""


def open_file(path: Path) -> Engine:
    """Open or make a database file that only its owner can read.

    Raises
    ------
    StoreError
        If the path is a link or not a file, cannot be written, or is another program's database.
    """
    _require_ours(path)
    _prepare(path)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _configure)
    return engine


def _require_ours(path: Path) -> None:
    """Refuse the database of another program before anything in it is touched."""
    try:
        if path.is_symlink() or not path.is_file() or not path.stat().st_size:
            return
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
            names = {str(name) for (name,) in reader.execute("SELECT name FROM sqlite_master")}
    except (OSError, sqlite3.Error):
        # Not readable, or no database: the opening itself says so.
        return
    if names and "schema_version" not in names:
        raise NotAStore(
            f"{path}: a database of another program, which is left as it is; name another file "
            "with --store."
        )


def _prepare(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NotAStore(f"{path}: not a plain file; name another with --store.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        # SQLite gives its WAL and shared-memory files the mode of the database.
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); name another file with --store."
        ) from error


def _configure(connection: SQLiteConnection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    if connection.execute("PRAGMA synchronous").fetchone() != (2,):
        raise StoreError("SQLite did not accept synchronous=FULL, so a power cut could lose rows.")


IDLE = 1.0
"""Seconds of rest after which a connection to a server is tried before it is used again."""


def open_server(address: str) -> Engine:
    """Open a database on a server; a connection that was cut while it rested is replaced.

    SQLAlchemy's own way tries a connection before each transaction, which costs a busy worker as
    much again as its transactions.
    """
    engine = create_engine(address)
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", lambda *given: _try_rested(engine, *given))
    return engine


def _note_rest(_connection: object, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _try_rested(engine: Engine, connection: Any, record: Any, _proxy: object) -> None:
    since = record.info.get("rests_since")
    if since is None or time.monotonic() - since < IDLE:
        return
    try:
        answers = engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        answers = False
    if not answers:
        # The pool replaces this connection and all that are as old, and tries again.
        raise InvalidatePoolError


@contextmanager
def in_one_message(connection: Connection) -> Generator[None]:
    """Send statements to a server together; each alone wakes it, and whoever waits for it.

    Nothing may be read from them. What fails shows at the end of the context.
    """
    driver = connection.dialect.loaded_dbapi
    pipeline = getattr(connection.connection.driver_connection, "pipeline", nullcontext)
    try:
        with pipeline():
            yield
    except driver.OperationalError as error:
        raise OperationalError(None, None, error) from error
    except driver.Error as error:
        raise DBAPIError(None, None, error) from error


@contextmanager
def file_lock(path: Path) -> Generator[None]:
    """Hold a lock file, so that two programs never write the same run; it is gone afterwards.

    Raises
    ------
    StoreError
        If another process holds it; the message names that process.
    """
    descriptor = _locked(path)
    try:
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Give the descriptor of a lock file that is held and still has its name."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _lock(descriptor, path)
            os.ftruncate(descriptor, 0)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever held it took the file away between our opening and our locking it.
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EAGAIN}:
            raise StoreError(f"{path}: cannot be locked ({error.strerror}).") from error
        holder = os.pread(descriptor, 200, 0).decode(errors="replace")
        raise StoreError(
            f"the run is being written by {holder or 'another process'}; wait for it or stop it."
        ) from error


@contextmanager
def server_lock(engine: Engine, run_id: int) -> Generator[None]:
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


PATIENCE = 120.0
"""Seconds for which a server that cannot be reached is tried again."""


def patiently(ask: Callable[[], T]) -> T:
    """Ask a server, and ask again for two minutes where it cannot be reached.

    Raises
    ------
    StoreUnreachable
        If it cannot be reached for longer.
    """
    end = time.monotonic() + PATIENCE
    wait = 0.1
    while True:
        try:
            return ask()
        except StoreUnreachable:
            if time.monotonic() > end:
                raise
            time.sleep(wait)
            wait = min(5.0, wait * 2.0)
