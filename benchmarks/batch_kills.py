"""Kill a run of provider batches at random moments under every batch fault, and count.

Each sitting is a process of its own against one loopback server whose batches show all faults in
turn. It is killed with SIGKILL after a random time; the last one finishes. Goal: nothing lost,
nothing recorded twice, no line posted twice but what was posted anew on purpose or is named.
Usage: `python benchmarks/batch_kills.py [--quick] [--lines N]`; writes bench/batch_kills.json.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from judge.manifest import Source
from judge.models.batch import open_batches
from judge.records import Generation, Judge
from judge.run.batch_parts import BatchSettings
from judge.run.batches import BatchRun, carry_out_batches
from judge.run.plan import JudgingPlan
from judge.run.run import begin, counts
from judge.simulated.batches import MODES, BatchPlan
from judge.simulated.server import simulated_server
from judge.store.store import open_store
from rubrics import load_rubric

OUT = Path(__file__).parents[1] / "bench" / "batch_kills.json"
KILLS = 20


def plan(count: int, base_url: str) -> JudgingPlan:
    """Plan a run whose texts differ."""
    return JudgingPlan(
        source=Source(name="made", sha256="0" * 64, rows=count),
        read=lambda: (
            Generation(id=f"p{n}", prompt=f"问题 {n}", response=f"回答 {n}", system="m", lang="zh")
            for n in range(count)
        ),
        editions=(lambda language: load_rubric("refusal", language=language),),
        judges=(Judge(model="openai/sim", base_url=base_url),),
    )


def sit(count: int, folder: Path, base_url: str) -> None:
    """Go on with the run until it is done or killed."""
    store = open_store(str(folder / "store.db"))
    todo = plan(count, base_url)
    run, _ = begin(store, "run", todo)
    judge = todo.judges[0]
    (folder / "at_work").touch()
    with store.writer(run):
        asyncio.run(
            carry_out_batches(
                BatchRun(
                    store=store,
                    run=run,
                    tasks=todo.tasks,
                    services={judge.name: open_batches(judge)},
                    # Every fault strikes now and then, so a line may meet several of them.
                    settings=BatchSettings(
                        poll=0.05, grace=0.2, tries=12, most_lines=max(50, count // 40)
                    ),
                    stop=asyncio.Event(),
                    seen=lambda _: None,
                    note=lambda text: print(text, file=sys.stderr),
                )
            )
        )
    store.close()


def torture(count: int, folder: Path) -> dict[str, object]:
    """Kill, go on, and count when the last sitting has ended."""
    modes = tuple(mode for mode in MODES if mode != "not_batchable") + ("",) * 4
    dice = random.Random(20)
    with simulated_server(batches=BatchPlan.model_validate({"modes": modes})) as server:
        words = [sys.executable, __file__, "--sit", str(count), "--folder", str(folder)]
        words += ["--url", server.base_url]
        environ = {**os.environ, "OPENAI_API_KEY": "none"}
        begun, kills = time.monotonic(), 0
        with (folder / "notes").open("wb") as notes:
            while True:
                (folder / "at_work").unlink(missing_ok=True)
                sitting = subprocess.Popen(words, env=environ, stderr=notes)
                while not (folder / "at_work").exists() and sitting.poll() is None:
                    time.sleep(0.01)
                try:
                    wait = dice.uniform(0.05, 3.0) if kills < KILLS else None
                    if sitting.wait(wait) != 0:
                        raise SystemExit((folder / "notes").read_text()[-2000:])
                    break
                except subprocess.TimeoutExpired:
                    sitting.kill()
                    sitting.wait()
                    kills += 1
        return {**counted(count, folder), **server.batches.summary(), "kills": kills,
                "seconds": round(time.monotonic() - begun, 1)}  # fmt: skip


def counted(count: int, folder: Path) -> dict[str, object]:
    """Count what the store holds, and how often a line was posted without a failure before."""
    store = open_store(str(folder / "store.db"))
    run = store.runs()[0]
    ids = [judgment.id for judgment in store.judgments(run)]
    attempts = list(store.attempts(run))
    notes = (folder / "notes").read_text("utf-8")
    found = counts(store, run)
    store.close()
    answered = [attempt.key for attempt in attempts if attempt.outcome == "ok"]
    return {
        "lines": count,
        "scored": found.scored,
        "lost": count - len(set(ids)),
        "recorded_twice": len(ids) - len(set(ids)),
        "answered_twice": len(answered) - len(set(answered)),
        "attempts": len(attempts),
        "open_attempts": sum(attempt.outcome == "started" for attempt in attempts),
        "orphans_named": len(re.findall("billed orphan", notes)),
    }


def main() -> None:
    """Run one sitting, or the whole."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--sit", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url")
    given = parser.parse_args()
    if given.sit:
        sit(given.sit, given.folder, given.url)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = torture(2_000 if given.quick else given.lines, Path(folder))
    posted = result["lines"]
    result["posted_without_attempt"] = max(0, int(str(posted)) - int(str(result["attempts"])))
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
