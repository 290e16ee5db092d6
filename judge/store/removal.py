"""Remove a run from a store, whole or not at all."""

from typing import Final

from sqlalchemy import delete

from judge.store import schema
from judge.store.records import Run
from judge.store.store import Store

_GROUPS: Final = (schema.metadata, schema.room, schema.batches, schema.leases)
"""Tables whose rows belong to one run. What a seal wrote down belongs to prompts, and stays."""


def delete_run(store: Store, run: Run) -> int:
    """Delete a run with its responses, verdicts, calls, labels, documents and room.

    Openings of sealed labels are kept, so deleting a run opens nothing a second time.

    Parameters
    ----------
    store : Store
    run : Run

    Returns
    -------
    int
        Rows deleted.

    Raises
    ------
    StoreError
        If another program writes to the run, or the database fails.
    """
    tables = [
        table
        for group in _GROUPS
        for table in reversed(group.sorted_tables)
        if "run_id" in table.c and table is not schema.runs
    ]
    with store.writer(run), store.transaction() as connection:
        gone = 0
        for table in (*tables, schema.runs):
            done = connection.execute(delete(table).where(table.c.run_id == run.run_id))
            gone += done.rowcount
    return gone
