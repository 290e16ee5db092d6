"""Measure how fast a decision model is asked, beside a bare client that sends the same bodies.

    python benchmarks/decisions.py --items 1000 --rounds 5

A simulated server in a process of its own answers a rubric of nine criteria, 32 calls in flight.
Rounds of both clients alternate; the figure is the ratio of the medians of their CPU time, and of
their wall time. Prints a table and writes bench/decisions.json.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from judge.grading import pointwise
from judge.grading.pointwise import Forms
from judge.models.decision_wire import request_body
from judge.records import Generation, Judge
from judge.run.api import agrade
from rubrics import load_rubric
from rubrics.rubric import Rubric

HERE = Path(__file__).resolve().parent
IN_FLIGHT = 32
LATENCY = 0.25
"""Seconds that the server takes, as a decision model of a provider does."""


def main() -> None:
    """Serve, ask both ways in turn, print and write."""
    parser = argparse.ArgumentParser(description="Rate of typed questions.")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "decisions.json")
    arguments = parser.parse_args()
    server, base_url = _server()
    try:
        found = asyncio.run(_rounds(base_url, arguments.items, arguments.rounds))
    finally:
        server.terminate()
        server.wait()
    for name, figure in found.items():
        print(f"{name:28}{figure:10.3f}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


def _server() -> tuple[subprocess.Popen[str], str]:
    code = (
        "import asyncio\n"
        "from judge.simulated.server import serve\n"
        "async def run():\n"
        f"    async with serve({{'latency': {{'fixed': {LATENCY}}}}}) as server:\n"
        "        print(server.base_url, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(run())\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    return server, str(server.stdout.readline()).strip()


def nine_criteria() -> Rubric:
    """Give the library's rubric of seven criteria two more."""
    rubric = load_rubric("responsibility", language="zh")
    more = [rubric.criteria[1].model_copy(update={"id": f"more_{n}", "weight": 0}) for n in (1, 2)]
    return rubric.model_copy(update={"criteria": (*rubric.criteria, *more), "examples": ()})


async def _rounds(base_url: str, items: int, rounds: int) -> dict[str, float]:
    rubric = nine_criteria()
    judge = Judge(model="openai/sim", base_url=base_url, api="decisions")
    generations = [
        Generation(id=f"p{n}", prompt=f"问题{n}", response=f"这是第{n}条回答。" * 20, lang="zh")
        for n in range(items)
    ]
    tasks = list(pointwise.tasks(generations, Forms([lambda _: rubric], [judge])))
    bodies = [
        request_body("decisions", "sim", messages=asked.messages, asked=asked.asked)
        for asked in (task.question("0123456789abcdef") for task in tasks)
        if asked.asked is not None
    ]
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    for _ in range(rounds):
        bare.append(await _timed(_bare(f"{base_url}/decisions", bodies)))
        ours.append(
            await _timed(agrade(generations, rubric=rubric, judge=judge, concurrency=IN_FLIGHT))
        )
    return {
        "items": float(items),
        "wall_ratio": _median(bare, 0) / _median(ours, 0),
        "ours_items_per_second": items / _median(ours, 0),
        "bare_items_per_second": items / _median(bare, 0),
        "ours_cpu_ms_per_item": 1000.0 * _median(ours, 1) / items,
        "bare_cpu_ms_per_item": 1000.0 * _median(bare, 1) / items,
    }


def _median(rounds: list[tuple[float, float]], place: int) -> float:
    return statistics.median(times[place] for times in rounds)


async def _timed(work: object) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    return time.perf_counter() - wall, time.process_time() - cpu


async def _bare(url: str, bodies: list[bytes]) -> None:
    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for body in waiting:
                async with session.post(url, data=body, headers=headers) as response:
                    await response.json()

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(work())


if __name__ == "__main__":
    main()
