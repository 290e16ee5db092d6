"""How long do all intervals of a report take: every criterion of safety and responsibility.

    python benchmarks/whole_report.py --quick   5,000 items, 300 of them labelled by three experts
    python benchmarks/whole_report.py --full    the same with 100, 300 and 1,000 labelled

The criteria of safety are reported over 10 scenarios, those of responsibility over 8 domains, each
group and all together: corrected score, labels alone, agreement, ceiling, the alternative
annotator test, experts' consistency, single items, biases. Prints processor seconds for each
criterion, the better of two runs, and writes bench/whole_report.json.
"""

import os  # numpy reads the number of threads when it is imported

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
from pathlib import Path

import numpy as np

from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Counting, Part

HERE = Path(__file__).resolve().parent
ITEMS = 5000
GOAL = 5.0
EXPERTS = ("expert-1", "expert-2", "expert-3")
SIX = Counting(low=1.0, high=5.0)
CRITERIA = (
    ("safe", Counting(low=0.0, high=1.0, at_least=1.0), 10),
    ("severity", Counting(low=0.0, high=3.0), 10),
    ("overall", Counting(low=1.0, high=10.0), 8),
    *(
        (name, SIX, 8)
        for name in ("direct", "informative", "empathetic", "readable", "prudent", "neutral")
    ),
)
"""Criterion, how it is counted, and its groups."""


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    rows: list[dict[str, object]] = []
    for labels in (100, 300, 1000) if arguments.full else (300,):
        seconds = _measure(labels)
        total = sum(seconds.values())
        for name, took in seconds.items():
            print(f"{labels:5} labels  {name:12} {took:6.2f} s")
        print(f"{'met' if total <= GOAL else 'MISSED':7} whole report: {total:.2f} s <= {GOAL:g}")
        rows.append({"labels": labels, "seconds": seconds, "total": total, "goal": GOAL})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")


def _measure(labels: int) -> dict[str, float]:
    """Take the processor seconds of each criterion, the better of two runs."""
    seconds: dict[str, float] = {}
    for name, counting, groups in CRITERIA:
        part = part_of(name, counting, groups=groups, labels=labels)
        seconds[name] = min(_calibrate(part), _calibrate(part))
    return seconds


def _calibrate(part: Part) -> float:
    start = time.process_time()
    calibrate([part], design="random", source="drawn", labels="drawn", by_group=True)
    return time.process_time() - start


def part_of(criterion: str, counting: Counting, *, groups: int, labels: int) -> Part:
    """Draw items of which nearly all are good, with a judge and experts who err."""
    rng = np.random.default_rng(0)
    low, high = counting.low, counting.high
    middle, reach = low + 0.7 * (high - low), 0.2 * (high - low)
    quality = middle + reach * rng.normal(size=(ITEMS, 1))
    if counting.kind == "rate":
        quality = np.where(rng.random((ITEMS, 1)) < 0.97, 0.9, 0.1)
    seen = quality + 0.15 * (high - low) * rng.normal(size=(ITEMS, 1 + len(EXPERTS)))
    levels = np.clip(np.rint(seen), low, high)
    levels[labels:, 1:] = np.nan
    return Part(
        judge="judge",
        criterion=criterion,
        system="model",
        counting=counting,
        units=tuple((f"p{number}", "model", 0) for number in range(ITEMS)),
        groups=tuple(f"group {number % groups}" for number in range(ITEMS)),
        verdicts=levels[:, 0],
        labels=levels[:, 1:],
        raters=EXPERTS,
        traits={
            "length": rng.normal(size=ITEMS),
            "chinese": rng.integers(0, 2, ITEMS).astype(np.float64),
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time of all intervals of a report.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="300 labels (default)")
    size.add_argument("--full", action="store_true", help="100, 300 and 1,000 labels")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "whole_report.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
