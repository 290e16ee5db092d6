"""How often the gate errs when it is asked again and again, and what that costs in labels.

Two systems on the same prompts, the candidate worse by exactly the margin; or one system at exactly
the floor. After each batch of labels the gate looks, at the risk that the look may take: equal
batches up to 600 labelled prompts, as many looks as the policy plans, 5 or 20.

Labels: the labelled prompts with which an equally good candidate passes with probability 0.8, by
one look at the whole risk, by the gate's spending over looks, by its spending over planned labels
(those that `cvalues plan-labels` names: of one look of five), and by two confidence sequences on
the experts' differences: a normal mixture, which holds for many labels (Waudby-Smith et al. 2024,
Ann. Statist. 52(6)), and a test by betting, which holds for any (Waudby-Smith and Ramdas 2024, J.
R. Stat. Soc. B 86(1), 1-27), the capital spread over all bets. Their false passes are counted
beside the gate's.

False passes at the floor with planned labels have a part of their own, `floors`.

Usage: `python benchmarks/gate_looks.py [--part errors|floors|labels] [--rate R ...] [--repeats N]`;
parts may be run one by one, their rows are gathered in bench/gate_looks.json.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import ceil, log, sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.estimators import gate_rate
from calibration.pair_planning import PairPilot, hard_floor, pairs_from_accuracy
from calibration.paired_difference import difference_risks
from calibration.sequential import look_error, looks_that_count
from calibration.validation import MOST_LOOKS

OUT = Path("bench/gate_looks.json")
PARTS = ("errors", "floors", "labels")
ERROR = 0.05
MARGIN = 0.05
PROMPTS = 1000
MOST = 600
PLANNED = (120, 200, 350)
"""Labels that the false passes are simulated with, since a plan may be wrong."""
POWER = 0.8
BETS = 40
Floats = npt.NDArray[np.float64]
JUDGES = ((0.97, 0.60), (0.92, 0.65), (0.995, 0.90), (0.80, 0.70))
RATES = (0.7, 0.9, 0.95, 0.97)
LOOKS = (5, 20)
RATIOS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.9, 2.3, 2.8)
SCHEDULES: dict[str, tuple[int, Callable[[int], list[int]]]] = {
    "one look of five": (5, lambda most: [most]),
    "two looks of five": (5, lambda most: [round(most / 1.5), most]),
    "five equal looks": (5, lambda most: steps_to(most, 5)),
    "twenty looks from 40 %": (20, lambda most: steps_from(0.4, most, 20)),
    "twenty equal looks": (20, lambda most: steps_to(most, 20)),
}
"""Looks that the policy plans, and the labelled prompts at each, up to the most."""


@dataclass(frozen=True)
class Cell:
    """One place of the grid."""

    rate: float
    sensitivity: float
    specificity: float


def steps_to(most: int, looks: int) -> list[int]:
    """Give equal batches of labels."""
    return [max(round(most * (k + 1) / looks), 1) for k in range(looks)]


def steps_from(share: float, most: int, looks: int) -> list[int]:
    """Give a first batch, then equal ones."""
    return [round(most * (share + (1.0 - share) * k / (looks - 1))) for k in range(looks)]


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


def margin_risk(drawn: Floats, n: int) -> float:
    """Give the p-value of "worse by the margin" with n labelled prompts; 1 where there is none."""
    try:
        return difference_risks(*labelled(drawn, n), bound=-MARGIN)[0]
    except (InsufficientLabels, UnusableJudge):
        return 1.0


def reaches(drawn: Floats, n: int, *, floor: float, risk: float) -> bool:
    """Tell whether the candidate's lower limit reaches the floor."""
    seen = labelled(drawn, n)
    try:
        return gate_rate(seen[0], seen[1], error=risk).low >= floor
    except (InsufficientLabels, UnusableJudge):
        return False


def risks(
    steps: Sequence[int], looks: int, *, margin: float, planned: float | None = None
) -> list[tuple[int, float]]:
    """Give the labels and the risk of each look that counts, as the gate does."""

    def fewest(risk: float) -> int:
        return hard_floor(margin, error=risk)

    most = looks if planned is None else MOST_LOOKS
    counted = looks_that_count(steps, fewest=fewest, looks=most, error=ERROR, planned=planned)
    return [
        (n, look_error(counted[: k + 1], looks=most, error=ERROR, planned=planned))
        for k, n in enumerate(counted)
    ]


def errors(cell: Cell, *, looks: int, repeats: int, seed: int) -> dict[str, float]:
    """Count passes of a candidate at the margin and of one at the floor, over all looks."""
    dice = np.random.default_rng(seed)
    steps = steps_to(MOST, looks)
    at_margin = risks(steps, looks, margin=MARGIN)
    at_floor = risks(steps, looks, margin=1.0 - cell.rate)
    by_labels = {
        f"margin, {planned} labels planned": risks(steps, looks, margin=MARGIN, planned=planned)
        for planned in PLANNED
    }
    found = dict.fromkeys(("margin", "floor", "mixture", "betting", *by_labels), 0)
    for _ in range(repeats):
        worse, level = systems(cell, MARGIN, dice), systems(cell, 0.0, dice)
        known = {n: margin_risk(worse, n) for n in steps}
        for name, asked in {"margin": at_margin, **by_labels}.items():
            found[name] += any(known[n] < risk for n, risk in asked)
        found["floor"] += any(reaches(level, n, floor=cell.rate, risk=risk) for n, risk in at_floor)
        found["mixture"] += mixture_passes(worse, steps)
        found["betting"] += bet_passes(worse, steps)
    return {name: count / repeats for name, count in found.items()}


def floor_errors(cell: Cell, *, looks: int, repeats: int, seed: int) -> dict[str, float]:
    """Count passes of a system at exactly the floor, over all looks, by the labels planned."""
    dice = np.random.default_rng(seed)
    steps = steps_to(MOST, looks)
    plans = {"floor": risks(steps, looks, margin=1.0 - cell.rate)} | {
        f"floor, {planned} labels planned": risks(
            steps, looks, margin=1.0 - cell.rate, planned=planned
        )
        for planned in PLANNED
    }
    found = dict.fromkeys(plans, 0)
    for _ in range(repeats):
        drawn = systems(cell, 0.0, dice)
        for name, passed in floor_passes(drawn, plans, floor=cell.rate).items():
            found[name] += passed
    return {name: count / repeats for name, count in found.items()}


def floor_passes(
    drawn: Floats, plans: Mapping[str, Sequence[tuple[int, float]]], *, floor: float
) -> dict[str, bool]:
    """Tell which plans pass; no smaller risk reaches what the largest at a look does not."""
    largest: dict[int, float] = {}
    for asked in plans.values():
        for n, risk in asked:
            largest[n] = max(risk, largest.get(n, 0.0))
    open_ = {n for n, risk in largest.items() if reaches(drawn, n, floor=floor, risk=risk)}
    return {
        name: any(n in open_ and reaches(drawn, n, floor=floor, risk=risk) for n, risk in asked)
        for name, asked in plans.items()
    }


def mixture_passes(drawn: Floats, steps: Sequence[int]) -> bool:
    """Tell whether a confidence sequence, tuned to the last look, passes at one of the looks."""
    tuned = (-2.0 * log(ERROR) + log(-2.0 * log(ERROR)) + 1.0) / steps[-1]
    for n in steps:
        differences = drawn[1, :n] - drawn[3, :n]
        spread = max(float(differences.std()), 1.0 / n)
        wide = n * tuned + 1.0
        reach = spread * sqrt(2.0 * wide / (n**2 * tuned) * log(1.0 + sqrt(wide) / (2.0 * ERROR)))
        if n >= 30 and float(differences.mean()) - reach > -MARGIN:
            return True
    return False


def bet_passes(drawn: Floats, steps: Sequence[int]) -> bool:
    """Tell whether the capital of equal parts, each with a bet of its own, reaches 1 / ERROR."""
    bets = (np.arange(BETS) + 1.0) / (BETS + 1.0) / (1.0 - MARGIN)
    won = drawn[1, : steps[-1]] - drawn[3, : steps[-1]] + MARGIN
    capital = np.exp(np.cumsum(np.log1p(np.multiply.outer(bets, won)), axis=1)).mean(axis=0)
    return bool((capital[np.array(steps) - 1] >= 1.0 / ERROR).any())


class Powers:
    """How often an equally good candidate passes, on the same draws whatever is asked."""

    def __init__(self, pilot: PairPilot, *, repeats: int, seed: int) -> None:
        dice = np.random.default_rng(seed)
        size, p = PROMPTS, pilot.shares
        self._draws = [
            pilot.rows[dice.choice(len(p), size=size, p=p)].T.copy() for _ in range(repeats)
        ]
        self._known: dict[tuple[int, int], float] = {}

    def _risk(self, draw: int, n: int) -> float:
        if (draw, n) not in self._known:
            self._known[draw, n] = margin_risk(self._draws[draw], n)
        return self._known[draw, n]

    def spending(self, steps: Sequence[int], looks: int, planned: float | None = None) -> float:
        """Power of the gate over its looks."""
        asked = risks(steps, looks, margin=MARGIN, planned=planned)
        passed = [
            any(self._risk(draw, n) < risk for n, risk in asked) for draw in range(len(self._draws))
        ]
        return float(np.mean(passed))

    def mixture(self, steps: Sequence[int]) -> float:
        """Power of the normal mixture."""
        return float(np.mean([mixture_passes(each, steps) for each in self._draws]))

    def betting(self, steps: Sequence[int]) -> float:
        """Power of the test by betting."""
        return float(np.mean([bet_passes(each, steps) for each in self._draws]))


def needed(power: Callable[[int], float], grid: Sequence[int]) -> float:
    """Find the labels that reach the power, between the points of a grid; infinity if none does."""
    known: dict[int, float] = {}
    low, high = -1, len(grid)
    while high - low > 1:
        middle = (low + high) // 2
        known[middle] = power(grid[middle])
        low, high = (low, middle) if known[middle] >= POWER else (middle, high)
    if high == len(grid):
        return float("inf")
    if low < 0:
        return float(grid[0])
    share = (POWER - known[low]) / (known[high] - known[low])
    return grid[low] + share * (grid[high] - grid[low])


def labels_for_power(pilot: PairPilot, *, repeats: int, seed: int) -> dict[str, float]:
    """Give the labels of one look, and those of every rival and schedule as a multiple of them."""
    powers = Powers(pilot, repeats=repeats, seed=seed)
    least = hard_floor(MARGIN, error=ERROR)
    around = np.unique(np.geomspace(least, PROMPTS, 16).astype(int)).tolist()
    rough = needed(lambda n: powers.spending([n], 1), around)
    grid = sorted({min(ceil(rough * ratio), PROMPTS) for ratio in RATIOS})
    single = needed(lambda n: powers.spending([n], 1), [n for n in grid if n >= least])
    planned = needed(lambda n: powers.spending([n], 5), grid)
    found = {"single": round(single, 1), "planned": round(planned, 1)}
    for name, (looks, schedule) in SCHEDULES.items():
        rivals: dict[str, Callable[[int], float]] = {
            "spending": lambda n, s=schedule, k=looks: powers.spending(s(n), k),
            "planned labels": lambda n, s=schedule, k=looks: powers.spending(s(n), k, planned),
            "mixture": lambda n, s=schedule: powers.mixture(s(n)),
            "betting": lambda n, s=schedule: powers.betting(s(n)),
        }
        for rival, power in rivals.items():
            found[f"{rival}, {name}"] = round(needed(power, grid) / single, 3)
    return found


def error_rows(
    rates: Sequence[float], repeats: int, count: Callable[..., dict[str, float]] = errors
) -> list[dict[str, float]]:
    """Simulate all cells of some rates."""
    rows: list[dict[str, float]] = []
    for rate, judge, looks in product(rates, JUDGES, LOOKS):
        cell = Cell(rate, *judge)
        seed = 1000 * RATES.index(rate) + 10 * JUDGES.index(judge) + looks
        shares = count(cell, looks=looks, repeats=repeats, seed=seed)
        rows.append({**asdict(cell), "looks": looks, "repeats": repeats, **shares})
        print(rows[-1], flush=True)
    return rows


def label_rows(rates: Sequence[float], repeats: int) -> list[dict[str, float]]:
    """Find the labels of all cells of some rates, systems half alike and nearly alike."""
    rows: list[dict[str, float]] = []
    for rate, judge, (name, value) in product(
        rates, JUDGES[::2], (("shared", 0.5), ("churn", 0.02))
    ):
        cell = Cell(rate, *judge)
        pilot = pairs_from_accuracy(
            rate,
            sensitivity=judge[0],
            specificity=judge[1],
            shared=value if name == "shared" else 0.0,
            churn=value if name == "churn" else 0.0,
        )
        seed = 5000 + 1000 * RATES.index(rate) + 10 * JUDGES.index(judge)
        row = {**asdict(cell), name: value, "repeats": repeats}
        rows.append({**row, **labels_for_power(pilot, repeats=repeats, seed=seed)})
        print(rows[-1], flush=True)
    return rows


def gathered(found: dict[str, list[dict[str, float]]]) -> dict[str, object]:
    """Put new rows in the place of old ones, and judge all of them."""
    old = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    kept: dict[str, list[dict[str, float]]] = {}
    for part in PARTS:
        rates = {row["rate"] for row in found.get(part, [])}
        before = [row for row in old.get(part, []) if row["rate"] not in rates]
        kept[part] = sorted([*before, *found.get(part, [])], key=lambda row: row["rate"])
    counted = [*kept["errors"], *kept["floors"]]
    shares = [
        max(share for name, share in row.items() if name.startswith(("margin", "floor")))
        for row in counted
    ]
    excess = [
        share - ERROR - 3 * sqrt(ERROR * (1 - ERROR) / row["repeats"])
        for share, row in zip(shares, counted, strict=True)
    ]
    return {
        **kept,
        "largest_false_pass": max(shares, default=None),
        "goal": ERROR,
        "met_within_3_standard_errors": max(excess, default=0.0) <= 0.0,
    }


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 repeats of one rate")
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--rate", type=float, choices=RATES, action="append")
    parser.add_argument("--repeats", type=int, default=400)
    given = parser.parse_args()
    repeats = 20 if given.quick else given.repeats
    rates = given.rate or ([0.95] if given.quick else list(RATES))
    parts = given.part or list(PARTS)
    found: dict[str, list[dict[str, float]]] = {}
    if "errors" in parts:
        found["errors"] = error_rows(rates, repeats)
    if "floors" in parts:
        found["floors"] = error_rows(rates, repeats, floor_errors)
    if "labels" in parts:
        found["labels"] = label_rows([rate for rate in rates if rate > RATES[0]], repeats)
    result = gathered(found)
    print({name: value for name, value in result.items() if name not in PARTS})
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
