"""How far judge and experts agree on a part, and how far the experts agree with each other."""

from calibration.alternative_annotator import alternative_annotator_test
from calibration.ceiling import human_ceiling
from calibration.coefficients.bland_altman import bland_altman
from calibration.coefficients.report import AgreementReport, agreement
from calibration.estimate import InsufficientLabels, Undefined
from judge.trust.finding import Agreed, Ceiling, Replacement
from judge.trust.number import Ends, Number
from judge.trust.part import Part

MAIN = {"nominal": "ac1", "ordinal": "weighted_kappa", "interval": "icc_single"}
"""The coefficient that is spoken of first, by the level of the scores."""


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
        main=MAIN[report.level],
        coefficients=numbers,
        undefined=undefined,
        percent_bounds=Ends(low=report.percent_bounds.low, high=report.percent_bounds.high),
        categories=report.categories,
        table=report.table,
    )


def _report(part: Part, confidence: float) -> AgreementReport:
    levels = part.levels
    if not levels:
        return agreement(part.judged, part.human, confidence=confidence, level="interval")
    return agreement(
        part.judged,
        part.settled,
        confidence=confidence,
        categories=levels,
        level="nominal" if part.counting.kind == "rate" else "ordinal",
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
        raise Undefined("the scores are no short scale of whole numbers.")
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
