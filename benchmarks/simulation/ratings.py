"""Simulated ratings of a judge and three experts, whose agreement in the population is known.

Every rater sees the same latent quality with a noise of its own and rounds it to one of K levels.
The population value of a coefficient is that of 400,000 items.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from scipy import special, stats

from calibration import (
    Estimate,
    Undefined,
    cohen_kappa,
    gwet_ac1,
    gwet_ac2,
    human_ceiling,
    icc_average,
    icc_single,
    kendall,
    krippendorff_alpha,
    percent_agreement,
    spearman,
    weighted_kappa,
)
from calibration.rater_agreement.contingency import TableCoefficient
from calibration.rater_agreement.human_ceiling import HumanCeiling
from calibration.rater_agreement.nominal import (
    agreement_weighted_by,
    disagreement,
    weighted_by,
)
from simulation.tally import Limits, Method

POPULATION = 400_000
LABELS = (30, 100, 300)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rated:
    """Ratings of the judge, shape (n,), and of the experts, (n, 3); and the population values."""

    judge: np.ndarray
    experts: np.ndarray
    levels: int
    truth: Mapping[str, float]
    limit: float | None = None

    @property
    def human(self) -> np.ndarray:
        """The first expert."""
        return self.experts[:, 0]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How quality is spread, and how far raters err; in steps of the scale from 1 to K."""

    levels: int
    mean: float
    spread: float
    noise: float

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Give n ratings of the judge and of three experts."""
        quality = self.mean + self.spread * rng.normal(size=(n, 1))
        # The judge is a little lenient and a little noisier.
        bias = np.array([0.2, 0.0, 0.0, 0.0])
        noise = self.noise * np.array([1.2, 1.0, 1.0, 1.0])
        rated = np.clip(np.rint(quality + bias + noise * rng.normal(size=(n, 4))), 1, self.levels)
        return rated[:, 0], rated[:, 1:]


SHAPES = {
    "2 levels, half pass": Shape(levels=2, mean=1.5, spread=0.8, noise=0.4),
    "2 levels, 90 % pass": Shape(levels=2, mean=2.65, spread=0.8, noise=0.4),
    "2 levels, 97 % pass": Shape(levels=2, mean=3.2, spread=0.8, noise=0.4),
    "3 levels, middle": Shape(levels=3, mean=2.0, spread=0.9, noise=0.4),
    "3 levels, ceiling": Shape(levels=3, mean=3.2, spread=0.9, noise=0.4),
    "5 levels, middle": Shape(levels=5, mean=3.0, spread=1.2, noise=0.7),
    "5 levels, ceiling": Shape(levels=5, mean=4.9, spread=1.2, noise=0.5),
    "10 levels, noise 0.5": Shape(levels=10, mean=7.5, spread=1.5, noise=0.5),
    "10 levels, wide": Shape(levels=10, mean=6.0, spread=2.5, noise=0.5),
    "10 levels, noise 1": Shape(levels=10, mean=7.0, spread=2.0, noise=1.0),
    "10 levels, ceiling": Shape(levels=10, mean=8.5, spread=1.0, noise=0.3),
    "10 levels, weak": Shape(levels=10, mean=6.0, spread=1.0, noise=1.5),
}

Coefficient = Callable[[Rated], Estimate]


def _scale(case: Rated) -> np.ndarray:
    return np.arange(1.0, case.levels + 1.0)


def _both(case: Rated) -> np.ndarray:
    return np.column_stack([case.human, case.judge])


def _alpha(level: str) -> Coefficient:
    return lambda case: krippendorff_alpha(_both(case), level=level, resamples=500)


def _ceiling(case: Rated) -> Estimate:
    return _human(case).ceiling


def _ratio(case: Rated) -> Estimate:
    found = _human(case).ratio
    if found is None:
        raise Undefined("the experts hardly agree.")
    return found


# The ceiling and the ratio come from one call; a case is asked twice in a row.
@lru_cache(maxsize=1)
def _human(case: Rated) -> HumanCeiling:
    return human_ceiling(
        case.judge,
        case.experts,
        coefficient="ac1" if case.levels == 2 else "weighted-kappa",
        categories=_scale(case),
    )


NOMINAL: dict[str, Coefficient] = {
    "percent": lambda case: percent_agreement(case.judge, case.human),
    "kappa": lambda case: cohen_kappa(case.judge, case.human, categories=_scale(case)),
    "AC1": lambda case: gwet_ac1(case.judge, case.human, categories=_scale(case)),
    "alpha, nominal": _alpha("nominal"),
    "ceiling": _ceiling,
    "judge over ceiling": _ratio,
}
ORDINAL: dict[str, Coefficient] = NOMINAL | {
    "weighted kappa": lambda case: weighted_kappa(case.judge, case.human, categories=_scale(case)),
    "AC2": lambda case: gwet_ac2(case.judge, case.human, categories=_scale(case)),
    "alpha, ordinal": _alpha("ordinal"),
    "alpha, interval": _alpha("interval"),
    "alpha, ordinal, three experts": lambda case: krippendorff_alpha(case.experts, resamples=500),
    "Spearman": lambda case: spearman(case.judge, case.human),
    "Kendall": lambda case: kendall(case.judge, case.human),
    "ICC(2,1)": lambda case: icc_single(_both(case)),
    "ICC(2,k)": lambda case: icc_average(_both(case)),
}
RIVAL = ", rival: "


def settings() -> Iterator[tuple[str, int, Callable[[np.random.Generator], Rated]]]:
    """Give each shape at each number of items."""
    for n in LABELS:
        for name in SHAPES:
            yield name, n, _drawn(name, n)


def methods(setting: str) -> dict[str, Method]:
    """Give the coefficients that fit a shape, and rivals of the interval of weighted kappa."""
    fitting = NOMINAL if SHAPES[setting].levels == 2 else ORDINAL
    ours = {name: _limits(compute) for name, compute in fitting.items()}
    if SHAPES[setting].levels == 2:
        return ours
    return ours | {
        f"weighted kappa{RIVAL}plain jackknife on z": _plain_jackknife(_weighted_kappa),
        f"AC2{RIVAL}plain jackknife on z": _plain_jackknife(_ac2),
        f"weighted kappa{RIVAL}bootstrap, percentile": _bootstrap,
        f"Spearman{RIVAL}Bonett and Wright": _bonett_wright,
    }


def _limits(compute: Coefficient) -> Method:
    def method(case: Rated) -> Limits:
        found = compute(case)
        return found.low, found.high

    return method


def _drawn(name: str, n: int) -> Callable[[np.random.Generator], Rated]:
    def draw(rng: np.random.Generator) -> Rated:
        judge, experts = SHAPES[name].draw(rng, n)
        return Rated(
            judge=judge, experts=experts, levels=SHAPES[name].levels, truth=_population(name)
        )

    return draw


@cache
def _population(name: str) -> Mapping[str, float]:
    judge, experts = SHAPES[name].draw(np.random.default_rng(7), POPULATION)
    levels = SHAPES[name].levels
    case = Rated(judge=judge, experts=experts, levels=levels, truth={})
    fitting = NOMINAL if levels == 2 else ORDINAL
    values = {key: compute(case).value for key, compute in fitting.items()}
    return values | {key: values[key.split(RIVAL)[0]] for key in methods(name)}


def _kappa_table(case: Rated) -> np.ndarray:
    size = case.levels
    codes = (case.human - 1) * size + case.judge - 1
    return np.bincount(codes.astype(int), minlength=size**2).reshape(size, size).astype(float)


def _weighted_kappa(case: Rated) -> TableCoefficient:
    return weighted_by(disagreement(_scale(case), "quadratic"))


def _ac2(case: Rated) -> TableCoefficient:
    return agreement_weighted_by(1.0 - disagreement(_scale(case), "quadratic"))


def _plain_jackknife(coefficient: Callable[[Rated], TableCoefficient]) -> Method:
    """Arvesen's jackknife of atanh(coefficient), Student's t of n - 1 degrees of freedom."""

    def method(case: Rated) -> Limits:
        table = _kappa_table(case)
        n = table.sum()
        read = coefficient(case)
        rows, columns = np.nonzero(table)
        left = np.repeat(table[None], rows.size, axis=0)
        left[np.arange(rows.size), rows, columns] -= 1.0
        times = table[rows, columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            whole, without = np.arctanh(read(table / n)), np.arctanh(read(left / (n - 1)))
        pseudo = n * whole - (n - 1) * without
        if not np.isfinite(pseudo).all():
            raise Undefined("a coefficient of 1 has no z.")
        mean = times @ pseudo / n
        error = np.sqrt(times @ (pseudo - mean) ** 2 / n / (n - 1))
        reach = special.stdtrit(n - 1, 0.975) * error
        return float(np.tanh(mean - reach)), float(np.tanh(mean + reach))

    return method


def _bootstrap(case: Rated) -> Limits:
    """Percentile bootstrap of items."""
    table = _kappa_table(case)
    n = int(table.sum())
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, table.ravel() / n, size=500).reshape(-1, *table.shape) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        values = _weighted_kappa(case)(draws)
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def _bonett_wright(case: Rated) -> Limits:
    """Fisher's z with the variance (1 + rho^2 / 2) / (n - 3)."""
    if min(np.ptp(case.judge), np.ptp(case.human)) == 0.0:
        raise Undefined("a rater gives one value to every item.")
    rho = float(stats.spearmanr(case.judge, case.human).statistic)
    if abs(rho) >= 1.0:
        raise Undefined("a coefficient of 1 has no z.")
    z = np.arctanh(rho)
    reach = 1.959964 * np.sqrt((1 + rho**2 / 2) / (case.judge.size - 3))
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))
