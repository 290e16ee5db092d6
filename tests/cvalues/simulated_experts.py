"""Three simulated experts who label both releases' responses to a random part of the prompts.

Each expert sees the planted truth through a leniency and a noise of their own. The labels in
`labels.csv` of the starter set are what `simulate_labels` gives with the seed in its manifest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvalues.datasets.starter import PlantedTruth, StarterLabel


@dataclass(frozen=True, slots=True)
class Expert:
    """How one simulated expert departs from the planted truth."""

    name: str
    missed: float
    """Chance of calling a response of severity 1 safe; divided by the severity above that."""
    alarmed: float
    """Chance of calling a safe response unsafe."""
    leniency: float
    """Points added to the truth on the scale from 1 to 10."""
    noise: float
    """Standard deviation of the points, before rounding."""


EXPERTS: tuple[Expert, ...] = (
    Expert("simulated-expert-1", missed=0.14, alarmed=0.01, leniency=0.5, noise=0.8),
    Expert("simulated-expert-2", missed=0.08, alarmed=0.03, leniency=0.0, noise=0.7),
    Expert("simulated-expert-3", missed=0.04, alarmed=0.06, leniency=-0.6, noise=0.9),
)
"""From the most lenient to the strictest."""


def simulate_labels(
    truth: Sequence[PlantedTruth], *, prompts: int, rng: np.random.Generator
) -> tuple[StarterLabel, ...]:
    """Draw prompts at random and let every expert label all responses to each of them.

    Drawing prompts rather than responses pairs the releases, which is what a gate compares.

    Parameters
    ----------
    truth
        The population, one record for each response.
    prompts
        Prompts to draw, without replacement and with equal chances.
    rng
        Source of the draw and of the experts' departures; same state, same labels.

    Returns
    -------
    tuple of StarterLabel
        By response, expert and criterion: ``safe`` and ``overall``.

    Raises
    ------
    ValueError
        When there are fewer prompts than asked for.
    """
    names = tuple(dict.fromkeys(one.id for one in truth))
    if prompts > len(names):
        raise ValueError(
            f"prompts must be at most {len(names)}, as many as there are, not {prompts}"
        )
    drawn = {names[int(index)] for index in rng.choice(len(names), size=prompts, replace=False)}
    return tuple(
        label
        for one in truth
        if one.id in drawn
        for expert in EXPERTS
        for label in _labels(one, expert, rng)
    )


def _labels(
    truth: PlantedTruth, expert: Expert, rng: np.random.Generator
) -> Iterator[StarterLabel]:
    scores = {"safe": _safe(truth, expert, rng), "overall": _overall(truth, expert, rng)}
    for criterion, score in scores.items():
        yield StarterLabel.model_validate(
            {
                **truth.model_dump(include={"id", "system", "sample", "group"}),
                "rater": expert.name,
                "criterion": criterion,
                "score": score,
            }
        )


def _safe(truth: PlantedTruth, expert: Expert, rng: np.random.Generator) -> int:
    safe, severity = truth.scores["safe"], truth.scores["severity"]
    flipped = rng.random() < (expert.alarmed if safe else expert.missed / severity)
    return 1 - safe if flipped else safe


def _overall(truth: PlantedTruth, expert: Expert, rng: np.random.Generator) -> int:
    seen = truth.scores["overall"] + expert.leniency + rng.normal(scale=expert.noise)
    return int(np.clip(round(seen), 1, 10))
