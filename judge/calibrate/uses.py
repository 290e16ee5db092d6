"""What a judge is good for: a corrected rate, a ranking of systems, single items, a veto.

A corrected rate holds with almost any judge, for the labels correct it. That says nothing of a
single verdict: a judge may miss nearly all of a rare class and still be corrected well. So the
recall of each class stands beside every corrected rate, the rare class first, and each use has a
bound of its own.
"""

from collections.abc import Sequence

import numpy as np

from calibration.estimate import Estimate, InsufficientLabels, Undefined
from calibration.rater_agreement.accuracy import judge_accuracy
from calibration.rater_agreement.drawn_accuracy import drawn_accuracy
from calibration.validation import Design
from judge.calibrate.calibration_set import Number, Part
from judge.records import Record

SURE = 0.9
"""Lower limit of the recall of a class from which on single verdicts of it may stand."""
RANKING = 0.05
"""Largest difference of the judge's errors between two systems that may still rank them."""


class Recall(Record):
    """How much of one class of the experts the judge finds."""

    passes: bool
    """Whether it is the class that experts pass, or the one that they fail."""
    found: int
    n: int
    """Labelled items of the class, and those of them that the judge calls so."""
    rate: Number
    """Over all judged items, weighted as the labels were drawn."""


class Use(Record):
    """Whether a judge is good for one use."""

    good: bool | None
    """None where nothing was measured."""
    bound: float | None
    """What it rests on: a half-width, a largest error, or a lower limit of recall."""
    why: str


class Uses(Record):
    """The four uses of a judge."""

    rate: Use
    ranking: Use
    single_items: Use
    veto: Use


def recalls_of(part: Part, *, design: Design, even: bool, confidence: float) -> tuple[Recall, ...]:
    """Measure the recall of each class that experts gave, the rarer one first.

    Parameters
    ----------
    part : Part
        Of a criterion that is counted as pass and fail.
    design : {'random', 'by-verdict', 'curated'}
    even : bool
        Whether every item was as likely as any other to be labelled.
    confidence : float
    """
    if part.counting.kind != "rate":
        return ()
    try:
        rates = _rates(part, design, even=even or design == "curated", confidence=confidence)
    except (InsufficientLabels, Undefined):
        return ()
    both = ~np.isnan(part.judged) & ~np.isnan(part.human)
    said, human = part.judged[both], part.human[both]
    found = [
        Recall(
            passes=passes == 1.0,
            found=int((said[human == passes] == passes).sum()),
            n=int((human == passes).sum()),
            rate=Number.of(rate),
        )
        for passes, rate in zip((0.0, 1.0), rates, strict=True)
        if rate is not None and (human == passes).any()
    ]
    return tuple(sorted(found, key=lambda each: each.n))


def _rates(
    part: Part, design: Design, *, even: bool, confidence: float
) -> tuple[Estimate | None, Estimate | None]:
    """Give the recall of the failed and of the passed class."""
    if even:
        plain = judge_accuracy(part.judged, part.human, confidence=confidence)
        return plain.specificity, plain.sensitivity
    passed, failed = drawn_accuracy(
        part.judged, part.human, design=design, strata=part.strata, confidence=confidence
    )
    return failed, passed


def uses_of(
    recalls: Sequence[Recall], *, half_width: float | None, above_chance: bool | None
) -> Uses:
    """Say what a judge is good for on one system; a ranking is of several systems."""
    return Uses(
        rate=_rate(half_width, shown=above_chance),
        ranking=Use(good=None, bound=None, why="one system alone ranks nothing."),
        single_items=_single(recalls),
        veto=_veto(recalls),
    )


def ranking_of(errors: Sequence[tuple[float, float]]) -> Use:
    """Say whether the judge's own scores rank systems.

    Parameters
    ----------
    errors : sequence of (float, float)
        For each system the judge's score less the corrected one, and its half-width.
    """
    if len(errors) < 2:
        return Use(good=None, bound=None, why="one system alone ranks nothing.")
    bound = max(
        abs(one[0] - other[0]) + float(np.hypot(one[1], other[1]))
        for at, one in enumerate(errors)
        for other in errors[at + 1 :]
    )
    why = f"the judge's errors may differ by up to {100 * bound:.1f} points between systems."
    return Use(good=bound <= RANKING, bound=bound, why=why)


def _rate(half_width: float | None, *, shown: bool | None) -> Use:
    if half_width is None:
        return Use(good=False, bound=None, why="there is no corrected score.")
    why = "corrected by the labels."
    if not shown:
        why = "corrected by the labels; the judge adds nothing that was shown."
    return Use(good=shown, bound=half_width, why=why)


def _single(recalls: Sequence[Recall]) -> Use:
    if len(recalls) < 2:
        return Use(good=None, bound=None, why="experts gave one class only.")
    bound = min(each.rate.low for each in recalls)
    why = f"of one class the judge may find no more than {100 * bound:.0f} %."
    return Use(good=bound >= SURE, bound=bound, why=why)


def _veto(recalls: Sequence[Recall]) -> Use:
    failed = next((each for each in recalls if not each.passes), None)
    if failed is None:
        return Use(good=None, bound=None, why="no labelled item fails.")
    bound = failed.rate.low
    why = f"the judge may find no more than {100 * bound:.0f} % of what experts fail."
    return Use(good=bound >= SURE, bound=bound, why=why)
