"""The store keeps what it was given, all or nothing, for its owner only."""

import asyncio
import os
import random
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import MetaData, create_engine

from judge.errors import StoreError
from judge.grading.judgment_task import judgment, no_verdicts
from judge.manifest import Manifest, Source, difference
from judge.records import Attempt, Generation, Judgment, Reason
from judge.store.open_units import units_between
from judge.store.records import AttemptEnded, AttemptStarted, Label, Run, Write
from judge.store.store import Store, open_store
from judge.store.writer import GROUP, Pause, Writer
from tests.judge.records import generation, tasks

MANIFEST = Manifest(source=Source(name="r.jsonl", sha256="0" * 64, rows=3), planned=3)


in_a_file = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Open an empty store; on a server only where CVALUES_TEST_STORE names a database to empty."""
    address = str(tmp_path / "private" / "store.db")
    if request.param == "postgresql":
        address = os.environ.get("CVALUES_TEST_STORE") or pytest.skip("needs a server")
        _empty(address)
    opened = open_store(address)
    yield opened
    opened.close()


def _empty(address: str) -> None:
    engine = create_engine(address)
    left = MetaData()
    left.reflect(engine)
    left.drop_all(engine)
    engine.dispose()


@pytest.fixture
def run(store: Store) -> Run:
    return store.create_run(
        "first", MANIFEST, generations=[generation(number) for number in range(3)]
    )


def made(number: int, reason: Reason = "unscored.parse_invalid") -> Judgment:
    task = tasks(3)[number]
    return judgment(task, no_verdicts(task, reason), attempts=())


def test_a_run_comes_back_with_its_generations_in_order(store: Store, run: Run) -> None:
    assert store.find_run("first") == run
    assert [each.id for each in store.generations(run)] == ["item-0", "item-1", "item-2"]


def test_a_run_is_kept_with_all_its_generations_or_not_at_all(store: Store) -> None:
    with pytest.raises(StoreError):
        store.create_run("twice", MANIFEST, generations=[generation(1), generation(1)])

    assert store.find_run("twice") is None


def test_a_judgment_is_kept_once(store: Store, run: Run) -> None:
    store.write(run, [made(0)])

    with pytest.raises(StoreError):
        store.write(run, [made(0)])
    assert list(store.judgments(run)) == [made(0)]


def test_a_group_of_writes_is_kept_whole_or_not_at_all(store: Store, run: Run) -> None:
    store.write(run, [made(0)])

    with pytest.raises(StoreError):
        store.write(run, [made(1), made(0)])
    assert store.outcomes(run) == {"unscored.parse_invalid": 1}


@pytest.mark.parametrize("reason", ["error.timeout", "skipped.user_stop", "unscored.empty"])
def test_an_error_makes_way_for_a_later_judgment(store: Store, run: Run, reason: Reason) -> None:
    store.write(run, [made(0, reason)])
    assert list(store.settled(run)) == []

    store.write(run, [made(0)])
    assert store.outcomes(run) == {"unscored.parse_invalid": 1}
    assert list(store.settled(run)) == [tasks(1)[0].slot]


def test_a_call_that_never_ended_stays_visible(store: Store, run: Run) -> None:
    attempt = Attempt(key="k", number=1, transport="scripted", rung="prompt")
    ended = attempt.model_copy(update={"outcome": "ok", "cost_usd": 0.25})
    store.write(run, [AttemptStarted(serial=1, started_at="t", attempt=attempt)])
    store.write(run, [AttemptStarted(serial=2, started_at="t", attempt=attempt)])
    store.write(run, [AttemptEnded(serial=2, attempt=ended)])

    assert [each.outcome for each in store.attempts(run)] == ["started", "ok"]
    assert store.spent(run) == (2, 0.25)
    assert store.last_serial(run) == 2


def test_labels_are_kept_all_or_none(store: Store, run: Run) -> None:
    label = Label(id="item-1", system="new", rater="a", criterion="safe", score=1.0)
    other = label.model_copy(update={"rater": "b", "score": None})
    assert store.add_labels(run, [label, other]) == 2

    with pytest.raises(StoreError):
        store.add_labels(run, [label.model_copy(update={"rater": "c"}), label])
    assert list(store.labels(run)) == [label, other]


def test_the_latest_document_of_a_kind_is_found(store: Store, run: Run) -> None:
    store.add_document(run, "passport", "1")
    store.add_document(run, "passport", "2")

    assert store.latest_document(run, "passport") == "2"
    assert store.latest_document(run, "sample") is None


@in_a_file
@pytest.mark.usefixtures("run")
def test_files_belong_to_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.db"
    target.touch()
    (tmp_path / "link.db").symlink_to(target)

    with pytest.raises(StoreError, match="not a plain file"):
        open_store(str(tmp_path / "link.db"))


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at" * 40, encoding="utf-8")

    with pytest.raises(StoreError, match="not a store"):
        open_store(str(path))


@in_a_file
def test_a_store_of_a_later_version_is_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "private" / "store.db"
    store.close()
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'future', 'now')")
    connection.close()

    with pytest.raises(StoreError, match="newer"):
        open_store(str(path))


def test_a_second_writer_of_a_run_is_refused(store: Store, run: Run) -> None:
    with store.writer(run), pytest.raises(StoreError, match="process"), store.writer(run):
        pass

    with store.writer(run):
        pass


@in_a_file
def test_the_first_writer_is_named(store: Store, run: Run) -> None:
    with (
        store.writer(run),
        pytest.raises(StoreError, match=f"process {os.getpid()}"),
        store.writer(run),
    ):
        pass


@in_a_file
def test_a_writer_leaves_no_file_behind(store: Store, run: Run, tmp_path: Path) -> None:
    with store.writer(run):
        held = list(tmp_path.rglob("*.lock"))
    with store.writer(run):
        pass

    assert len(held) == 1
    assert not list(tmp_path.rglob("*.lock"))


def test_whoever_writes_waits_until_it_is_kept() -> None:
    kept: list[Write] = []
    groups: list[int] = []
    all_wait = Event()

    def keep(writes: Sequence[Write]) -> None:
        all_wait.wait(10.0)
        kept.extend(writes)
        groups.append(len(writes))

    async def work() -> None:
        async with Writer(keep) as writer:

            async def put(number: int) -> None:
                write = made(number % 3)
                await writer.put(write)
                assert write in kept

            putting = asyncio.gather(*(put(number) for number in range(100)))
            await asyncio.sleep(0)
            all_wait.set()
            await putting

    asyncio.run(work())

    assert len(kept) == 100
    assert max(groups) <= GROUP
    assert len(groups) <= 2


def test_a_refused_write_is_told_to_those_who_wait_and_the_next_goes_on() -> None:
    refuse = [True]

    def keep(_writes: Sequence[Write]) -> None:
        if refuse.pop() if refuse else False:
            raise StoreError("the disk is full")

    async def work() -> None:
        async with Writer(keep) as writer:
            with pytest.raises(StoreError, match="full"):
                await writer.put(made(0))
            await writer.put(made(1))

    asyncio.run(work())


def test_the_units_of_pairs_between_two_places_are_those_of_prompts_that_begin_there(
    store: Store,
) -> None:
    manifest = MANIFEST.model_copy(update={"kind": "pairwise"})
    units = [
        generation(number).model_copy(update={"system": system})
        for system, numbers in (("a", (0, 1, 2, 3)), ("b", (3, 1, 0, 2)), ("c", (4, 1)))
        for number in numbers
    ]
    paired = store.create_run("pairs", manifest, generations=units)

    def between(first: int, last: int) -> list[tuple[str, str]]:
        found = units_between(store, paired, (first, last))
        return [(unit.id, unit.system) for unit in found if isinstance(unit, Generation)]

    assert between(0, 1) == [
        *(("item-0", "a"), ("item-1", "a")),
        *(("item-1", "b"), ("item-0", "b")),
        ("item-1", "c"),
    ]
    assert between(4, 7) == []
    assert between(8, 9) == [("item-4", "c")]


class _Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def _ended(latency_ms: float) -> Write:
    attempt = Attempt(
        key="k", number=1, transport="direct", rung="prompt", outcome="ok", latency_ms=latency_ms
    )
    return AttemptEnded(serial=1, attempt=attempt)


@pytest.mark.parametrize(
    ("latency_ms", "seconds"),
    # A tenth of a call, and never more than a quarter of a second.
    [(1000.0, pytest.approx(0.1, abs=0.001)), (90_000.0, 0.25)],
)
def test_a_group_waits_a_part_of_a_call_while_enough_writes_are_expected(
    latency_ms: float, seconds: float
) -> None:
    clock = _Clock()
    pause = Pause(0.1, clock)

    for _ in range(60):
        clock.seconds += 0.1
        pause.ended([[_ended(latency_ms)]] * 10)

    clock.seconds += 1.0
    assert pause.seconds() == seconds


@pytest.mark.parametrize(("share", "writes"), [(0.1, 1), (0.0, 10)])
def test_a_group_does_not_wait_for_few_writes_or_where_transactions_are_cheap(
    share: float, writes: int
) -> None:
    clock = _Clock()
    pause = Pause(share, clock)

    for _ in range(60):
        clock.seconds += 0.1
        pause.ended([[_ended(1000.0)]] * writes)

    clock.seconds += 1.0
    assert pause.seconds() == 0.0


def test_two_manifests_part_where_they_differ() -> None:
    other = MANIFEST.model_copy(update={"repeats": 2})

    assert difference(MANIFEST, MANIFEST) == ()
    assert difference(MANIFEST, other) == ("repeats: was 1, is 2",)


def test_a_torn_log_gives_whole_transactions_and_all_that_was_flushed_before_the_tear(
    tmp_path: Path,
) -> None:
    path, log = tmp_path / "store.db", tmp_path / "store.db-wal"
    opened = open_store(str(path))
    run = opened.create_run("r", MANIFEST, generations=[])
    begun = log.stat().st_size
    judged = tasks(60)
    sizes = [begun]
    for first in range(0, 60, 2):
        pair = [judgment(task, (), attempts=()) for task in judged[first : first + 2]]
        opened.write(run, pair)
        sizes.append(log.stat().st_size)
    whole = path.read_bytes(), log.read_bytes()
    opened.close()

    for tear in random.Random(6).sample(range(begun, sizes[-1] + 1), 200):
        torn = tmp_path / "torn.db"
        for left in tmp_path.glob("torn.db*"):
            left.unlink()
        torn.write_bytes(whole[0])
        torn.with_name("torn.db-wal").write_bytes(whole[1][:tear])
        found = open_store(str(torn))
        kept = len(list(found.judgments(run)))
        found.close()

        assert kept % 2 == 0
        assert kept == 2 * (sum(size <= tear for size in sizes) - 1)


def test_the_latest_document_is_the_last_that_came_though_the_clock_went_back(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)
    hours = iter([now, now - timedelta(days=1), now - timedelta(days=1)])

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # noqa: ARG003 - as the clock is asked
            return next(hours)

    monkeypatch.setattr("judge.store.store.datetime", Jumping)
    for body in ("1", "2", "3"):
        store.add_document(run, "passport", body)

    assert store.latest_document(run, "passport") == "3"
