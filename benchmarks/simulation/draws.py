"""Simulated sets of judged items whose true rate or mean is known.

Every draw is a function of a generator, so that the same seed gives the same set in any process.
N items are judged and n of them labelled. Only numpy is needed: the peers' interpreter runs this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

N = 5000
PASS_RATES = (0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995)
JUDGES = ((0.92, 0.65), (0.97, 0.60), (0.995, 0.90), (0.80, 0.70), (0.99, 0.30), (0.99, 0.95))
LABELS = (30, 100, 300)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One simulated set; arrays as the estimators take them, and the truth."""

    judge: np.ndarray
    human: np.ndarray
    truth: float
    clusters: np.ndarray | None = None
    strata: np.ndarray | None = None
    judge_b: np.ndarray | None = None
    human_b: np.ndarray | None = None
    gold_judge: np.ndarray | None = None
    gold_human: np.ndarray | None = None


Draw = Callable[[np.random.Generator], Case]


def binary(rate: float, judge: tuple[float, float], n: int) -> Draw:
    """Labels at random; the judge has constant sensitivity and specificity."""

    def draw(rng: np.random.Generator) -> Case:
        truth = (rng.random(N) < rate).astype(float)
        return Case(judge=judged(truth, judge, rng), human=first(truth, n), truth=rate)

    return draw


def by_verdict(rate: float, judge: tuple[float, float], n: int) -> Draw:
    """Half of the labels on items that the judge fails, as far as there are that many."""

    def draw(rng: np.random.Generator) -> Case:
        truth = (rng.random(N) < rate).astype(float)
        verdicts = judged(truth, judge, rng)
        fails, passes = np.flatnonzero(verdicts == 0), np.flatnonzero(verdicts == 1)
        few = min(n // 2, fails.size)
        chosen = np.concatenate([fails[:few], passes[: n - few]])
        human = np.full(N, np.nan)
        human[chosen] = truth[chosen]
        return Case(judge=verdicts, human=human, truth=rate)

    return draw


def curated(rate: float, judge: tuple[float, float], n: int) -> Draw:
    """Give the gold set apart from the items, half good and half bad."""

    def draw(rng: np.random.Generator) -> Case:
        truth = (rng.random(N) < rate).astype(float)
        gold = np.repeat([1.0, 0.0], [n - n // 2, n // 2])
        return Case(
            judge=judged(truth, judge, rng),
            human=np.full(N, np.nan),
            truth=rate,
            gold_judge=judged(gold, judge, rng),
            gold_human=gold,
        )

    return draw


def clustered(rate: float, judge: tuple[float, float], n: int, *, each: int, icc: float) -> Draw:
    """Ten answers to a prompt; ``each`` answers of a labelled prompt are labelled."""
    answers, strength = 10, 1.0 / icc - 1.0

    def draw(rng: np.random.Generator) -> Case:
        prompts = np.repeat(np.arange(N // answers), answers)
        rates = rng.beta(rate * strength, (1.0 - rate) * strength, N // answers)
        truth = (rng.random(N) < rates[prompts]).astype(float)
        labelled = (np.arange(N) % answers < each) & (prompts < n // each)
        return Case(
            judge=judged(truth, judge, rng),
            human=np.where(labelled, truth, np.nan),
            truth=rate,
            clusters=prompts,
        )

    return draw


def ordinal(shape: str, n: int) -> Draw:
    """Ratings 1 to 10 of one of the shapes in ORDINAL_SHAPES."""
    make = ORDINAL_SHAPES[shape]
    truth = _mean_of(shape)

    def draw(rng: np.random.Generator) -> Case:
        ratings, scores = make(rng, N)
        return Case(judge=scores, human=first(ratings, n), truth=truth)

    return draw


def paired(
    rates: tuple[float, float],
    judges: tuple[tuple[float, float], tuple[float, float]],
    n: int,
    *,
    shared: float = 0.5,
) -> Draw:
    """Two systems on the same prompts, whose successes go together, and a judge for each.

    Each system's answer shares its fate with the prompt with probability ``shared``.
    """

    def draw(rng: np.random.Generator) -> Case:
        fate = rng.random(N)
        both = [np.where(rng.random(N) < shared, fate, rng.random(N)) for _ in rates]
        a, b = ((u < rate).astype(float) for u, rate in zip(both, rates, strict=True))
        return Case(
            judge=judged(a, judges[0], rng),
            human=first(a, n),
            judge_b=judged(b, judges[1], rng),
            human_b=first(b, n),
            truth=rates[0] - rates[1],
        )

    return draw


def stratified(
    rates: tuple[float, ...],
    labels: tuple[int, ...],
    sizes: tuple[float, ...],
    *,
    judge: tuple[float, float],
) -> Draw:
    """Draw labels at random inside strata, at a different rate from each."""
    items = [int(size / sum(sizes) * N) for size in sizes]
    strata = np.repeat(np.arange(len(items)), items)
    starts = np.cumsum([0, *items[:-1]])
    rate = float(np.array(rates) @ np.array(items) / sum(items))

    def draw(rng: np.random.Generator) -> Case:
        truth = (rng.random(strata.size) < np.array(rates)[strata]).astype(float)
        human = np.full(strata.size, np.nan)
        for start, n in zip(starts, labels, strict=True):
            human[start : start + n] = truth[start : start + n]
        return Case(judge=judged(truth, judge, rng), human=human, truth=rate, strata=strata)

    return draw


def judged(truth: np.ndarray, judge: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Verdicts of a judge with the given sensitivity and specificity."""
    sensitivity, specificity = judge
    chance = np.where(truth == 1.0, sensitivity, 1.0 - specificity)
    return (rng.random(truth.size) < chance).astype(float)


def first(ratings: np.ndarray, n: int) -> np.ndarray:
    """Label the first n items; their order carries no meaning, so that is a random draw."""
    return np.where(np.arange(ratings.size) < n, ratings, np.nan)


Ratings = tuple[np.ndarray, np.ndarray]


def _middling(rng: np.random.Generator, size: int, *, follow: float, noise: float) -> Ratings:
    ideal = rng.normal(6.0, 1.9, size)
    scores = 7.0 + follow * (ideal - 6.0) + rng.normal(0.0, noise, size)
    return _rounded(ideal), _rounded(scores)


def _ceiling(rng: np.random.Generator, size: int, *, severe: float, seen: float) -> Ratings:
    """Most ratings 10, and a rare severe tail of which the judge sees a share."""
    bad = rng.random(size) < severe
    fine = rng.choice([10.0, 9.0, 8.0], size, p=[0.7, 0.2, 0.1])
    ratings = np.where(bad, rng.integers(1, 5, size), fine)
    generous = rng.choice([10.0, 9.0, 8.0, 7.0, 3.0], size, p=[0.55, 0.25, 0.13, 0.05, 0.02])
    caught = bad & (rng.random(size) < seen)
    return ratings, np.where(caught, rng.integers(1, 6, size), generous)


def _two_point(rng: np.random.Generator, size: int) -> Ratings:
    """10 but for one in a hundred, which is 1."""
    bad = rng.random(size) < 0.01
    scores = rng.choice([10.0, 9.0], size, p=[0.9, 0.1])
    return np.where(bad, 1.0, 10.0), np.where(bad & (rng.random(size) < 0.6), 1.0, scores)


def _rounded(ideal: np.ndarray) -> np.ndarray:
    return np.clip(np.round(ideal), 1.0, 10.0)


ORDINAL_SHAPES: dict[str, Callable[[np.random.Generator, int], Ratings]] = {
    "middle, good judge": lambda rng, size: _middling(rng, size, follow=1.0, noise=1.5),
    "middle, weak judge": lambda rng, size: _middling(rng, size, follow=0.4, noise=1.9),
    "ceiling": lambda rng, size: _ceiling(rng, size, severe=0.055, seen=0.75),
    "ceiling, tail unseen by judge": lambda rng, size: _ceiling(rng, size, severe=0.055, seen=0.0),
    "ceiling, rarer tail": lambda rng, size: _ceiling(rng, size, severe=0.02, seen=0.75),
    "two points": _two_point,
}


@cache
def _mean_of(shape: str) -> float:
    """Find the true mean from four million ratings; its error is a thousandth of an interval."""
    ratings = ORDINAL_SHAPES[shape](np.random.default_rng(20), 4_000_000)[0]
    return float(ratings.mean())
