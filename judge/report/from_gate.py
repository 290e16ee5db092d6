"""A gate's decision as the first sections of a page, in both languages."""

from collections import Counter
from collections.abc import Sequence

from judge.gate.records import CheckOutcome, GateReport
from judge.policy import VETO, Policy
from judge.report import figures
from judge.report.evidence import Check, Checks, Unit
from judge.report.record import Decision, Passport, Report
from judge.report.words import Both, joined, same, say


def with_decision(report: Report, decided: GateReport, policy: Policy) -> Report:
    """Put a decision, its checks and the judge's passport on the page of the candidate's run."""
    added: dict[str, object] = {
        "decision": _decision(decided),
        "checks": _checks(decided, policy),
    }
    if decided.passport_expires is not None:
        passport = Passport(
            name=report.stamp.judges[0].name,
            valid=not decided.trust,
            expires=decided.passport_expires,
        )
        added["stamp"] = report.stamp.model_copy(update={"passport": passport})
    return report.model_copy(update=added)


def _decision(decided: GateReport) -> Decision:
    decisive = [c for c in decided.checks if c.decision == decided.decision and not c.waived]
    names = joined([same(name) for name in dict.fromkeys(c.name for c in decisive)], "、", ", ")
    waived = sum(check.waived for check in decided.checks)
    passed = decided.decision == "PASS"
    key = f"advisory_{decided.decision}" if decided.advisory else decided.decision
    sentence = say(
        "gate.PASS_waived" if key == "PASS" and waived else f"gate.{key}",
        candidate=decided.candidate,
        policy=decided.policy,
        n=len(decided.checks) - waived if passed else len(decided.checks),
        waived=waived,
        names=names,
        labels=_settled_by(decisive),
    )
    return Decision(
        word=decided.decision,
        sentence=sentence,
        demo_only=decided.provenance == "SIMULATED",
        advisory=decided.advisory,
    )


def _settled_by(decisive: Sequence[CheckOutcome]) -> Both:
    """Say how many labels would settle all: those of a check's groups add up, checks share them."""
    needed: Counter[str] = Counter()
    prompts: Counter[str] = Counter()
    for check in decisive:
        prompts[check.name] += check.n
        if check.labels_needed:
            needed[check.name] += check.labels_needed
    if not needed:
        return say("gate.nothing")
    name, most = needed.most_common(1)[0]
    if most > prompts[name]:
        there = figures.counted(prompts[name])
        return say("gate.settle_more", n=figures.counted(most), prompts=there)
    return say("gate.settle", n=figures.counted(most))


def _checks(decided: GateReport, policy: Policy) -> Checks:
    asked = {check.name: check for check in policy.checks}
    rows: list[Check] = []
    for outcome in decided.checks:
        check = asked[outcome.name.removesuffix(VETO)]
        veto = outcome.name != check.name
        better_high = check.measured.higher_is_better and not veto
        unit = "mean" if check.measured.kind == "mean" and not veto else "share"
        rows.append(
            Check(
                name=same(outcome.name),
                group=outcome.group,
                unit=unit,
                estimate=outcome.estimate,
                low=outcome.low,
                high=outcome.high,
                margin=_bound(outcome, better_high=better_high),
                good="high" if better_high else "low",
                difference=check.margin is not None and not veto,
                adjusted_p=outcome.adjusted_p,
                n=outcome.n,
                decision=outcome.decision,
                waived=outcome.waived,
                why=_why(outcome, unit),
            )
        )
    return Checks(
        rows=tuple(rows),
        method=say("gate.method"),
        corrected=not decided.trust,
        advisory=decided.advisory,
    )


def _bound(outcome: CheckOutcome, *, better_high: bool) -> float | None:
    """Give where the check turns: the margin, or the floor where only that is asked for."""
    if outcome.margin is None:
        return outcome.floor
    return -outcome.margin if better_high else outcome.margin


def _why(outcome: CheckOutcome, unit: Unit) -> Both:
    said = _veto(outcome) if outcome.name.endswith(VETO) else _said(outcome, unit)
    return joined((said, say("gate.waived")), "", "") if outcome.waived else said


def _veto(outcome: CheckOutcome) -> Both:
    if outcome.decision == "PASS":
        return say("gate.veto_pass", high=f"{outcome.high or 0.0:.2%}")
    if outcome.decision == "FAIL":
        return say("gate.veto_fail")
    return say("gate.veto_open", n=outcome.labels_needed or 0)


def _said(outcome: CheckOutcome, unit: Unit) -> Both:
    reasons = {"INCOMPLETE": "gate.unscored", "UNTRUSTED": "gate.trust"}
    if outcome.decision in reasons:
        return say(reasons[outcome.decision])
    if outcome.estimate is None or outcome.low is None or outcome.high is None:
        return say("gate.few")
    parts: list[Both] = []
    if outcome.margin is not None:
        parts.append(
            say(
                "gate.difference",
                value=figures.change(unit, outcome.estimate),
                ends=figures.bracket(unit, outcome.low, outcome.high),
                margin=figures.bare(unit, outcome.margin),
            )
        )
    if outcome.level is not None and outcome.floor is not None:
        value, *ends = outcome.level
        level = figures.with_interval(unit, value, (ends[0], ends[1]))
        parts.append(say("gate.level", level=level, floor=figures.value(unit, outcome.floor)))
    if outcome.labels_needed:
        parts.append(say("gate.settle_group", n=outcome.labels_needed))
    return joined(parts, "；", "; ")
