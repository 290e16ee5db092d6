"""The release gate: checks on an expert-calibrated interval, with a margin set beforehand.

For each check and group there are three answers. PASS: with at most the policy's risk of being
wrong, the candidate is not worse than the baseline by the margin and reaches the floor. FAIL: it is
shown to be worse than that. NEED_LABELS: neither.

Passing asks that every group passes, so it needs no correction for their number (an
intersection-union test). Failing asks for one, so the p-values of "worse by more than the margin"
are adjusted by Holm (1979) over the groups of a check.
"""

from collections.abc import Sequence

from judge.compare import Paired, pair
from judge.errors import ConfigError
from judge.gate.claims import Claim, claim
from judge.gate.p_values import holm
from judge.gate.records import SEVERITY, CheckOutcome, Decision, GateReport
from judge.gate.veto import veto_outcome
from judge.policy import Check, Policy, Waiver
from judge.ratings import Side, worst
from judge.records import Counts, Provenance


def decide(
    baseline: Side,
    candidate: Side,
    policy: Policy,
    *,
    counts: Counts,
    distrust: Sequence[str] = (),
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
    for check in policy.checks:
        paired = pair(baseline, candidate, check.measured)
        stamps.add(paired.provenance)
        outcomes.extend(_outcomes(check, paired, policy))
        if check.veto is not None:
            outcomes.append(veto_outcome(check, check.veto, candidate, error=policy.error))
    if distrust:
        outcomes = [
            outcome.model_copy(update={"decision": "UNTRUSTED", "why": distrust[0]})
            for outcome in outcomes
        ]
    outcomes = [_waived(outcome, policy.waivers) for outcome in outcomes]
    return GateReport(
        decision=_overall([each for each in outcomes if not each.waived]),
        provenance=worst(stamps),
        advisory=policy.advisory,
        baseline=baseline.name,
        candidate=candidate.name,
        policy=policy.title,
        checks=tuple(outcomes),
        counts=counts,
        trust="; ".join(distrust),
    )


def _overall(outcomes: Sequence[CheckOutcome]) -> Decision:
    found = {outcome.decision for outcome in outcomes}
    for decision in SEVERITY:
        if decision in found:
            return decision
    return "PASS"


def _waived(outcome: CheckOutcome, waivers: Sequence[Waiver]) -> CheckOutcome:
    """Take a failure that its owner answers for out of the decision, and say so."""
    for waiver in waivers:
        applies = waiver.check == outcome.name and waiver.group in {None, outcome.group}
        if applies and outcome.decision in {"FAIL", "NEED_LABELS"}:
            why = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
            return outcome.model_copy(update={"waived": True, "why": f"{outcome.why}; {why}"})
    return outcome


def _outcomes(check: Check, paired: Paired, policy: Policy) -> list[CheckOutcome]:
    parts = _parts(check, paired)
    claims = [claim(check, part, group=group, policy=policy) for group, part in parts]
    adjusted = holm([each.worse_p for each in claims])
    return [
        _outcome(check, each, adjusted=p, error=policy.error)
        for each, p in zip(claims, adjusted, strict=True)
    ]


def _parts(check: Check, paired: Paired) -> list[tuple[str | None, Paired]]:
    if check.groups == "all":
        return [(None, paired)]
    known = sorted({group for group in paired.groups if group is not None})
    wanted = known if check.groups == "each" else list(check.groups)
    unknown = [group for group in wanted if group not in known]
    if unknown or not wanted:
        raise ConfigError(
            f"check {check.name!r} asks for the groups {', '.join(unknown) or 'of the prompts'}, "
            f"the runs have {', '.join(known) or 'none'}."
        )
    return [(group, paired.subset(group)) for group in wanted]


def _outcome(check: Check, claim: Claim, *, adjusted: float | None, error: float) -> CheckOutcome:
    shown_worse = adjusted is not None and adjusted <= error
    decision = "FAIL" if shown_worse and claim.decision == "NEED_LABELS" else claim.decision
    estimate = claim.estimate
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
        n=claim.n,
        n_labelled=estimate.n_labelled if estimate else 0,
    )
