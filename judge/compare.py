"""Two sides on the same prompts: how much higher one is rated, and which items changed.

Where expert labels exist the difference is corrected for the judge's errors, system by system;
where they do not, the judge's own difference is given and marked so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.estimators import estimate_difference
from calibration.validation import Design, FloatArray
from judge.matching import Paired
from judge.policy import Measure
from judge.records import Record

Basis = Literal["corrected", "judge only"]
CONFIDENCE = 0.95
_HALVINGS = 14


class Flip(Record):
    """An item on which the judge's level differs between the sides."""

    id: str
    sample: int
    group: str | None
    baseline: float
    candidate: float
    better: bool
    """Whether the candidate is the better one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the candidate differs from the baseline under one measure, in one group or in all."""

    group: str | None
    """None for all groups together."""
    n: int
    baseline: float | None
    candidate: float | None
    """Means of the judge's verdicts; None where there are none."""
    estimate: Estimate | None
    """Candidate minus baseline; None where nothing can be said."""
    p: float | None
    """Of "no difference", two-sided; None without an estimate, at least 0.0001."""
    basis: Basis
    why: str
    """Why the difference is not corrected, or empty."""
    adjusted_p: float | None = None
    """For the number of groups; None for all groups together."""


def difference(
    paired: Paired, measure: Measure, *, group: str | None = None, design: Design = "random"
) -> Difference:
    """Estimate how the candidate differs, corrected where experts labelled both sides.

    Parameters
    ----------
    paired : Paired
        All prompts, or those of one group.
    measure : Measure
    group : str, optional
        The name to give the difference.
    design : {'random', 'by-verdict', 'curated'}
        How the labels were drawn.
    """
    at, basis, why = _estimator(paired, measure, design)
    return Difference(
        group=group,
        n=len(paired.prompts),
        baseline=mean_or_none(paired.judge_baseline),
        candidate=mean_or_none(paired.judge_candidate),
        estimate=at(CONFIDENCE) if at else None,
        p=_p_value(at) if at else None,
        basis=basis,
        why=why,
    )


Estimator = Callable[[float], Estimate]
"""From a confidence to the estimate with that interval."""


def _estimator(
    paired: Paired, measure: Measure, design: Design
) -> tuple[Estimator | None, Basis, str]:
    scale = (measure.low, measure.high)
    judged = paired.judge_candidate, paired.judge_baseline

    def corrected(confidence: float) -> Estimate:
        return estimate_difference(
            judged[0],
            paired.human_candidate,
            judged[1],
            paired.human_baseline,
            scale=scale,
            design=design,
            clusters=paired.clusters,
            confidence=confidence,
        )

    def alone(confidence: float) -> Estimate:
        # The judge's own verdicts stand in for labels: chance of drawing these prompts, no more.
        found = estimate_difference(
            judged[0],
            judged[0],
            judged[1],
            judged[1],
            scale=scale,
            clusters=paired.clusters,
            confidence=confidence,
        )
        return replace(found, method="judge only, not corrected", human_only=None)

    try:
        corrected(CONFIDENCE)
    except (InsufficientLabels, UnusableJudge) as error:
        why = str(error)
    else:
        return corrected, "corrected", ""
    try:
        alone(CONFIDENCE)
    except (InsufficientLabels, UnusableJudge, ValueError):
        return None, "judge only", why
    return alone, "judge only", why


def _p_value(at: Estimator) -> float:
    """Give the two-sided p-value of "no difference": the risk at which the interval leaves 0."""

    def leaves_zero(risk: float) -> bool:
        estimate = at(1.0 - risk)
        return estimate.low > 0.0 or estimate.high < 0.0

    low, high = 1e-4, 0.999
    if not leaves_zero(high):
        return 1.0
    if leaves_zero(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if leaves_zero(middle) else (middle, high)
    return high


def flips(paired: Paired, measure: Measure) -> tuple[Flip, ...]:
    """List the items on which the judge's level changed, harmful ones first."""
    sign = 1.0 if measure.higher_is_better else -1.0
    changed = np.flatnonzero(
        ~np.isnan(paired.raw_baseline)
        & ~np.isnan(paired.raw_candidate)
        & (paired.judge_baseline != paired.judge_candidate)
    )
    listed = [
        Flip(
            id=paired.prompts[number][0],
            sample=paired.prompts[number][1],
            group=paired.groups[number],
            baseline=float(paired.raw_baseline[number]),
            candidate=float(paired.raw_candidate[number]),
            better=bool(
                sign * (paired.judge_candidate[number] - paired.judge_baseline[number]) > 0
            ),
        )
        for number in changed
    ]
    return tuple(sorted(listed, key=lambda flip: (flip.better, flip.id, flip.sample)))


def by_group(paired: Paired, measure: Measure, *, design: Design = "random") -> list[Difference]:
    """Estimate the difference for all prompts, then for each group by name.

    The groups' p-values are adjusted for exploring: of the groups that are called different at
    0.05, about one in twenty is not (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57, 289-300).
    """
    from scipy.stats import false_discovery_control

    whole = difference(paired, measure, design=design)
    groups = sorted({group for group in paired.groups if group is not None})
    found = [
        difference(paired.subset(group), measure, group=group, design=design) for group in groups
    ]
    tested = [each.p for each in found if each.p is not None]
    adjusted = iter(false_discovery_control(tested) if tested else ())
    return [
        whole,
        *(
            each if each.p is None else replace(each, adjusted_p=float(next(adjusted)))
            for each in found
        ),
    ]


def mean_or_none(values: FloatArray) -> float | None:
    """Give the mean of what is there; None when nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
