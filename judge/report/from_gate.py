"""A gate's decision as the first sections of a page, in both languages."""

from judge.gate.records import CheckOutcome, GateReport
from judge.policy import Policy
from judge.report.both import Both
from judge.report.evidence import Check, Checks
from judge.report.record import Decision, Report
from judge.report.words import say


def with_decision(report: Report, decided: GateReport, policy: Policy) -> Report:
    """Put a decision and its checks on the page of the candidate's run."""
    return report.model_copy(
        update={"decision": _decision(decided), "checks": _checks(decided, policy)}
    )


def _decision(decided: GateReport) -> Decision:
    decisive = [c for c in decided.checks if c.decision == decided.decision and not c.waived]
    needed = [check.labels_needed for check in decisive if check.labels_needed]
    names = ", ".join(dict.fromkeys(check.name for check in decisive))
    sentence = say(
        f"gate.{decided.decision}",
        candidate=decided.candidate,
        policy=decided.policy,
        n=len(decided.checks),
        names=names,
        labels=say("gate.settle", n=max(needed)) if needed else say("gate.nothing"),
    )
    demo = decided.provenance == "SIMULATED"
    return Decision(
        word=decided.decision,
        sentence=_joined(say("gate.demo"), sentence) if demo else sentence,
        demo_only=demo,
        advisory=decided.advisory,
    )


def _checks(decided: GateReport, policy: Policy) -> Checks:
    measures = {check.name: check.measured for check in policy.checks}
    margins = {check.name: check.margin is not None for check in policy.checks}
    rows: list[Check] = []
    for outcome in decided.checks:
        name = outcome.name.removesuffix(".veto")
        measure = measures[name]
        better_high = measure.higher_is_better and outcome.name == name
        margin = outcome.margin
        rows.append(
            Check(
                name=Both(zh=outcome.name, en=outcome.name),
                group=outcome.group,
                unit="mean" if measure.kind == "mean" and outcome.name == name else "share",
                estimate=outcome.estimate,
                low=outcome.low,
                high=outcome.high,
                margin=None if margin is None else -margin if better_high else margin,
                good="high" if better_high else "low",
                difference=margins[name] and outcome.name == name,
                adjusted_p=outcome.adjusted_p,
                n=outcome.n,
                decision=outcome.decision,
                why=_why(outcome),
            )
        )
    return Checks(rows=tuple(rows), method=say("gate.method"), corrected=not decided.trust)


def _why(outcome: CheckOutcome) -> Both:
    said = _veto(outcome) if outcome.name.endswith(".veto") else _said(outcome)
    return _joined(said, say("gate.waived")) if outcome.waived else said


def _veto(outcome: CheckOutcome) -> Both:
    if outcome.decision == "PASS":
        return say("gate.veto_pass", high=f"{outcome.high or 0.0:.2%}")
    if outcome.decision == "FAIL":
        return say("gate.veto_fail")
    return say("gate.veto_open", n=outcome.labels_needed or 0)


def _said(outcome: CheckOutcome) -> Both:
    reasons = {"INCOMPLETE": "gate.unscored", "UNTRUSTED": "gate.trust"}
    if outcome.decision in reasons:
        return say(reasons[outcome.decision])
    if outcome.estimate is None or outcome.low is None or outcome.high is None:
        return say("gate.few")
    said = say(
        "gate.measured",
        estimate=f"{outcome.estimate:+.3f}",
        low=f"{outcome.low:+.3f}",
        high=f"{outcome.high:+.3f}",
    )
    if outcome.margin is not None:
        said = _joined(said, say("gate.margin", margin=f"{outcome.margin:g}"))
    if outcome.labels_needed:
        said = _joined(said, say("gate.labels", n=outcome.labels_needed))
    return said


def _joined(first: Both, second: Both) -> Both:
    return Both(zh=first.zh + second.zh, en=first.en + second.en)
