"""Which models answered in a run, counted by the database."""

import json
from collections.abc import Iterator

from sqlalchemy import JSON, cast, func, select, type_coerce

from judge.store import schema
from judge.store.records import Run
from judge.store.store import Store


def count_served(
    store: Store, run: Run, *, system: str | None = None
) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    """Count a run's judgments by judge, model that answered, and remarks.

    Parameters
    ----------
    store : Store
    run : Run
    system : str, optional
        Count those of one system alone.

    Yields
    ------
    (str, str, tuple of str, int)
        Judgments whose model is not known are left out.
    """
    table = schema.judgments
    # PostgreSQL reads the text as JSON, SQLite has functions for JSON in a text.
    as_json = cast if store.shared else type_coerce
    record = as_json(table.c.record, JSON)
    served, flags = record["served_model"].as_string(), record["flags"].as_string()
    query = (
        select(table.c.judge, served, flags, func.count())
        .where(table.c.run_id == run.run_id, served.is_not(None))
        .group_by(table.c.judge, served, flags)
    )
    if system is not None:
        query = query.where(table.c.system == system)
    with store.transaction() as connection:
        for judge, model, remarks, count in connection.execute(query):
            yield str(judge), str(model), tuple(json.loads(remarks)), int(count)
