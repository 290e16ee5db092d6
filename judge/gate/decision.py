"""The release gate: checks on an expert-calibrated interval, with a margin set beforehand.

For each check and group there are three answers. PASS: with at most the policy's risk of being
wrong, the candidate is not worse than the baseline by the margin and reaches the floor. FAIL: it is
shown to be worse than that. NEED_LABELS: neither.

Passing asks that every group passes, so it needs no correction for their number (an
intersection-union test). Failing asks for one, so the p-values of "worse by more than the margin"
are adjusted by Holm (1979) over the groups of a check.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.bias import holm
from calibration.intervals import clopper_pearson
from calibration.validation import BoolArray, FloatArray
from judge.errors import ConfigError
from judge.gate.answers import paired_answers
from judge.gate.claims import Claim, Material, claim
from judge.gate.records import CheckOutcome, Decision, GateReport, overall
from judge.matching import Paired, pair
from judge.policy import VETO, Check, Measure, Policy, Veto, Waiver
from judge.ratings import Side, rated
from judge.records import Counts, Provenance, worst


def decide(
    baseline: Side,
    candidate: Side,
    policy: Policy,
    *,
    counts: Counts,
    distrust: Sequence[str] = (),
    answers: tuple[Path, Path] | None = None,
    allow_simulated: bool = True,
) -> GateReport:
    """Put a candidate before a policy.

    Parameters
    ----------
    baseline, candidate : Side
    policy : Policy
    counts : Counts
        Of both runs together.
    distrust : sequence of str
        Reasons why the judge is not to be believed; empty for a valid passport.
    answers : (Path, Path), optional
        Multi-choice answers of baseline and candidate, for the checks that rest on them.
    allow_simulated : bool
        Let simulated verdicts and answers stand; without it nothing that rests on them is trusted.

    Returns
    -------
    GateReport

    Raises
    ------
    ConfigError
        If the sides cannot be compared, or lack what a check measures.
    """
    outcomes: list[CheckOutcome] = []
    stamps: set[Provenance] = set()
    chosen = _choices(policy, answers, systems=(baseline.system, candidate.system))
    for check in policy.checks:
        kind = check.measured.kind
        judged = (
            None
            if kind == "choice"
            else pair(baseline, candidate, check.measured, clusters=policy.clusters)
        )
        used = [each for each in (judged, chosen if kind in {"choice", "gap"} else None) if each]
        stamps |= {each.provenance for each in used}
        found = _outcomes(check, used, policy)
        if check.veto is not None:
            found.append(_veto_outcome(check, check.veto, candidate, error=policy.error))
        outcomes += [_distrusted(each, distrust) for each in found] if judged else found
    said = tuple(distrust)
    if "SIMULATED" in stamps and not allow_simulated and not said:
        said = ("the verdicts are SIMULATED; --allow-simulated shows a demonstration.",)
        outcomes = [_distrusted(each, said) for each in outcomes]
    outcomes = [_waived(outcome, policy.waivers) for outcome in outcomes]
    return GateReport(
        decision=overall(outcomes),
        provenance=worst(stamps),
        advisory=policy.advisory,
        baseline=baseline.name,
        candidate=candidate.name,
        policy=policy.title,
        checks=tuple(outcomes),
        counts=counts,
        trust="; ".join(said),
    )


def _choices(
    policy: Policy, answers: tuple[Path, Path] | None, *, systems: tuple[str, str]
) -> Paired | None:
    """Read the multi-choice answers where a check rests on them."""
    asking = [check.name for check in policy.checks if check.measured.kind in {"choice", "gap"}]
    if not asking:
        return None
    if answers is None:
        raise ConfigError(
            f"check {asking[0]!r} rests on multi-choice answers; give --baseline-answers and "
            "--candidate-answers, the files of cvalues mc --answers-out."
        )
    return paired_answers(*answers, systems=systems)


def _distrusted(outcome: CheckOutcome, reasons: Sequence[str]) -> CheckOutcome:
    if not reasons:
        return outcome
    return outcome.model_copy(update={"decision": "UNTRUSTED", "why": reasons[0]})


def _waived(outcome: CheckOutcome, waivers: Sequence[Waiver]) -> CheckOutcome:
    """Take a failure that its owner answers for out of the decision, and say so."""
    for waiver in waivers:
        applies = waiver.check == outcome.name and waiver.group in {None, outcome.group}
        if applies and outcome.decision in {"FAIL", "NEED_LABELS"}:
            why = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
            return outcome.model_copy(update={"waived": True, "why": f"{outcome.why}; {why}"})
    return outcome


def _outcomes(check: Check, used: Sequence[Paired], policy: Policy) -> list[CheckOutcome]:
    claims = [
        claim(check, _material(used, group), group=group, policy=policy)
        for group in _groups(check, used)
    ]
    adjusted = iter(holm([each.worse_p for each in claims if each.worse_p is not None]))
    return [
        _outcome(
            check,
            each,
            adjusted=None if each.worse_p is None else next(adjusted),
            error=policy.error,
        )
        for each in claims
    ]


def _material(used: Sequence[Paired], group: str | None) -> Material:
    parts = [each if group is None else each.subset(group) for each in used]
    return Material(part=parts[0], knowing=parts[1] if len(parts) > 1 else None)


def _groups(check: Check, used: Sequence[Paired]) -> Sequence[str | None]:
    """List the groups to be looked at; None stands for all together."""
    if check.groups == "all":
        return (None,)
    known = sorted(
        group
        for group in {each for each in used[0].groups if each is not None}
        if all(group in each.groups for each in used)
    )
    wanted = known if check.groups == "each" else list(check.groups)
    unknown = [group for group in wanted if group not in known]
    if unknown or not wanted:
        raise ConfigError(
            f"check {check.name!r} asks for the groups {', '.join(unknown) or 'of the prompts'}, "
            f"the runs have {', '.join(known) or 'none'}."
        )
    return wanted


def _outcome(check: Check, claim: Claim, *, adjusted: float | None, error: float) -> CheckOutcome:
    shown_worse = adjusted is not None and adjusted <= error
    decision = "FAIL" if shown_worse and claim.decision == "NEED_LABELS" else claim.decision
    estimate, level = claim.estimate, claim.level
    return CheckOutcome(
        name=check.name,
        group=claim.group,
        estimate=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        margin=check.margin,
        adjusted_p=adjusted,
        decision=decision,
        why=claim.why,
        labels_needed=claim.labels_needed if decision == "NEED_LABELS" else None,
        floor=check.floor,
        level=(level.value, level.low, level.high) if level else None,
        worst=claim.worst,
        best=claim.best,
        n=claim.n,
        n_labelled=estimate.n_labelled if estimate else 0,
    )


def _veto_outcome(check: Check, veto: Veto, candidate: Side, *, error: float) -> CheckOutcome:
    """Look for events among the candidate's responses.

    An event that experts confirm fails the gate. One that only the judge reports needs a label.
    Without any, the share of events is bounded from above: with n responses and a risk of 5 % by
    about 3/n (the rule of three; Hanley & Lippman-Hand 1983, JAMA 249, 1743-1745).
    """
    measure = Measure(kind="mean", rubric=check.measured.rubric, criterion=veto.criterion)
    found = rated(candidate, measure)
    judged, confirmed = _events(found.raw, veto), _events(found.human, veto)
    looked_at = ~np.isnan(found.raw) | ~np.isnan(found.human)
    open_ = int((judged & np.isnan(found.human)).sum())
    n, events = int(looked_at.sum()), int(confirmed.sum())
    bound = clopper_pearson(events, n, tail=error).high if n else 1.0
    decision, why = _decided(events, open_, bound=bound, veto=veto)
    return CheckOutcome(
        name=f"{check.name}{VETO}",
        group=None,
        estimate=events / n if n else None,
        low=0.0 if n else None,
        high=bound if n else None,
        margin=veto.at_most,
        adjusted_p=None,
        decision=decision,
        why=why,
        labels_needed=open_ or None,
        n=n,
        n_labelled=int((~np.isnan(found.human)).sum()),
    )


def _events(levels: FloatArray, veto: Veto) -> BoolArray:
    known = np.nan_to_num(levels, nan=-np.inf if veto.worse == "higher" else np.inf)
    return known >= veto.level if veto.worse == "higher" else known <= veto.level


def _decided(events: int, open_: int, *, bound: float, veto: Veto) -> tuple[Decision, str]:
    if events:
        return "FAIL", f"{events} confirmed by experts, none is allowed"
    if open_:
        return "NEED_LABELS", f"{open_} reported by the judge and not yet seen by an expert"
    if bound > veto.at_most:
        return (
            "NEED_LABELS",
            f"none seen, but up to {bound:.2%} cannot be ruled out; {veto.at_most:.2%} is allowed",
        )
    return "PASS", f"none seen; at most {bound:.2%} with the policy's risk"
