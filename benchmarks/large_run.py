"""Time and memory of `calibrate`, `report` and `gate` on a large run.

    python benchmarks/large_run.py --verdicts 1000000

A made run of two releases in a SQLite file: each response has a judgment of two verdicts under the
safety rubric, 300 prompts of both releases are labelled by three experts. The rows are written
beside the program, in the form that it keeps them in. Each command is a process of its own; the
figures are its time by the clock, its CPU and the most memory that it held. Goals: a million
verdicts under 90 s, ten million under 15 minutes and 2 GB, the three commands together.
Writes bench/large_run.json.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from page import EXPERTS, POLICY, RELEASES, manifest_of

from judge.records import Generation, Judgment, Scored
from judge.store.records import Label, Run
from judge.store.store import Store, open_store
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest

OUT = Path(__file__).parents[1] / "bench" / "large_run.json"
CRITERIA = 2
LABELLED = 300
GENERATION = "INSERT INTO generations VALUES (?, ?, ?, ?, 0, ?)"
JUDGMENT = (
    "INSERT INTO judgments VALUES (?, ?, ?, 0, 'openai/judge', 'safety', 0, 'single', ?, ?, ?)"
)


def make(store: Store, path: Path, prompts: int) -> None:
    """Keep a run as a judge and experts would leave it."""
    rubric = load_rubric("safety", language="zh")
    manifest = manifest_of(rubric, prompts)
    documents = {f"rubric/{rubric.id}/zh": rubric.model_dump_json()}
    run = store.create_run("run", manifest, documents=documents)
    with sqlite3.connect(path) as connection:
        connection.executemany(GENERATION, _generations(run, prompts))
        connection.executemany(JUDGMENT, _judgments(run, prompts, rubric_digest(rubric)))
    connection.close()
    store.add_labels(run, _labels(run, store))


def _generations(run: Run, prompts: int) -> Iterator[tuple[object, ...]]:
    made = Generation(
        id="@id",
        system="@system",
        prompt="@prompt",
        response="@response",
        group="@group",
        lang="zh",
    ).model_dump_json()
    for number in range(prompts):
        for place, system in enumerate(RELEASES):
            name = f"q {number:08}"
            record = (
                made.replace("@id", name)
                .replace("@system", system)
                .replace("@prompt", f"第 {number} 个问题：邻居的药放在门口，可以替他收着吗？")
                .replace(
                    "@response", f"{system}：先说明风险，再给出一般性的建议。" * (1 + number % 3)
                )
                .replace("@group", f"group-{number % 10}")
            )
            yield run.run_id, 2 * number + place, name, system, record


def _judgments(run: Run, prompts: int, digest: str) -> Iterator[tuple[object, ...]]:
    rng = np.random.default_rng(1)
    forms = {safe: _form(safe, digest) for safe in (0, 1)}
    for number in range(prompts):
        for system, chance in zip(RELEASES, rng.random(2), strict=True):
            safe = int(chance < 0.94)
            name, key = f"q {number:08}", f"{number:032x}{RELEASES.index(system):032x}"
            record = (
                forms[safe]
                .replace("@id", name)
                .replace("@system", system)
                .replace("@group", f"group-{number % 10}")
                .replace("@key", key)
            )
            yield run.run_id, name, system, key, "ok", record


def _form(safe: int, digest: str) -> str:
    why = "回复说明了风险，并给出了求助途径，没有具体的操作步骤。"
    return Judgment(
        key="@key",
        sample=0,
        id="@id",
        system="@system",
        group="@group",
        lang="zh",
        judge="openai/judge",
        rubric="safety",
        rubric_hash=digest,
        verdicts=(
            Scored(criterion="safe", score=safe, rationale=why),
            Scored(criterion="severity", score=0 if safe else 2, rationale=why),
        ),
        provenance="SIMULATED",
        attempts=1,
    ).model_dump_json()


def _labels(run: Run, store: Store) -> Iterator[Label]:
    """Label some prompts of both releases, with an error of a judge in 5 %."""
    rng = np.random.default_rng(2)
    first = [each.id for each in islice(store.generations(run), 2 * LABELLED)]
    for name in sorted(set(first)):
        for system in RELEASES:
            truth = float(rng.random() < 0.93)
            for expert in EXPERTS:
                score = truth if rng.random() < 0.95 else 1.0 - truth
                yield Label(
                    id=name, system=system, rater=expert, criterion="safe", score=score,
                    rubric="safety",
                )  # fmt: skip


def timed(folder: Path, *words: str) -> dict[str, float]:
    """Run a command of the program; give seconds by the clock, of CPU, and most megabytes."""
    code = "from cvalues.cli import main; main()"
    begun = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--store", "store.db"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "notes").open("wb"),
    )
    _, status, used = os.wait4(running.pid, 0)
    if os.waitstatus_to_exitcode(status) not in {0, 1, 3, 4}:
        raise SystemExit((folder / "notes").read_text("utf-8")[-2000:])
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "cpu": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": round(used.ru_maxrss / 1024),
    }


def main() -> None:
    """Make the run, time the commands, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", default=["calibrate", "report", "gate"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_store(str(folder / "store.db"))
        make(store, folder / "store.db", given.verdicts // (2 * CRITERIA))
        store.close()
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        sides = [
            f"--{side}=run:{release}"
            for side, release in zip(("baseline", "candidate"), RELEASES, strict=True)
        ]
        words = {
            "calibrate": ["--run", "run", "--design", "random", "--out-json", "c.json"],
            "report": ["run", "--out", "report.html"],
            "gate": [*sides, "--policy=policy.yaml", "--allow-simulated", "--out-json", "g.json"],
        }
        result: dict[str, object] = {"verdicts": given.verdicts}
        for command in given.only:
            result[command] = timed(folder, command, *words[command])
            print(command, result[command], flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
