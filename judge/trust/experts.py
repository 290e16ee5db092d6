"""How far the experts of a part say the same: where their ratings differ, and who is severe."""

from collections.abc import Mapping

from calibration.estimate import InsufficientLabels, Undefined
from calibration.reliability import VarianceComponents, raters_needed, reliability
from calibration.reliability import variance_components as split
from calibration.severity import rater_severity
from judge.records import Record
from judge.trust.number import Number
from judge.trust.part import Part


class Consistency(Record):
    """Where the variance of the experts' single ratings comes from, and what would be enough."""

    item: float
    """Variance of the items, in squared units of the scale; the rest of it is noise."""
    rater: float
    """Variance of the raters' own levels."""
    rest: float
    n_items: int
    n_raters: int
    n_ratings: int
    single: Number | None
    """Reliability of one rater (phi); None where it is undefined."""
    wanted: float
    """Reliability that was asked for."""
    needed: int | None
    """Raters whose mean reaches it; None where no number does."""
    severity: Mapping[str, Number]
    """How far each rater lies from the average one on the same items; negative is severe."""
    undefined: Mapping[str, str]
    """For each number without a value, the reason."""
    warnings: tuple[str, ...] = ()


def consistency_of(part: Part, *, wanted: float, confidence: float) -> Consistency:
    """Split the variance of the experts' ratings, and measure how severe each expert is.

    Raises
    ------
    InsufficientLabels
        If there are no two experts on the same items, or groups of experts share none.
    Undefined
        If all ratings are equal.
    """
    if len(part.peers) < 2:
        raise InsufficientLabels(
            f"{len(part.peers)} expert; how consistent experts are needs 2 on the same items."
        )
    ratings = part.rated[:, list(part.peers)]
    found = split(ratings)
    undefined: dict[str, str] = {}
    try:
        single = Number.of(reliability(ratings, confidence=confidence))
    except Undefined as reason:
        single, undefined["single"] = None, str(reason)
    try:
        names = [part.raters[at] for at in part.peers]
        severe = rater_severity(ratings, names=names, confidence=confidence)
        severity = {each.name: Number.of(each.deviation) for each in severe}
    except Undefined as reason:
        severity, undefined["severity"] = {}, str(reason)
    return Consistency(
        item=found.item,
        rater=found.rater,
        rest=found.rest,
        n_items=found.n_items,
        n_raters=found.n_raters,
        n_ratings=found.n_ratings,
        single=single,
        wanted=wanted,
        needed=_needed(found, wanted, undefined),
        severity=severity,
        undefined=undefined,
        warnings=found.warnings,
    )


def _needed(found: VarianceComponents, wanted: float, undefined: dict[str, str]) -> int | None:
    try:
        return raters_needed(found, reliability=wanted)
    except Undefined as reason:
        undefined["needed"] = str(reason)
        return None
