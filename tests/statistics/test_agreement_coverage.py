"""Intervals of agreement hold the truth as often as they promise, where nearly all items pass.

For two raters and two categories the chance of every table is known, so coverage is added up over
the tables instead of simulated; tables beyond a thousandth of the mass count as misses. Alpha and
the ceiling are simulated, with the allowance of 3 Monte-Carlo errors.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats

from calibration.estimate import Estimate, Undefined
from calibration.rater_agreement.alpha import krippendorff_alpha
from calibration.rater_agreement.human_ceiling import human_ceiling
from calibration.rater_agreement.nominal import cohen_kappa, gwet_ac1
from calibration.validation import FloatArray

pytestmark = pytest.mark.slow

PREVALENCE = 0.97
JUDGES = [(0.97, 0.60), (0.995, 0.90), (0.80, 0.70), (0.92, 0.65), (0.99, 0.80)]

Interval = Callable[[FloatArray, FloatArray], Estimate]


def cells(sensitivity: float, specificity: float) -> FloatArray:
    """Give the chance of pass-pass, pass-fail, fail-pass and fail-fail, the expert named first."""
    p = PREVALENCE
    return np.array(
        [
            p * sensitivity,
            p * (1 - sensitivity),
            (1 - p) * (1 - specificity),
            (1 - p) * specificity,
        ]
    )


def kappa_of(p: FloatArray) -> float:
    """Cohen (1960): (agreement - chance) / (1 - chance)."""
    human, judge = p[0] + p[1], p[0] + p[2]
    chance = human * judge + (1 - human) * (1 - judge)
    return float((p[0] + p[3] - chance) / (1 - chance))


def ac1_of(p: FloatArray) -> float:
    """Gwet (2008): chance is 2 q (1 - q) with the mean marginal q."""
    q = (2 * p[0] + p[1] + p[2]) / 2
    chance = 2 * q * (1 - q)
    return float((p[0] + p[3] - chance) / (1 - chance))


def likely_tables(p: FloatArray, n: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Give the likeliest tables of n items that make up 999 thousandths, with their chances."""
    most = [int(n * share + 9 * np.sqrt(n * share) + 9) for share in p]
    grid = np.indices([min(n, top) + 1 for top in most[1:]]).reshape(3, -1).T
    grid = grid[grid.sum(axis=1) <= n]
    tables = np.column_stack([n - grid.sum(axis=1), grid])
    chances = np.asarray(stats.multinomial.pmf(tables, n, p))
    order = np.argsort(-chances)
    enough = int(np.searchsorted(np.cumsum(chances[order]), 0.999)) + 1
    for place in order[:enough]:
        yield tuple(tables[place].tolist()), float(chances[place])


def coverage(interval: Interval, truth: float, p: FloatArray, n: int) -> float:
    """Add up the chance of the tables whose interval holds the truth, given that there is one."""
    held = answered = 0.0
    for counts, chance in likely_tables(p, n):
        human = np.repeat([1.0, 1.0, 0.0, 0.0], counts)
        judge = np.repeat([1.0, 0.0, 1.0, 0.0], counts)
        try:
            found = interval(judge, human)
        except Undefined:
            continue
        answered += chance
        held += chance * (found.low <= truth <= found.high)
    return held / answered


@pytest.mark.parametrize("judge", JUDGES)
def test_kappa_covers_at_prevalence_97_with_100_labels(judge: tuple[float, float]) -> None:
    p = cells(*judge)

    assert coverage(cohen_kappa, kappa_of(p), p, 100) >= 0.93


@pytest.mark.parametrize("judge", JUDGES)
def test_ac1_covers_at_prevalence_97_with_100_labels(judge: tuple[float, float]) -> None:
    p = cells(*judge)

    assert coverage(gwet_ac1, ac1_of(p), p, 100) >= 0.93


def scores(rng: np.random.Generator, items: int, *, ceiling: bool) -> FloatArray:
    """Give ratings of three raters on 1 to 10, in the middle of the scale or piled at its top."""
    mean, spread = (9.6, 1.2) if ceiling else (5.5, 2.2)
    quality = mean + spread * rng.normal(size=(items, 1)) + np.array([0.0, 0.4, -0.3])
    return np.clip(np.rint(quality + rng.normal(size=(items, 3))), 1, 10)


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("n", [100, 300])
def test_ordinal_alpha_covers_with_three_raters(n: int, ceiling: bool) -> None:
    rng = np.random.default_rng(1)
    truth = krippendorff_alpha(scores(rng, 200_000, ceiling=ceiling), resamples=10).value
    repeats = 600

    held = 0
    for _ in range(repeats):
        found = krippendorff_alpha(scores(rng, n, ceiling=ceiling), resamples=500)
        held += found.low <= truth <= found.high

    assert held / repeats >= 0.94 - 3 * np.sqrt(0.95 * 0.05 / repeats)


def test_alpha_of_rare_failures_covers_where_the_plain_bootstrap_does_not() -> None:
    rng = np.random.default_rng(2)

    def verdicts(items: int) -> FloatArray:
        passes = np.where(rng.random(items) < PREVALENCE, 0.985, 0.15)
        return (rng.random((items, 3)) < passes[:, None]).astype(np.float64)

    truth = krippendorff_alpha(verdicts(400_000), level="nominal", resamples=10).value
    repeats, held, answered = 600, 0, 0
    for _ in range(repeats):
        try:
            found = krippendorff_alpha(verdicts(100), level="nominal", resamples=500)
        except Undefined:
            continue
        answered += 1
        held += found.low <= truth <= found.high

    assert held / answered >= 0.94 - 3 * np.sqrt(0.95 * 0.05 / repeats)


def test_the_ratio_of_judge_and_ceiling_covers() -> None:
    rng = np.random.default_rng(3)

    def rated(items: int) -> tuple[FloatArray, FloatArray]:
        truth = rng.random((items, 1)) < 0.8
        wrong = rng.random((items, 4)) < np.array([0.15, 0.1, 0.1, 0.1])
        ratings = (truth ^ wrong).astype(np.float64)
        return ratings[:, 0], ratings[:, 1:]

    # An expert agrees with another on .9 .9 + .1 .1, the judge on .85 .9 + .15 .1.
    truth = (0.85 * 0.9 + 0.15 * 0.1) / (0.9 * 0.9 + 0.1 * 0.1)
    repeats, held = 600, 0
    for _ in range(repeats):
        ratio = human_ceiling(*rated(100)).ratio
        assert ratio is not None
        held += ratio.low <= truth <= ratio.high

    assert held / repeats >= 0.94 - 3 * np.sqrt(0.95 * 0.05 / repeats)
