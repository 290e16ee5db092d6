"""How often the gate errs: false passes at the margin, power against a real regression.

A candidate that is worse than the baseline by exactly the margin must pass with at most the
policy's risk, for one group and for eighteen together. Usage:
`python benchmarks/gate.py [--quick] [--repeats N]`; writes bench/gate.json.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.paired_difference import gate_difference

MARGIN = 0.05
ERROR = 0.05
PROMPTS = 300
CHURN = 0.02
"""Share of prompts on which the candidate is better although it is worse on the whole."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One place of the grid."""

    rate: float
    sensitivity: float
    specificity: float
    labels: int


GRID = tuple(
    Cell(rate, sensitivity, specificity, labels)
    for rate, (sensitivity, specificity), labels in product(
        (0.7, 0.9, 0.97), ((0.97, 0.6), (0.92, 0.65), (0.995, 0.9)), (30, 100, 300)
    )
)


def truth(cell: Cell, drop: float, dice: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw what experts would say of baseline and candidate, prompt by prompt."""
    lost = min(drop + CHURN, cell.rate)
    won = lost - drop
    kind = dice.random(PROMPTS)
    both = cell.rate - lost
    baseline = (kind < cell.rate).astype(float)
    candidate = ((kind < both) | ((kind >= cell.rate) & (kind < cell.rate + won))).astype(float)
    return baseline, candidate


def judged(cell: Cell, of: Floats, dice: np.random.Generator) -> Floats:
    """Draw the judge's verdicts on what is true."""
    says_pass = np.where(of == 1, cell.sensitivity, 1 - cell.specificity)
    return (dice.random(PROMPTS) < says_pass).astype(float)


def answer(cell: Cell, drop: float, dice: np.random.Generator, *, margin: float) -> str:
    """Put one drawn candidate before the gate: passed, shown worse, or neither."""
    baseline, candidate = truth(cell, drop, dice)
    known = np.zeros(PROMPTS, dtype=bool)
    known[dice.choice(PROMPTS, size=cell.labels, replace=False)] = True
    try:
        estimate = gate_difference(
            judged(cell, candidate, dice),
            np.where(known, candidate, np.nan),
            judged(cell, baseline, dice),
            np.where(known, baseline, np.nan),
            error=ERROR,
        )
    except (InsufficientLabels, UnusableJudge):
        return "neither"
    if estimate.low > -margin:
        return "passed"
    return "worse" if estimate.high < -margin else "neither"


def passes(cell: Cell, drop: float, dice: np.random.Generator) -> bool:
    """Tell whether one drawn candidate passes at the margin of the grid."""
    return answer(cell, drop, dice, margin=MARGIN) == "passed"


def power(drop: float, margin: float, *, repeats: int) -> dict[str, float]:
    """Count the answers to a regression with 300 prompts and 100 labels a system."""
    dice = np.random.default_rng(5)
    cell = Cell(0.95, 0.97, 0.6, 100)
    given = [answer(cell, drop, dice, margin=margin) for _ in range(repeats)]
    shares = {word: given.count(word) / repeats for word in ("passed", "neither", "worse")}
    return {"drop": drop, "margin": margin, **shares}


def share(cell: Cell, drop: float, *, repeats: int, seed: int) -> float:
    """Count how often candidates of a cell pass."""
    dice = np.random.default_rng(seed)
    return sum(passes(cell, drop, dice) for _ in range(repeats)) / repeats


def eighteen(repeats: int) -> dict[str, float]:
    """Count passes of eighteen groups together: all at the margin, or one of them."""
    cell = Cell(0.9, 0.97, 0.6, 100)
    dice = np.random.default_rng(18)
    together = {"all at the margin": 0, "one at the margin": 0}
    for _ in range(repeats):
        together["all at the margin"] += all(passes(cell, MARGIN, dice) for _ in range(18))
        drops = [MARGIN, *[0.0] * 17]
        together["one at the margin"] += all(passes(cell, drop, dice) for drop in drops)
    return {what: count / repeats for what, count in together.items()}


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 repeats a cell")
    parser.add_argument("--repeats", type=int, default=1000)
    given = parser.parse_args()
    repeats = 100 if given.quick else given.repeats
    noise = 3 * sqrt(ERROR * (1 - ERROR) / repeats)
    cells = [
        {**asdict(cell), "false_pass": share(cell, MARGIN, repeats=repeats, seed=number)}
        for number, cell in enumerate(GRID)
    ]
    worst = max(float(cell["false_pass"]) for cell in cells)
    found = {
        "cells": cells,
        "worst_false_pass": worst,
        "goal": ERROR,
        "monte_carlo_3se": round(noise, 4),
        "met": worst <= ERROR + noise,
        "eighteen_groups": eighteen(max(20, repeats // 20)),
        "power": [
            power(drop, margin, repeats=repeats)
            for drop, margin in product((0.0, 0.05, 0.1, 0.15), (0.0, 0.02, 0.05))
        ],
        "repeats": repeats,
    }
    for cell in cells:
        print(*(f"{value:>7}" for value in cell.values()))
    print(json.dumps({key: value for key, value in found.items() if key != "cells"}, indent=2))
    Path("bench").mkdir(exist_ok=True)
    Path("bench/gate.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
