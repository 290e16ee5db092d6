"""What changed from an earlier version of the judge to this one, on the items that both rated."""

from calibration.drift import AccuracyDrift, measure_drift
from calibration.estimate import Estimate, InsufficientLabels, Undefined
from judge.records import Record
from judge.trust.number import Number
from judge.trust.part import Part


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
