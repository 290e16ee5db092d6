"""Whether a gate passes as often as the plan of its labels promises.

Two equally good systems; the plan names the prompts to label for both so that the gate passes a
margin with probability 0.8, and the gate is then simulated on fresh draws. Rows are the five of a
referee's table, each with unrelated systems, half of the prompts answered alike, and 2 % churn.
Usage: `python benchmarks/gate_plan.py [--quick] [--row N ...] [--repeats N]`; writes
bench/gate_plan.json.
"""

import argparse
import json
from math import sqrt
from pathlib import Path

import numpy as np

from calibration.pair_planning import PairPilot, pairs_from_accuracy, plan_pairs
from calibration.paired_difference import difference_risks

OUT = Path("bench/gate_plan.json")
PROMISE = 0.8
ROWS = (
    (0.95, 0.05, (0.97, 0.60), 2000),
    (0.95, 0.05, (0.995, 0.90), 2000),
    (0.97, 0.02, (0.97, 0.60), 5000),
    (0.97, 0.02, (0.995, 0.90), 5000),
    (0.90, 0.05, (0.92, 0.65), 2000),
)
"""Rate, margin, judge's sensitivity and specificity, judged prompts."""
ALIKE: tuple[dict[str, float], ...] = ({}, {"shared": 0.5}, {"churn": 0.02})


def power(pilot: PairPilot, *, margin: float, n: int, judged: int, repeats: int) -> float:
    """Count how often the gate passes with n labelled prompts."""
    dice, passed = np.random.default_rng(17), 0
    for _ in range(repeats):
        drawn = pilot.rows[dice.choice(len(pilot.rows), size=judged, p=pilot.shares)]
        drawn[n:, [1, 3]] = np.nan
        passed += difference_risks(*drawn.T, bound=-margin)[0] < 0.05
    return passed / repeats


def measured(number: int, *, repeats: int) -> list[dict[str, object]]:
    """Plan and simulate one row of the table."""
    rate, margin, judge, judged = ROWS[number]
    found: list[dict[str, object]] = []
    for how in ALIKE:
        pilot = pairs_from_accuracy(rate, sensitivity=judge[0], specificity=judge[1], **how)
        plan = plan_pairs(pilot, margin=margin, n_judged=judged)
        reached = power(pilot, margin=margin, n=plan.prompts, judged=judged, repeats=repeats)
        found.append(
            {
                "row": number,
                "rate": rate,
                "margin": margin,
                "judge": judge,
                "alike": how,
                "prompts": plan.prompts,
                "hard_floor": plan.hard_floor,
                "promised": PROMISE,
                "expected": round(plan.power, 3),
                "power": reached,
                "repeats": repeats,
            }
        )
        print(found[-1], flush=True)
    return found


def main() -> None:
    """Simulate, print, write; rows that were simulated before stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 repeats of two rows")
    parser.add_argument("--row", type=int, choices=range(len(ROWS)), action="append")
    parser.add_argument("--repeats", type=int, default=800)
    given = parser.parse_args()
    repeats = 100 if given.quick else given.repeats
    rows = given.row or ([0, 1] if given.quick else list(range(len(ROWS))))
    old = json.loads(OUT.read_text(encoding="utf-8"))["rows"] if OUT.exists() else []
    kept = [each for each in old if each["row"] not in rows]
    kept += [each for number in rows for each in measured(number, repeats=repeats)]
    off = max(abs(float(each["power"]) - PROMISE) for each in kept)
    noise = 2.0 * sqrt(PROMISE * (1.0 - PROMISE) / repeats)
    print({"largest_distance": off, "goal": 0.05, "met": off <= 0.05, "2se": round(noise, 3)})
    OUT.parent.mkdir(exist_ok=True)
    result = {"rows": kept, "largest_distance": off, "goal": 0.05, "met": off <= 0.05}
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
