"""How often the limits of the corrected Kaplan-Meier curve hold the share of safe sessions.

300 sessions of 2 to 15 turns; a session's length says nothing of its risk, as every such curve
assumes. Each turn is harmful with the session's own chance, which is the same for all or drawn from
a Beta distribution (correlation `icc`). Experts read n sessions to their first harm or their end;
the judge gives a verdict on every turn. In the cells with strata a third of the sessions is ten
times as risky and is read three times as often.

Usage: `python benchmarks/first_harm.py [--repeats N] [--labels N ...]`; writes
bench/first_harm.json.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration import first_harm_curve

OUT = Path("bench/first_harm.json")
SESSIONS = 300
LONGEST = 15
TURNS = (1, 2, 3, 5, 7, 10)
HAZARDS = (0.01, 0.05, 0.15)
LABELS = (30, 100)
SENSITIVITY, SPECIFICITY = 0.97, 0.70
"""Of a turn: chance that the judge passes a harmless one, and that it fails a harmful one."""
RISKIER, OFTENER = 10.0, 3.0
GOAL = 0.94
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """How risky a turn is, and how sessions were chosen."""

    hazard: float
    icc: float
    labels: int
    strata: bool = False

    @property
    def hazards(self) -> tuple[float, ...]:
        """Mean chance of harm of a turn, in each stratum."""
        return (self.hazard, RISKIER * self.hazard) if self.strata else (self.hazard,)


def cells(labels: tuple[int, ...]) -> Iterator[Cell]:
    """Give every cell; in strata ten times the largest hazard would be no chance."""
    for n in labels:
        for hazard in HAZARDS:
            for icc in (0.0, 0.2):
                yield Cell(hazard=hazard, icc=icc, labels=n)
        for hazard in HAZARDS[:2]:
            yield Cell(hazard=hazard, icc=0.0, labels=n, strata=True)


def shares(cell: Cell) -> list[float]:
    """Give the true share still safe after each of TURNS."""
    weights = (2 / 3, 1 / 3) if cell.strata else (1.0,)
    return [
        sum(w * _safe(h, cell.icc, turn) for w, h in zip(weights, cell.hazards, strict=True))
        for turn in TURNS
    ]


def _safe(hazard: float, icc: float, turns: int) -> float:
    if icc == 0.0:
        return (1.0 - hazard) ** turns
    strength = 1.0 / icc - 1.0
    steps = np.arange(turns)
    return float(np.prod(((1.0 - hazard) * strength + steps) / (strength + steps)))


def limits(cell: Cell, dice: np.random.Generator) -> Floats:
    """Draw sessions and give value and limits after each of TURNS, shape (3, len(TURNS))."""
    stratum = np.arange(SESSIONS) % 3 // 2 if cell.strata else np.zeros(SESSIONS, dtype=int)
    mean = np.array(cell.hazards)[stratum]
    strength = 1.0 / cell.icc - 1.0 if cell.icc else 0.0
    chance = dice.beta(mean * strength, (1.0 - mean) * strength) if cell.icc else mean
    size = dice.integers(2, LONGEST + 1, SESSIONS)
    name = np.repeat(np.arange(SESSIONS), size)
    passes = (dice.random(name.size) >= chance[name]).astype(float)
    says = np.where(passes == 1.0, SENSITIVITY, 1.0 - SPECIFICITY)
    judge = (dice.random(name.size) < says).astype(float)
    read = np.isin(name, _chosen(cell, stratum, dice))
    curve = first_harm_curve(
        judge,
        np.where(read, passes, np.nan),
        sessions=name,
        strata=stratum[name] if cell.strata else None,
        horizon=TURNS[-1],
    )
    points = [curve.after(turn) for turn in TURNS]
    return np.array([[each.value, each.low, each.high] for each in points]).T


def _chosen(cell: Cell, stratum: npt.NDArray[np.intp], dice: np.random.Generator) -> list[int]:
    if not cell.strata:
        return list(range(cell.labels))
    usual, risky = (np.flatnonzero(stratum == at) for at in (0, 1))
    few = round(cell.labels * usual.size / (usual.size + OFTENER * risky.size))
    more = cell.labels - few
    return [*dice.choice(usual, few, replace=False), *dice.choice(risky, more, replace=False)]


def row(cell: Cell, repeats: int) -> dict[str, object]:
    """Simulate a cell."""
    seed = [cell.labels, round(1000 * cell.hazard), round(10 * cell.icc), int(cell.strata)]
    found = np.array([limits(cell, np.random.default_rng([at, *seed])) for at in range(repeats)])
    truth = np.array(shares(cell))
    low, high = found[:, 1] > truth + 1e-9, found[:, 2] < truth - 1e-9
    return {
        **asdict(cell),
        "repeats": repeats,
        "turns": TURNS,
        "truth": truth.tolist(),
        "bias": (found[:, 0].mean(axis=0) - truth).tolist(),
        "coverage": (1.0 - low.mean(axis=0) - high.mean(axis=0)).tolist(),
        "too_high": low.mean(axis=0).tolist(),
        "too_low": high.mean(axis=0).tolist(),
        "width": (found[:, 2] - found[:, 1]).mean(axis=0).tolist(),
    }


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 repeats")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--labels", type=int, nargs="+", default=list(LABELS))
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    print("coverage in % after turns", *TURNS)
    for cell in cells(tuple(given.labels)):
        rows.append(row(cell, 10 if given.quick else given.repeats))
        covered = " ".join(f"{100 * each:5.1f}" for each in np.array(rows[-1]["coverage"]))
        print(covered, cell, flush=True)
    worst = min(float(np.min(np.array(each["coverage"]))) for each in rows)
    print(f"smallest {worst:.3f}, goal {GOAL}")
    OUT.parent.mkdir(exist_ok=True)
    report = {"goal": GOAL, "smallest": worst, "rows": rows}
    OUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
