"""The units of a part of a run's file, and what of them is still to be asked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, Connection, Text, bindparam, exists, func, select, true

from judge.conversation import together
from judge.records import Generation, Item
from judge.store import rows, schema
from judge.store.records import Run

if TYPE_CHECKING:
    from judge.store.store import Store


def units_between(store: "Store", run: Run, span: tuple[int, int]) -> tuple[Generation | Item, ...]:
    """Give the units of a run between two places in the file, both ends included.

    For a run of pairs these are all responses to the prompts that stand there first, so that no
    pair is cut in two.
    """
    with store.transaction() as connection:
        return _units_between(connection, run, span)


def open_units(
    store: "Store", run: Run, spans: Iterable[tuple[int, int]]
) -> list[tuple[tuple[Generation | Item, ...], set[tuple[str, ...]]]]:
    """Give the units of several spans of a run, each with the slots that need no further call.

    On PostgreSQL only.

    Parameters
    ----------
    store : Store
    run : Run
    spans : iterable of (int, int)
        The first and the last place in the file, as for `units_between`.
    """
    with store.transaction() as connection:
        found = [_units_between(connection, run, span) for span in spans]
        return [(units, _settled_of(connection, run, units)) for units in found]


def _units_between(
    connection: Connection, run: Run, span: tuple[int, int]
) -> tuple[Generation | Item, ...]:
    generates = run.manifest.kind == "generate"
    table = schema.items if generates else schema.generations
    of_run, here = table.c.run_id == run.run_id, table.c.ordinal.between(*span)
    query = select(table.c.record).where(of_run).order_by(table.c.ordinal)
    if run.manifest.kind == "pairwise":
        earlier = table.alias()
        before = exists().where(
            earlier.c.run_id == run.run_id,
            earlier.c.id == table.c.id,
            earlier.c.ordinal < span[0],
        )
        query = query.where(table.c.id.in_(select(table.c.id).where(of_run, here, ~before)))
    else:
        query = query.where(here)
    records = connection.scalars(query).all()
    if generates:
        return tuple(map(Item.model_validate_json, records))
    found = [Generation.model_validate_json(record) for record in records]
    cut = bool(found) and found[0].session is not None and not found[0].messages
    held = rows.conversation_before(connection, run, span[0]) if cut else None
    return tuple(together(found, held))


def _settled_of(
    connection: Connection, run: Run, units: Iterable[Generation | Item]
) -> set[tuple[str, ...]]:
    """Look for each prompt by itself: a server that knows nothing of the table yet reads all else.

    The offset keeps the server from making one join of it, by the same guess.
    """
    table, slot = rows.made(run)
    ids = sorted({unit.id for unit in units})
    wanted = select(func.unnest(bindparam("ids", ids, ARRAY(Text))).label("id")).subquery()
    found = (
        select(table)
        .where(table.c.run_id == run.run_id, table.c.id == wanted.c.id)
        .offset(0)
        .lateral()
    )
    query = (
        select(*(found.c[name] for name in slot))
        .select_from(wanted.join(found, true()))
        .where(~rows.unsettled(found))
    )
    return {tuple(str(part) for part in row) for row in connection.execute(query)}
