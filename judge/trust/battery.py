"""What moves the judge and should not: length, language, refusals, and its own family of models.

Measured on judge minus experts, so that what a property does to the quality of a response is kept
apart from what it does to the judge.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

import numpy as np

from calibration.bias import BiasEffect, bias_battery, same_family
from calibration.estimate import Undefined
from judge.records import Record
from judge.trust.number import Number
from judge.trust.part import Part

EXPECTED: Mapping[str, str] = {
    "length": "the texts of the responses are not known.",
    "chinese": "the texts of the responses are not known.",
    "refusal": "the judge was not asked how far responses refuse (criterion refusal).",
    "order": "every response was judged by itself; none was shown first or second.",
}
"""Properties that a reader looks for, and why one of them may be missing."""


class Influence(Record):
    """What one property of the responses does to the judge."""

    name: str
    contrast: Literal["with against without", "per standard deviation"]
    error: Number
    """Change of judge minus experts; positive where the judge favours the property."""
    adjusted_error: Number | None
    """The same at an equal label and with the other properties held fixed."""
    raw_shift: Number | None
    """What it adds to the judge's own score; for two values only."""
    corrected_shift: Number
    """What allowing for it would change in the corrected score."""
    adjusted_p: float
    """That `error` is zero, after Holm over the battery."""
    n: int

    @classmethod
    def of(cls, effect: BiasEffect) -> "Influence":
        """Keep the numbers of an effect."""
        adjusted, raw = effect.adjusted_error, effect.raw_shift
        return cls(
            name=effect.name,
            contrast=effect.contrast,
            error=Number.of(effect.error),
            adjusted_error=None if adjusted is None else Number.of(adjusted),
            raw_shift=None if raw is None else Number.of(raw),
            corrected_shift=Number.of(effect.corrected_shift),
            adjusted_p=effect.adjusted_p,
            n=effect.n,
        )


class Battery(Record):
    """The properties that could be measured on a system's responses, and why others could not."""

    effects: tuple[Influence, ...]
    unmeasured: Mapping[str, str]


class SelfPreference(Record):
    """Whether a judge favours systems of its own family, over all systems together."""

    judge: str
    criterion: str
    family: tuple[str, ...]
    effect: Influence | None
    why: str | None = None
    """Why there is no effect."""


def battery_of(part: Part, *, confidence: float) -> Battery:
    """Measure what the known properties of a system's responses do to the judge's error.

    Raises
    ------
    Undefined
        If no item has both a verdict and a label.
    """
    found = bias_battery(part.judged, part.human, part.traits, confidence=confidence)
    absent = {
        name: why
        for name, why in EXPECTED.items()
        if name not in part.traits and name != part.criterion
    }
    return Battery(
        effects=tuple(Influence.of(each) for each in found.effects),
        unmeasured={**absent, **found.unmeasured},
    )


def self_preferences(
    parts: Sequence[Part], family: Collection[str], *, confidence: float
) -> Iterator[SelfPreference]:
    """Hold the systems of the judge's own family against the others.

    Every system is corrected by its own labels, so that none of this reaches a corrected score.
    """
    key = _series
    for (judge, criterion), grouped in groupby(sorted(parts, key=key), key=key):
        mine = list(grouped)
        systems = [part.system for part in mine for _ in part.units]
        effect: Influence | None = None
        try:
            found = bias_battery(
                np.concatenate([part.judged for part in mine]),
                np.concatenate([part.human for part in mine]),
                {"own family": same_family(systems, family)},
                confidence=confidence,
            )
            effect = Influence.of(found.effects[0]) if found.effects else None
            why = found.unmeasured.get("own family")
        except Undefined as reason:
            why = str(reason)
        yield SelfPreference(
            judge=judge, criterion=criterion, family=tuple(sorted(family)), effect=effect, why=why
        )


def _series(part: Part) -> tuple[str, str]:
    return part.judge, part.name
