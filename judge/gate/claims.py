"""What one group shows under one check, before the groups are looked at together."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from calibration.differences import gate_difference
from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.means import gate_mean
from calibration.rates import gate_rate
from judge.compare import Paired
from judge.gate.p_values import p_below
from judge.gate.records import Decision
from judge.policy import Check, Measure, Policy


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
    labels_needed: int | None = None


def claim(check: Check, part: Paired, *, group: str | None, policy: Policy) -> Claim:
    """Say what one group shows."""
    n = len(part.prompts)
    share = _unscored_share(part)
    if share > check.max_unscored:
        why = f"{share:.1%} of the judgments have no score, {check.max_unscored:.1%} are allowed"
        return Claim(group=group, estimate=None, worse_p=None, decision="INCOMPLETE", why=why, n=n)
    decision: Decision
    try:
        measured = _measured_claim(check, part, group=group, policy=policy)
        return _quarantined(measured, check, part)
    except UnusableJudge as error:
        decision = "UNTRUSTED"
        why = str(error)
    except InsufficientLabels as error:
        decision, why = "NEED_LABELS", str(error)
    return Claim(group=group, estimate=None, worse_p=None, decision=decision, why=why, n=n)


def _unscored_share(part: Paired) -> float:
    missing = np.isnan(np.concatenate([part.judge_baseline, part.judge_candidate]))
    return float(missing.mean()) if missing.size else 1.0


def _quarantined(measured: Claim, check: Check, part: Paired) -> Claim:
    """Let no response pass unseen that was noticed as addressed to the judge."""
    flagged = np.concatenate([part.flagged_baseline, part.flagged_candidate])
    human = np.concatenate([part.human_baseline, part.human_candidate])
    unseen = int((flagged & np.isnan(human)).sum())
    if not flagged.any():
        return measured
    said = f"{flagged.sum()} flagged as addressed to the judge, {unseen} of them without a label"
    claim = replace(measured, why=f"{measured.why}; {said}".removeprefix("; "))
    if measured.decision != "PASS" or unseen <= check.max_flagged * flagged.size:
        return claim
    return replace(claim, decision="NEED_LABELS", labels_needed=unseen)


def _measured_claim(check: Check, part: Paired, *, group: str | None, policy: Policy) -> Claim:
    measure = check.measured
    sign = 1.0 if measure.higher_is_better else -1.0
    passes: list[bool] = []
    worse: list[float] = []
    reasons: list[str] = []
    estimate: Estimate | None = None
    if check.margin is not None:
        margin = check.margin
        estimate = _gated_difference(part, measure, policy)(policy.error)
        passes.append(_better_end(estimate, sign) > -margin)
        worse.append(p_below(_gated_difference(part, measure, policy), -margin, sign=sign))
        reasons.append(
            f"difference {estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}], "
            f"margin {margin:g}"
        )
    if check.floor is not None:
        level = _gated_level(part, measure, policy)
        reached = level(policy.error)
        passes.append(_better_end(reached, sign) >= sign * check.floor)
        worse.append(p_below(level, sign * check.floor, sign=sign))
        reasons.append(
            f"level {reached.value:.3f} [{reached.low:.3f}, {reached.high:.3f}], "
            f"{'floor' if sign > 0 else 'ceiling'} {check.floor:g}"
        )
        estimate = estimate or reached
    passed = all(passes)
    return Claim(
        group=group,
        estimate=estimate,
        worse_p=min(1.0, len(worse) * min(worse)) if worse else None,
        decision="PASS" if passed else "NEED_LABELS",
        why="; ".join(reasons),
        n=len(part.prompts),
        labels_needed=None if passed or estimate is None else _labels_needed(check, estimate, sign),
    )


def _better_end(estimate: Estimate, sign: float) -> float:
    """Give the end of an interval that is bad for the candidate, with higher always better."""
    return min(sign * estimate.low, sign * estimate.high)


def _gated_difference(
    part: Paired, measure: Measure, policy: Policy
) -> Callable[[float], Estimate]:
    return lambda error: gate_difference(
        part.judge_candidate,
        part.human_candidate,
        part.judge_baseline,
        part.human_baseline,
        scale=(measure.low, measure.high),
        design=policy.design,
        error=error,
    )


def _gated_level(part: Paired, measure: Measure, policy: Policy) -> Callable[[float], Estimate]:
    if measure.kind == "rate":
        return lambda error: gate_rate(
            part.judge_candidate, part.human_candidate, design=policy.design, error=error
        )
    return lambda error: gate_mean(
        part.judge_candidate,
        part.human_candidate,
        scale=(measure.low, measure.high),
        design=policy.design,
        error=error,
    )


def _labels_needed(check: Check, estimate: Estimate, sign: float) -> int | None:
    """Guess the labelled prompts that would bring the limit past the margin.

    The half-width shrinks with the square root of the labels; the estimate is taken to stay.
    None where it lies on the wrong side, for then no number of labels would make it pass.
    """
    bound = -check.margin if check.margin is not None else sign * (check.floor or 0.0)
    room = sign * estimate.value - bound
    reach = sign * estimate.value - _better_end(estimate, sign)
    if room <= 0.0 or reach <= 0.0:
        return None
    return int(np.ceil(estimate.n_labelled * (reach / room) ** 2))
