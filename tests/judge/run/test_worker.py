import asyncio
import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import create_engine, text

from judge.cli.workers import opened_patiently
from judge.errors import ConfigError, StoreError, StoreUnreachable
from judge.events import LOG
from judge.grading.pointwise import edition_of
from judge.manifest import Manifest, Source
from judge.models import open_model
from judge.models.limits import Price
from judge.records import Attempt, Candidate, Generation, Item, Judge
from judge.run.launchers import LocalLauncher, worker_command
from judge.run.plan import GeneratingPlan, JudgingPlan, plan_of_run
from judge.run.run import Plan, Settings, begin, counts
from judge.run.worker import LeasedRun, carry_out_leased, open_for_workers, settings_of
from judge.simulated.server import Running, SimulatedServer, serve, simulated_server
from judge.store import databases
from judge.store.leases import Leases
from judge.store.records import AttemptStarted, Run
from judge.store.store import Store, open_store
from tests.postgres import needs_postgres, own_database

MANIFEST = Manifest(source=Source(name="r.jsonl", sha256="0" * 64, rows=3), planned=3)
SETTINGS = Settings(concurrency=8, recall=False)


@pytest.fixture
def address() -> Generator[str]:
    with own_database() as made:
        yield made


def plan(server: SimulatedServer | Running, count: int, *, pairwise: bool = False) -> JudgingPlan:
    systems = ("a", "b") if pairwise else ("a",)
    units = [
        Generation(id=f"p{n}", prompt=f"问题 {n}", response=f"{system} 答 {n}", system=system)
        for system in systems
        for n in range(count)
    ]
    return JudgingPlan(
        source=Source(name="r.jsonl", sha256="0" * 64, rows=len(units)),
        read=lambda: iter(units),
        editions=(edition_of("refusal"),),
        judges=(Judge(model="openai/sim", base_url=server.base_url),),
        pairwise=pairwise,
    )


async def work(
    store: Store, run: Run, todo: Plan, settings: Settings = SETTINGS, *, lease: float = 5.0
) -> tuple[str | None, int]:
    made: list[object] = []
    limit = await carry_out_leased(
        LeasedRun(
            store=store,
            run=run,
            models={model.name: open_model(model).model for model in todo.asked},
            settings=settings,
            stop=asyncio.Event(),
            seen=made.append,
            leases=Leases(store, run, seconds=lease),
        )
    )
    return limit, len(made)


@needs_postgres
async def test_several_workers_share_a_run_and_ask_nothing_twice(address: str) -> None:
    store = open_store(address)
    async with serve({"latency": {"fixed": 0.01}}) as server:
        todo = plan(server, 200)
        run, _ = begin(store, "shared", todo)
        stores = [open_store(address) for _ in range(3)]
        shares = await asyncio.gather(*(work(each, run, todo) for each in stores))
        assert server.hits.total == 200
    assert counts(store, run).scored == 200
    assert sum(count for _, count in shares) == 200
    assert all(count > 0 for _, count in shares)
    assert store.spent(run)[0] == 200


@needs_postgres
async def test_a_run_of_pairs_cuts_no_pair_in_two(address: str) -> None:
    store = open_store(address)
    async with serve() as server:
        todo = plan(server, 45, pairwise=True)
        run, _ = begin(store, "pairs", todo)
        await asyncio.gather(*(work(store, run, todo) for _ in range(2)))
    assert counts(store, run).scored == 90


@needs_postgres
async def test_a_run_that_generates_is_shared_under_the_name_of_its_system(address: str) -> None:
    store = open_store(address)
    async with serve() as server:
        items = [Item(id=f"p{n}", prompt=f"问题 {n}") for n in range(50)]
        candidate = Candidate(model="openai/m", base_url=server.base_url)
        todo = GeneratingPlan(
            source=Source(name="p", sha256="0" * 64, rows=50),
            read=lambda: iter(items),
            candidate=candidate,
            system="release-2",
            samples=2,
        )
        run, _ = begin(store, "answers", todo)
        await work(store, run, todo)
    assert counts(store, run).scored == 100
    assert {answer.system for answer in store.answers(run)} == {"release-2"}


@needs_postgres
async def test_the_limit_of_calls_holds_for_all_workers_together(address: str) -> None:
    store = open_store(address)
    settings = Settings(concurrency=8, recall=False, max_calls=100)
    async with serve({"latency": {"fixed": 0.005}}) as server:
        todo = plan(server, 400)
        run, _ = begin(store, "limited", todo)
        stores = [open_store(address) for _ in range(3)]
        ends = await asyncio.gather(*(work(each, run, todo, settings) for each in stores))
        assert server.hits.total == 100
    assert {limit for limit, _ in ends} == {"the limit of 100 calls is reached"}


@needs_postgres
def test_a_shared_rate_makes_up_for_a_second_and_then_keeps_its_pace(address: str) -> None:
    store = open_store(address)
    run = store.create_run("paced", MANIFEST)
    workers = [Leases(store, run) for _ in range(2)]

    # 3,000 a minute are 50 a second; the first second's worth was saved up.
    waits = [
        workers[number % 2].pace("openai", "requests", units=50, per_minute=3000.0)
        for number in range(4)
    ]

    assert waits == pytest.approx([-1.0, 0.0, 1.0, 2.0], abs=0.5)


@needs_postgres
async def test_the_budget_holds_for_all_workers_together(address: str) -> None:
    store = open_store(address)
    price = {"openai/sim": Price(prompt=1e-5, completion=1e-5)}
    settings = Settings(concurrency=4, recall=False, budget_usd=0.5, prices=price)
    async with serve() as server:
        todo = plan(server, 400)
        run, _ = begin(store, "budget", todo)
        stores = [open_store(address) for _ in range(2)]
        ends = await asyncio.gather(*(work(each, run, todo, settings) for each in stores))
    calls, usd = store.spent(run)
    assert 0 < calls < 400
    assert 0.45 <= usd <= 0.51
    assert {limit for limit, _ in ends} == {"the limit of 0.5 US dollars is reached"}


@needs_postgres
async def test_what_failed_is_asked_again_in_the_next_sitting(address: str) -> None:
    store = open_store(address)
    once = Settings(concurrency=8, recall=False, max_attempts=1)
    async with serve({"faults": [{"mode": "http_500", "share": 0.3, "attempts": 1}]}) as server:
        todo = plan(server, 40)
        run, _ = begin(store, "again", todo)
        await work(store, run, todo, once)
        failed = counts(store, run).error
        assert failed > 0
        assert (await work(store, run, todo, once))[1] >= failed
    assert counts(store, run).scored == 40


@needs_postgres
def test_a_worker_needs_nothing_but_the_store_and_the_name(address: str) -> None:
    store = open_store(address)

    async def made() -> None:
        async with serve() as server:
            todo = plan(server, 3)
            run, _ = begin(store, "bare", todo)
            again = plan_of_run(store, run)
            assert [task.key for task in again.tasks()] == [task.key for task in todo.tasks()]
            leases = Leases(store, run)
            with pytest.raises(ConfigError, match="not open for workers"):
                settings_of(leases, run)
            await work(store, run, todo, Settings(concurrency=3, deadline=7.5))
            kept = settings_of(leases, run)
            assert (kept.concurrency, kept.deadline) == (3, 7.5)

    asyncio.run(made())


@needs_postgres
def test_a_worker_that_starts_before_its_store_waits_for_it(address: str) -> None:
    later = f"{address}_later"
    with pytest.raises(StoreUnreachable):
        open_store(later)

    with ThreadPoolExecutor() as pool:
        opened = pool.submit(_place_of, later)
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {later.rpartition('/')[2]}")
            place = opened.result()
            connection.exec_driver_sql(f"DROP DATABASE {later.rpartition('/')[2]} WITH (FORCE)")
        engine.dispose()

    assert place.endswith("_later")


def _place_of(address: str) -> str:
    with opened_patiently(address) as store:
        return store.place


def test_a_store_in_a_file_refuses_several_workers_with_a_way_out(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "s.db"))

    async def refused() -> None:
        async with serve() as server:
            run, _ = begin(store, "one", plan(server, 1))
        with pytest.raises(ConfigError, match="PostgreSQL"):
            Leases(store, run)

    asyncio.run(refused())


@needs_postgres
async def test_a_lease_that_another_worker_took_is_an_event(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="cvalues.events")
    store = open_store(address)
    async with serve({"latency": {"fixed": 0.01}}) as server:
        todo = plan(server, 60)
        run, _ = begin(store, "taken", todo)
        taking = asyncio.create_task(asyncio.to_thread(_take_over, address))
        await work(store, run, todo, lease=1.0)
        await taking

    told = [record.__dict__["event"] for record in caplog.records if record.name == LOG.name]
    assert told[0] == "worker_joined"
    assert {"worker_claimed", "lease_lost"} <= set(told)
    assert told[-1] == "worker_left"
    assert counts(store, run).scored == 60


@needs_postgres
def test_a_group_that_the_server_refuses_is_told_and_none_of_it_is_kept(address: str) -> None:
    store = open_store(address)
    run = store.create_run("refused", MANIFEST)
    leases = Leases(store, run)
    attempt = Attempt(key="k", number=1, transport="direct", rung="prompt")
    fits, too_large = (
        AttemptStarted(serial=serial, started_at="", attempt=attempt) for serial in (1, 2**40)
    )

    with pytest.raises(StoreError, match="out of range"):
        leases.keep([(-1, fits), (-1, too_large)])

    assert list(store.attempts(run)) == []
    assert leases.keep([(-1, fits)]) == set()
    assert list(store.attempts(run)) == [attempt]


@needs_postgres
def test_a_connection_that_was_cut_while_it_rested_is_replaced(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "IDLE", 0.0)
    store, other = open_store(address), create_engine(address)
    store.create_run("cut", MANIFEST)
    with other.begin() as connection:
        cut = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    other.dispose()

    assert cut
    assert [run.name for run in store.runs()] == ["cut"]


@needs_postgres
def test_the_password_of_the_store_is_on_no_command_line(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with_password = address.replace("cvalues@", "cvalues:canary-in-address@")
    store = open_store(with_password)
    with simulated_server({"latency": {"fixed": 0.05}}) as server:
        run, _ = begin(store, "secret", plan(server, 60))
        open_for_workers(store, run, leases=Leases(store, run), settings=SETTINGS)
        launcher = LocalLauncher(worker_command(with_password, "secret"))
        launcher.start(2)
        lines: set[str] = set()
        never = Event()
        while launcher.running():
            lines |= set(_command_lines_below(os.getpid()))
            never.wait(0.05)  # the workers need the processor

    assert counts(store, run).scored == 60
    assert any(" work --run secret" in line for line in lines)
    assert not [line for line in lines if "canary-in-address" in line]


def _command_lines_below(parent: int) -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                yield (folder / "cmdline").read_text("utf-8").replace("\0", " ")


def _take_over(address: str) -> None:
    """Take the blocks that a worker holds, as another does when a lease has run out."""
    engine = create_engine(address)
    taken = 0
    while not taken:
        with engine.begin() as connection:
            words = "UPDATE blocks SET token = 'other' WHERE token IS NOT NULL"
            taken = connection.execute(text(words)).rowcount
    engine.dispose()
