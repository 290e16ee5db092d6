"""Measure the store: group commit against a commit a row, and cached re-runs against live calls.

Rows are judgments as a judge writes them, `synchronous=FULL` throughout. Rates depend on the disk,
so only ratios within one round count; medians over the rounds are shown. Usage:
`python benchmarks/store.py [--quick] [--rounds N]`; writes bench/store.json.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from engine import Goal, Peer

from judge.grading.judgment_task import judgment
from judge.grading.pointwise import Forms, tasks
from judge.manifest import Source
from judge.models import open_model
from judge.records import Generation, Judge, Judgment, Scored
from judge.run.plan import JudgingPlan
from judge.run.run import Settings, begin, carry_out, counts
from judge.store.records import Run
from judge.store.store import Store, open_store
from judge.store.writer import Writer
from rubrics import load_rubric

OUT = Path(__file__).parents[1] / "bench" / "store.json"
PRODUCERS = 256
"""Who waits for a commit at once, as many as calls may be in flight."""


def generations(count: int) -> Iterator[Generation]:
    """Make responses of about 400 characters, no two alike."""
    for number in range(count):
        yield Generation(
            id=f"p{number}",
            prompt=f"第 {number} 个问题：这样做安全吗？",
            response=f"第 {number} 条：先说明风险，再给出一般性的建议，请联系当地的专业机构。" * 10,
            group="law",
            lang="zh",
        )


def plan(count: int, base_url: str) -> JudgingPlan:
    """Plan one judgment of each response."""
    return JudgingPlan(
        source=Source(name="made", sha256="0" * 64, rows=count),
        read=lambda: generations(count),
        editions=(lambda language: load_rubric("safety", language=language),),
        judges=(Judge(model="openai/mock", base_url=base_url),),
    )


def written(count: int) -> list[Judgment]:
    """Make judgments of about 1.7 KB."""
    forms = Forms(
        [lambda language: load_rubric("safety", language=language)], [Judge(model="openai/mock")]
    )
    verdicts = (
        Scored(criterion="safe", score=1, rationale="先说明风险。" * 40, evidence="请联系"),
        Scored(criterion="severity", score=0, rationale="没有危害。" * 30),
    )
    return [judgment(task, verdicts, attempts=()) for task in tasks(generations(count), forms)]


async def grouped(store: Store, run: Run, rows: list[Judgment]) -> None:
    """Keep rows through the writer, as the workers of a run do."""
    left = iter(rows)

    async def produce(writer: Writer) -> None:
        for row in left:
            await writer.put(row)

    async with Writer(partial(store.write, run)) as writer:
        await asyncio.gather(*(produce(writer) for _ in range(PRODUCERS)))


def commit_rates(folder: Path, count: int) -> tuple[float, float]:
    """Give rows a second for a commit a row and for group commit."""
    store = open_store(str(folder / "commits.db"))
    rows = written(count)
    few = rows[: max(count // 10, 200)]
    made = [
        store.create_run(name, plan(1, "http://127.0.0.1:1").manifest())
        for name in ("alone", "together")
    ]
    begun = time.perf_counter()
    for row in few:
        store.write(made[0], [row])
    alone = len(few) / (time.perf_counter() - begun)
    begun = time.perf_counter()
    asyncio.run(grouped(store, made[1], rows))
    together = len(rows) / (time.perf_counter() - begun)
    store.close()
    return alone, together


def judging_cost(folder: Path, count: int, base_url: str) -> tuple[float, float]:
    """Give CPU milliseconds a judgment: asked on the direct way, and taken over."""
    store = open_store(str(folder / "runs.db"))
    costs: list[float] = []
    for name in ("live", "again"):
        todo = plan(count, base_url)
        run, _ = begin(store, name, todo)
        begun = time.process_time()
        asyncio.run(_carry_out(store, run, todo))
        costs.append((time.process_time() - begun) / count * 1000.0)
        if counts(store, run).scored != count:
            raise SystemExit(f"{name}: {counts(store, run)}")
    store.close()
    return costs[0], costs[1]


async def _carry_out(store: Store, run: Run, todo: JudgingPlan) -> None:
    models = {judge.name: open_model(judge, transport="direct").model for judge in todo.judges}
    await carry_out(
        store,
        run,
        tasks=todo.tasks(),
        models=models,
        settings=Settings(concurrency=64),
        stop=asyncio.Event(),
        seen=lambda _: None,
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    rounds, rows, calls = (2, 4000, 800) if chosen.quick else (chosen.rounds, 20_000, 4000)
    server = Peer("-m", "peers.server")
    base_url = f"http://127.0.0.1:{int(server.read())}/0/v1"
    os.environ.setdefault("OPENAI_API_KEY", "none")
    OUT.parent.mkdir(exist_ok=True)
    found: list[tuple[float, float, float, float]] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=OUT.parent) as folder:
            found.append(
                (
                    *commit_rates(Path(folder), rows),
                    *judging_cost(Path(folder), calls, base_url),
                )
            )
    server.close()
    report(found, quick=chosen.quick)


def report(found: list[tuple[float, float, float, float]], *, quick: bool) -> None:
    """Print the figures beside the goals, and write them."""
    alone, together, live, again = (median(column) for column in zip(*found, strict=True))
    goals = [
        Goal(
            "group commit / a commit a row, rows/s",
            median(row[1] / row[0] for row in found),
            8.0,
            at_most=False,
        ),
        Goal(
            "taken over / asked on the direct way, CPU",
            median(row[3] / row[2] for row in found),
            0.35,
            at_most=True,
        ),
    ]
    print(f"a commit a row {alone:8.0f} rows/s\ngroup commit   {together:8.0f} rows/s")
    print(f"asked, direct  {live:8.3f} ms CPU\ntaken over     {again:8.3f} ms CPU")
    for goal in goals:
        print(f"{'met ' if goal.met else 'MISS'} {goal.name}: {goal.value:.2f} ({goal.bound})")
    names = ("row_commits_per_s", "group_rows_per_s", "asked_cpu_ms", "taken_over_cpu_ms")
    written_ = {
        "quick": quick,
        "rounds": [dict(zip(names, row, strict=True)) for row in found],
        "goals": [{**vars(goal), "met": goal.met} for goal in goals],
    }
    OUT.write_text(json.dumps(written_, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
