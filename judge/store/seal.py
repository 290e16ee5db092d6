"""The seal on expert labels: parts of prompts, looks at the proof part, responses that were used.

A prompt has one part for each rubric, for good. A look is written before the first sealed label is
read, so that a program that is killed in between has still looked; the database itself refuses the
same look twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from judge.errors import ConfigError
from judge.records import Record, digest
from judge.store.schema import (
    opening_prompts,
    openings,
    partition_prompts,
    partitions,
    used_items,
)
from judge.store.store import Store

PartName = Literal["reflect", "select", "proof"]
Role = Literal["example", "tuned"]


class SealedError(ConfigError):
    """Somebody asked for what is sealed: a label of the proof part, or one look too many."""


class PlacedPrompt(Record):
    """Which part a prompt, with all wordings of it, belongs to."""

    cluster: str
    prompts: tuple[str, ...]
    """Keys of the prompts that belong together and share their part."""
    part: PartName
    stratum: str
    """What the judge of the run said of it; the parts are even over these."""
    probability: float = Field(gt=0, le=1)
    """How likely it was to fall into its part."""


class Partition(Record):
    """The parts of all labelled prompts."""

    rubric: str
    """Id; all versions and languages of a rubric share their partition."""
    seed: int
    looks: int = Field(default=1, ge=1)
    """How often the proof part may be opened; each look has an equal share of the error."""
    prompts: tuple[PlacedPrompt, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of which prompt belongs where."""
        placed = sorted((each.cluster, each.part) for each in self.prompts)
        return digest([self.rubric, self.looks, placed])

    def part_of(self) -> dict[str, PartName]:
        """Map cluster to part."""
        return {each.cluster: each.part for each in self.prompts}


class Opening(Record):
    """One look at a proof part."""

    search: str
    """Name of the run that searched."""
    rubric: str
    """Id."""
    partition: str
    """Digest of the partition."""
    prompts: tuple[str, ...]
    """Keys of the prompts that were looked at."""
    look: int = Field(ge=1)
    """1 for the first look at any of these prompts."""
    looks: int = Field(default=1, ge=1)
    """Looks that were declared before the first one."""
    alpha: float
    """Error of this look."""
    labels: str
    """Digest of the sealed labels as they were when the seal was broken."""
    candidate: str
    """What was to be proven, as JSON; a killed program goes on with the same."""
    opened_at: str = ""
    """UTC time in ISO 8601."""
    outcome: str | None = None
    """The result as JSON; None until it is known."""


class UsedItem(Record):
    """A labelled response that a rubric has seen."""

    rubric: str
    """Id of the rubric; all later versions of it have seen the response too."""
    digest: str
    """Of the first version that did."""
    version: str
    """Of it."""
    content: str
    """Digest of prompt and response, as `content_key` gives it."""
    role: Role
    """``example``: it stands in the rubric; ``tuned``: its texts were chosen by it."""


def content_key(prompt: str, response: str) -> str:
    """Digest what is judged, whatever run or file it stands in."""
    return digest([prompt, response])


def looks_at(openings: Iterable[Opening], prompts: Iterable[str]) -> int:
    """Count the looks at any of some prompts."""
    wanted = set(prompts)
    return sum(not wanted.isdisjoint(opening.prompts) for opening in openings)


class SealLedger:
    """The seal as a store keeps it.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def parts(self, rubric: str) -> Mapping[str, PartName]:
        """Give the part of every prompt that was ever placed for a rubric, by prompt key."""
        table = partition_prompts
        query = select(table.c.prompt, table.c.part).where(table.c.rubric == rubric)
        with self._store.transaction() as connection:
            return {str(prompt): part for prompt, part in connection.execute(query)}

    def place(self, partition: Partition) -> None:
        """Keep where prompts were placed; one that has a part keeps it."""
        known = self.parts(partition.rubric)
        rows = [
            {
                "rubric": partition.rubric,
                "prompt": prompt,
                "part": placed.part,
                "probability": placed.probability,
                "partition": partition.digest,
            }
            for placed in partition.prompts
            for prompt in placed.prompts
            if prompt not in known
        ]
        there = select(partitions.c.digest).where(partitions.c.digest == partition.digest)
        with self._store.transaction() as connection:
            if connection.execute(there).first() is None:
                connection.execute(
                    insert(partitions).values(
                        digest=partition.digest,
                        rubric=partition.rubric,
                        created_at=_now(),
                        record=partition.model_dump_json(),
                    )
                )
            if rows:
                connection.execute(insert(partition_prompts), rows)

    def openings(self, rubric: str) -> Sequence[Opening]:
        """List the looks at proof parts of a rubric, oldest first."""
        query = (
            select(openings.c.record)
            .where(openings.c.rubric == rubric)
            .order_by(openings.c.opened_at, openings.c.look)
        )
        with self._store.transaction() as connection:
            return [Opening.model_validate_json(body) for body in connection.scalars(query)]

    def open(self, opening: Opening) -> Opening:
        """Keep an opening, stamped with the time, before a label is read.

        Raises
        ------
        SealedError
            If this look at any of the prompts was taken already, by whatever program.
        """
        stamped = opening.model_copy(update={"opened_at": _now()})
        looked = [
            {"rubric": opening.rubric, "prompt": prompt, "look": opening.look}
            for prompt in opening.prompts
        ]
        with self._store.transaction() as connection:
            try:
                connection.execute(insert(opening_prompts), looked)
            except IntegrityError as error:
                raise SealedError(
                    f"look {opening.look} at the proof part was taken by another program."
                ) from error
            connection.execute(insert(openings).values(_row(stamped)))
        return stamped

    def close(self, opening: Opening, outcome: str) -> None:
        """Keep what an opening came to."""
        closed = opening.model_copy(update={"outcome": outcome})
        with self._store.transaction() as connection:
            connection.execute(
                update(openings)
                .where(openings.c.search == opening.search)
                .where(openings.c.rubric == opening.rubric)
                .where(openings.c.opened_at == opening.opened_at)
                .values(record=closed.model_dump_json())
            )

    def register(self, items: Iterable[UsedItem]) -> None:
        """Keep which responses a rubric has seen; twice is once."""
        rows = [{**item.model_dump(), "registered_at": _now()} for item in items]
        with self._store.transaction() as connection:
            known = {
                (str(rubric), str(content), str(role))
                for rubric, content, role in connection.execute(
                    select(used_items.c.rubric, used_items.c.content, used_items.c.role)
                )
            }
            new = [row for row in rows if (row["rubric"], row["content"], row["role"]) not in known]
            if new:
                connection.execute(insert(used_items), new)

    def used(self, rubric: str) -> tuple[UsedItem, ...]:
        """List the responses that a rubric has seen."""
        table = used_items
        columns = (table.c[name] for name in UsedItem.model_fields)
        query = select(*columns).where(table.c.rubric == rubric)
        with self._store.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(UsedItem.model_validate(dict(row)) for row in rows)


def _row(opening: Opening) -> dict[str, object]:
    return {
        "search": opening.search,
        "rubric": opening.rubric,
        "look": opening.look,
        "opened_at": opening.opened_at,
        "record": opening.model_dump_json(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
