"""Tests whose null hypothesis is true: how often they raise an alarm all the same.

The alternative annotator test stands at its boundary: experts always agree, and the judge is wrong
on a share epsilon of the items. Error rates are those of one judge on two systems that pass
different shares, labelled by verdict as ``cvalues sample`` draws. Items of two languages differ for
single models, not for models on average.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from calibration import InsufficientLabels, alternative_annotator_test, compare_error_rates, draw
from cvalues.dif import SettingAnswer, item_differences

Alarm = Callable[[np.random.Generator], bool | None]
"""Whether an alarm was raised; None where the test refused."""
LEVEL = 0.05
EPSILON = 0.2


@dataclass(frozen=True)
class Null:
    """A test under its null hypothesis, and the most alarms that it may raise."""

    name: str
    alarm: Alarm
    most: float


def _annotator(n: int) -> Alarm:
    def alarm(rng: np.random.Generator) -> bool | None:
        truth = (rng.random(n) < 0.5).astype(float)
        judge = np.where(rng.random(n) < EPSILON, 1.0 - truth, truth)
        try:
            found = alternative_annotator_test(judge, np.column_stack([truth] * 3))
        except InsufficientLabels:
            return None
        return found.experts[0].p_value <= LEVEL

    return alarm


def _error_rates(design: str) -> Alarm:
    def alarm(rng: np.random.Generator) -> bool:
        judge, human, systems = [], [], []
        for system, rate in (("a", 0.97), ("b", 0.80)):
            truth = (rng.random(2000) < rate).astype(float)
            said = (rng.random(2000) < np.where(truth == 1.0, 0.92, 0.35)).astype(float)
            chosen = draw(said, 200, rng=rng, design=design).indices
            labels = np.full(2000, np.nan)
            labels[chosen] = truth[chosen]
            judge.append(said)
            human.append(labels)
            systems += [system] * 2000
        both = np.concatenate(judge), np.concatenate(human)
        return compare_error_rates(*both, systems, design=design).differ

    return alarm


def _dif(models: int, samples: int, *, items: int = 20, spread: float = 1.5) -> Alarm:
    def alarm(rng: np.random.Generator) -> bool:
        ability = rng.normal(0.5, 1.0, models)[:, None, None, None]
        hardness = rng.normal(0.0, 1.0, items)[None, :, None, None]
        own = spread * rng.normal(size=(models, items, 2))[..., None]
        odds = np.broadcast_to(ability - hardness + own, (models, items, 2, samples))
        right = rng.random(odds.shape) < 1.0 / (1.0 + np.exp(-odds))
        answers = [
            SettingAnswer(
                item=f"i{item}",
                setting=("zh", "en")[setting],
                answerer=f"m{model}",
                correct=bool(right[model, item, setting, sample]),
            )
            for model, item, setting, sample in np.ndindex(right.shape)
        ]
        return any(each.flagged for each in item_differences(answers, ("zh", "en")))

    return alarm


NULLS = (
    *(
        Null(f"alternative annotator test at its boundary, {n} items", _annotator(n), 0.07)
        for n in (15, 20, 29, 50, 100)
    ),
    Null("error rates differ, labels by verdict", _error_rates("by-verdict"), 0.06),
    Null("error rates differ, labels at random", _error_rates("random"), 0.06),
    Null("items differ by language, 40 models", _dif(40, 1), 0.06),
    Null("items differ by language, 4 models x 10 samples", _dif(4, 10), 0.06),
    Null("items differ by language, 2 models x 20 samples", _dif(2, 20), 0.06),
    Null("items differ by language, 30 models x 10 samples", _dif(30, 10), 0.06),
)


def run_null(null: Null, repeats: int) -> Mapping[str, object]:
    """Count alarms and refusals; one row of the report."""
    seed = list(null.name.encode())
    found = [null.alarm(np.random.default_rng([repeat, *seed])) for repeat in range(repeats)]
    answered = [each for each in found if each is not None]
    return {
        "section": "alarms",
        "setting": null.name,
        "n": 0,
        "method": "share of alarms",
        "repeats": repeats,
        "answered": len(answered) / repeats,
        "alarms": sum(answered) / max(len(answered), 1),
        "most": null.most,
    }
