"""CPU of starting and demonstrating the program, over that of importing litellm in the same minute.

Usage: python benchmarks/start.py [--quick]. Each round runs all commands, one after another; the
table shows the median ratio of the rounds. Goals: the list of commands at most 0.1, the
demonstration at most 2.5.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

PROGRAM = "from cvalues.cli import main; main()"
QUERY = "select name from runs where name not like '%-mc-%' limit 1"
GOALS = {"--help": 0.1, "demo": 2.5, "report": None}


def cpu(*words: str, folder: Path) -> float:
    """Give the seconds of CPU that Python takes for a program, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd()), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", *words],
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_round(folder: Path) -> dict[str, float]:
    """Run everything once."""
    base = cpu("import litellm", folder=folder)
    demo = cpu(PROGRAM, "demo", "--out", "demo", folder=folder)
    with closing(sqlite3.connect(folder / "demo" / "store.db")) as store:
        (run,) = store.execute(QUERY).fetchone()
    words = ("report", run, "--store", "demo/store.db", "--out", "page.html")
    report = cpu(PROGRAM, *words, folder=folder)
    listed = cpu(PROGRAM, "--help", folder=folder)
    return {"--help": listed / base, "demo": demo / base, "report": report / base, "base": base}


def main() -> None:
    """Print the table, and write bench/start.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="One round.")
    rounds: list[dict[str, float]] = []
    for _ in range(1 if parser.parse_args().quick else 5):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(one_round(Path(folder)))
    found = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    print(f"import litellm: {found['base']:.2f} s CPU; ratios to it, median of {len(rounds)}")
    for name, goal in GOALS.items():
        met = (
            "" if goal is None else f", goal {goal}: {'met' if found[name] <= goal else 'not met'}"
        )
        print(f"{name:8} {found[name]:.2f}{met}")
    Path("bench").mkdir(exist_ok=True)
    Path("bench/start.json").write_text(json.dumps({"rounds": rounds}), encoding="utf-8")


if __name__ == "__main__":
    main()
