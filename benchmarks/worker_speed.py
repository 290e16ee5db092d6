"""Speed of four workers of one run against one, on PostgreSQL, where replies take 50 ms.

Each worker has eight calls at once, so that calls, not the cores, bound the rate. A rate is taken
over the middle of a run, from a tenth to nine tenths of its judgments; one worker and four take
turns. Run it with scripts/with_postgres.sh. Goal: at least 3.4 times.
Usage: `scripts/with_postgres.sh python benchmarks/worker_speed.py [--rounds N]`; writes
bench/worker_speed.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from batch_kills import plan

from judge.run.launchers import worker_command
from judge.run.run import Settings, begin, counts
from judge.run.worker import open_for_workers
from judge.simulated.server import simulated_server
from judge.store.leases import Leases
from judge.store.store import open_store

OUT = Path(__file__).parents[1] / "bench" / "worker_speed.json"
AT_ONCE, LATENCY, EACH = 8, 0.05, 1500
GOAL = 3.4


def rate(address: str, workers: int) -> float:
    """Give the judgments a second of a run by so many workers."""
    count = EACH * workers
    store = open_store(address)
    with simulated_server({"latency": {"fixed": LATENCY}}) as server:
        run, _ = begin(store, f"run-{time.time()}", plan(count, server.base_url))
        settings = Settings(concurrency=AT_ONCE, recall=False)
        open_for_workers(store, run, leases=Leases(store, run), settings=settings)
        command = worker_command(address, run.name)
        environ = {**command.whole_environment, "OPENAI_API_KEY": "none"}
        running = [subprocess.Popen(command.words, env=environ) for _ in range(workers)]
        seen: list[tuple[float, int]] = []
        while any(worker.poll() is None for worker in running):
            seen.append((time.monotonic(), server.hits.total))
            time.sleep(0.05)
        if counts(store, run).scored != count:
            raise SystemExit("the workers have not judged everything")
    store.close()
    middle = [place for place in seen if count * 0.1 < place[1] < count * 0.9]
    (begun, before), (ended, after) = middle[0], middle[-1]
    return (after - before) / (ended - begun)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    address = os.environ.get("CVALUES_TEST_POSTGRES")
    if not address:
        print("no PostgreSQL: run with scripts/with_postgres.sh", file=sys.stderr)
        return
    found = [(rate(address, 1), rate(address, 4)) for _ in range(rounds)]
    result = {
        "one": [round(one, 1) for one, _ in found],
        "four": [round(four, 1) for _, four in found],
        "ideal_of_one": AT_ONCE / LATENCY,
        "times": round(median(four / one for one, four in found), 2),
        "goal": GOAL,
    }
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
