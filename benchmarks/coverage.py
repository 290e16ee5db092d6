"""Do the intervals cover? A simulation with known truth, beside the labels alone and the peers.

    python benchmarks/coverage.py --quick            a minute, as in continuous integration
    python benchmarks/coverage.py --full --jobs 2    the figures to quote
    python benchmarks/coverage.py --quick --peers-python PATH
    python benchmarks/coverage.py --sections paired --keep        one section more in the report
    python benchmarks/coverage.py --quick --before PATH           beside an older tree of this code

Prints a table for each section and a list of goals, and writes bench/coverage.json. Seeds are
fixed: the same arguments give the same figures. The peers pin old versions of what we use, so they
live in an environment of their own, whose interpreter is PATH:

    python -m venv peers && peers/bin/pip install judgy truescore ppi-python evalstats rubricon-eval
    peers/bin/pip install glide-py      with Python 3.12; or --no-deps --ignore-requires-python
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from simulation import ratings
from simulation.alarms import NULLS, run_null
from simulation.goals import Goal, check_goals
from simulation.methods import NoAnswerError, methods
from simulation.settings import SECTIONS as RATE_SECTIONS
from simulation.settings import SHIFT, Setting, settings
from simulation.tally import Cell, run_cell

from calibration import InsufficientLabels, Undefined, UnusableJudge

AGREEMENT, ALARMS = "agreement", "alarms"
SECTIONS = (*RATE_SECTIONS, AGREEMENT, SHIFT, ALARMS)
HERE = Path(__file__).resolve().parent
REPEATS = {
    "quick": dict.fromkeys(SECTIONS, 40) | {"ordinal": 20, "paired": 20, "strata": 20, SHIFT: 10},
    "full": dict.fromkeys(SECTIONS, 1000)
    | {
        "binary": 4000,
        "by-verdict": 2000,
        "curated": 2000,
        "clustered": 2000,
        "ordinal": 2000,
        SHIFT: 300,
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
        if section == ALARMS:
            rows.extend(dict(run_null(null, repeats)) for null in NULLS)
        elif section == SHIFT:
            rows.extend(_shift(repeats, arguments.labels))
        else:
            rows.extend(_simulate(section, repeats, arguments))
    if arguments.before:
        rows.extend(_before(arguments.before, arguments.sections, arguments.before_repeats))
    if arguments.peers_python:
        repeats = arguments.repeats or PEER_REPEATS[size]
        asked = [section for section in arguments.sections if section in RATE_SECTIONS]
        rows.extend(_peers(arguments.peers_python, asked, repeats))
    if arguments.keep and arguments.out.exists():
        rows = [*_kept(arguments.out, rows), *rows]
    goals = check_goals(rows)
    for section in dict.fromkeys(str(row["section"]) for row in rows):
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
    parser.add_argument("--methods", nargs="+", help="only these rows of the tables")
    parser.add_argument("--labels", nargs="+", type=int, help="only these numbers of labels")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--peers-python", help="interpreter of an environment with the peers")
    parser.add_argument("--before", help="folder of an older tree of this code, to compare with")
    parser.add_argument("--before-repeats", type=int, default=100, help="on the same draws")
    parser.add_argument("--keep", action="store_true", help="keep other rows of the report")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "coverage.json")
    return parser.parse_args()


def _simulate(section: str, repeats: int, arguments: argparse.Namespace) -> list[Row]:
    numbers = [setting[1] for setting in _settings(section)]
    chosen = [i for i, n in enumerate(numbers) if n in (arguments.labels or numbers)]
    run = partial(_run, section, repeats, wanted=arguments.methods)
    if arguments.jobs == 1:
        return [row for index in chosen for row in run(index)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        return [row for rows in pool.map(run, chosen) for row in rows]


def _run(section: str, repeats: int, index: int, *, wanted: Sequence[str] | None) -> list[Row]:
    setting, n, draw = _settings(section)[index]
    asked = ratings.methods(setting) if section == AGREEMENT else methods(section)
    asked = {name: method for name, method in asked.items() if name in (wanted or asked)}
    cell = Cell(section=section, setting=setting, n=n, draw=draw, methods=asked)
    return run_cell(cell, repeats, (InsufficientLabels, UnusableJudge, NoAnswerError, Undefined))


def _shift(repeats: int, labels: Sequence[int] | None) -> list[Row]:
    # An older tree has another chain from tables to numbers, and is not asked.
    from simulation.shift import cells, run_shift

    chosen = [cell for cell in cells() if cell.n in (labels or [cell.n])]
    return [row for cell in chosen for row in run_shift(cell, repeats)]


def _settings(section: str) -> list[Setting]:
    return list(ratings.settings() if section == AGREEMENT else settings(section))


def _kept(out: Path, new: list[Row]) -> list[Row]:
    """Give the rows of an earlier report that were not simulated again."""
    mine = {(row["section"], row["method"], row["setting"], row["n"]) for row in new}
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    return [
        row for row in rows if (row["section"], row["method"], row["setting"], row["n"]) not in mine
    ]


def _before(tree: str, sections: Sequence[str], repeats: int) -> list[Row]:
    """Run the same draws through an older tree, whose public functions have the same names."""
    out = Path(tempfile.mkdtemp()) / "before.json"
    command = [sys.executable, __file__, "--repeats", str(repeats), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": tree}
    subprocess.run(
        [*command, "--sections", *sections], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    return [row | {"method": f"before: {row['method']}"} for row in rows]


def _peers(python: str, sections: Sequence[str], repeats: int) -> list[Row]:
    command = [python, str(HERE / "simulation" / "peers.py"), "--repeats", str(repeats)]
    done = subprocess.run(
        [*command, "--sections", *sections], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _print_section(section: str, rows: list[Row]) -> None:
    if section == ALARMS:
        print("\nalarms under the null hypothesis")
        for row in rows:
            print(f"{100 * float(row['alarms']):6.1f} %  {row['repeats']:6}  {row['setting']}")
        return
    if section == SHIFT:
        _print_told([row for row in rows if "told" in row])
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


def _print_told(rows: list[Row]) -> None:
    print("\nlabels of some sources, no source column: difference told, wrong and not told")
    for row in rows:
        told, silent = 100 * float(row["told"]), 100 * float(row["silent"])
        print(f"{told:6.1f} %{silent:7.1f} %  {row['n']:4} labels  {row['setting']}")


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
