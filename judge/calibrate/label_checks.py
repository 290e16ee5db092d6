"""What the labels themselves let doubt: experts who err, and items that were chosen after all."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from calibration.estimate import Estimate, InsufficientLabels, Interval
from calibration.expert_noise import NoiseBound, bound_expert_noise
from calibration.selection import selection_difference
from judge.calibrate.calibration_set import Part
from judge.records import Record

VERDICT = "verdict"


class Selection(Record):
    """How labelled items differ from the others in one property."""

    name: str
    """``verdict`` for the judge's score, else the property."""
    labelled: float
    others: float
    difference: float
    low: float
    high: float
    standardised: float
    """In standard deviations of all items."""
    detectable: float | None = None
    """The true difference that so many labels would show in 80 % of draws; None in older files."""
    n_labelled: int
    n_others: int


def expert_noise_of(part: Part, estimate: Estimate | None) -> NoiseBound | None:
    """Give the corrected rate room for the experts' errors, where three rated an item."""
    if estimate is None or part.counting.kind != "rate" or part.gold is not None:
        return None
    ratings = part.rated[:, list(part.peers)]
    if ratings.shape[1] == 0:
        return None
    try:
        return bound_expert_noise(ratings, Interval(estimate.low, estimate.high))
    except InsufficientLabels:
        return None


def selection_of(part: Part, *, confidence: float) -> tuple[Selection, ...]:
    """Compare verdicts and properties of labelled and other items."""
    columns = {VERDICT: part.judged, **part.traits}
    found: list[Selection] = []
    for name, values in columns.items():
        try:
            each = selection_difference(values, part.human, confidence=confidence)
        except InsufficientLabels:
            continue
        found.append(Selection(name=name, **asdict(each)))
    return tuple(found)


def label_remarks(
    part: Part, noise: NoiseBound | None, selection: Sequence[Selection]
) -> Iterator[str]:
    """Say in words what the labels let doubt."""
    yield from _whose_errors(part, noise)
    for each in selection:
        if each.low > 0.0 or each.high < 0.0:
            yield _chosen(each, rate=part.counting.kind == "rate")
        elif each.name == VERDICT and part.strata is None and not any(part.groups):
            yield _unseen(each, rate=part.counting.kind == "rate")


def _whose_errors(part: Part, noise: NoiseBound | None) -> Iterator[str]:
    labels = (~np.isnan(part.labels)).sum(axis=1)
    if labels.any() and int(labels.max()) == 1:
        yield (
            "One expert labelled each item, so the expert's errors count as the system's: an "
            "expert who errs on 5 % of the items can move the score by up to 5 points, and no "
            "interval here allows for that. A second label on some items would show how much."
        )
    if noise is not None:
        yield (
            f"The {noise.experts} experts split on {100 * noise.split:.0f} % of {noise.n} items. "
            "With room for the errors of their majority, if experts err independently, the rate "
            f"lies between {100 * noise.low:.1f} and {100 * noise.high:.1f} %."
        )


def _what(each: Selection, *, rate: bool) -> str:
    if each.name != VERDICT:
        return each.name
    return "the share that the judge passes" if rate else "the judge's score"


def _unseen(each: Selection, *, rate: bool) -> str:
    """Say how far labelled and other items may differ without a word of it."""
    reach = each.detectable or 0.0
    size = f"{100.0 * reach:.0f} points" if rate else f"{reach:.2g}"
    return (
        "No column names the sources of the items, so only verdicts and texts can show that the "
        f"labelled ones were chosen: with {each.n_labelled} labels a difference of {size} in "
        f"{_what(each, rate=rate)} is told in 4 of 5 draws, a smaller one less often, and one that "
        "verdicts do not show never."
    )


def _chosen(each: Selection, *, rate: bool) -> str:
    what = _what(each, rate=rate)
    share = min(each.labelled, each.others) >= 0.0 and max(each.labelled, each.others) <= 1.0
    factor, unit = (100.0, " %") if share else (1.0, "")
    return (
        f"Labelled items differ from the others in {what}: {factor * each.labelled:.1f}{unit} "
        f"against {factor * each.others:.1f}{unit}, {factor * each.difference:+.1f} "
        f"[{factor * each.low:+.1f}, {factor * each.high:+.1f}], {each.standardised:+.2f} standard "
        "deviations; a random draw would differ by chance alone."
    )
