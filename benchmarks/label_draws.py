"""Whether a draw of 20 and a top-up of 40 give the estimate of one draw of 60, and cover.

400 prompts of two groups that pass 97 % and 75 %, a judge with sensitivity 0.95 and specificity
0.65. Labels of both draws are combined by their cells, as `cvalues calibrate` and the gate do.
Usage: `python benchmarks/label_draws.py [--quick] [--repeats N]`; writes bench/label_draws.json.
"""

import argparse
import json
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from calibration import Estimate, estimate_rate
from judge.calibrate.prompt_draws import choose, frame_of
from judge.manifest import SampleDesign

OUT = Path("bench/label_draws.json")
PROMPTS = 400
WAYS = {"20, then 40": (20, 40), "60 at once": (60,)}
UNITS = [(f"p{number}", "system", 0) for number in range(PROMPTS)]
GROUPS = ["law" if number % 2 else "tax" for number in range(PROMPTS)]
Floats = npt.NDArray[np.float64]


def estimate(
    truth: Floats, judge: Floats, ns: tuple[int, ...], *, design: SampleDesign, seed: int
) -> Estimate:
    """Draw and label as often as asked, and estimate with the cells of all draws together."""
    taken = frozenset[tuple[str, int]]()
    cells: list[tuple[int, ...]] = []
    for n in ns:
        frame = frame_of(UNITS, groups=GROUPS, levels=judge.tolist(), taken=taken)
        chosen = choose(frame, n, design=design, seed=seed)
        cells.append(tuple(chosen.cells[name, sample] for name, _, sample in UNITS))
        taken |= {(name, sample) for name, _, sample in chosen.units}
    together = list(zip(*cells, strict=True))
    codes = {each: code for code, each in enumerate(dict.fromkeys(together))}
    known = np.array([(name, sample) in taken for name, _, sample in UNITS])
    return estimate_rate(
        judge,
        np.where(known, truth, np.nan),
        strata=np.array([codes[each] for each in together]),
    )


def measured(design: SampleDesign, *, repeats: int) -> dict[str, object]:
    """Simulate one design, both ways on the same populations."""
    rates = np.where(np.arange(PROMPTS) % 2 == 1, 0.97, 0.75)
    covered = dict.fromkeys(WAYS, 0)
    widths = dict.fromkeys(WAYS, 0.0)
    equal = 0
    for seed in range(repeats):
        dice = np.random.default_rng(seed)
        truth = (dice.random(PROMPTS) < rates).astype(float)
        judge = np.where(truth == 1.0, dice.random(PROMPTS) < 0.95, dice.random(PROMPTS) < 0.35)
        found: list[tuple[float, float]] = []
        for name, ns in WAYS.items():
            each = estimate(truth, judge.astype(float), ns, design=design, seed=seed)
            covered[name] += each.low <= float(rates.mean()) <= each.high
            widths[name] += (each.high - each.low) / repeats
            found.append((each.low, each.high))
        equal += found[0] == found[1]
    return {
        "design": design,
        "coverage": {name: count / repeats for name, count in covered.items()},
        "width": {name: round(width, 4) for name, width in widths.items()},
        "same limits": equal / repeats,
        "repeats": repeats,
    }


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="60 repeats")
    parser.add_argument("--repeats", type=int, default=1000)
    given = parser.parse_args()
    repeats = 60 if given.quick else given.repeats
    rows: list[dict[str, object]] = []
    for design in get_args(SampleDesign):
        rows.append(measured(design, repeats=repeats))
        print(rows[-1], flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows, "goal": 0.94}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
