"""Kill workers of a run on PostgreSQL at random moments, and count what is lost or paid twice.

Four worker processes share a run against one loopback server; 20 of them are killed with SIGKILL,
each time another takes the place, and once, half way, the network between all of them and the
database is cut for ten seconds. A second run has a limit of calls and a rate for all workers. Run
it with scripts/with_postgres.sh. Goal: nothing lost, nothing
recorded twice, paid twice at most kills times the open claim, which the cut does not change, limits
kept to 2 %.
Usage: `scripts/with_postgres.sh python benchmarks/worker_kills.py [--quick] [--items N]`; writes
bench/worker_kills.json.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

from batch_kills import plan
from sqlalchemy import make_url

from judge.run.launchers import worker_command
from judge.run.run import Settings, begin, counts
from judge.run.worker import BLOCK, open_for_workers
from judge.simulated.server import simulated_server
from judge.store.leases import Leases
from judge.store.store import open_store

OUT = Path(__file__).parents[1] / "bench" / "worker_kills.json"
WORKERS, KILLS, CONCURRENCY, LEASE = 4, 20, 32, 5.0
CUT = 10.0
"""Seconds without a network."""
CALLS, PER_MINUTE = 1_500, 3_000.0
"""Limits of the second run."""


class Network:
    """Carries connections to the database, until it is cut."""

    def __init__(self, address: str) -> None:
        url = make_url(address)
        self._target = url.host or "127.0.0.1", url.port or 5432
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        port = int(self._listening.getsockname()[1])
        self.address = url.set(port=port).render_as_string(hide_password=False)
        self._ends: list[socket.socket] = []
        self._cut = False
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drop all connections and take none, for a while."""
        self._cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        time.sleep(CUT)
        self._cut = False

    def _accept(self) -> None:
        while True:
            near, _ = self._listening.accept()
            if self._cut:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._ends += [near, far]
            for way in ((near, far), (far, near)):
                Thread(target=self._carry, args=way, daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while sent := source.recv(1 << 16):
                target.sendall(sent)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def database_cpu() -> float:
    """Sum the CPU seconds of all processes of the server so far, ended ones included."""
    folder = os.environ.get("CVALUES_TEST_POSTGRES_DATA", "")
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    leader = Path(folder, "postmaster.pid").read_text("ascii").split()[0]
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if place.parent.name == leader:
            total += sum(int(fields[n]) for n in (11, 12, 13, 14)) / tick
        elif fields[1] == leader:
            total += (int(fields[11]) + int(fields[12])) / tick
    return total


def torture(count: int, address: str) -> dict[str, object]:
    """Start workers, kill some, start others, and count at the end."""
    store = open_store(address)
    dice = random.Random(7)
    with simulated_server() as server:
        run, _ = begin(store, f"run-{time.time()}", plan(count, server.base_url))
        leases = Leases(store, run, seconds=LEASE)
        settings = Settings(concurrency=CONCURRENCY, recall=False)
        open_for_workers(store, run, leases=leases, settings=settings)
        network = Network(address)
        command = worker_command(network.address, run.name, "--lease", str(LEASE))
        environ = {**command.whole_environment, "OPENAI_API_KEY": "none"}
        started = lambda: subprocess.Popen(command.words, env=environ)  # noqa: E731 - one line, used twice
        begun, spent = time.monotonic(), database_cpu()
        workers = [started() for _ in range(WORKERS)]
        kills, cuts = 0, 0
        while any(worker.poll() is None for worker in workers):
            time.sleep(dice.uniform(0.5, 3.0))
            place = dice.randrange(WORKERS)
            kept = counts(store, run).scored
            if not cuts and kept > count / 2:
                network.cut()
                cuts += 1
            # A worker that has just started has nothing to lose yet.
            if (
                kills < KILLS
                and kept > count * kills / (KILLS + 4)
                and workers[place].poll() is None
            ):
                workers[place].kill()
                workers[place].wait()
                workers[place] = started()
                kills += 1
        calls = server.hits.total
    ids = [judgment.id for judgment in store.judgments(run)]
    claim = max(BLOCK, CONCURRENCY // BLOCK * BLOCK + BLOCK) + BLOCK
    return {
        "items": count,
        "kills": kills,
        "cuts": cuts,
        "lost": count - len(set(ids)),
        "recorded_twice": len(ids) - len(set(ids)),
        "calls": calls,
        "paid_twice": calls - count,
        "most_allowed": kills * claim,
        "database_cpu_ms_a_judgment": round((database_cpu() - spent) * 1000.0 / count, 3),
        "seconds": round(time.monotonic() - begun, 1),
    }


def limited(address: str) -> dict[str, object]:
    """Let four workers share a limit of calls and a rate, and see how far they keep them."""
    store = open_store(address)
    with simulated_server() as server:
        run, _ = begin(store, f"run-{time.time()}", plan(2 * CALLS, server.base_url))
        settings = Settings(
            concurrency=CONCURRENCY,
            recall=False,
            max_calls=CALLS,
            requests_per_minute=PER_MINUTE,
        )
        open_for_workers(store, run, leases=Leases(store, run), settings=settings)
        command = worker_command(address, run.name)
        environ = {**command.whole_environment, "OPENAI_API_KEY": "none"}
        workers = [subprocess.Popen(command.words, env=environ) for _ in range(WORKERS)]
        seen: list[tuple[float, int]] = []
        while any(worker.poll() is None for worker in workers):
            seen.append((time.monotonic(), server.hits.total))
            time.sleep(0.1)
        calls = server.hits.total
    # What may be saved up passes in the first second; the rate is that of the middle of the run.
    middle = [place for place in seen if calls * 0.2 < place[1] < calls * 0.9]
    (begun, before), (ended, after) = middle[0], middle[-1]
    return {
        "calls": calls,
        "calls_allowed": CALLS,
        "calls_a_minute": round((after - before) / (ended - begun) * 60.0, 1),
        "calls_a_minute_allowed": PER_MINUTE,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--items", type=int, default=200_000)
    given = parser.parse_args()
    address = os.environ.get("CVALUES_TEST_POSTGRES")
    if not address:
        print("no PostgreSQL: run with scripts/with_postgres.sh", file=sys.stderr)
        return
    result = torture(4_000 if given.quick else given.items, address)
    result["limits"] = limited(address)
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
