"""Measure what one judgment of a worker costs: CPU of the worker and the database, rows and bytes.

One worker process on PostgreSQL against a loopback server, with few and many items: the difference
removes what a start costs. 64 calls at once are answered at once, and after about a second.
Connections are counted in a run of their own. No time by the clock is used. Usage:
`scripts/with_postgres.sh python benchmarks/scale_costs.py [--items N]`; writes
bench/scale_costs.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch_kills import plan
from sqlalchemy import create_engine, text
from worker_kills import database_cpu

from judge.run.launchers import worker_command
from judge.run.run import Settings, begin, counts
from judge.run.worker import open_for_workers
from judge.simulated.server import simulated_server
from judge.store.leases import Leases
from judge.store.store import open_store

OUT = Path(__file__).parents[1] / "bench" / "scale_costs.json"
AT_ONCE = 64
NONE: Mapping[str, float] = {"fixed": 0.0}
SECOND: Mapping[str, float] = {"fixed": 0.5, "jitter": 1.0}
NAMES = ("worker_cpu_ms", "database_cpu_ms", "transactions", "stored_bytes", "wal_bytes")


def ledger(address: str) -> tuple[float, float, float]:
    """Give the transactions, bytes and bytes of the log of the database so far."""
    engine = create_engine(address)
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT xact_commit, pg_database_size(current_database()), "
                "pg_current_wal_lsn() - '0/0' FROM pg_stat_database "
                "WHERE datname = current_database()"
            )
        ).one()
    engine.dispose()
    return float(row[0]), float(row[1]), float(row[2])


@dataclass(frozen=True, slots=True)
class Sitting:
    """How a worker is measured."""

    address: str
    latency: Mapping[str, float]

    def costs(self, count: int) -> dict[str, float]:
        """Let one worker judge a run alone, and count what it and the database used."""
        with started(self, count) as (worker, done):
            before, spent = ledger(self.address), database_cpu()
            _, _, used = os.wait4(worker().pid, 0)
            time.sleep(1.5)  # The server counts transactions with a delay of up to a second.
            after, ended = ledger(self.address), database_cpu()
            if done() != count:
                raise SystemExit("the worker has not judged everything")
        moved = (after[n] - before[n] for n in range(3))
        cpu = (used.ru_utime + used.ru_stime) * 1000.0, (ended - spent) * 1000.0
        return dict(zip(NAMES, (*cpu, *moved), strict=True))

    def of_one_more(self, few: int, many: int) -> dict[str, float]:
        """Give the costs of one more judgment."""
        low, high = self.costs(few), self.costs(many)
        return {name: round((high[name] - low[name]) / (many - few), 4) for name in NAMES}

    def connections(self, count: int) -> int:
        """Count the connections that a worker holds at most."""
        engine, most = create_engine(self.address), 0
        words = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        with started(self, count) as (worker, _), engine.connect() as connection:
            besides = int(connection.scalar(words) or 0)
            running = worker()
            while running.poll() is None:
                most = max(most, int(connection.scalar(words) or 0) - besides)
                connection.rollback()
                time.sleep(0.05)
        engine.dispose()
        return most


@contextmanager
def started(
    sitting: Sitting, count: int
) -> Generator[tuple[Callable[[], "subprocess.Popen[bytes]"], Callable[[], int]]]:
    """Open a run for workers; gives what starts one and what counts its judgments."""
    store = open_store(sitting.address)
    with simulated_server({"latency": sitting.latency}) as server:
        run, _ = begin(store, f"run-{time.time()}", plan(count, server.base_url))
        settings = Settings(concurrency=AT_ONCE, recall=False)
        open_for_workers(store, run, leases=Leases(store, run), settings=settings)
        command = worker_command(sitting.address, run.name)
        environ = {**command.whole_environment, "OPENAI_API_KEY": "none"}
        yield (
            lambda: subprocess.Popen(command.words, env=environ),
            lambda: counts(store, run).scored,
        )
    store.close()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=3_000)
    items = parser.parse_args().items
    address = os.environ.get("CVALUES_TEST_POSTGRES")
    if not address:
        print("no PostgreSQL: run with scripts/with_postgres.sh", file=sys.stderr)
        return
    result = {
        "replies_at_once": Sitting(address, NONE).of_one_more(64, items),
        "replies_after_a_second": Sitting(address, SECOND).of_one_more(64, items),
        "connections": Sitting(address, SECOND).connections(200),
    }
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
