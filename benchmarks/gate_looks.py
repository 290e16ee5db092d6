"""How often the gate errs when it is asked again and again, and what that costs in labels.

Two systems on the same prompts, the candidate worse by exactly the margin; or one system at exactly
the floor. After each batch of labels the gate looks, at the risk that the look may take. Beside it
stand a single look at the whole risk, and a confidence sequence on the experts' own differences
(Waudby-Smith et al. 2024, Ann. Statist. 52(6), one-sided normal mixture). Usage:
`python benchmarks/gate_looks.py [--quick] [--repeats N]`; writes bench/gate_looks.json.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import product
from math import log, sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.estimators import difference_risks, gate_rate
from calibration.pair_planning import hard_floor, pairs_from_accuracy, plan_pairs
from calibration.sequential import look_error

ERROR = 0.05
MARGIN = 0.05
PROMPTS = 1000
Floats = npt.NDArray[np.float64]
JUDGES = ((0.97, 0.60), (0.92, 0.65), (0.995, 0.90), (0.80, 0.70))
RATES = (0.7, 0.9, 0.95, 0.97)


@dataclass(frozen=True)
class Cell:
    """One place of the grid."""

    rate: float
    sensitivity: float
    specificity: float
    looks: int


def systems(cell: Cell, drop: float, dice: np.random.Generator) -> Floats:
    """Draw verdict and label of candidate and baseline, shape (4, PROMPTS)."""
    baseline = (dice.random(PROMPTS) < cell.rate).astype(float)
    lost = (dice.random(PROMPTS) < min(drop / cell.rate, 1.0)) & (baseline == 1.0)
    candidate = np.where(lost, 0.0, baseline)
    rows: list[Floats] = []
    for truth in (candidate, baseline):
        says = np.where(truth == 1.0, cell.sensitivity, 1.0 - cell.specificity)
        rows += [(dice.random(PROMPTS) < says).astype(float), truth]
    return np.stack(rows)


def labelled(drawn: Floats, n: int) -> Floats:
    """Hide the labels of all but n prompts."""
    seen = drawn.copy()
    seen[1, n:] = seen[3, n:] = np.nan
    return seen


def margin_passes(drawn: Floats, steps: list[int], looks: int) -> bool:
    """Tell whether the gate passes the margin at one of the looks."""
    least = hard_floor(MARGIN, error=ERROR)
    counted: list[float] = []
    for n in steps:
        if n < least:
            continue
        counted.append(float(n))
        risk = look_error(counted, looks=looks, error=ERROR)
        try:
            if difference_risks(*labelled(drawn, n), bound=-MARGIN)[0] < risk:
                return True
        except (InsufficientLabels, UnusableJudge):
            continue
    return False


def floor_passes(drawn: Floats, steps: list[int], looks: int, *, floor: float) -> bool:
    """Tell whether the gate passes the floor at one of the looks."""
    counted: list[float] = []
    for n in steps:
        if n < hard_floor(1.0 - floor, error=ERROR):
            continue
        counted.append(float(n))
        risk = look_error(counted, looks=looks, error=ERROR)
        seen = labelled(drawn, n)
        try:
            if gate_rate(seen[0], seen[1], error=risk).low >= floor:
                return True
        except (InsufficientLabels, UnusableJudge):
            continue
    return False


def sequence_passes(drawn: Floats, steps: list[int]) -> bool:
    """Tell whether a confidence sequence on the experts' differences passes at one of the looks."""
    tuned = (-2.0 * log(ERROR) + log(-2.0 * log(ERROR)) + 1.0) / steps[-1]
    for n in steps:
        differences = drawn[1, :n] - drawn[3, :n]
        spread = max(float(differences.std(ddof=1)), 1.0 / n)
        wide = n * tuned + 1.0
        reach = spread * sqrt(2.0 * wide / (n**2 * tuned) * log(1.0 + sqrt(wide) / (2.0 * ERROR)))
        if n >= 30 and float(differences.mean()) - reach > -MARGIN:
            return True
    return False


def steps_to(most: int, looks: int) -> list[int]:
    """Give equal batches of labels."""
    return [round(most * (k + 1) / looks) for k in range(looks)]


def false_passes(cell: Cell, *, repeats: int, seed: int) -> dict[str, float]:
    """Count passes of a candidate at the margin and of one at the floor."""
    dice = np.random.default_rng(seed)
    steps = steps_to(600, cell.looks)
    found = {"margin": 0, "floor": 0}
    for _ in range(repeats):
        at_margin = systems(cell, MARGIN, dice)
        found["margin"] += margin_passes(at_margin, steps, cell.looks)
        level = systems(cell, 0.0, dice)
        found["floor"] += floor_passes(level, steps, cell.looks, floor=cell.rate)
    return {name: count / repeats for name, count in found.items()}


def labels_for_power(cell: Cell, *, repeats: int, seed: int) -> dict[str, float]:
    """Find the labels with which an equally good candidate passes in 80 of 100 cases."""
    pilot = pairs_from_accuracy(
        cell.rate, sensitivity=cell.sensitivity, specificity=cell.specificity, shared=0.5
    )
    single = plan_pairs(pilot, margin=MARGIN, n_judged=PROMPTS, error=ERROR).prompts
    ratios = (1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.4)
    dice = np.random.default_rng(seed)
    drawn = [
        pilot.rows[dice.choice(len(pilot.rows), size=PROMPTS, p=pilot.shares)].T.copy()
        for _ in range(repeats)
    ]
    found: dict[str, float] = {"single": single}
    for name in ("spending", "sequence"):
        for ratio in ratios:
            steps = steps_to(min(round(single * ratio), PROMPTS), cell.looks)
            passed = sum(
                margin_passes(each, steps, cell.looks)
                if name == "spending"
                else sequence_passes(each, steps)
                for each in drawn
            )
            if passed >= 0.8 * repeats:
                found[name] = ratio
                break
    return found


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 repeats, one number of looks")
    parser.add_argument("--repeats", type=int, default=400)
    given = parser.parse_args()
    repeats = 20 if given.quick else given.repeats
    grid = [
        Cell(rate, *judge, looks)
        for rate, judge, looks in product(RATES, JUDGES, (20,) if given.quick else (5, 20))
    ]
    rows = [
        {**asdict(cell), **false_passes(cell, repeats=repeats, seed=number)}
        for number, cell in enumerate(grid)
    ]
    power = [
        {**asdict(cell), **labels_for_power(cell, repeats=repeats, seed=number)}
        for number, cell in enumerate(grid)
        if cell.rate in {0.9, 0.95}
    ]
    worst = max(max(float(row["margin"]), float(row["floor"])) for row in rows)
    noise = 3.0 * sqrt(ERROR * (1.0 - ERROR) / repeats)
    found = {
        "false_passes": rows,
        "worst": worst,
        "goal": ERROR,
        "monte_carlo_3se": round(noise, 4),
        "met": worst <= ERROR + noise,
        "labels": power,
        "repeats": repeats,
    }
    for row in (*rows, *power):
        print(row)
    print({name: found[name] for name in ("worst", "goal", "monte_carlo_3se", "met", "repeats")})
    Path("bench").mkdir(exist_ok=True)
    Path("bench/gate_looks.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
