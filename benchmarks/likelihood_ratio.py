"""Compare limits from the likelihood ratio with the melded ones: do they cover, are they shorter.

    python benchmarks/likelihood_ratio.py            minutes; the figures to quote
    python benchmarks/likelihood_ratio.py --quick    one number of labels

Two limits are inverted from the signed root of the likelihood ratio: each candidate rate is tested
at the restricted maximum-likelihood estimate of what else is unknown, with mid-p tails, at a
nominal 95 or 96 %. They stand beside the product's mid-p melded limits and the semiparametric
limit, over the binary grid of ``coverage.py``. Very many items are judged, so that the judge's pass
rate ``p`` is known; ``a`` and ``c`` are the experts' pass rates where the judge passes and fails,
and the rate is ``p a + (1 - p) c``. Null distributions are of simulated counts, seeds fixed.

References
----------
Barndorff-Nielsen and Cox (1994), Inference and Asymptotics, section 6.6, the signed root.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from simulation.draws import JUDGES, LABELS, PASS_RATES, Z

from calibration.post_stratification import Stratum, melded_limits

HERE = Path(__file__).resolve().parent
COVERED, WIDE = 4000, 240  # data sets for coverages and for widths
NULL = 2500  # simulated counts of a null distribution
NUISANCE, CANDIDATES = 14, 28
MANY = 1e8
NOMINAL = (0.95, 0.96)


@dataclass(frozen=True)
class Counts:
    """Labels by the judge's verdict, each of shape (B,)."""

    n: int
    passed: np.ndarray
    good_passed: np.ndarray
    good_failed: np.ndarray

    @property
    def failed(self) -> np.ndarray:
        """Labels where the judge fails."""
        return self.n - self.passed


def draw(rng: np.random.Generator, n: int, *, p: float, a: float, c: float, size: int) -> Counts:
    """Draw counts of n labels."""
    passed = rng.binomial(n, p, size)
    return Counts(n, passed, rng.binomial(passed, a), rng.binomial(n - passed, c))


def restricted(counts: Counts, rate: float, p: float) -> np.ndarray:
    """Find the likeliest ``a`` among those that give the rate, shape (B,), by bisection."""
    low = np.full(counts.passed.shape, max(0.0, (rate - (1.0 - p)) / p))
    high = np.full(counts.passed.shape, min(1.0, rate / p))
    for _ in range(36):
        a = 0.5 * (low + high)
        c = (rate - p * a) / (1.0 - p)
        slope = _score(counts.good_passed, counts.passed, a)
        slope -= p / (1.0 - p) * _score(counts.good_failed, counts.failed, c)
        low, high = np.where(slope > 0.0, a, low), np.where(slope > 0.0, high, a)
    return 0.5 * (low + high)


def _score(good: np.ndarray, labels: np.ndarray, rate: np.ndarray) -> np.ndarray:
    rate = np.clip(rate, 1e-12, 1.0 - 1e-12)
    return good / rate - (labels - good) / (1.0 - rate)


def _log_likelihood(good: np.ndarray, labels: np.ndarray, rate: np.ndarray) -> np.ndarray:
    rate = np.clip(rate, 1e-12, 1.0 - 1e-12)
    return good * np.log(rate) + (labels - good) * np.log1p(-rate)


def signed_root(counts: Counts, rate: float, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the signed root of the likelihood ratio, and the restricted ``c``, each (B,)."""
    a = restricted(counts, rate, p)
    c = (rate - p * a) / (1.0 - p)
    best_a = np.where(counts.passed > 0, counts.good_passed / np.maximum(counts.passed, 1), a)
    best_c = np.where(counts.failed > 0, counts.good_failed / np.maximum(counts.failed, 1), c)
    drop = sum(
        _log_likelihood(good, labels, best) - _log_likelihood(good, labels, held)
        for good, labels, best, held in (
            (counts.good_passed, counts.passed, best_a, a),
            (counts.good_failed, counts.failed, best_c, c),
        )
    )
    sign = np.sign(p * best_a + (1.0 - p) * best_c - rate)
    return sign * np.sqrt(np.maximum(2.0 * drop, 0.0)), c


def tails(counts: Counts, rate: float, p: float, *, seed: list[int]) -> np.ndarray:
    """Give the mid-p probability of a root as low as seen, at the restricted estimate, (B,)."""
    seen, c = signed_root(counts, rate, p)
    ends = max(0.0, (rate - p) / (1.0 - p)), min(1.0, rate / (1.0 - p))
    # Denser near the ends, where binomial distributions change fastest.
    grid = ends[0] + (ends[1] - ends[0]) * np.sin(np.linspace(0.0, np.pi / 2, NUISANCE)) ** 2
    table = np.empty((NUISANCE, seen.size))
    for row, held in enumerate(grid):
        a = np.clip((rate - (1.0 - p) * held) / p, 0.0, 1.0)
        null = draw(np.random.default_rng(seed), counts.n, p=p, a=a, c=held, size=NULL)
        roots = np.sort(signed_root(null, rate, p)[0])
        below = np.searchsorted(roots, seen - 1e-9)
        at_most = np.searchsorted(roots, seen + 1e-9, side="right")
        table[row] = (below + at_most) / 2.0 / NULL
    right = np.clip(np.searchsorted(grid, c), 1, NUISANCE - 1)
    share = np.clip((c - grid[right - 1]) / (grid[right] - grid[right - 1]), 0.0, 1.0)
    columns = np.arange(seen.size)
    return (1.0 - share) * table[right - 1, columns] + share * table[right, columns]


def run_cell(rate: float, judge: tuple[float, float], n: int) -> dict[str, object]:
    """Measure one cell of the grid."""
    se, sp = judge
    p = rate * se + (1.0 - rate) * (1.0 - sp)
    a, c = rate * se / p, rate * (1.0 - se) / (1.0 - p)
    seed = [n, round(1000 * rate), round(1000 * se), round(1000 * sp)]
    counts = draw(np.random.default_rng([1, *seed]), n, p=p, a=a, c=c, size=COVERED)
    limit = 2 * Z * np.sqrt((p * a * (1 - a) + (1 - p) * c * (1 - c)) / n)
    row: dict[str, object] = {"rate": rate, "judge": judge, "n": n, "limit": limit}
    level = tails(counts, rate, p, seed=[2, *seed])
    for nominal in NOMINAL:
        tail = (1.0 - nominal) / 2.0
        row[f"lr{nominal:g}"] = float(((level > tail) & (level < 1.0 - tail)).mean())
        row[f"lr{nominal:g} false pass"] = float((level >= 1.0 - tail).mean())
    few = Counts(n, counts.passed[:WIDE], counts.good_passed[:WIDE], counts.good_failed[:WIDE])
    for nominal, width in _widths(few, p, [3, *seed], rate=rate, limit=limit).items():
        row[f"lr{nominal:g} width"] = width
    return row | _melded(counts, rate, p)


def _widths(
    counts: Counts, p: float, seed: list[int], *, rate: float, limit: float
) -> dict[float, float]:
    """Mean widths by the crossing of tail and candidate rate."""
    reach = max(1.6 * limit, 9.0 / counts.n)
    candidates = np.linspace(max(rate - reach, 1e-4), min(rate + reach, 1.0 - 1e-5), CANDIDATES)
    levels = np.array([tails(counts, float(one), p, seed=seed) for one in candidates])
    levels = np.minimum.accumulate(levels, axis=0)  # falls as the candidate rises
    found: dict[float, float] = {}
    for nominal in NOMINAL:
        tail = (1.0 - nominal) / 2.0
        ends = [
            [np.interp(-cut, -levels[:, at], candidates) for at in range(levels.shape[1])]
            for cut in (1.0 - tail, tail)
        ]
        found[nominal] = float(np.mean(np.array(ends[1]) - np.array(ends[0])))
    return found


def _melded(counts: Counts, rate: float, p: float) -> dict[str, object]:
    """Coverage and width of the product's limits, over the distinct counts."""
    cells = np.column_stack([counts.passed, counts.good_passed, counts.good_failed])[:1500]
    distinct, times = np.unique(cells, axis=0, return_counts=True)
    ends = np.array([_melded_ends(row, counts.n, p) for row in distinct.tolist()])
    inside = (ends[:, 0] <= rate) & (rate <= ends[:, 1])
    share = times / times.sum()
    return {
        "melded": float(share @ inside),
        "melded false pass": float(share @ (ends[:, 0] > rate)),
        "melded width": float(share @ (ends[:, 1] - ends[:, 0])),
    }


def _melded_ends(row: list[int], n: int, p: float) -> tuple[float, float]:
    passed, good, good_failed = row
    strata = (
        Stratum(size=MANY * p, passes=good, labels=passed),
        Stratum(size=MANY * (1.0 - p), passes=good_failed, labels=n - passed),
    )
    return melded_limits(strata, tail=0.025, strict=False)


def main() -> None:
    """Run the grid and print a table for each number of labels."""
    parser = argparse.ArgumentParser(description="Likelihood-ratio limits of a corrected rate.")
    parser.add_argument("--quick", action="store_true", help="30 labels alone")
    parser.add_argument("--labels", nargs="+", type=int)
    out = HERE.parent / "bench" / "likelihood_ratio.json"
    parser.add_argument("--out", type=Path, default=out)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for n in arguments.labels or (LABELS[:1] if arguments.quick else LABELS):
        start = time.process_time()
        mine = [run_cell(rate, judge, n) for rate in PASS_RATES for judge in JUDGES]
        rows.extend(mine)
        _print(n, mine, time.process_time() - start)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _print(n: int, rows: list[dict[str, object]], seconds: float) -> None:
    print(f"\n{n} labels, {len(rows)} cells, {seconds:.0f} s: coverage and width over the limit")
    print(f"{'rate':>6} {'judge':>12}" + "".join(f"{x:>20}" for x in ("melded", *_names())))
    for row in rows:
        line = f"{row['rate']:6} {row['judge'][0]:>6}/{row['judge'][1]:<5}"
        for name in ("melded", *_names()):
            line += f"{row[name]:12.3f}{row[f'{name} width'] / row['limit']:8.2f}"
        print(line)
    for name in ("melded", *_names()):
        ratio = np.mean([row[f"{name} width"] / row["melded width"] for row in rows])
        least = min(row[name] for row in rows)
        worst = max(row[f"{name} false pass"] for row in rows)
        print(f"{name}: least {least:.3f}, tail {worst:.3f}, width {ratio:.3f} of melded")


def _names() -> list[str]:
    return [f"lr{nominal:g}" for nominal in NOMINAL]


if __name__ == "__main__":
    main()
