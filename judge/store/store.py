"""The store: records in, records out, over SQLAlchemy Core on any of its databases."""

import weakref
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from judge.conversation import together
from judge.errors import ConfigError, NotAStore, StoreError, StoreUnreachable
from judge.manifest import Manifest
from judge.records import Answer, Attempt, Generation, Item, Judgment
from judge.store import rows, schema
from judge.store.databases import file_lock, open_file, open_server, server_lock
from judge.store.records import Label, Run, Write

Read = TypeVar("Read")

KNOWN = (
    *("sqlite://", "sqlite+pysqlite://", "postgresql://"),
    *("postgresql+psycopg://", "postgresql+psycopg2://"),
)
"""How the address of a store on a server, or in memory, may begin."""


def open_store(address: str) -> "Store":
    """Open a store, making it or bringing it to the latest layout where needed.

    Parameters
    ----------
    address : str
        A SQLAlchemy URL such as ``postgresql+psycopg://host/name``, or the path of a SQLite file.

    Raises
    ------
    ConfigError
        If it is no kind of store that is known, or its driver is not installed.
    StoreUnreachable
        If its server does not answer, or refuses.
    StoreError
        If it cannot be opened.
    """
    if address == ":memory:":
        raise ConfigError("a store in memory is gone with the program; name a file with --store.")
    path = None if "://" in address else Path(address)
    if path is None and not address.startswith(KNOWN):
        raise ConfigError(
            f"no store can be kept at {address.partition('://')[0]}://; name a SQLite file, or a "
            "server as postgresql+psycopg://host/name."
        )
    try:
        engine = open_server(address) if path is None else open_file(path)
        store = Store(engine, path)
        schema.migrate(engine, now=_now())
    except ImportError as error:
        raise ConfigError(
            f"the driver {error.name} is not installed; write postgresql+psycopg:// and "
            "pip install 'cvalues[postgres]'."
        ) from error
    except SQLAlchemyError as error:
        if path is not None and isinstance(error, OperationalError):
            raise StoreError(
                f"{path}: cannot be opened ({error.orig}); see whether the disk has room and the "
                "folder can be written, or name another file with --store."
            ) from error
        if path is None and isinstance(error, OperationalError):
            raise StoreUnreachable(
                "the server of the store does not answer, or refuses; check its address and "
                "account, or name another with --store."
            ) from error
        raise NotAStore(
            f"{path or 'the store'}: not a store of cvalues, or damaged "
            f"({type(error).__name__}); name another with --store."
        ) from error
    return store


class Store:
    """Runs and what belongs to them. Reads stream; writes are one transaction each."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self._engine = engine
        self._path = path
        # Whoever forgets to close the store still leaves no connection open behind it.
        weakref.finalize(self, engine.dispose)

    @property
    def place(self) -> str:
        """Where the store is, without a password."""
        return str(self._path) if self._path else self._engine.url.render_as_string()

    @property
    def shared(self) -> bool:
        """Whether several programs may work on one run at the same time: PostgreSQL only."""
        return self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()

    def writer(self, run: Run) -> AbstractContextManager[None]:
        """Keep every other process from writing to the run while the context lasts."""
        if self._path is None:
            on_server = self._engine.dialect.name == "postgresql"
            return server_lock(self._engine, run.run_id) if on_server else nullcontext()
        return file_lock(self._path.with_name(f"{self._path.name}.run-{run.run_id}.lock"))

    def runs(self) -> tuple[Run, ...]:
        """List all runs, oldest first."""
        with self._reading(), self._engine.connect() as connection:
            found = connection.execute(
                select(schema.runs).order_by(schema.runs.c.run_id)
            ).mappings()
            return tuple(rows.read_run(row) for row in found)

    def find_run(self, name: str) -> Run | None:
        """Return the run of that name, or None."""
        return next((run for run in self.runs() if run.name == name), None)

    def create_run(
        self,
        name: str,
        manifest: Manifest,
        *,
        generations: Iterable[Generation] = (),
        items: Iterable[Item] = (),
        documents: Mapping[str, str] | None = None,
    ) -> Run:
        """Keep a new run with all that belongs to it, or nothing.

        Raises
        ------
        StoreError
            If the name is taken, or the database fails.
        """
        created_at = _now()
        with self.transaction() as connection:
            run_id = connection.execute(
                insert(schema.runs)
                .values(name=name, created_at=created_at, manifest=manifest.model_dump_json())
                .returning(schema.runs.c.run_id)
            ).scalar_one()
            rows.insert_numbered(connection, run_id, schema.generations, records=generations)
            rows.insert_numbered(connection, run_id, schema.items, records=items)
            for kind, body in (documents or {}).items():
                rows.insert_document(connection, run_id, kind=kind, body=body, now=created_at)
        return Run(run_id=run_id, name=name, created_at=created_at, manifest=manifest)

    def generations(self, run: Run, *, system: str | None = None) -> Iterator[Generation]:
        """Stream the generations of a run that judges, or one system's, as the file has them."""
        read = Generation.model_validate_json
        return together(self._pages(run, schema.generations, read, system=system))

    def texts_of(self, run: Run, ids: Collection[str]) -> Iterator[Generation]:
        """Stream the generations of some prompts; those of a conversation without its messages."""
        return self._of_prompts(run, schema.generations, ids, read=Generation.model_validate_json)

    def generations_of(self, run: Run, ids: Collection[str]) -> Iterator[Generation]:
        """Stream the generations of some prompts, those of one in the order of the file."""
        for each in self.texts_of(run, ids):
            yield each if each.messages or each.session is None else self._with_messages(run, each)

    def judgments_of(self, run: Run, ids: Collection[str]) -> Iterator[Judgment]:
        """Stream the judgments of some prompts, those of one in the order of their units."""
        return self._of_prompts(run, schema.judgments, ids, read=Judgment.model_validate_json)

    def systems(self, run: Run) -> tuple[str, ...]:
        """List the systems of a run that judges, in the order in which the file names them."""
        table = schema.generations
        query = (
            select(table.c.system)
            .where(table.c.run_id == run.run_id)
            .group_by(table.c.system)
            .order_by(func.min(table.c.ordinal))
        )
        with self._reading(), self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def places(self, run: Run, *, system: str) -> Iterator[int]:
        """Stream the places in the file, from 0, of the generations of one system."""
        table = schema.generations
        query = (
            select(table.c.ordinal)
            .where(table.c.run_id == run.run_id, table.c.system == system)
            .order_by(table.c.ordinal)
        )
        with (
            self._reading(),
            self._engine.connect().execution_options(yield_per=rows.PAGE) as connection,
        ):
            yield from connection.scalars(query)

    def items(self, run: Run) -> Iterator[Item]:
        """Stream all prompts of a run that generates, in the order of the file."""
        return self._pages(run, schema.items, Item.model_validate_json)

    def answers(self, run: Run) -> Iterator[Answer]:
        """Stream all answers of a run that generates, in the order of their units."""
        return self._ordered(run, schema.answers, Answer.model_validate_json)

    def judgments(self, run: Run, *, system: str | None = None) -> Iterator[Judgment]:
        """Stream the judgments of a run, or of one system, in the order of their units."""
        return self._ordered(run, schema.judgments, Judgment.model_validate_json, system=system)

    def placed_judgments(
        self, run: Run, *, system: str | None = None, among: Run | None = None
    ) -> Iterator[tuple[int | None, Judgment]]:
        """Stream the judgments of a run, each after its response's place in the file, from 0.

        The database finds the place, so that nobody has to hold an index of all responses.

        Parameters
        ----------
        run : Run
        system : str, optional
            Give those of one system alone.
        among : Run, optional
            A run of the same store in whose file the place is; else the run itself. The place of
            what is not in that file is None.
        """
        said, units = schema.judgments, schema.generations
        same = [said.c[name] == units.c[name] for name in rows.UNIT]
        query = (
            select(units.c.ordinal, said.c.record)
            .select_from(
                said.outerjoin(units, and_(units.c.run_id == (among or run).run_id, *same))
            )
            .where(said.c.run_id == run.run_id)
            .order_by(*said.primary_key.columns)
        )
        if system is not None:
            query = query.where(said.c.system == system)
        with (
            self._reading(),
            self._engine.connect().execution_options(yield_per=rows.PAGE) as connection,
        ):
            for place, record in connection.execute(query):
                yield place, Judgment.model_validate_json(record)

    def count_units(self, run: Run, *, system: str | None = None) -> int:
        """Count the generations that a run judges, or one system's, or the prompts that it asks."""
        table = schema.items if run.manifest.kind == "generate" else schema.generations
        query = select(func.count()).select_from(table).where(table.c.run_id == run.run_id)
        if system is not None:
            query = query.where(schema.generations.c.system == system)
        with self.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def attempts(self, run: Run) -> Iterator[Attempt]:
        """Stream all calls of a run, in the order in which they were begun."""
        return self._ordered(run, schema.attempts, Attempt.model_validate_json)

    def labels(self, run: Run) -> Iterator[Label]:
        """Stream all expert labels of a run."""
        return self._ordered(run, schema.labels, Label.model_validate_json)

    def outcomes(self, run: Run) -> dict[str, int]:
        """Count what a run has made by outcome."""
        table, _ = rows.made(run)
        query = (
            select(table.c.outcome, func.count())
            .where(table.c.run_id == run.run_id)
            .group_by(table.c.outcome)
        )
        with self._engine.connect() as connection:
            return {str(outcome): int(count) for outcome, count in connection.execute(query)}

    def settled(self, run: Run) -> Iterator[tuple[str, ...]]:
        """Stream the slots that need no further call.

        Errors of the infrastructure and items that the user stopped before are not settled:
        a resumed run asks them again.
        """
        table, slot = rows.made(run)
        query = (
            select(*(table.c[name] for name in slot))
            .where(table.c.run_id == run.run_id)
            .where(~rows.unsettled(table))
        )
        with self._engine.connect().execution_options(yield_per=rows.PAGE) as connection:
            for row in connection.execute(query):
                yield tuple(str(part) for part in row)

    def known(self, run: Run, keys: Sequence[str]) -> dict[str, Judgment]:
        """Find what judges said to the same questions in other runs, by content key.

        Only what a judge answered counts, with a score or without; of several the oldest.
        """
        table = schema.judgments
        query = (
            select(table.c.key, table.c.record)
            .where(table.c.key.in_(keys), table.c.run_id != run.run_id)
            .where((table.c.outcome == "ok") | table.c.outcome.startswith("unscored."))
            .where(~rows.unsettled(table))
            .order_by(table.c.run_id.desc())
        )
        with self._engine.connect() as connection:
            rows_ = connection.execute(query).all()
        oldest = {str(key): record for key, record in rows_}
        return {key: Judgment.model_validate_json(record) for key, record in oldest.items()}

    def spent(self, run: Run) -> tuple[int, float]:
        """Count the calls begun so far, and sum their known costs in US dollars."""
        table = schema.attempts
        query = select(func.count(), func.coalesce(func.sum(table.c.cost_usd), 0.0)).where(
            table.c.run_id == run.run_id
        )
        with self._engine.connect() as connection:
            calls, cost = connection.execute(query).one()
            return int(calls), float(cost)

    def last_serial(self, run: Run) -> int:
        """Give the highest serial number among the attempts of a run, 0 when there is none."""
        table = schema.attempts
        query = select(func.coalesce(func.max(table.c.serial), 0)).where(
            table.c.run_id == run.run_id
        )
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def write(self, run: Run, writes: Sequence[Write]) -> None:
        """Keep a group of writes in one transaction.

        Raises
        ------
        StoreError
            If the database fails; then none of the group was kept.
        """
        with self.transaction() as connection:
            rows.keep(connection, run, writes)

    def add_labels(self, run: Run, labels: Iterable[Label]) -> int:
        """Keep expert labels, all or none.

        Raises
        ------
        StoreError
            If one of them is there already.
        """
        added = [rows.label_row(run, label) for label in labels]
        with self.transaction() as connection:
            if added:
                connection.execute(insert(schema.labels), added)
        return len(added)

    def add_document(self, run: Run, kind: str, body: str) -> None:
        """Keep a JSON text that belongs to a run, such as a passport or a drawn sample."""
        with self.transaction() as connection:
            last = connection.execute(_latest(run, kind, schema.documents.c.created_at)).scalar()
            rows.insert_document(connection, run.run_id, kind=kind, body=body, now=_now(after=last))

    def latest_document(self, run: Run, kind: str) -> str | None:
        """Return the newest JSON text of a kind, or None."""
        with self._engine.connect() as connection:
            return connection.execute(_latest(run, kind, schema.documents.c.body)).scalar()

    def documents(self, run: Run, kind: str) -> tuple[str, ...]:
        """List all JSON texts of a kind, oldest first."""
        return tuple(body for _, body in self.dated_documents(run, kind))

    def dated_documents(self, run: Run, kind: str) -> tuple[tuple[str, str], ...]:
        """List all JSON texts of a kind with the time of each, oldest first."""
        table = schema.documents
        query = (
            select(table.c.created_at, table.c.body)
            .where(table.c.run_id == run.run_id, table.c.kind == kind)
            .order_by(table.c.created_at)
        )
        with self._engine.connect() as connection:
            return tuple((str(at), str(body)) for at, body in connection.execute(query))

    def every_document(self, run: Run) -> tuple[tuple[str, str], ...]:
        """List all JSON texts that belong to a run, each after its kind."""
        table = schema.documents
        query = select(table.c.kind, table.c.body).where(table.c.run_id == run.run_id)
        with self._engine.connect() as connection:
            return tuple((str(kind), str(body)) for kind, body in connection.execute(query))

    def transaction(self) -> "AbstractContextManager[Connection]":
        """Begin a transaction; a failure of the database raises StoreError and keeps nothing."""
        return _Transaction(self._engine, self.place)

    def _pages(
        self, run: Run, table: Table, read: Callable[[str], Read], *, system: str | None = None
    ) -> Iterator[Read]:
        """Read a page at a time, each in a transaction of its own.

        One that stayed open for a whole run would keep SQLite from folding its log into the
        database.
        """
        after = -1
        while True:
            query = (
                select(table.c.ordinal, table.c.record)
                .where(table.c.run_id == run.run_id, table.c.ordinal > after)
                .order_by(table.c.ordinal)
                .limit(rows.PAGE)
            )
            if system is not None:
                query = query.where(table.c.system == system)
            with self._reading():
                with self._engine.connect() as connection:
                    page = connection.execute(query).all()
                found = [read(record) for _, record in page]
            yield from found
            if not page:
                return
            after = page[-1][0]

    def _of_prompts(
        self, run: Run, table: Table, ids: Collection[str], *, read: Callable[[str], Read]
    ) -> Iterator[Read]:
        wanted = sorted(ids)
        for start in range(0, len(wanted), rows.PAGE):
            query = (
                select(table.c.record)
                .where(table.c.run_id == run.run_id)
                .where(table.c.id.in_(wanted[start : start + rows.PAGE]))
                .order_by(*table.primary_key.columns)
            )
            with self._reading(), self._engine.connect() as connection:
                found = [read(each) for each in connection.scalars(query)]
            yield from found

    def _with_messages(self, run: Run, unit: Generation) -> Generation:
        """Give a unit the messages that the store keeps with the first of its conversation."""
        table = schema.generations
        place = select(table.c.ordinal).where(
            table.c.run_id == run.run_id,
            *(table.c[name] == getattr(unit, name) for name in rows.UNIT),
        )
        with self._reading(), self._engine.connect() as connection:
            before = connection.execute(place).scalar_one()
            held = rows.conversation_before(connection, run, before)
        return next(together((unit,), held))

    def _ordered(
        self, run: Run, table: Table, read: Callable[[str], Read], *, system: str | None = None
    ) -> Iterator[Read]:
        query = (
            select(table.c.record)
            .where(table.c.run_id == run.run_id)
            .order_by(*table.primary_key.columns)
        )
        if system is not None:
            query = query.where(table.c.system == system)
        with (
            self._reading(),
            self._engine.connect().execution_options(yield_per=rows.PAGE) as connection,
        ):
            for (record,) in connection.execute(query):
                yield read(record)

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Name the store where what it holds cannot be read."""
        try:
            yield
        except OperationalError:
            # Locked, or out of reach for the moment: whoever reads may wait.
            raise
        except (DatabaseError, ValidationError) as error:
            raise StoreError(
                f"{self.place}: damaged, a record cannot be read ({type(error).__name__}); restore "
                "a copy of it, or name another with --store."
            ) from error


class _Transaction:
    """A transaction whose database errors become ours, without SQL or values in the message."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._context = engine.begin()
        self._place = place

    def __enter__(self) -> Connection:
        try:
            return self._context.__enter__()
        except SQLAlchemyError as error:
            raise self._translated(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            self._context.__exit__(kind, error, trace)  # pyright: ignore[reportArgumentType] - passed through
        except SQLAlchemyError as failure:
            raise self._translated(failure) from failure
        if isinstance(error, SQLAlchemyError):
            raise self._translated(error) from error

    def _translated(self, error: SQLAlchemyError) -> StoreError:
        if getattr(error, "connection_invalidated", False) or _unreachable(error):
            return StoreUnreachable(f"{self._place}: the server of the store does not answer.")
        cause = getattr(error, "orig", None) or type(error).__name__
        return StoreError(f"{self._place}: the database refused the write ({cause}).")


def _unreachable(error: SQLAlchemyError) -> bool:
    """Tell a server that cannot be reached from a database that refuses."""
    return type(getattr(error, "orig", None)).__module__.startswith("psycopg") and isinstance(
        error, OperationalError
    )


def _latest(run: Run, kind: str, column: Column[str]) -> Select[str]:
    table = schema.documents
    return (
        select(column)
        .where(table.c.run_id == run.run_id, table.c.kind == kind)
        .order_by(table.c.created_at.desc())
        .limit(1)
    )


def _now(*, after: str | None = None) -> str:
    """Give the time; always later than a given one, even where the clock has been put back."""
    moment = datetime.now(UTC)
    if after is not None:
        moment = max(moment, datetime.fromisoformat(after) + timedelta(microseconds=1))
    return moment.isoformat(timespec="microseconds")
