"""Kill a run again and again while its server misbehaves, and count what is lost or paid twice.

Each sitting is a process of its own against one loopback server with 429, 500, cut bodies, hangs
and malformed replies. It is killed with SIGKILL once a number of judgments, drawn beforehand, has
been acknowledged. After each kill the store must hold all that was acknowledged. Usage:
`python benchmarks/kills.py [--quick] [--full]`; writes bench/kills.json.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine import Goal
from store import plan

from judge.models import open_model
from judge.run.run import Settings, begin, carry_out, counts
from judge.run.scheduler import Made
from judge.simulated.profile import Latency, PlannedFault, Profile
from judge.simulated.server import Running, simulated_server
from judge.store.store import open_store
from judge.store.writer import GROUP

OUT = Path(__file__).parents[1] / "bench" / "kills.json"
IN_FLIGHT = 64
DEADLINE = 2.0
MALFORMED = "nan"
"""A reply that is paid for and gives a judgment without a score."""

FAULTS = Profile(
    latency=Latency(fixed=0.01, jitter=0.02),
    retry_after=0.05,
    faults=(
        PlannedFault(mode="http_429_seconds", share=0.03, attempts=2),
        PlannedFault(mode="http_500", share=0.03, attempts=2),
        PlannedFault(mode="cut_body", share=0.02, attempts=2),
        PlannedFault(mode=MALFORMED, share=0.03),
        PlannedFault(mode="hang", share=0.002, attempts=1),
    ),
)
WIDTH = 8
"""Bytes of one acknowledgement."""


def sit(count: int, folder: Path, base_url: str) -> None:
    """Go on with the run until it is done or killed; note each judgment that is acknowledged."""
    acknowledged = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def seen(made: Made) -> None:
        if not made.outcome.startswith("error."):
            os.write(acknowledged, f"{made.id[1:]:>{WIDTH - 1}}\n".encode())

    store = open_store(str(folder / "store.db"))
    todo = plan(count, base_url)
    run, _ = begin(store, "run", todo)
    while counts(store, run).error or counts(store, run).skipped:
        models = {judge.name: open_model(judge).model for judge in todo.judges}
        asyncio.run(
            carry_out(
                store,
                run,
                tasks=todo.tasks(),
                models=models,
                settings=Settings(concurrency=IN_FLIGHT, deadline=DEADLINE, recall=False),
                stop=asyncio.Event(),
                seen=seen,
            )
        )
    store.close()


def sitting(count: int, folder: Path, server: Running) -> subprocess.Popen[bytes]:
    """Start a sitting in a process of its own."""
    words = [__file__, "--sit", str(count), "--folder", str(folder), "--url", server.base_url]
    return subprocess.Popen([sys.executable, *words], env={**os.environ, "OPENAI_API_KEY": "none"})


def acknowledgements(folder: Path) -> int:
    """Count the judgments that sittings were told are kept."""
    path = folder / "acknowledged"
    return path.stat().st_size // WIDTH if path.exists() else 0


def lost(folder: Path) -> int:
    """Count the acknowledged judgments that the store does not hold."""
    told = {f"p{line.strip()}" for line in (folder / "acknowledged").read_text("ascii").split()}
    with sqlite3.connect(folder / "store.db", timeout=10) as connection:
        held = connection.execute("SELECT id FROM judgments WHERE outcome NOT LIKE 'error.%'")
        missing = told - {str(row[0]) for row in held}
    connection.close()
    return len(missing)


def torture(count: int, kills: int, *, folder: Path, server: Running) -> dict[str, object]:
    """Kill, look, go on; then let the last sitting finish and count."""
    gone = 0
    targets = sorted(random.Random(6).sample(range(1, count - count // 50), kills))
    for number, target in enumerate(targets, start=1):
        running = sitting(count, folder, server)
        while acknowledgements(folder) < target and running.poll() is None:
            time.sleep(0.002)
        running.kill()
        running.wait()
        gone += lost(folder)
        told = acknowledgements(folder)
        print(f"kill {number}: {told} acknowledged, {gone} lost", file=sys.stderr)
    if sitting(count, folder, server).wait() != 0:
        raise SystemExit("the last sitting failed")
    return {**counted(count, folder, server), "kills": kills, "lost": gone + lost(folder)}


def counted(count: int, folder: Path, server: Running) -> dict[str, object]:
    """Look at the finished store, and at what its server answered."""
    with sqlite3.connect(folder / "store.db") as connection:

        def number(query: str) -> int:
            return int(connection.execute(query).fetchone()[0])

        rows = number("SELECT count(*) FROM judgments")
        different = number("SELECT count(DISTINCT id) FROM judgments")
        open_calls = number("SELECT count(*) FROM attempts WHERE outcome = 'started'")
        calls = number("SELECT count(*) FROM attempts")
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    if (rows, whole) != (count, "ok"):
        raise SystemExit(f"{rows} judgments of {count}, integrity: {whole}")
    paid = server.hits.by_mode["answer"] + server.hits.by_mode[MALFORMED]
    return {
        "items": count,
        "twice": rows - different,
        "paid_twice": paid - count,
        "calls_of_the_server": server.hits.total,
        "calls_in_the_ledger": calls,
        "calls_cut_by_kills": open_calls,
        "by_mode": dict(server.hits.by_mode),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 items and 5 kills")
    parser.add_argument("--full", action="store_true", help="100,000 items and 50 kills")
    parser.add_argument("--sit", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.sit:
        sit(chosen.sit, chosen.folder, chosen.url)
        return
    items, kills = (100_000, 50) if chosen.full else (2_000, 5) if chosen.quick else (20_000, 20)
    OUT.parent.mkdir(exist_ok=True)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=OUT.parent) as folder, simulated_server(FAULTS) as server:
        found = torture(items, kills, folder=Path(folder), server=server)
    found["seconds"] = round(time.perf_counter() - begun, 1)
    bound = kills * (IN_FLIGHT + GROUP)
    goals = [
        Goal("acknowledged and lost", float(str(found["lost"])), 0, at_most=True),
        Goal("kept twice", float(str(found["twice"])), 0, at_most=True),
        Goal("paid twice", float(str(found["paid_twice"])), bound, at_most=True),
    ]
    print(json.dumps(found, indent=1))
    for goal in goals:
        print(f"{'met ' if goal.met else 'MISS'} {goal.name}: {goal.value:g} (<= {goal.bound:g})")
    written = {**found, "goals": [{**vars(each), "met": each.met} for each in goals]}
    OUT.write_text(json.dumps(written, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
