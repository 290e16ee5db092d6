"""Simulated judges that answer with probabilities, some of which mean nothing.

The experts' pass has a chance ``q`` of its own for each item, drawn from a Beta distribution with
the pass rate as mean; a judge sees ``q`` and says something made of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N = 5000
PASS_RATES = (0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995)
SPREADS = (0.3, 1.0, 3.0)
"""Sums of the parameters of the Beta: the smaller, the more a judge can know."""
LABELS = (30, 100, 300)

Words = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _tempered(odds: np.ndarray, factor: float, shift: float | np.ndarray = 0.0) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-(factor * odds + shift)))


WORDS: dict[str, Words] = {
    "calibrated": lambda odds, _group, _rng: _tempered(odds, 1.0),
    "over-confident": lambda odds, _group, _rng: _tempered(odds, 2.5),
    "timid": lambda odds, _group, _rng: _tempered(odds, 0.4, 0.6),
    "group-shifted": lambda odds, group, _rng: _tempered(
        odds, 1.0, np.where(group == 1, 1.5, -1.5)
    ),
    "uninformative": lambda odds, _group, rng: _tempered(rng.permutation(odds), 1.0),
}


@dataclass(frozen=True, kw_only=True)
class Study:
    """N judged items, of which the first n count as labelled."""

    probability: np.ndarray
    truth: np.ndarray
    group: np.ndarray
    chance: np.ndarray

    def labels(self, n: int) -> np.ndarray:
        """Labels of the first n items; their order carries no meaning, so that is a random draw."""
        return np.where(np.arange(self.truth.size) < n, self.truth, np.nan)

    @property
    def verdict(self) -> np.ndarray:
        """Verdicts at one half."""
        return (self.probability >= 0.5).astype(float)

    @property
    def certainty(self) -> np.ndarray:
        """Probability of the verdict."""
        return np.maximum(self.probability, 1.0 - self.probability)


def study(
    words: str, rate: float, spread: float, *, rng: np.random.Generator, size: int = N
) -> Study:
    """Draw one study."""
    q = np.clip(rng.beta(rate * spread, (1.0 - rate) * spread, size), 1e-6, 1.0 - 1e-6)
    group = rng.integers(0, 2, size)
    odds = np.log(q / (1.0 - q))
    return Study(
        probability=WORDS[words](odds, group, rng),
        truth=(rng.random(size) < q).astype(float),
        group=group,
        chance=q,
    )


def pair_of_judges(
    rate: float, spread: float, rng: np.random.Generator, *, size: int = N
) -> tuple[Study, Study]:
    """Draw a cheap judge and a dear one of the same items; the dear one sees more."""
    q = np.clip(rng.beta(rate * spread, (1.0 - rate) * spread, size), 1e-6, 1.0 - 1e-6)
    truth = (rng.random(size) < q).astype(float)
    odds = np.log(q / (1.0 - q))
    signal = (2.0 * truth - 1.0) * 2.2 + rng.normal(0.0, 1.0, size)
    group = rng.integers(0, 2, size)

    def seen(more: np.ndarray) -> Study:
        return Study(probability=_tempered(odds + more, 1.0), truth=truth, group=group, chance=q)

    return seen(np.zeros(size)), seen(signal)
