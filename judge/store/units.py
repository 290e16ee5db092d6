"""Single generations of a run, read by their unit; the store itself streams them in order."""

from collections.abc import Iterable

from sqlalchemy import select

from judge.records import Generation
from judge.store import tables
from judge.store.annotation_base import Unit
from judge.store.desk import Desk


def generations_of(desk: Desk, units: Iterable[Unit]) -> tuple[Generation, ...]:
    """Read generations in the order of the units; one that the run lacks is left out."""
    table = tables.generations
    found: list[Generation] = []
    with desk.reading() as connection:
        for id_, system, sample in units:
            record = connection.execute(
                select(table.c.record).where(
                    table.c.run_id == desk.run.run_id,
                    table.c.id == id_,
                    table.c.system == system,
                    table.c.sample == sample,
                )
            ).scalar_one_or_none()
            if record is not None:
                found.append(Generation.model_validate_json(str(record)))
    return tuple(found)
