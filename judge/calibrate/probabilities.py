"""What a judge's probabilities are worth: the calibration of one part, as it is written down."""

import math
from typing import TYPE_CHECKING

import numpy as np

from calibration.estimate import InsufficientLabels
from calibration.validation import Design, FloatArray
from judge.calibrate.calibration_set import Ends, Number, Part
from judge.records import Record

if TYPE_CHECKING:
    from calibration.probabilities import CurveBin, Reliability

USUAL_THRESHOLD = 0.5


class CurvePoint(Record):
    """One bin of the calibration curve; rates and probabilities are fractions."""

    from_probability: float
    to_probability: float
    predicted: float
    observed: float | None
    """None where the bin has no label."""
    interval: Ends
    band: Ends
    """As the interval, but for all bins at once."""
    n_judged: int
    n_labelled: int


class Brier(Record):
    """The Brier score and its parts; score = uncertainty - discrimination + miscalibration."""

    score: float
    uncertainty: float
    discrimination: float
    miscalibration: float


class LanguageFinding(Record):
    """The same in one language, where it has labels enough."""

    lang: str
    n_labelled: int
    error: Number
    informative: bool


class ProbabilityFinding(Record):
    """Whether a judge's probability of a pass means what it says."""

    curve: tuple[CurvePoint, ...]
    error: Number
    """Expected calibration error, free of the bias of noise."""
    brier: Brier
    sharpness: float
    """Standard deviation of the probabilities."""
    ranking: Number
    """Share of pairs of a pass and a fail that the probability puts in order; 0.5 is chance."""
    informative: bool
    beyond_verdict: bool
    """Whether the probability says more than the verdict."""
    recalibration_gain: Number | None = None
    """Brier score that a recalibration gains on labels that it was not fitted on."""
    recalibration_proven: bool = False
    by_language: tuple[LanguageFinding, ...] = ()
    warnings: tuple[str, ...] = ()


def probability_finding(part: Part, *, design: Design, confidence: float) -> ProbabilityFinding:
    """Hold a part's probabilities against its labels.

    Raises
    ------
    InsufficientLabels
        If there are under 20 labels, or under 5 of either kind.
    """
    from calibration.recalibration import recalibrate

    passing = probabilities_of(part)
    found = reliability_of(part, design=design, confidence=confidence)
    gained = recalibrate(passing, part.human, confidence=confidence)
    return ProbabilityFinding(
        curve=tuple(_point(one) for one in found.curve),
        error=Number.of(found.error),
        brier=Brier(
            score=found.brier.score,
            uncertainty=found.brier.uncertainty,
            discrimination=found.brier.discrimination,
            miscalibration=found.brier.miscalibration,
        ),
        sharpness=found.sharpness,
        ranking=Number.of(found.ranking),
        informative=found.informative,
        beyond_verdict=found.beyond_verdict,
        recalibration_gain=Number.of(gained.gain),
        recalibration_proven=gained.proven,
        by_language=_by_language(part, design=design, confidence=confidence),
        warnings=found.warnings,
    )


def probabilities_of(part: Part) -> FloatArray:
    """Give the judge's probability that each item passes.

    Raises
    ------
    InsufficientLabels
        If the judge gave none.
    """
    if part.passing is None:
        raise InsufficientLabels("the judge gave no probabilities.")
    return part.passing


def threshold_of(part: Part) -> float | None:
    """Find the threshold behind the verdicts; None where they follow another rule."""
    if part.passing is None:
        return None
    passed = part.passing[part.judged == 1.0]
    failed = part.passing[part.judged == 0.0]
    low = float(passed.min()) if passed.size else math.inf
    high = float(failed.max()) if failed.size else -math.inf
    if high >= low:
        return None
    usual = high < USUAL_THRESHOLD <= low
    return USUAL_THRESHOLD if usual else min(low, 1.0)


def reliability_of(part: Part, *, design: Design, confidence: float) -> "Reliability":
    """Measure whether a part's probabilities can be believed.

    Raises
    ------
    InsufficientLabels
        If the judge gave none, or there are too few labels.
    """
    from calibration.probabilities import measure_reliability

    threshold = threshold_of(part)
    return measure_reliability(
        probabilities_of(part),
        part.human,
        threshold=USUAL_THRESHOLD if threshold is None else threshold,
        design=design,
        strata=part.strata,
        confidence=confidence,
    )


def _point(one: "CurveBin") -> CurvePoint:
    return CurvePoint(
        from_probability=one.from_probability,
        to_probability=one.to_probability,
        predicted=one.predicted,
        observed=None if math.isnan(one.observed) else one.observed,
        interval=Ends(low=one.interval.low, high=one.interval.high),
        band=Ends(low=one.band.low, high=one.band.high),
        n_judged=one.n_judged,
        n_labelled=one.n_labelled,
    )


def _by_language(part: Part, *, design: Design, confidence: float) -> tuple[LanguageFinding, ...]:
    """Measure each language apart, where items are of both."""
    chinese = part.traits.get("chinese")
    if chinese is None or np.unique(chinese[~np.isnan(chinese)]).size < 2:
        return ()
    found: list[LanguageFinding] = []
    for lang, value in (("zh", 1.0), ("en", 0.0)):
        mine = part.subset(chinese == value)
        try:
            one = reliability_of(mine, design=design, confidence=confidence)
        except InsufficientLabels:
            continue
        found.append(
            LanguageFinding(
                lang=lang,
                n_labelled=one.n_labelled,
                error=Number.of(one.error),
                informative=one.informative,
            )
        )
    return tuple(found)
