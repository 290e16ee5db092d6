"""Do the intervals cover? A simulation with known truth, beside the labels alone and the peers.

    python benchmarks/coverage.py --quick            a minute, as in continuous integration
    python benchmarks/coverage.py --full --jobs 2    the figures to quote
    python benchmarks/coverage.py --quick --peers-python PATH

Prints a table for each section and a list of goals, and writes bench/coverage.json. Seeds are
fixed: the same arguments give the same figures. The peers pin old versions of what we use, so they
live in an environment of their own, whose interpreter is PATH:

    python -m venv peers && peers/bin/pip install judgy truescore ppi-python evalstats
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from simulation.goals import Goal, check_goals
from simulation.methods import NoAnswerError, methods
from simulation.settings import SECTIONS, settings
from simulation.tally import Cell, run_cell

from calibration import InsufficientLabels, UnusableJudge

HERE = Path(__file__).resolve().parent
REPEATS = {
    "quick": dict.fromkeys(SECTIONS, 40) | {"ordinal": 20, "paired": 20, "strata": 20},
    "full": {
        "binary": 4000,
        "by-verdict": 2000,
        "curated": 2000,
        "clustered": 2000,
        "ordinal": 2000,
        "paired": 1000,
        "strata": 1000,
    },
}
PEER_REPEATS = {"quick": 20, "full": 400}

Row = dict[str, object]


def main() -> None:
    """Simulate, print and write."""
    arguments = _arguments()
    size = "full" if arguments.full else "quick"
    rows: list[Row] = []
    for section in arguments.sections:
        repeats = arguments.repeats or REPEATS[size][section]
        rows.extend(_simulate(section, repeats, arguments.jobs))
    if arguments.peers_python:
        repeats = arguments.repeats or PEER_REPEATS[size]
        rows.extend(_peers(arguments.peers_python, arguments.sections, repeats))
    goals = check_goals(rows)
    for section in arguments.sections:
        _print_section(section, [row for row in rows if row["section"] == section])
    _print_goals(goals)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"size": size, "rows": rows, "goals": [goal.as_row() for goal in goals]}
    arguments.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Coverage of the corrected estimates.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="few repeats, about a minute (default)")
    size.add_argument("--full", action="store_true", help="repeats for figures to quote")
    parser.add_argument("--repeats", type=int, help="repeats of each cell, instead")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--peers-python", help="interpreter of an environment with the peers")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "coverage.json")
    return parser.parse_args()


def _simulate(section: str, repeats: int, jobs: int) -> list[Row]:
    count = sum(1 for _ in settings(section))
    run = partial(_run, section, repeats)
    if jobs == 1:
        return [row for index in range(count) for row in run(index)]
    with ProcessPoolExecutor(jobs) as pool:
        return [row for rows in pool.map(run, range(count)) for row in rows]


def _run(section: str, repeats: int, index: int) -> list[Row]:
    setting, n, draw = list(settings(section))[index]
    cell = Cell(section=section, setting=setting, n=n, draw=draw, methods=methods(section))
    return run_cell(cell, repeats, (InsufficientLabels, UnusableJudge, NoAnswerError))


def _peers(python: str, sections: Sequence[str], repeats: int) -> list[Row]:
    command = [python, str(HERE / "simulation" / "peers.py"), "--repeats", str(repeats)]
    done = subprocess.run(
        [*command, "--sections", *sections], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _print_section(section: str, rows: list[Row]) -> None:
    print(f"\n{section}: smallest coverage, mean width and share of answers over the settings")
    print(
        f"{'method':34}{'n':>5}{'cells':>7}{'repeats':>9}{'coverage':>10}{'width':>9}{'answers':>9}"
    )
    for method in dict.fromkeys(row["method"] for row in rows):
        for n in sorted({row["n"] for row in rows}):
            mine = [row for row in rows if row["method"] == method and row["n"] == n]
            given = [row for row in mine if "coverage" in row]
            if given:
                line = f"{method:34}{n:5}{len(mine):7}{mine[0]['repeats']:9}"
                line += f"{100 * min(_all(given, 'coverage')):10.1f}{_mean(given, 'width'):9.4f}"
                print(f"{line}{100 * _mean(mine, 'answered'):9.1f}")


def _print_goals(goals: Iterable[Goal]) -> None:
    print("\ngoals")
    for goal in goals:
        print(
            f"{'met ' if goal.met else 'MISS'}  {goal.measured:8.4f}  {goal.wanted:14}  {goal.name}"
        )


def _all(rows: list[Row], key: str) -> list[float]:
    return [float(row[key]) for row in rows]


def _mean(rows: list[Row], key: str) -> float:
    return sum(_all(rows, key)) / len(rows)


if __name__ == "__main__":
    sys.exit(main())
