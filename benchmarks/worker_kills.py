"""Kill workers of a run on PostgreSQL at random moments, and count what is lost or paid twice.

Four worker processes share a run against one loopback server; 20 of them are killed with SIGKILL,
each time another takes the place. Run it with scripts/with_postgres.sh. Goal: nothing lost, nothing
recorded twice, paid twice at most kills times the open claim.
Usage: `scripts/with_postgres.sh python benchmarks/worker_kills.py [--quick] [--items N]`; writes
bench/worker_kills.json.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from batch_kills import plan

from judge.run.launchers import worker_words
from judge.run.run import Settings, begin, counts
from judge.run.worker import BLOCK, open_for_workers
from judge.simulated.server import simulated_server
from judge.store.leases import Leases
from judge.store.store import open_store

OUT = Path(__file__).parents[1] / "bench" / "worker_kills.json"
WORKERS, KILLS, CONCURRENCY, LEASE = 4, 20, 32, 5.0


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
        words = [*worker_words(address, run.name), "--lease", str(LEASE)]
        environ = {**os.environ, "OPENAI_API_KEY": "none"}
        started = lambda: subprocess.Popen(words, env=environ)  # noqa: E731 - one line, used twice
        begun, spent = time.monotonic(), database_cpu()
        workers = [started() for _ in range(WORKERS)]
        kills = 0
        while any(worker.poll() is None for worker in workers):
            time.sleep(dice.uniform(0.5, 3.0))
            place = dice.randrange(WORKERS)
            kept = counts(store, run).scored
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
        "lost": count - len(set(ids)),
        "recorded_twice": len(ids) - len(set(ids)),
        "calls": calls,
        "paid_twice": calls - count,
        "most_allowed": kills * claim,
        "database_cpu_ms_a_judgment": round((database_cpu() - spent) * 1000.0 / count, 3),
        "seconds": round(time.monotonic() - begun, 1),
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
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
