"""How far judge and experts agree on a part, how far the experts agree, and who is severe."""

from collections.abc import Mapping

from calibration.estimate import InsufficientLabels, Undefined
from calibration.rater_agreement.alpha import Level
from calibration.rater_agreement.coefficients import main_at
from calibration.rater_agreement.interval_scale import bland_altman
from calibration.rater_agreement.rater_reliability import (
    VarianceComponents,
    rater_severity,
    raters_needed,
    reliability,
)
from calibration.rater_agreement.rater_reliability import variance_components as split
from calibration.rater_agreement.report import AgreementReport, agreement
from judge.calibrate.calibration_set import Ends, Number, Part
from judge.records import Record

NO_SHORT_SCALE = (
    "the scores are no short scale of levels; --level ordinal keeps them to their levels, where "
    "there are at most 20"
)


class Agreed(Record):
    """How far judge and experts give the same."""

    main: str
    """Which coefficient is spoken of first."""
    coefficients: Mapping[str, Number]
    undefined: Mapping[str, str]
    """For each coefficient without a value, the reason."""
    percent_bounds: Ends
    """Raw agreement if every missing verdict were wrong, and right."""
    categories: tuple[float, ...]
    table: tuple[tuple[int, ...], ...]
    """Items by the experts' category (rows) and the judge's (columns)."""


class Ceiling(Record):
    """How far the experts agree with each other, and the judge with the same experts."""

    coefficient: str
    experts: Number
    """An expert against the others, averaged."""
    judge: Number
    ratio: Number | None
    """Judge over experts; None where the experts hardly agree."""
    each: Mapping[str, Number]
    """Every expert against the others."""
    n: int


class Replacement(Record):
    """The alternative annotator test: whether the judge may take the place of an expert."""

    passed: bool
    winning_rate: float
    advantage: Number
    epsilon: float


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


def agreed(part: Part, *, confidence: float) -> Agreed:
    """Report every coefficient that fits the scores of a part.

    Raises
    ------
    Undefined
        If no item has both a verdict and a label.
    """
    report = _report(part, confidence)
    numbers = {name: Number.of(each) for name, each in report.estimates.items()}
    undefined = dict(report.undefined)
    if report.level == "ordinal":
        try:
            limits = bland_altman(part.judged, part.human, confidence=confidence)
        except (InsufficientLabels, Undefined) as reason:
            undefined["bias"] = str(reason)
        else:
            numbers["bias"] = Number.of(limits.bias)
            numbers["lower_limit"] = Number.of(limits.lower)
            numbers["upper_limit"] = Number.of(limits.upper)
    return Agreed(
        main=main_at(report.level).name,
        coefficients=numbers,
        undefined=undefined,
        percent_bounds=Ends(low=report.percent_bounds.low, high=report.percent_bounds.high),
        categories=report.categories,
        table=report.table,
    )


def level_of(part: Part) -> Level:
    """Give the level of measurement: the declared one, else what the scores allow."""
    if part.counting.level is not None and part.counting.kind == "mean":
        return part.counting.level
    if not part.levels:
        return "interval"
    return "nominal" if part.counting.kind == "rate" else "ordinal"


def _report(part: Part, confidence: float) -> AgreementReport:
    levels, level = part.levels, level_of(part)
    if not levels:
        return agreement(part.judged, part.human, confidence=confidence, level=level)
    return agreement(
        part.judged, part.settled, confidence=confidence, categories=levels, level=level
    )


def ceiling_of(part: Part, *, confidence: float) -> Ceiling:
    """Hold each expert, and the judge, against the other experts.

    Raises
    ------
    InsufficientLabels
        If there is one expert only.
    Undefined
        If no item has a verdict and two labels, or the ratings do not vary.
    """
    if len(part.peers) < 2:
        raise InsufficientLabels(
            f"{len(part.peers)} expert; how far experts agree with each other needs 2 on the "
            "same items."
        )
    levels = part.levels
    if not levels:
        raise Undefined(NO_SHORT_SCALE)
    from calibration.rater_agreement.human_ceiling import human_ceiling

    found = human_ceiling(
        part.judged,
        part.rated[:, list(part.peers)],
        coefficient="ac1" if part.counting.kind == "rate" else "weighted-kappa",
        categories=levels,
        names=[part.raters[at] for at in part.peers],
        confidence=confidence,
    )
    return Ceiling(
        coefficient=found.coefficient,
        experts=Number.of(found.ceiling),
        judge=Number.of(found.judge),
        ratio=Number.of(found.ratio) if found.ratio else None,
        each={name: Number.of(each) for name, each in found.experts.items()},
        n=found.n,
    )


def replacement(part: Part) -> Replacement | None:
    """Run the alternative annotator test where there are the three experts that it needs."""
    if len(part.peers) < 3:
        return None
    from calibration.rater_agreement.alternative_annotator import alternative_annotator_test

    try:
        test = alternative_annotator_test(
            part.judged,
            part.rated[:, list(part.peers)],
            nearness="same" if part.counting.kind == "rate" else "distance",
        )
    except (InsufficientLabels, Undefined):
        return None
    return Replacement(
        passed=test.passed,
        winning_rate=test.winning_rate,
        advantage=Number.of(test.advantage),
        epsilon=test.epsilon,
    )


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
