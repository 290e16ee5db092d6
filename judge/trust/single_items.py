"""Single items of a part: where the experts' level of one lies, and which should go to an expert.

Both promise something of items drawn like the labelled ones, so they need labels drawn evenly.
"""

import numpy as np

from calibration.conformal import EVERYTHING, conformal_bands, plan_abstention
from calibration.estimate import InsufficientLabels, Undefined
from calibration.validation import FloatArray
from judge.records import Record
from judge.trust.number import Number
from judge.trust.part import Part, Unit


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
