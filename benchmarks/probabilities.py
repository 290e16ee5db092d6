"""Measure whether the promises made of judges that answer with probabilities hold.

    python benchmarks/probabilities.py --repeats 40          a few minutes
    python benchmarks/probabilities.py --repeats 1000 --jobs 2 --sections triage cascade

Sections: rates (coverage and width of corrected rates, against the threshold alone), means (the
same for the corrected mean of probabilities), curve (bands of the calibration curve, error of the
calibration error, judges that say nothing), triage and cascade (how often more verdicts are wrong
than promised, and what is kept). Truth is known, seeds are fixed. Prints tables and writes
bench/probabilities.json.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from simulation.probability_judges import (
    LABELS,
    PASS_RATES,
    SPREADS,
    WORDS,
    pair_of_judges,
    study,
)

from calibration import InsufficientLabels, UnusableJudge, estimate_mean, estimate_rate
from calibration.cascade import Tier, plan_cascade
from calibration.probabilities import measure_reliability
from calibration.probability_rates import estimate_rate_from_probabilities
from calibration.recalibration import recalibrate
from calibration.selective import CUTS, plan_triage

HERE = Path(__file__).resolve().parent
Row = dict[str, object]
Cell = tuple[object, ...]
RISKS = (0.02, 0.05, 0.1)
TRIAGE_SETTINGS = ((0.8, 1.0), (0.95, 1.0), (0.97, 0.3), (0.5, 0.3))
"""Pass rates and spreads of the studies of one cell, in turn."""
LOOK_AGAIN_UNDER = 0.95
LEAST_TO_LOOK_AGAIN = 200
"""Draws below which a cell's coverage is noise, and is shown for its mean alone."""
RECHECK = 5
"""How many times as many draws a second look takes."""


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description="Promises made of a judge's probabilities.")
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--judges", nargs="+", choices=list(WORDS), help="only cells of these")
    parser.add_argument("--spreads", nargs="+", type=float, choices=SPREADS, help="and of these")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "probabilities.json")
    arguments = parser.parse_args()
    report: dict[str, list[Row]] = {}
    for name in arguments.sections:
        cells, run, show = SECTIONS[name]
        work = partial(run, repeats=arguments.repeats)
        left_out = {*WORDS} - {*(arguments.judges or WORDS)}
        spreads = arguments.spreads or SPREADS
        wanted = [cell for cell in cells() if not left_out & {*cell}]
        if name == "rates":
            wanted = [cell for cell in wanted if cell[1] in spreads]
        if arguments.jobs == 1:
            rows = [work(cell) for cell in wanted]
        else:
            with ProcessPoolExecutor(arguments.jobs) as pool:
                rows = list(pool.map(work, wanted))
        report[name] = rows
        print(f"\n{name}")
        show(rows)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")


def rate_cells() -> Iterator[Cell]:
    """Every judge, spread, pass rate and number of labels."""
    for words in WORDS:
        for spread in SPREADS:
            for rate in PASS_RATES:
                for n in LABELS:
                    yield words, spread, rate, n


def rates(cell: Cell, *, repeats: int, seed: int = 7) -> Row:
    """Coverage and width of the default, and of the threshold beside it."""
    words, spread, rate, n = cell
    rng = np.random.default_rng([seed, _code(cell)])
    covered, chosen, binned, plain, answered, by_threshold = 0, 0, 0.0, 0.0, 0, 0
    widths = {"default": 0.0, "threshold": 0.0}
    for _ in range(repeats):
        drawn = study(words, rate, spread, rng=rng)
        labels = drawn.labels(n)
        try:
            found = estimate_rate_from_probabilities(drawn.probability, labels)
        except (InsufficientLabels, UnusableJudge):
            continue
        answered += 1
        new = found.estimate
        old = new if len(found.cuts) == 1 else estimate_rate(drawn.verdict, labels)
        covered += new.low <= rate <= new.high
        by_threshold += old.low <= rate <= old.high
        widths["default"] += new.high - new.low
        widths["threshold"] += old.high - old.low
        if len(found.cuts) > 1:
            chosen += 1
            binned += new.high - new.low
            plain += old.high - old.low
    return {
        "judge": words,
        "spread": spread,
        "rate": rate,
        "n": n,
        "repeats": repeats,
        "answered": answered / repeats,
        "coverage": covered / max(answered, 1),
        "coverage_threshold": by_threshold / max(answered, 1),
        "chosen": chosen / max(answered, 1),
        "ratio_where_chosen": binned / plain if chosen else None,
        **{f"width_{name}": width / max(answered, 1) for name, width in widths.items()},
    }


def rates_twice(cell: Cell, *, repeats: int) -> Row:
    """Measure a cell; measure it anew, with other seeds, where its coverage looks low.

    The smallest of some hundred coverages is low by chance alone. A second look at fresh draws,
    and at them only, says what it is without that.
    """
    first = rates(cell, repeats=repeats)
    if repeats < LEAST_TO_LOOK_AGAIN or first["coverage"] >= LOOK_AGAIN_UNDER:
        return first
    again = rates(cell, repeats=RECHECK * repeats, seed=17)
    return {**again, "coverage_first": first["coverage"]}


def means(cell: Cell, *, repeats: int) -> Row:
    """Coverage and width of the corrected mean of probabilities, beside the threshold."""
    words, spread, rate, n = cell
    rng = np.random.default_rng([11, _code(cell)])
    covered, width, plain, answered = 0, 0.0, 0.0, 0
    for _ in range(repeats):
        drawn = study(words, rate, spread, rng=rng)
        labels = drawn.labels(n)
        try:
            old = estimate_rate(drawn.verdict, labels)
            mean = estimate_mean(drawn.probability, labels, scale=(0.0, 1.0))
        except (InsufficientLabels, UnusableJudge):
            continue
        answered += 1
        covered += mean.low <= rate <= mean.high
        width += mean.high - mean.low
        plain += old.high - old.low
    return {
        "judge": words,
        "spread": spread,
        "rate": rate,
        "n": n,
        "answered": answered / repeats,
        "coverage": covered / max(answered, 1),
        "ratio": width / plain if answered else None,
    }


def show_means(rows: list[Row]) -> None:
    """Print the smallest coverage and the ratio of widths by judge and number of labels."""
    print(f"{'judge':16}{'n':>5}{'min cov':>9}{'mean/thr':>10}")
    for words in dict.fromkeys(row["judge"] for row in rows):
        for n in LABELS:
            mine = [r for r in rows if r["n"] == n and r["judge"] == words and r["answered"]]
            ratio = np.mean([r["ratio"] for r in mine])
            print(f"{words:16}{n:5}{100 * min(r['coverage'] for r in mine):9.1f}{ratio:10.3f}")


def show_rates(rows: list[Row]) -> None:
    """Print one line for each judge and number of labels, and the totals."""
    print(f"{'judge':16}{'n':>5}{'cells':>7}{'min cov':>9}{'(thr)':>8}{'answered':>10}", end="")
    print(f"{'chosen':>8}{'ratio':>8}{'largest':>9}{'all':>8}")
    for words in (*dict.fromkeys(row["judge"] for row in rows), None):
        for n in LABELS:
            mine = [r for r in rows if r["n"] == n and words in {None, r["judge"]}]
            picked = [r for r in mine if r["ratio_where_chosen"]]
            weight = sum(r["chosen"] for r in picked)
            ratio = sum(r["chosen"] * r["ratio_where_chosen"] for r in picked)
            largest = max((r["ratio_where_chosen"] for r in picked), default=1.0)
            every = np.mean([r["width_default"] / r["width_threshold"] for r in mine])
            line = f"{words or 'all':16}{n:5}{len(mine):7} "
            for key in ("coverage", "coverage_threshold"):
                line += f"{100 * min(r[key] for r in mine):8.2f}"
            line += f"{min(r['answered'] for r in mine):10.3f}"
            line += f"{np.mean([r['chosen'] for r in mine]):8.2f}"
            print(line + f"{ratio / weight if weight else 1.0:8.3f}{largest:9.3f}{every:8.3f}")
    for r in sorted(rows, key=lambda row: row["coverage"])[:5]:
        place = f"{r['judge']}, spread {r['spread']}, rate {r['rate']}, {r['n']} labels"
        print(f"low: {100 * r['coverage']:.2f} % in {r['repeats']} draws, {place}")


def curve_cells() -> Iterator[Cell]:
    """Every judge at four pass rates."""
    for words in WORDS:
        for spread in (1.0, 3.0):
            for rate in (0.5, 0.8, 0.95):
                for n in (100, 300):
                    yield words, spread, rate, n


def curve(cell: Cell, *, repeats: int) -> Row:
    """Bands against the pass rates behind them, and errors of the calibration error."""
    words, spread, rate, n = cell
    rng = np.random.default_rng([8, _code(cell)])
    big = study(words, rate, spread, rng=rng, size=400_000)
    truth = _true_error(big.probability, big.chance)
    held, point, inside, errors, silent, proven, answered = 0, 0, 0, [], 0, 0, 0
    bins = 0
    for _ in range(repeats):
        drawn = study(words, rate, spread, rng=rng)
        try:
            found = measure_reliability(drawn.probability, drawn.labels(n))
        except InsufficientLabels:
            continue
        answered += 1
        rates_ = [_rate_in(big, one.from_probability, one.to_probability) for one in found.curve]
        pairs = list(zip(found.curve, rates_, strict=True))
        held += all(one.band.low <= r <= one.band.high for one, r in pairs)
        point += sum(one.interval.low <= r <= one.interval.high for one, r in pairs)
        bins += len(pairs)
        errors.append(found.error.value)
        inside += found.error.low <= truth <= found.error.high
        silent += not found.informative
        proven += recalibrate(drawn.probability, drawn.labels(n)).proven
    return {
        "judge": words,
        "spread": spread,
        "rate": rate,
        "n": n,
        "answered": answered / repeats,
        "band": held / max(answered, 1),
        "interval": point / max(bins, 1),
        "error_truth": truth,
        "error_bias": float(np.mean(errors)) - truth if errors else None,
        "error_sd": float(np.std(errors)) if errors else None,
        "error_coverage": inside / max(answered, 1),
        "says_nothing": silent / max(answered, 1),
        "recalibration_proven": proven / max(answered, 1),
    }


def _true_error(p: np.ndarray, q: np.ndarray) -> float:
    """Mean distance of the probability and the pass rate of items with about the same one."""
    order = np.argsort(p)
    parts = np.array_split(order, 400)
    return float(np.mean([abs(p[part].mean() - q[part].mean()) for part in parts]))


def _rate_in(big: object, low: float, high: float) -> float:
    inside = (big.probability >= low) & ((big.probability < high) | (high == 1.0))
    return float(big.chance[inside].mean()) if inside.any() else float("nan")


def show_curve(rows: list[Row]) -> None:
    """Print the smallest coverage and largest bias by judge and number of labels."""
    print(
        f"{'judge':16}{'n':>5}{'band':>8}{'mean':>8}{'point':>8}{'bias':>9}{'err cov':>9}", end=""
    )
    print(f"{'says 0':>8}{'recal.':>8}")
    for words in dict.fromkeys(row["judge"] for row in rows):
        for n in (100, 300):
            mine = [r for r in rows if r["judge"] == words and r["n"] == n and r["answered"]]
            worst = max((r["error_bias"] for r in mine), key=abs)
            print(
                f"{words:16}{n:5}{100 * min(r['band'] for r in mine):8.1f}"
                f"{100 * np.mean([r['band'] for r in mine]):8.1f}"
                f"{100 * np.mean([r['interval'] for r in mine]):8.1f}{worst:9.3f}"
                f"{100 * min(r['error_coverage'] for r in mine):9.1f}"
                f"{np.mean([r['says_nothing'] for r in mine]):8.2f}"
                f"{np.mean([r['recalibration_proven'] for r in mine]):8.2f}"
            )


def triage_cells() -> Iterator[Cell]:
    """Risks, judges, pass rates, and with and without groups."""
    for risk in RISKS:
        for words in WORDS:
            for n in (300, 1000):
                for grouped in (False, True):
                    yield risk, words, n, grouped


def triage(cell: Cell, *, repeats: int) -> Row:
    """How often more of the kept verdicts are wrong than promised, and how many are kept."""
    risk, words, n, grouped = cell
    rng = np.random.default_rng([9, _code(cell)])
    broken, kept, best, proven = 0, 0.0, 0.0, 0
    for at in range(repeats):
        rate, spread = TRIAGE_SETTINGS[at % len(TRIAGE_SETTINGS)]
        drawn = study(words, rate, spread, rng=rng)
        names = np.where(drawn.group == 1, "g1", "g0").tolist() if grouped else None
        groups = drawn.group if grouped else np.zeros(drawn.group.size)
        wrong = drawn.verdict != drawn.truth
        best += sum(
            _oracle(drawn.certainty, wrong, groups == g, risk=risk) for g in np.unique(groups)
        )
        try:
            plan = plan_triage(
                drawn.verdict, drawn.labels(n), drawn.certainty, risk=risk, groups=names
            )
        except InsufficientLabels:
            continue
        stands = plan.stands(drawn.verdict, drawn.certainty, names)
        proven += 1
        kept += float(stands.mean())
        broken += any(
            wrong[stands & (groups == g)].mean() > risk
            for g in np.unique(groups)
            if (stands & (groups == g)).any()
        )
    return {
        "risk": risk,
        "judge": words,
        "n": n,
        "grouped": grouped,
        "broken": broken / repeats,
        "proven": proven / repeats,
        "kept": kept / repeats,
        "oracle": best / repeats,
    }


def _oracle(sure: np.ndarray, wrong: np.ndarray, here: np.ndarray, *, risk: float) -> float:
    """Largest share that a cut can keep at the risk by one who knows every error."""
    order = np.argsort(-sure[here])
    share = np.cumsum(wrong[here][order]) / np.arange(1, here.sum() + 1)
    places = [int(np.ceil(here.sum() * step / CUTS)) - 1 for step in range(1, CUTS + 1)]
    return max((place + 1 for place in places if share[place] <= risk), default=0) / sure.size


def show_triage(rows: list[Row]) -> None:
    """Print the largest share of broken promises, and shares kept, by risk."""
    print(f"{'risk':>6}{'n':>6}{'groups':>8}{'broken':>9}{'kept':>8}{'oracle':>8}")
    for risk in RISKS:
        for n in (300, 1000):
            for grouped in (False, True):
                mine = [r for r in rows if (r["risk"], r["n"], r["grouped"]) == (risk, n, grouped)]
                print(
                    f"{risk:6.2f}{n:6}{grouped!s:>8}{max(r['broken'] for r in mine):9.3f}"
                    f"{np.mean([r['kept'] for r in mine]):8.3f}"
                    f"{np.mean([r['oracle'] for r in mine]):8.3f}"
                )


def cascade_cells() -> Iterator[Cell]:
    """Risks, pass rates and numbers of labels."""
    for risk in RISKS:
        for rate, spread in ((0.8, 1.0), (0.95, 1.0), (0.9, 0.3)):
            for n in (300, 1000):
                yield risk, rate, spread, n


def cascade(cell: Cell, *, repeats: int) -> Row:
    """How often a cascade errs more than promised on further items, and what it costs."""
    risk, rate, spread, n = cell
    rng = np.random.default_rng([10, _code(cell)])
    broken, answered, cost, expert, covered, width, alone = 0, 0, 0.0, 0.0, 0, 0.0, 0.0
    for _ in range(repeats):
        cheap, dear = pair_of_judges(rate, spread, rng)
        labelled = np.arange(cheap.truth.size) < n
        seen = np.where(labelled, dear.verdict, np.nan), np.where(labelled, dear.certainty, np.nan)
        try:
            plan = plan_cascade(
                Tier(cheap.verdict, cheap.certainty, 1.0),
                Tier(*seen, 50.0),
                cheap.labels(n),
                risk=risk,
                expert_cost=2000.0,
            )
        except InsufficientLabels:
            continue
        answered += 1
        cost += plan.setting.cost
        expert += plan.setting.expert_share
        broken += _cascade_error(cheap, dear, plan, here=~labelled) > risk
        low, high = _corrected(cheap, dear, plan, n=n)
        covered += low <= rate <= high
        width += high - low
        only = estimate_rate(dear.verdict, cheap.labels(n))
        alone += only.high - only.low
    many = max(answered, 1)
    return {
        "risk": risk,
        "rate": rate,
        "spread": spread,
        "n": n,
        "answered": answered / repeats,
        "broken": broken / repeats,
        "cost": cost / many,
        "expert_share": expert / many,
        "coverage": covered / many,
        "width": width / many,
        "width_dear_alone": alone / many,
    }


def _tiers(cheap: object, dear: object, plan: object) -> tuple[np.ndarray, np.ndarray]:
    by_cheap = cheap.certainty >= plan.setting.cheap_cut
    return by_cheap, ~by_cheap & (dear.certainty >= plan.setting.dear_cut)


def _cascade_error(cheap: object, dear: object, plan: object, *, here: np.ndarray) -> float:
    by_cheap, by_dear = _tiers(cheap, dear, plan)
    verdict = np.where(by_cheap, cheap.verdict, dear.verdict)
    stands = (by_cheap | by_dear) & here
    return float((verdict != cheap.truth)[stands].mean()) if stands.any() else 0.0


def _corrected(cheap: object, dear: object, plan: object, *, n: int) -> tuple[float, float]:
    by_cheap, by_dear = _tiers(cheap, dear, plan)
    verdict = np.where(by_cheap, cheap.verdict, np.where(by_dear, dear.verdict, np.nan))
    found = estimate_rate(verdict, cheap.labels(n))
    return found.low, found.high


def show_cascade(rows: list[Row]) -> None:
    """Print one line for each setting; costs are 1 for cheap, 50 for dear, 2,000 for an expert."""
    print(
        f"{'risk':>6}{'rate':>6}{'n':>6}{'proven':>8}{'broken':>8}{'cost':>9}{'expert':>8}", end=""
    )
    print(f"{'cover':>7}{'width':>8}{'dear':>8}")
    for r in rows:
        print(
            f"{r['risk']:6.2f}{r['rate']:6.2f}{r['n']:6}{r['answered']:8.2f}{r['broken']:8.3f}"
            f"{r['cost']:9.1f}{r['expert_share']:8.3f}{100 * r['coverage']:7.1f}"
            f"{r['width']:8.4f}{r['width_dear_alone']:8.4f}"
        )


def _code(cell: Cell) -> int:
    """Give each cell a seed of its own that no process changes."""
    return zlib.crc32(repr(cell).encode())


Section = tuple[Callable[[], Iterator[Cell]], Callable[..., Row], Callable[[list[Row]], None]]
SECTIONS: dict[str, Section] = {
    "rates": (rate_cells, rates_twice, show_rates),
    "means": (rate_cells, means, show_means),
    "curve": (curve_cells, curve, show_curve),
    "triage": (triage_cells, triage, show_triage),
    "cascade": (cascade_cells, cascade, show_cascade),
}

if __name__ == "__main__":
    sys.exit(main())
