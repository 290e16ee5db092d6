"""Simulated sets of judged items whose true rate or mean is known.

Every draw is a function of a generator, so that the same seed gives the same set in any process.
N items are judged and n of them labelled. Only numpy is needed: the peers' interpreter runs this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

N = 5000
PASS_RATES = (0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995)
JUDGES = ((0.92, 0.65), (0.97, 0.60), (0.995, 0.90), (0.80, 0.70), (0.99, 0.30), (0.99, 0.95))
LABELS = (30, 100, 300)
SESSIONS = 300
Z = 1.959963984540054


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One simulated set; arrays as the estimators take them, and the truth.

    ``limit`` is the width of the shortest 95 % interval that any estimator can have with very many
    labels (the semiparametric limit), where it is known.
    """

    judge: np.ndarray
    human: np.ndarray
    truth: float
    limit: float | None = None
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


def sessions(
    rate: float, judge: tuple[float, float], n: int, *, icc: float, of: str = "turns"
) -> Draw:
    """Give sessions of 2 to 30 turns, of which n are read whole.

    The share of a session's turns that pass is drawn from a Beta distribution, so that turns of
    one session have the correlation ``icc``. The truth is the rate of passing turns, or the rate
    of sessions whose turns all pass, over sessions of all lengths.
    """
    lengths = np.arange(2, 31)
    truth = rate if of == "turns" else float(np.mean(_all_pass(rate, icc, lengths)))

    def draw(rng: np.random.Generator) -> Case:
        size = rng.integers(2, 31, SESSIONS)
        name = np.repeat(np.arange(SESSIONS), size)
        if icc > 0.0:
            strength = 1.0 / icc - 1.0
            share = rng.beta(rate * strength, (1.0 - rate) * strength, SESSIONS)
        else:
            share = np.full(SESSIONS, rate)
        passes = (rng.random(name.size) < share[name]).astype(float)
        return Case(
            judge=judged(passes, judge, rng),
            human=np.where(name < n, passes, np.nan),
            truth=truth,
            clusters=name,
        )

    return draw


def _all_pass(rate: float, icc: float, lengths: np.ndarray) -> np.ndarray:
    """Probability that all of so many turns pass: the beta-binomial distribution at its end."""
    if icc == 0.0:
        return rate**lengths
    strength = 1.0 / icc - 1.0
    steps = np.arange(lengths.max())
    factors = (rate * strength + steps) / (strength + steps)
    return np.cumprod(factors)[lengths - 1]


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
    limit = _paired_limit(rates, judges, n, shared=shared)

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
            limit=limit,
        )

    return draw


def _paired_limit(
    rates: tuple[float, float],
    judges: tuple[tuple[float, float], tuple[float, float]],
    n: int,
    *,
    shared: float,
) -> float:
    """Find the width at the semiparametric limit.

    The variance is that of the difference given the pair of verdicts, over n, and of its mean
    given them, over N.
    """
    both_share = shared**2
    good = both_share * min(rates) + (1.0 - both_share) * rates[0] * rates[1]
    table = np.array([[1.0 - sum(rates) + good, rates[1] - good], [rates[0] - good, good]])
    # Chance of a verdict (0, 1) given the truth (0, 1), for each judge: shape (truth, verdict).
    says = [np.array([[sp, 1.0 - sp], [1.0 - se, se]]) for se, sp in judges]
    # Axes: the truths of A and B, the verdicts on A and B.
    joint = table[:, :, None, None] * says[0][:, None, :, None] * says[1][None, :, None, :]
    difference = np.array([[0.0, -1.0], [1.0, 0.0]])[:, :, None, None]
    seen = joint.sum(axis=(0, 1))
    mean = (joint * difference).sum(axis=(0, 1)) / seen
    square = (joint * difference**2).sum(axis=(0, 1)) / seen
    within = float((seen * (square - mean**2)).sum())
    between = float((seen * mean**2).sum() - (seen * mean).sum() ** 2)
    return 2.0 * Z * float(np.sqrt(within / n + between / N))


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


def _mixed(
    rng: np.random.Generator,
    size: int,
    *,
    usual: dict[float, float],
    rare: tuple[float, float],
    seen: float,
) -> Ratings:
    """Usual ratings with their shares, and a rare one of which the judge sees a share."""
    rating, share = rare
    shares = np.array(list(usual.values()))
    ratings = rng.choice(list(usual), size, p=shares / shares.sum())
    scores = np.clip(ratings + rng.integers(-1, 2, size), 1.0, 10.0)
    bad = rng.random(size) < share
    caught = bad & (rng.random(size) < seen)
    return np.where(bad, rating, ratings), np.where(caught, rating, scores)


def _mixture(usual: dict[float, float], rare: tuple[float, float], seen: float) -> "Maker":
    return partial(_mixed, usual=usual, rare=rare, seen=seen)


def _rounded(ideal: np.ndarray) -> np.ndarray:
    return np.clip(np.round(ideal), 1.0, 10.0)


Maker = Callable[[np.random.Generator, int], Ratings]
_THIRDS = {8.0: 1.0, 9.0: 1.0, 10.0: 1.0}
_EVEN = dict.fromkeys(np.arange(1.0, 11.0).tolist(), 1.0)
_SLOPE = {float(rating): 0.6 ** (10 - rating) for rating in range(1, 11)}
_ENDS = {1.0: 1.0, 2.0: 1.0, 9.0: 1.0, 10.0: 1.0}

ORDINAL_SHAPES: dict[str, Maker] = {
    "middle, good judge": lambda rng, size: _middling(rng, size, follow=1.0, noise=1.5),
    "middle, weak judge": lambda rng, size: _middling(rng, size, follow=0.4, noise=1.9),
    "ceiling": lambda rng, size: _ceiling(rng, size, severe=0.055, seen=0.75),
    "ceiling, tail unseen by judge": lambda rng, size: _ceiling(rng, size, severe=0.055, seen=0.0),
    "ceiling, rarer tail": lambda rng, size: _ceiling(rng, size, severe=0.02, seen=0.75),
    "two points": _two_point,
    "thirds and 2 % ones, unseen": _mixture(_THIRDS, (1.0, 0.02), 0.0),
    "thirds and 2 % ones, 75 % seen": _mixture(_THIRDS, (1.0, 0.02), 0.75),
    "thirds and 1 % ones, unseen": _mixture(_THIRDS, (1.0, 0.01), 0.0),
    "thirds and 1 % ones, 75 % seen": _mixture(_THIRDS, (1.0, 0.01), 0.75),
    "thirds and 4 % ones, unseen": _mixture(_THIRDS, (1.0, 0.04), 0.0),
    "halves 7 and 8, 1.5 % ones": _mixture({7.0: 1.0, 8.0: 1.0}, (1.0, 0.015), 0.5),
    "5 to 8 and 2 % ones": _mixture(dict.fromkeys((5.0, 6.0, 7.0, 8.0), 1.0), (1.0, 0.02), 0.5),
    "even": _mixture(_EVEN, (1.0, 0.0), 0.0),
    "both ends": _mixture(_ENDS, (5.0, 0.1), 0.5),
    "slope": _mixture(_SLOPE, (1.0, 0.01), 0.5),
    "low and 2 % tens": _mixture({1.0: 4.0, 2.0: 2.0, 3.0: 1.0}, (10.0, 0.02), 0.5),
    "low thirds and 3 % tens, unseen": _mixture({1.0: 1, 2.0: 1, 3.0: 1}, (10.0, 0.03), 0.0),
}


@cache
def _mean_of(shape: str) -> float:
    """Find the true mean from four million ratings; its error is a thousandth of an interval."""
    ratings = ORDINAL_SHAPES[shape](np.random.default_rng(20), 4_000_000)[0]
    return float(ratings.mean())
