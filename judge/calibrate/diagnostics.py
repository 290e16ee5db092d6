"""What moves the judge and should not: length, language, refusals, and its own family of models.

Measured on judge minus experts, so that what a property does to the quality of a response is kept
apart from what it does to the judge.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

import numpy as np

from calibration.bias import BiasEffect, bias_battery, same_family
from calibration.conformal import EVERYTHING, conformal_bands, plan_abstention
from calibration.drift import AccuracyDrift, measure_drift
from calibration.estimate import Estimate, InsufficientLabels, Undefined
from calibration.validation import FloatArray
from judge.calibrate.calibration_set import Number, Part
from judge.columns import Unit
from judge.records import Record

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


# Single items of a part: where the experts' level of one lies, and which should go to an
# expert.
#
# Both promise something of items drawn like the labelled ones, so they need labels drawn
# evenly.


class ItemBand(Record):
    """Where the experts' level lies for one verdict; both ends belong to it."""

    verdict: float
    low: float
    high: float


class SingleItem(Record):
    """Conformal interval of a single item: as often as the confidence says, the label is inside."""

    below: float
    """Experts minus judge, lower end."""
    above: float
    n: int
    """Labelled items behind it."""
    by_verdict: tuple[ItemBand, ...]
    """For each level that the judge gave; empty where the scale is no short list of levels."""


class Handover(Record):
    """Which items go to an expert, so that the judge agrees with experts on the rest."""

    certainty: str
    """What tells sure verdicts from others."""
    wanted: float
    """Agreement that the kept verdicts must reach, a fraction."""
    guaranteed: float
    """Lower bound of their agreement, at the confidence asked for."""
    agreement: Number
    cut: float
    """Least certainty of a verdict that is kept."""
    kept_share: float
    """Share of the verdicts that are kept."""
    to_expert: tuple[Unit, ...]
    """Items whose verdict is missing or too unsure."""


def single_item(part: Part, *, confidence: float) -> SingleItem:
    """Bound the experts' level of an item by the judge's verdict on it.

    Raises
    ------
    InsufficientLabels
        If there are too few labels: 39 for 95 %.
    Undefined
        If no item has both a verdict and a label, or all differences of a continuous scale are
        equal.
    """
    levels = part.levels
    found = conformal_bands(
        part.judged,
        part.settled if levels else part.human,
        scale=part.counting.ends,
        levels=levels,
        confidence=confidence,
    )
    band = found.bands[EVERYTHING]
    verdicts: list[float] = np.unique(part.judged[~np.isnan(part.judged)]).tolist()
    given = verdicts if levels else []
    ends = [(verdict, found.around(verdict)) for verdict in given]
    return SingleItem(
        below=band.below,
        above=band.above,
        n=band.n,
        by_verdict=tuple(
            ItemBand(verdict=verdict, low=each.low, high=each.high) for verdict, each in ends
        ),
    )


def handover_of(part: Part, *, wanted: float, confidence: float) -> Handover:
    """Choose the items that go to an expert.

    Raises
    ------
    InsufficientLabels
        If nothing tells sure verdicts from others, or none of them surely reaches what is wanted.
    Undefined
        If no item has both a verdict and a label, or the scores are no short scale.
    """
    if not part.levels:
        raise Undefined("the scores are no short scale of whole numbers.")
    name, sure = _certainty(part)
    rule = plan_abstention(part.judged, part.settled, sure, wanted=wanted, confidence=confidence)
    leave = rule.to_expert(part.judged, sure).tolist()
    return Handover(
        certainty=name,
        wanted=wanted,
        guaranteed=rule.guaranteed,
        agreement=Number.of(rule.agreement),
        cut=rule.cut,
        kept_share=rule.kept_share,
        to_expert=tuple(unit for unit, goes in zip(part.units, leave, strict=True) if goes),
    )


def _certainty(part: Part) -> tuple[str, FloatArray]:
    if part.certainty is not None:
        return "share of repeats or panel members that gave the verdict", part.certainty
    counting = part.counting
    if counting.at_least is not None and counting.high - counting.low > 1.0:
        # The threshold parts two levels; both are half a level away from it.
        cut = counting.at_least - 0.5
        return "distance of the level from the threshold", np.abs(part.verdicts - cut)
    raise InsufficientLabels(
        "nothing tells sure verdicts from others; judge with --repeats, or with several judges."
    )


# What changed from an earlier version of the judge to this one, on the items that both rated.


class Accuracy(Record):
    """Whether this version is nearer to the experts, on items that they labelled too."""

    n: int
    agreement_change: Number
    """Share of verdicts equal to the experts', this version minus the earlier one."""
    only_before: int
    """Items that only the earlier version got right."""
    only_now: int
    p_value: float
    """McNemar, exact: that both are right equally often."""
    sensitivity_change: Number | None
    specificity_change: Number | None


class Change(Record):
    """Flips between two versions of a judge."""

    before: str
    """The earlier version."""
    n: int
    """Items with a verdict of both."""
    flip_rate: Number
    fell: int
    """Verdicts that went down."""
    rose: int
    p_value: float
    """McNemar, exact: that as many fell as rose."""
    n_silenced: int
    """Items that only the earlier version rated."""
    accuracy: Accuracy | None
    """None where experts labelled none of them."""
    warnings: tuple[str, ...] = ()


def change_of(part: Part, *, confidence: float) -> Change:
    """Compare a part's verdicts with those of the earlier version.

    Raises
    ------
    InsufficientLabels
        If the earlier version was not asked for this criterion and system.
    Undefined
        If no item has a verdict of both, or the scores are no short scale, on which all differ.
    """
    if part.earlier is None:
        raise InsufficientLabels("the earlier version has no verdicts on this to compare with.")
    if not part.levels:
        raise Undefined("the scores are no short scale of whole numbers.")
    found = measure_drift(
        part.counting.counted(part.earlier.verdicts),
        part.judged,
        part.settled,
        confidence=confidence,
    )
    return Change(
        before=part.earlier.name,
        n=found.n,
        flip_rate=Number.of(found.flip_rate),
        fell=found.direction.b,
        rose=found.direction.c,
        p_value=found.direction.exact_p,
        n_silenced=found.n_silenced,
        accuracy=None if found.accuracy is None else _accuracy(found.accuracy),
        warnings=found.warnings,
    )


def _accuracy(found: AccuracyDrift) -> Accuracy:
    return Accuracy(
        n=found.n,
        agreement_change=Number.of(found.agreement_change),
        only_before=found.correctness.b,
        only_now=found.correctness.c,
        p_value=found.correctness.exact_p,
        sensitivity_change=_number(found.sensitivity_change),
        specificity_change=_number(found.specificity_change),
    )


def _number(estimate: Estimate | None) -> Number | None:
    return None if estimate is None else Number.of(estimate)
