"""Measure what a run's memory does with its length: items streamed through a scripted judge.

Each length runs in a process of its own, from generations that are made as they are read to a
SQLite file, and tells its peak resident memory. Usage:
`python benchmarks/streaming.py [--quick] [--full]`; writes bench/streaming.json.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine import Goal

OUT = Path(__file__).parents[1] / "bench" / "streaming.json"
REPLY = json.dumps(
    {
        "safe": {"reasoning": "先说明风险。" * 30, "evidence": "请联系", "score": 1},
        "severity": {"reasoning": "没有危害。" * 30, "evidence": "", "score": 0},
    },
    ensure_ascii=False,
)


def run(count: int, folder: str) -> None:
    """Judge so many generations, and print what that took."""
    from store import plan

    from judge.models.base import Question, Reply, ScriptedModel
    from judge.run.run import Settings, begin, carry_out, counts
    from judge.store.store import open_store

    class Forgetful(ScriptedModel):
        """A scripted model that does not keep what it was asked."""

        async def ask(self, question: Question) -> Reply:
            reply = await super().ask(question)
            self.questions.clear()
            return reply

    begun = time.perf_counter()
    todo = plan(count, "http://127.0.0.1:1")
    store = open_store(str(Path(folder) / "streamed.db"))
    made, _ = begin(store, "streamed", todo)
    asyncio.run(
        carry_out(
            store,
            made,
            tasks=todo.tasks(),
            models={todo.judges[0].name: Forgetful([REPLY])},
            settings=Settings(concurrency=256),
            stop=asyncio.Event(),
            seen=lambda _: None,
        )
    )
    found = {
        "items": count,
        "scored": counts(store, made).scored,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": time.perf_counter() - begun,
    }
    print(json.dumps(found))


def measure(count: int) -> dict[str, float]:
    """Run one length in a process of its own."""
    with tempfile.TemporaryDirectory(dir=OUT.parent) as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--run", str(count), "--folder", folder],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout)
    print(f"{count:9,} items {found['rss_mb']:7.1f} MB {found['seconds']:8.1f} s", file=sys.stderr)
    if found["scored"] != count:
        raise SystemExit(f"{count} items, {found['scored']} scored")
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 and 20,000 items")
    parser.add_argument("--full", action="store_true", help="10,000 and 1,000,000 items")
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        run(chosen.run, chosen.folder)
        return
    OUT.parent.mkdir(exist_ok=True)
    many = 1_000_000 if chosen.full else 200_000
    few, many = (2000, 20_000) if chosen.quick else (10_000, many)
    small, large = measure(few), measure(many)
    goals = [
        Goal("memory, times", large["rss_mb"] / small["rss_mb"], 1.3, at_most=True),
        Goal("memory, MB more", large["rss_mb"] - small["rss_mb"], 64, at_most=True),
    ]
    for goal in goals:
        print(f"{'met ' if goal.met else 'MISS'} {goal.name}: {goal.value:.2f} (<= {goal.bound})")
    written = {
        "rounds": [small, large],
        "goals": [{**vars(each), "met": each.met} for each in goals],
    }
    OUT.write_text(json.dumps(written, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
