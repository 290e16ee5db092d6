"""What one group shows under one check, before the groups are looked at together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Literal

import numpy as np
from pydantic import Field

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.estimators import gate_mean, gate_rate
from calibration.paired_difference import difference_risks, gate_difference
from calibration.validation import BoolArray, Design, FloatArray
from judge.gate.paired import Paired
from judge.grading.remarks import HEEDED_WORDS
from judge.policy import VETO, Check, Measure, Policy
from judge.records import Counts, Provenance, Record

_MOST_NAMED = 5

# P-values from one-sided limits.

STEPS = 24
"""Halvings with which a p-value is found from an interval."""


def p_below(interval: Callable[[float], Estimate], bound: float, *, sign: float) -> float:
    """Find the p-value of "the truth lies below the bound" by inverting one-sided limits.

    Parameters
    ----------
    interval : callable
        Gives the estimate whose limits each err with at most the given probability.
    bound : float
        In the direction in which higher is better.
    sign : float
        1 where the measure's higher is better, -1 where lower is.

    Returns
    -------
    float
        Smallest risk at which the upper limit falls below the bound; 0.5 where none does.
    """

    def excluded(error: float) -> bool:
        estimate = interval(error)
        return max(sign * estimate.low, sign * estimate.high) < bound

    low, high = 1e-6, 0.499
    if not excluded(high):
        return 0.5
    if excluded(low):
        return low
    for _ in range(STEPS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return high


# What a gate says: one outcome for each check and group, and the decision over all of them.

Decision = Literal["PASS", "FAIL", "NEED_LABELS", "UNTRUSTED", "INCOMPLETE"]

SEVERITY: tuple[Decision, ...] = ("UNTRUSTED", "INCOMPLETE", "FAIL", "NEED_LABELS", "PASS")
"""Which decision of several checks stands for all: the first that occurs."""


class CheckOutcome(Record):
    """What one check says of one group."""

    name: str
    group: str | None
    estimate: float | None
    low: float | None
    high: float | None
    margin: float | None
    adjusted_p: float | None
    """Holm-adjusted p-value of "worse by more than the margin"; small is bad."""
    decision: Decision
    why: str
    labels_needed: int | None = None
    """About how many labelled prompts would settle it; None where that cannot be said."""
    fewest: int | None = None
    """Fewest labelled prompts with which it could pass at this look, if no label spoke against the
    candidate."""
    look: int | None = None
    """Number of this look at the candidate, of those that the policy planned."""
    risk: float | None = None
    """Risk of each limit at this look."""
    line: int = 0
    """Line of the check in the policy; 0 where that is not known."""
    next_step: str = ""
    """What to type, or to do, to get further."""
    floor: float | None = None
    level: tuple[float, float, float] | None = None
    """The candidate's own level with its limits, where a floor is asked for."""
    worst: float | None = None
    best: float | None = None
    """The judge's own value were every missing verdict the worst, and the best, there is."""
    n: int = 0
    n_labelled: int = 0
    awaited: int = 0
    """Labels that experts were asked for and that are missing, not assessable or in dispute; 0
    where they are few enough to leave out."""
    waived: bool = False

    @property
    def of_veto(self) -> bool:
        """Whether this is the veto of a check."""
        return self.name.endswith(VETO)

    @property
    def asked(self) -> str:
        """Name of the check in the policy."""
        return self.name.removesuffix(VETO)


UNCHECKED = "unchecked-responses"
"""Name of the outcome that says that responses were left out of the decision."""

NO_GROUP = "(no group)"
"""How the row of the items without a group is called where every group is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """At what risks a check may test at this look.

    Attributes
    ----------
    passing, failing : float
        Of the limit that must be passed, and of the finding that the candidate is worse.
    look, looks : int
        Number of this look, and looks that were planned.
    fewest : int
        Labels with which the check could pass at this look at all.
    """

    passing: float
    failing: float
    look: int
    looks: int
    fewest: int


def overall(outcomes: Sequence[CheckOutcome]) -> Decision:
    """Give the decision over all checks; those that are waived do not count."""
    found = {outcome.decision for outcome in outcomes if not outcome.waived}
    for decision in SEVERITY:
        if decision in found:
            return decision
    return "PASS"


class GateReport(Record):
    """The decision, and all that it rests on."""

    decision: Decision
    provenance: Provenance
    advisory: bool
    baseline: str
    candidate: str
    policy: str
    checks: tuple[CheckOutcome, ...]
    counts: Counts
    """Judgments of both runs together."""
    passport_expires: str | None = None
    """Last day of the judge's passport, as YYYY-MM-DD; None without one."""
    trust: str = ""
    """Why the judge is not trusted, or empty."""
    unchecked: int = 0
    """Responses of the candidate that no check looked at."""
    responses: int = 0
    """Responses of the candidate."""
    unbound_labels: int = 0
    """Labels of both sides that carry no digest of the text that was labelled."""
    looks: int = 1
    """How often the candidate was looked at, this time included."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside the checks."""
    digests: Mapping[str, str] = Field(default_factory=dict)
    """Of passport, data, baseline and candidate, for the pins of a policy."""
    policy_file: str = ""
    """Where the policy was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What one group of a check rests on."""

    part: Paired
    """Judged responses, or for ``multi_choice_accuracy`` the answers."""
    knowing: Paired | None = None
    """Multi-choice answers, for ``knowing_doing_gap``."""

    @property
    def parts(self) -> tuple[Paired, ...]:
        """All of it."""
        return (self.part,) if self.knowing is None else (self.part, self.knowing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one group shows.

    ``worse_p`` is the p-value of "worse than allowed", not yet adjusted for other groups.
    """

    group: str | None
    estimate: Estimate | None
    worse_p: float | None
    decision: Decision
    why: str
    n: int
    worst: float | None
    best: float | None
    level: Estimate | None = None
    """Of the candidate alone, where a floor is asked for."""
    labels_needed: int | None = None
    n_labelled: int = 0
    risks: Risks | None = None
    awaited: int = 0
    """Labels that experts were asked for and that are missing."""


def labels_of(check: Check, part: Paired) -> int:
    """Count the labelled prompts that a check rests on: of both sides where it compares them."""
    labelled = ~np.isnan(part.human_candidate)
    if check.margin is not None:
        labelled &= ~np.isnan(part.human_baseline)
    if part.clusters is None:
        return int(labelled.sum())
    return int(np.unique(part.clusters[labelled]).size)


def claim(check: Check, on: Material, *, group: str | None, policy: Policy, risks: Risks) -> Claim:
    """Say what one group shows."""
    low, high = _extremes(check, on)
    nothing = Claim(
        group=group,
        estimate=None,
        worse_p=None,
        decision="INCOMPLETE",
        why="",
        n=len(on.part.prompts),
        worst=low,
        best=high,
        n_labelled=labels_of(check, on.part),
        risks=risks,
    )
    share = max(_unscored_share(part) for part in on.parts)
    if share > check.max_unscored:
        why = f"{share:.1%} of the judgments have no score, {check.max_unscored:.1%} are allowed"
        ends = "" if low is None else f"; from {low:+.3f} to {high:+.3f} as they are bad or good"
        return replace(nothing, why=why + ends)
    try:
        measured = _measured_claim(check, on, nothing, policy=policy, risks=risks)
        return _answered(_quarantined(measured, check, on.part), check, on.part)
    except UnusableJudge as error:
        return replace(nothing, decision="UNTRUSTED", why=str(error))
    except InsufficientLabels as error:
        return replace(nothing, decision="NEED_LABELS", why=str(error))


def _unscored_share(part: Paired) -> float:
    """Give the larger share of the two runs, so that one's outage does not hide in the other."""
    missing = [np.isnan(judged) for judged in (part.judge_baseline, part.judge_candidate)]
    return max((float(each.mean()) for each in missing if each.size), default=1.0)


def _extremes(check: Check, on: Material) -> tuple[float | None, float | None]:
    """Give the judge's own value were every missing verdict the worst, and the best, there is."""
    measure = check.measured
    scale = (0.0, 1.0) if measure.kind == "gap" else (measure.low, measure.high)
    if not all(len(part.prompts) for part in on.parts):
        return None, None
    single = check.margin is None
    ends = scale if measure.higher_is_better else (scale[1], scale[0])
    worst, best = _filled(on.part, ends, single=single)
    if on.knowing is None:
        return worst, best
    bad, good = _filled(on.knowing, (1.0, 0.0), single=single)
    # A gap is knowing minus doing, and its worst is the highest.
    doing_bad, doing_good = _filled(on.part, scale, single=single)
    return bad - doing_bad, good - doing_good


def _filled(part: Paired, ends: tuple[float, float], *, single: bool) -> tuple[float, float]:
    """Fill what is missing with the bad end, then the good one; the baseline the other way."""
    bad, good = ends

    def mean(judged: FloatArray, end: float) -> float:
        return float(np.where(np.isnan(judged), end, judged).mean())

    worst, best = mean(part.judge_candidate, bad), mean(part.judge_candidate, good)
    if single:
        return worst, best
    return worst - mean(part.judge_baseline, good), best - mean(part.judge_baseline, bad)


def _quarantined(measured: Claim, check: Check, part: Paired) -> Claim:
    """Let no response pass unseen of which a judgment carries a remark that is heeded."""
    flagged = np.concatenate([part.flagged_baseline, part.flagged_candidate])
    human = np.concatenate([part.human_baseline, part.human_candidate])
    unseen = int((flagged & np.isnan(human)).sum())
    if not flagged.any():
        return measured
    said = f"{flagged.sum()} flagged ({HEEDED_WORDS}), {unseen} of them without a label"
    claim = replace(measured, why=f"{measured.why}; {said}".removeprefix("; "))
    if measured.decision != "PASS" or unseen <= check.max_flagged * flagged.size:
        return claim
    return replace(claim, decision="NEED_LABELS", labels_needed=unseen)


def _answered(measured: Claim, check: Check, part: Paired) -> Claim:
    """Let nothing pass while experts still owe a label of what they were asked.

    What they leave out, cannot assess or disagree on is no random part of what was drawn.
    """
    sides = ((part.awaited_baseline, part.human_baseline),) * (check.margin is not None)
    sides += ((part.awaited_candidate, part.human_candidate),)
    awaited = sum(int(open_.sum()) for open_, _ in sides)
    share = max(_share_awaited(open_, human) for open_, human in sides)
    if share <= check.max_unscored:
        return measured
    units: list[int] = np.flatnonzero(np.any([open_ for open_, _ in sides], axis=0)).tolist()
    named = ", ".join(part.prompts[unit][0] for unit in units[:_MOST_NAMED])
    more = ", ..." if len(units) > _MOST_NAMED else ""
    said = (
        f"experts were asked for {awaited} labels that are missing, not assessable or in dispute "
        f"({share:.1%}, {check.max_unscored:.1%} are allowed): {named}{more}"
    )
    claim = replace(measured, why=f"{measured.why}; {said}".removeprefix("; "), awaited=awaited)
    return replace(claim, decision="NEED_LABELS") if measured.decision == "PASS" else claim


def _share_awaited(awaited: BoolArray, human: FloatArray) -> float:
    asked = int(awaited.sum()) + int((~np.isnan(human)).sum())
    return int(awaited.sum()) / asked if asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One thing that a check asks of a group, and whether it is shown to hold."""

    estimate: Estimate
    bound: float
    """What the bad end of the interval has to reach, with higher always better."""
    passed: bool
    worse_p: float
    why: str


def _measured_claim(
    check: Check, on: Material, nothing: Claim, *, policy: Policy, risks: Risks
) -> Claim:
    measure = check.measured
    apart = level = None
    if check.margin is not None:
        apart = _not_worse(check.margin, on, measure, policy=policy, error=risks.passing)
    if check.floor is not None:
        level = _reaches(check.floor, on, measure, policy=policy, error=risks.passing)
    demands = [each for each in (apart, level) if each is not None]
    if not demands:
        # A check may ask for nothing but a veto, which is looked at beside this.
        return replace(nothing, decision="PASS")
    passed = all(each.passed for each in demands)
    reasons = [each.why for each in demands]
    if not passed and measure.kind == "choice":
        reasons.append("more items would settle it")
    return replace(
        nothing,
        estimate=demands[0].estimate,
        level=level.estimate if level else None,
        worse_p=min(1.0, len(demands) * min(each.worse_p for each in demands)),
        decision="PASS" if passed else "NEED_LABELS",
        why="; ".join(reasons),
    )


def _sign(measure: Measure) -> float:
    return 1.0 if measure.higher_is_better else -1.0


def _not_worse(
    margin: float, on: Material, measure: Measure, *, policy: Policy, error: float
) -> Demand:
    sign, apart = _sign(measure), _gated_difference(on, measure, policy)
    found = apart(error)
    return Demand(
        estimate=found,
        bound=-margin,
        passed=_better_end(found, sign) > -margin,
        worse_p=_worse_p(apart, margin, on, measure=measure, policy=policy),
        why=f"difference {found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}], "
        f"margin {margin:g}",
    )


def _worse_p(
    apart: Callable[[float], Estimate],
    margin: float,
    on: Material,
    *,
    measure: Measure,
    policy: Policy,
) -> float:
    """Give the p-value of "worse by more than the margin", at once where the limits allow it."""
    sign, design = _sign(measure), _design(measure, policy, on.part)
    if on.knowing is not None or design == "curated":
        return p_below(apart, -margin, sign=sign)
    risks = difference_risks(
        *_four(on.part),
        bound=-sign * margin,
        scale=(measure.low, measure.high),
        design=design,
        clusters=on.part.clusters,
        strata=on.part.strata,
    )
    return min(risks[1] if sign > 0 else risks[0], 0.5)


def _four(part: Paired) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    return (
        part.judge_candidate,
        part.human_candidate,
        part.judge_baseline,
        part.human_baseline,
    )


def _reaches(
    floor: float, on: Material, measure: Measure, *, policy: Policy, error: float
) -> Demand:
    sign, level = _sign(measure), _gated_level(on, measure, policy)
    found = level(error)
    return Demand(
        estimate=found,
        bound=sign * floor,
        passed=_better_end(found, sign) >= sign * floor,
        worse_p=p_below(level, sign * floor, sign=sign),
        why=f"level {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], "
        f"{'floor' if sign > 0 else 'ceiling'} {floor:g}",
    )


def _better_end(estimate: Estimate, sign: float) -> float:
    """Give the end of an interval that is bad for the candidate, with higher always better."""
    return min(sign * estimate.low, sign * estimate.high)


def _gated_difference(
    on: Material, measure: Measure, policy: Policy
) -> Callable[[float], Estimate]:
    scale = (0.0, 1.0) if measure.kind == "gap" else (measure.low, measure.high)

    def apart(part: Paired, error: float) -> Estimate:
        return gate_difference(
            *_four(part),
            scale=scale,
            design=_design(measure, policy, part),
            clusters=part.clusters,
            strata=part.strata,
            error=error,
        )

    return _alone_or_less(on, apart)


def _gated_level(on: Material, measure: Measure, policy: Policy) -> Callable[[float], Estimate]:
    if measure.kind == "mean":
        return lambda error: gate_mean(
            on.part.judge_candidate,
            on.part.human_candidate,
            scale=(measure.low, measure.high),
            design=_design(measure, policy, on.part),
            clusters=on.part.clusters,
            strata=on.part.strata,
            error=error,
        )

    def rate(part: Paired, error: float) -> Estimate:
        return gate_rate(
            part.judge_candidate,
            part.human_candidate,
            design=_design(measure, policy, part),
            clusters=part.clusters,
            strata=part.strata,
            error=error,
        )

    return _alone_or_less(on, rate)


def _design(measure: Measure, policy: Policy, part: Paired) -> Design:
    """Say how labels were drawn: by the draws on record, else as the policy states.

    Every multi-choice answer has its label, so none of them were chosen.
    """
    recorded = part.strata is not None
    return "random" if measure.kind == "choice" or recorded else policy.design


def _alone_or_less(
    on: Material, gated: Callable[[Paired, float], Estimate]
) -> Callable[[float], Estimate]:
    """Gate a part by itself, or for a gap knowing minus doing."""
    knowing = on.knowing
    if knowing is None:
        return lambda error: gated(on.part, error)
    return lambda error: _less(gated(knowing, error), gated(on.part, error))


def _less(first: Estimate, second: Estimate) -> Estimate:
    """Subtract independent estimates; Zou & Donner (2008), Statist. Med. 27, 1693-1702."""
    value = first.value - second.value
    return replace(
        second,
        value=value,
        low=value - hypot(first.value - first.low, second.high - second.value),
        high=value + hypot(first.high - first.value, second.value - second.low),
        method=f"{first.method} minus {second.method}",
        human_only=None,
        n_judged=min(first.n_judged, second.n_judged),
        warnings=(*first.warnings, *second.warnings),
    )
