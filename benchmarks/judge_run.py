"""A whole run (`carry_out` with its store) against bare calls, interleaved, on this machine.

1,000 responses, 50 ms latency, 32 calls in flight. Printed: calls a second, the share of
litellm's own rate that a run keeps, how memory grows with the run, and the CPU of a judgment on
the direct way over that of the direct client's bare call.

Usage: `python benchmarks/judge_run.py [--quick] [--cpu] [--rounds N]`; writes bench/judge_run.json.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path

from judge.manifest import Source
from judge.models import Transport, open_model
from judge.records import Generation, Judge
from judge.run.plan import JudgingPlan
from judge.run.run import Settings, begin, carry_out
from judge.store.store import open_store
from rubrics import load_rubric

LATENCY = 0.05
IN_FLIGHT = 32


def generations(count: int) -> Iterator[Generation]:
    """Make responses that differ."""
    for number in range(count):
        yield Generation(
            id=f"p{number}",
            prompt=f"问题 {number}",
            response=f"第 {number} 条回答。" * 20,
            lang="zh",
        )


def plan_of(count: int, judge: Judge) -> JudgingPlan:
    """Plan to judge them all for safety."""
    rubric = load_rubric("safety", language="zh")
    return JudgingPlan(
        source=Source(name="made", sha256="0" * 64, rows=count),
        read=lambda: generations(count),
        editions=(lambda _: rubric,),
        judges=(judge,),
    )


async def whole_run(count: int, judge: Judge, *, transport: Transport, folder: Path) -> float:
    """Carry a run out; give judgments a second, its store and its parsing included."""
    store = open_store(str(folder / f"{time.monotonic_ns()}.db"))
    plan = plan_of(count, judge)
    run, _ = begin(store, "run", plan)
    model = open_model(judge, transport=transport).model
    begun = time.perf_counter()
    await carry_out(
        store,
        run,
        tasks=plan.tasks(),
        models={judge.name: model},
        settings=Settings(concurrency=IN_FLIGHT),
        stop=asyncio.Event(),
        seen=lambda _: None,
    )
    rate = count / (time.perf_counter() - begun)
    if store.outcomes(run) != {"ok": count}:
        raise RuntimeError(f"the run did not end well: {store.outcomes(run)}")
    store.close()
    return rate


async def bare_litellm(count: int, judge: Judge) -> float:
    """Make the same calls with litellm alone; give calls a second."""
    import litellm

    rung = "json_schema"
    questions = [
        task.question("0" * 16).model_copy(update={"rung": rung})
        for task in plan_of(count, judge).tasks()
    ]
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def call(number: int) -> None:
        question = questions[number]
        async with gate:
            await litellm.acompletion(
                model=judge.model,
                api_base=judge.base_url,
                api_key="none",
                messages=[message.model_dump() for message in question.messages],
                response_format={
                    "type": "json_schema",
                    "json_schema": {
                        "name": "reply",
                        "strict": True,
                        "schema": question.reply_schema,
                    },
                },
                num_retries=0,
                max_retries=0,
            )

    begun = time.perf_counter()
    await asyncio.gather(*(call(number) for number in range(count)))
    return count / (time.perf_counter() - begun)


async def bare_direct(count: int, judge: Judge) -> float:
    """Make the same calls with the direct client alone; give calls a second."""
    model = open_model(judge, transport="direct").model
    questions = iter(
        [
            task.question("0" * 16).model_copy(update={"rung": model.rungs[0]})
            for task in plan_of(count, judge).tasks()
        ]
    )

    async def work() -> None:
        for question in questions:
            await model.ask(question)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    rate = count / (time.perf_counter() - begun)
    await model.close()
    return rate


async def cpu_of(work: Coroutine[object, object, float], count: int) -> float:
    """Give the CPU of this process, in milliseconds a call."""
    begun = time.process_time()
    await work
    return 1000.0 * (time.process_time() - begun) / count


async def measure_cpu(count: int, rounds: int, url: str) -> dict[str, object]:
    """Compare a judgment of a whole run with the direct client's bare call, in turn."""
    judge = Judge(model="openai/simulated-judge-1", base_url=url)
    bare: list[float] = []
    whole: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await whole_run(50, judge, transport="direct", folder=folder)
        for _ in range(rounds):
            bare.append(await cpu_of(bare_direct(count, judge), count))
            run = whole_run(count, judge, transport="direct", folder=folder)
            whole.append(await cpu_of(run, count))
    ratios = [ours / theirs for ours, theirs in zip(whole, bare, strict=True)]
    return {
        "cpu_ms_bare": round(statistics.median(bare), 3),
        "cpu_ms_run": round(statistics.median(whole), 3),
        "cpu_ratio": round(statistics.median(ratios), 2),
        "cpu_goal": 3.0,
    }


def serve() -> tuple["subprocess.Popen[str]", str]:
    """Start the simulated judge in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump({"latency": {"fixed": LATENCY}}, file)
    program = [sys.executable, "-c", "from cvalues.cli import main; main()"]
    server = subprocess.Popen(
        [*program, "simulate-judge", "--port", "0", "--profile", file.name],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = server.stdout or ()
    url = next(line.split()[-1] for line in lines if line.startswith("base URL"))
    return server, url


async def measure(count: int, rounds: int, url: str) -> dict[str, object]:
    """Run the ways in turn, so that what else the machine does strikes all of them."""
    judge = Judge(model="openai/simulated-judge-1", base_url=url)
    rates: dict[str, list[float]] = {"bare litellm": [], "run, litellm": [], "run, direct": []}
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await whole_run(50, judge, transport="litellm", folder=folder)
        for _ in range(rounds):
            rates["bare litellm"].append(await bare_litellm(count, judge))
            rates["run, litellm"].append(
                await whole_run(count, judge, transport="litellm", folder=folder)
            )
            rates["run, direct"].append(
                await whole_run(count, judge, transport="direct", folder=folder)
            )
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    ideal = IN_FLIGHT / LATENCY
    shares = [
        ours / bare for ours, bare in zip(rates["run, litellm"], rates["bare litellm"], strict=True)
    ]
    return {
        "calls_per_second": {way: round(statistics.median(r), 1) for way, r in rates.items()},
        "ideal_per_second": ideal,
        "share_of_litellm": round(statistics.median(shares), 3),
        "goal": 0.85,
        "peak_rss_mb_by_round": [round(value, 1) for value in memory],
        "items": count,
        "rounds": rounds,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 items, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="only the CPU on the direct way")
    given = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    server, url = serve()
    try:
        count, rounds = (200, 1) if given.quick else (1_000, given.rounds)
        found = {} if given.cpu else asyncio.run(measure(count, rounds, url))
        found |= asyncio.run(measure_cpu(count, rounds, url))
    finally:
        server.terminate()
        server.wait()
    print(json.dumps(found, indent=2))
    Path("bench").mkdir(exist_ok=True)
    Path("bench/judge_run.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
