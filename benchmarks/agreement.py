"""How fast is alpha, and do the intervals of agreement hold where nearly all items pass.

    python benchmarks/agreement.py --quick      half a minute, as in continuous integration
    python benchmarks/agreement.py --full       the figures to quote

Prints a table of speeds, one of coverages and a list of goals, and writes bench/agreement.json.
Coverage of kappa and AC1 is added up over all likely tables of two raters, so it has no sampling
error; that of alpha is simulated with fixed seeds. Times are processor seconds on one core, the
best of several runs, for cores are often shared.
"""

import os  # numpy reads the number of threads when it is imported

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import krippendorff
import numpy as np
from scipy import stats

from calibration import Estimate, Undefined, krippendorff_alpha
from calibration.rater_agreement.nominal import cohen_kappa, gwet_ac1

HERE = Path(__file__).resolve().parent
JUDGES = ((0.97, 0.60), (0.995, 0.90), (0.80, 0.70), (0.92, 0.65), (0.99, 0.80))
PREVALENCE = 0.97

Row = dict[str, object]


@dataclass(frozen=True)
class Goal:
    """A figure and the bound that it should keep to."""

    name: str
    value: float
    bound: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether it does."""
        return bool(self.value <= self.bound if self.at_most else self.value >= self.bound)


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    speeds, speed_goals = measure_speeds(runs=9 if arguments.full else 5)
    _print("Speed", speeds)
    sizes = (30, 100, 300) if arguments.full else (30, 100)
    tables, table_goals = add_up_tables(sizes)
    _print("Coverage, kappa and AC1 of two raters, 97 % pass", tables)
    alphas = simulate_alpha(repeats=2000 if arguments.full else 100)
    _print("Coverage, alpha of three raters", alphas)
    goals = [*speed_goals, *table_goals]
    for goal in goals:
        sign = "<=" if goal.at_most else ">="
        verdict = "met" if goal.met else "MISSED"
        print(f"{verdict:7} {goal.name}: {goal.value:.4g} {sign} {goal.bound:g}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "speed": speeds,
        "coverage": [*tables, *alphas],
        "goals": [{**asdict(goal), "met": goal.met} for goal in goals],
    }
    arguments.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")


def measure_speeds(runs: int) -> tuple[list[Row], list[Goal]]:
    """Time alpha with 1,000 resamples, and measure its memory and its distance from the package."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=(10_000, 1))
    scores = np.clip(np.rint(5.5 + 2.2 * quality + rng.normal(size=(10_000, 5))), 1, 10)
    cases = (
        ("10,000 x 5, ordinal 1-10", scores, "ordinal", 0.15),
        ("10,000 x 5, ordinal, no agreement", rng.integers(1, 11, (10_000, 5)), "ordinal", 0.15),
        ("10,000 x 5, binary", (rng.random((10_000, 5)) < 0.9) * 1.0, "nominal", 0.01),
        (
            "5,000 x 5, continuous",
            (quality + rng.normal(size=(10_000, 5)))[:5000],
            "interval",
            0.05,
        ),
    )
    rows: list[Row] = []
    goals: list[Goal] = []
    for name, ratings, level, bound in cases:
        values = np.asarray(ratings, dtype=float)
        seconds = min(_seconds(lambda v=values, m=level: _alpha(v, m)) for _ in range(runs))
        megabytes = _peak(lambda v=values, m=level: _alpha(v, m))
        row: Row = {"case": name, "seconds": seconds, "MB": megabytes}
        goals.append(Goal(f"seconds, {name}", seconds, bound, at_most=True))
        goals.append(Goal(f"MB, {name}", megabytes, 50, at_most=True))
        small = values if np.unique(values).size <= 20 else values[:60]
        package = _seconds(lambda v=small, m=level: _package(v, m))
        distance = abs(_alpha(small, level).value - _package(small, level))
        goals.append(Goal(f"distance from krippendorff, {name}", distance, 1e-12, at_most=True))
        # What 1,000 resamples would take by calling the package; not for the 60 that it can do.
        row["package x 1000, seconds"] = 1000 * package if small is values else None
        rows.append(row)
    return rows, goals


def add_up_tables(sizes: tuple[int, ...]) -> tuple[list[Row], list[Goal]]:
    """Add up the chance of the tables whose interval holds the truth."""
    rows: list[Row] = []
    worst: dict[str, float] = {}
    for n in sizes:
        for sensitivity, specificity in JUDGES:
            p = PREVALENCE
            cells = np.array(
                [
                    p * sensitivity,
                    p * (1 - sensitivity),
                    (1 - p) * (1 - specificity),
                    (1 - p) * specificity,
                ]
            )
            row: Row = {"n": n, "sensitivity": sensitivity, "specificity": specificity}
            for name, interval, truth in (
                ("kappa", cohen_kappa, _kappa(cells)),
                ("AC1", gwet_ac1, _ac1(cells)),
            ):
                covered, width = _coverage(interval, truth, _likely_tables(cells, n))
                row |= {f"{name} covers": covered, f"{name} width": width}
                if n == 100:
                    worst[name] = min(covered, worst.get(name, 1.0))
            rows.append(row)
    goals = [
        Goal(f"least coverage of {name}, n = 100", value, 0.93, at_most=False)
        for name, value in worst.items()
    ]
    return rows, goals


def simulate_alpha(repeats: int) -> list[Row]:
    """Simulate the coverage of alpha: scores amid and atop the scale, and rare failures."""
    rows: list[Row] = []
    for name, draw, level in (
        ("ordinal, amid the scale", _scores(5.5, 2.2), "ordinal"),
        ("ordinal, at the ceiling", _scores(9.6, 1.2), "ordinal"),
        ("binary, 97 % pass", _verdicts, "nominal"),
    ):
        many = draw(np.random.default_rng(0), 300_000)
        truth = krippendorff_alpha(many, level=level, resamples=2).value
        for n in (30, 100, 300):
            rng = np.random.default_rng(n)
            found = list(_answers((draw(rng, n) for _ in range(repeats)), level))
            covers = [one.low <= truth <= one.high for one in found]
            rows.append(
                {
                    "case": name,
                    "n": n,
                    "covers": float(np.mean(covers)),
                    "width": float(np.mean([one.high - one.low for one in found])),
                    "answers": len(found) / repeats,
                }
            )
    return rows


def _answers(sets: Iterable[np.ndarray], level: str) -> Iterator[Estimate]:
    for ratings in sets:
        try:
            yield krippendorff_alpha(ratings, level=level, resamples=500)
        except Undefined:
            continue


def _scores(mean: float, spread: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        quality = mean + spread * rng.normal(size=(items, 1)) + np.array([0.0, 0.4, -0.3])
        return np.clip(np.rint(quality + rng.normal(size=(items, 3))), 1, 10)

    return draw


def _verdicts(rng: np.random.Generator, items: int) -> np.ndarray:
    passes = np.where(rng.random(items) < PREVALENCE, 0.985, 0.15)
    return (rng.random((items, 3)) < passes[:, None]) * 1.0


def _coverage(
    interval: Callable[..., Estimate], truth: float, tables: Iterable[tuple[list[int], float]]
) -> tuple[float, float]:
    held = answered = width = 0.0
    for counts, chance in tables:
        human = np.repeat([1.0, 1.0, 0.0, 0.0], counts)
        judge = np.repeat([1.0, 0.0, 1.0, 0.0], counts)
        try:
            found = interval(judge, human)
        except Undefined:
            continue
        answered += chance
        held += chance * (found.low <= truth <= found.high)
        width += chance * (found.high - found.low)
    return held / answered, width / answered


def _likely_tables(p: np.ndarray, n: int) -> Iterator[tuple[list[int], float]]:
    """Give the likeliest tables that make up 999 thousandths; the rest counts as missed."""
    most = [int(n * share + 9 * np.sqrt(n * share) + 9) for share in p]
    grid = np.indices([min(n, top) + 1 for top in most[1:]]).reshape(3, -1).T
    grid = grid[grid.sum(axis=1) <= n]
    tables = np.column_stack([n - grid.sum(axis=1), grid])
    chances = stats.multinomial.pmf(tables, n, p)
    order = np.argsort(-chances)
    for place in order[: int(np.searchsorted(np.cumsum(chances[order]), 0.999)) + 1]:
        yield tables[place].tolist(), float(chances[place])


def _kappa(p: np.ndarray) -> float:
    human, judge = p[0] + p[1], p[0] + p[2]
    chance = human * judge + (1 - human) * (1 - judge)
    return float((p[0] + p[3] - chance) / (1 - chance))


def _ac1(p: np.ndarray) -> float:
    q = (2 * p[0] + p[1] + p[2]) / 2
    return float((p[0] + p[3] - 2 * q * (1 - q)) / (1 - 2 * q * (1 - q)))


def _alpha(ratings: np.ndarray, level: str) -> Estimate:
    return krippendorff_alpha(ratings, level=level, resamples=1000)


def _package(ratings: np.ndarray, level: str) -> float:
    return krippendorff.alpha(ratings.T, level_of_measurement=level)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def _print(title: str, rows: list[Row]) -> None:
    print(f"\n{title}")
    names = list(rows[0])
    print("  ".join(f"{name:>12}" for name in names))
    for row in rows:
        cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()]
        print("  ".join(f"{cell:>{max(12, len(n))}}" for cell, n in zip(cells, names, strict=True)))
    print()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed and coverage of agreement.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="few repeats (default)")
    size.add_argument("--full", action="store_true", help="repeats for figures to quote")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "agreement.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
