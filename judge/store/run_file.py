"""One run as a file of its own, to be kept beside a release and compared with later ones."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select

from judge.errors import ConfigError
from judge.store import rows, schema
from judge.store.records import Run
from judge.store.store import Store, open_store

_BELONGING = (
    schema.generations,
    schema.items,
    schema.answers,
    schema.judgments,
    schema.attempts,
    schema.labels,
    schema.documents,
)
"""The tables whose rows belong to a run."""


def write_run(store: Store, run: Run, path: Path) -> int:
    """Write a run with its responses, verdicts, calls, labels and documents as a store of its own.

    Parameters
    ----------
    store : Store
    run : Run
    path : Path
        A SQLite file, replaced only when everything has been written.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ConfigError
        If the file cannot stand there.
    StoreError
        If a database fails.
    """
    taken = path.exists() and not path.is_file()
    if path.is_symlink() or taken or not path.parent.is_dir():
        raise ConfigError(f"{path}: no ordinary file can stand there; name another with --out.")
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        copy = open_store(str(beside))
        with store.transaction() as source, copy.transaction() as target:
            count = _copy(source, target, run)
        copy.close()
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    return count


def _copy(source: Connection, target: Connection, run: Run) -> int:
    values = {"name": run.name, "created_at": run.created_at}
    run_id = target.execute(
        insert(schema.runs)
        .values(**values, manifest=run.manifest.model_dump_json())
        .returning(schema.runs.c.run_id)
    ).scalar_one()
    count = 0
    for table in _BELONGING:
        for page in _pages(source, table, run):
            target.execute(insert(table), [{**row, "run_id": run_id} for row in page])
            count += len(page)
    return count


def _pages(source: Connection, table: Table, run: Run) -> Iterator[list[Mapping[str, object]]]:
    found = source.execution_options(yield_per=rows.PAGE).execute(
        select(table).where(table.c.run_id == run.run_id)
    )
    for page in found.mappings().partitions():
        yield [{str(name): value for name, value in row.items()} for row in page]
