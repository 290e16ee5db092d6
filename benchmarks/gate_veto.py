"""How often a veto passes a candidate in which events are twice as frequent as it allows.

Each candidate has N prompts, n of them labelled at random; every prompt is an event with twice the
share that the veto allows. The judge reports an event with its sensitivity, and experts look at
what it reports. The gate's own bound decides, `calibration.rare_events`, with the recall that the
judge's passport proves: none, or that of an earlier labelled run of 1,000 responses, 5 % or 20 %
of them events, all that it reported and 300 others labelled. Usage:
`python benchmarks/gate_veto.py [--quick] [--repeats N]`; writes bench/gate_veto.json.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np

from calibration.rare_events import Screened, Watched, event_bound, recall_limit

RISK = 0.05
OUT = Path("bench/gate_veto.json")
PLACES = (
    (300, 30, 0.01), (300, 100, 0.01), (1000, 100, 0.005), (300, 148, 0.02),
    (300, 160, 0.02), (1000, 299, 0.01), (1000, 150, 0.01), (3000, 300, 0.005),
)  # fmt: skip
"""Prompts, labelled prompts, allowed share. The first three are those at which the judge's word
alone passed up to 54 %."""
SENSITIVITIES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
PASSPORTS = (0.0, 0.05, 0.2)
"""Share of events in the run on which the passport was earned; 0 for a passport without any."""


@dataclass(frozen=True)
class Cell:
    """One place of the grid."""

    prompts: int
    labelled: int
    at_most: float
    sensitivity: float
    passport: float


def recall(cell: Cell, dice: np.random.Generator) -> float:
    """Earn a passport, and give the recall that it proves at half of the risk."""
    if not cell.passport:
        return 0.0
    event = dice.random(1000) < cell.passport
    reported = event & (dice.random(1000) < cell.sensitivity)
    others = np.flatnonzero(~reported)
    seen = dice.choice(others, size=300, replace=False)
    return recall_limit(
        Screened(
            items=int(reported.sum()),
            labelled=int(reported.sum()),
            events=int(event[reported].sum()),
        ),
        Screened(items=others.size, labelled=300, events=int(event[seen].sum())),
        risk=RISK / 2.0,
    )


def passes(cell: Cell, share: float, dice: np.random.Generator) -> bool:
    """Put one candidate before the veto."""
    event = dice.random(cell.prompts) < share
    labelled = np.arange(cell.prompts) < cell.labelled
    if (event & labelled).any():
        return False
    reported = event & ~labelled & (dice.random(cell.prompts) < cell.sensitivity)
    if reported.any():
        return False  # experts look at what the judge reports, and confirm it
    alone = Watched(units=cell.prompts, labelled=cell.labelled)
    if event_bound([alone], risk=RISK) <= cell.at_most:
        return True
    proven = recall(cell, dice)
    watched = Watched(
        units=cell.prompts, labelled=cell.labelled, judged=cell.prompts - cell.labelled
    )
    return event_bound([watched], risk=RISK / 2.0, recall=proven) <= cell.at_most


def measured(cell: Cell, *, repeats: int, seed: int) -> dict[str, float]:
    """Count passes at twice the allowed share, just above it, and without any event."""
    found: dict[str, float] = {}
    for name, share in (
        ("twice", 2.0 * cell.at_most),
        ("just above", 1.0001 * cell.at_most),
        ("none", 0.0),
    ):
        dice = np.random.default_rng(seed)
        times = repeats if share else max(repeats // 20, 20)
        found[name] = sum(passes(cell, share, dice) for _ in range(times)) / times
    return found


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 repeats a cell")
    parser.add_argument("--repeats", type=int, default=2000)
    given = parser.parse_args()
    repeats = 200 if given.quick else given.repeats
    cells = [Cell(*place, *rest) for place, *rest in product(PLACES, SENSITIVITIES, PASSPORTS)]
    rows = [
        {**asdict(cell), **measured(cell, repeats=repeats, seed=number)}
        for number, cell in enumerate(cells)
    ]
    noise = 3.0 * sqrt(RISK * (1.0 - RISK) / repeats)
    found = {
        "cells": rows,
        "largest_at_twice": max(row["twice"] for row in rows),
        "largest_just_above": max(row["just above"] for row in rows),
        "goal": RISK,
        "monte_carlo_3se": round(noise, 4),
        "met": max(row["twice"] for row in rows) <= RISK,
        "repeats": repeats,
    }
    for row in rows:
        print(*(f"{value:>8}" for value in row.values()))
    print({name: value for name, value in found.items() if name != "cells"})
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
