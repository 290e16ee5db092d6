"""What a calibration found, as the section of a page on whether the judge can be believed."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from judge.calibrate.calibration_set import Number, Part
from judge.calibrate.diagnostics import Influence
from judge.calibrate.label_sampling import Curve
from judge.calibrate.result import Finding, Findings
from judge.gate.checks import CheckOutcome, GateReport
from judge.policy import VETO, Policy
from judge.records import Counts
from judge.report import formatting
from judge.report.model import (
    Agreement,
    AgreementRow,
    Belief,
    Budget,
    BudgetPoint,
    Check,
    Checks,
    Confusion,
    Corrected,
    Cost,
    Decision,
    Detail,
    Deviation,
    Deviations,
    Origin,
    Passport,
    ReliabilityCurve,
    ReliabilityPoint,
    Report,
    Stamp,
    Unit,
)
from judge.report.texts import Both, bracketed, joined, same, say, say_all

# Tables of what a calibration found beside the scores: of experts, of the judge, of single
# items.
#
# Differences of shares are written in percentage points, others in the unit of the scale.

_Row = tuple[Both, ...]
_KNOWN = {"length", "chinese", "refusal", "order", "own family"}


def measure_name(report: Report, finding: Finding) -> Both:
    """Name a criterion as the page does, with its judge where there are several."""
    title = report.criterion_title(finding.rubric, finding.criterion)
    return title if len(report.stamp.judges) < 2 else bracketed(title, same(finding.judge))


def details(report: Report, findings: Findings) -> Iterator[Detail]:
    """Lay out what there is; a table without rows is left out."""
    for name, rows, head in (
        ("drift", _drift(report, findings), ("earlier", "both", "flips", "fell", "rose", "change")),
        ("bias", _bias(report, findings), ("property", "error", "adjusted", "shift", "p", "both")),
        (
            "consistency",
            _consistency(report, findings),
            ("group", "rated", "item", "rater", "rest", "one", "needed"),
        ),
        ("severity", _severity(report, findings), ("expert", "deviation", "both")),
        ("single", _single(report, findings), ("group", "below", "above", "labels")),
        ("handover", _handover(report, findings), ("to_expert", "kept", "agreement", "surely")),
    ):
        listed = tuple(rows)
        if listed:
            yield Detail(
                title=say(f"closer.{name}", **_asked(findings)),
                head=(*say_all("belief", "measure", "system"), *say_all("closer", *head)),
                rows=listed,
                first_number=2 if name == "handover" else 3,
            )


def remarks(findings: Findings) -> Iterator[Both]:
    """Name the properties that nobody could measure anywhere."""
    batteries = [each.bias for each in findings.overall if each.bias is not None]
    if not batteries:
        return
    measured = {effect.name for battery in batteries for effect in battery.effects}
    absent = {name for battery in batteries for name in battery.unmeasured} - measured
    names = [_property(name) for name in sorted(absent)]
    if names:
        yield say("closer.unmeasured", names=joined(names, "、", ", "))


def _asked(findings: Findings) -> dict[str, str]:
    """Give what titles name: the wanted reliability and agreement, and the confidence."""
    reliabilities = (each.consistency.wanted for each in findings.findings if each.consistency)
    agreements = (each.handover.wanted for each in findings.findings if each.handover)
    return {
        "reliability": f"{next(reliabilities, 0.0):g}",
        "agreement": f"{100 * next(agreements, 0.0):g}",
        "confidence": f"{100 * findings.confidence:g}",
    }


def _start(report: Report, finding: Finding) -> tuple[Both, Both]:
    return measure_name(report, finding), same(finding.system)


def _drift(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.overall:
        found = finding.drift
        if found is not None:
            accuracy = found.accuracy
            yield (
                *_start(report, finding),
                same(found.before),
                formatting.count(found.n),
                _with_interval("share", found.flip_rate),
                formatting.count(found.fell),
                formatting.count(found.rose),
                _change("share", accuracy.agreement_change if accuracy else None),
            )


def _bias(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.overall:
        for effect in finding.bias.effects if finding.bias else ():
            yield (*_start(report, finding), *_influence(effect, _unit(finding)))
    firsts = {(each.judge, each.name): each for each in reversed(findings.overall)}
    for own in findings.self_preference:
        first = firsts[own.judge, own.criterion]
        if own.effect is not None:
            name = measure_name(report, first)
            yield (name, say("closer.all_systems"), *_influence(own.effect, _unit(first)))


def _influence(effect: Influence, unit: Unit) -> _Row:
    return (
        _property(effect.name),
        _change(unit, effect.error),
        _change(unit, effect.adjusted_error),
        _change(unit, effect.corrected_shift),
        same(f"{effect.adjusted_p:.3f}" if effect.adjusted_p >= 0.001 else "< 0.001"),
        formatting.count(effect.n),
    )


def _property(name: str) -> Both:
    return say(f"closer.is_{name.replace(' ', '_')}") if name in _KNOWN else same(name)


def _consistency(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.findings:
        found = finding.consistency
        if found is not None:
            variances = (found.item, found.rater, found.rest)
            needed = formatting.NOTHING if found.needed is None else formatting.count(found.needed)
            yield (
                *_start(report, finding),
                report.group_or_all(finding.group),
                same(f"{formatting.counted(found.n_items)} × {found.n_raters}"),
                *(formatting.percent(each / sum(variances)) for each in variances),
                _with_interval("mean", found.single),
                needed,
            )


def _severity(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.overall:
        if finding.consistency is None:
            continue
        for expert, deviation in finding.consistency.severity.items():
            yield (
                *_start(report, finding),
                same(expert),
                _change(_unit(finding), deviation),
                formatting.count(deviation.n_labelled),
            )


def _single(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.findings:
        found = finding.single_item
        if found is not None:
            yield (
                *_start(report, finding),
                report.group_or_all(finding.group),
                formatting.change_tick("mean", found.below),
                formatting.change_tick("mean", found.above),
                formatting.count(found.n),
            )


def _handover(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.overall:
        found = finding.handover
        if found is not None:
            yield (
                *_start(report, finding),
                formatting.count(len(found.to_expert)),
                formatting.percent(found.kept_share),
                _with_interval("share", found.agreement),
                formatting.percent(found.guaranteed),
            )


def _unit(finding: Finding) -> Unit:
    return "share" if finding.kind == "rate" else "mean"


def _with_interval(unit: Unit, number: Number | None) -> Both:
    if number is None:
        return formatting.NOTHING
    return formatting.with_interval(unit, number.value, (number.low, number.high))


def _change(unit: Unit, number: Number | None) -> Both:
    if number is None:
        return formatting.NOTHING
    written = [formatting.change(unit, each).en for each in (number.value, number.low, number.high)]
    return same(f"{written[0]} [{written[1]}, {written[2]}]")


_MOST_LEVELS = 4
"""Levels of a table; the differences on longer scales are drawn instead."""


def with_belief(
    report: Report, findings: Findings, parts: Sequence[Part], *, curves: Sequence[Curve] = ()
) -> Report:
    """Put on a page how far its judge can be believed.

    Parameters
    ----------
    report : Report
        Of the run that was calibrated.
    findings : Findings
    parts : sequence of Part
        Those that were examined.
    curves : sequence of Curve
        What more labels would give.
    """
    belief = Belief(
        lead=_lead(findings),
        agreements=tuple(_agreements(report, findings)),
        confusions=tuple(_confusions(report, findings)),
        corrected=tuple(_corrected(report, findings)),
        corrected_method=_method(findings),
        deviations=tuple(_deviations(report, findings, parts)),
        reliabilities=tuple(_reliabilities(report, findings)),
        budgets=tuple(_budget(curve) for curve in curves),
        details=tuple(details(report, findings)),
        remarks=tuple(remarks(findings)),
    )
    return report.model_copy(update={"belief": belief})


def foreign_page(findings: Findings, *, rows: int) -> Report:
    """Make the page of scores that came from another tool: nothing is known of their making."""
    systems = tuple(sorted({each.system for each in findings.findings}))
    return Report(
        run=findings.source,
        lang="en",
        stamp=Stamp(
            provenance=findings.provenance,
            judges=(),
            panel=False,
            served=(),
            editions=(),
            passport=None,
            created_at="",
            cost=Cost(calls=0, usd=0.0, unpriced=0),
        ),
        counts=Counts(),
        systems=systems,
        groups=(),
        measures=(),
        scores=(),
        origin=Origin(
            source=findings.source, sha256="", rows=rows, versions=(), repeats=1, pairwise=False
        ),
    )


def _lead(findings: Findings) -> Both:
    found = findings.overall
    corrected = sum(each.corrected is not None for each in found)
    doubtful = sum(each.above_chance is False for each in found)
    kind = "some"
    if findings.untrusted:
        kind = "none"
    elif doubtful:
        kind = "doubtful"
    elif corrected == len(found):
        kind = "all"
    off = sum(_outside(each) for each in found)
    said = say(
        f"calibration.{kind}", corrected=corrected, doubtful=doubtful, of=len(found), off=off
    )
    if not findings.simulated_labels:
        return said
    return joined((say("calibration.simulated_labels"), said), "", " ")


def _outside(finding: Finding) -> bool:
    own, corrected = finding.judge_only.value, finding.corrected
    return own is not None and corrected is not None and not corrected.low <= own <= corrected.high


def _with_system(report: Report, finding: Finding) -> Both:
    name = measure_name(report, finding)
    return name if len(report.systems) < 2 else bracketed(name, same(finding.system))


def _method(findings: Findings) -> Both:
    methods = {each.corrected.method for each in findings.overall if each.corrected}
    return say(
        "calibration.method",
        design=say(f"calibration.design_{findings.design}"),
        methods="; ".join(sorted(methods)) or formatting.DASH,
    )


def _agreements(report: Report, findings: Findings) -> Iterator[Agreement]:
    """Give a picture to each criterion with its systems, or to each system with its groups."""
    grouped = any(each.group is not None for each in findings.findings)
    firsts = {_series(each)[: 3 if grouped else 2]: each for each in findings.overall}
    for key, first in firsts.items():
        rows = [each for each in findings.findings if _series(each)[: len(key)] == key]
        several = not grouped and len(rows) > 1
        yield Agreement(
            criterion=_with_system(report, first) if grouped else measure_name(report, first),
            coefficient=say(f"calibration.{first.agreement.main if first.agreement else 'ac1'}"),
            ends=(_lowest(rows), 1.0),
            rows=tuple(
                _agreement_row(each, name=each.system if several else each.group) for each in rows
            ),
            method=say("calibration.agreement_method"),
        )


def _series(finding: Finding) -> tuple[str, str, str]:
    return finding.judge, finding.name, finding.system


def _lowest(rows: Sequence[Finding]) -> float:
    """Draw from 0, or from below it where an interval reaches there."""
    mains = [
        each.agreement.coefficients.get(each.agreement.main) for each in rows if each.agreement
    ]
    lows = [main.low for main in mains if main is not None]
    return min([0.0, *(-1.0 for low in lows if low < 0.0)])


def _agreement_row(finding: Finding, *, name: str | None) -> AgreementRow:
    agreed = finding.agreement
    main = None if agreed is None else agreed.coefficients.get(agreed.main)
    n = 0 if agreed is None else agreed.coefficients["percent"].n_labelled
    return AgreementRow(
        group=name,
        estimate=main.value if main else None,
        low=main.low if main else None,
        high=main.high if main else None,
        ceiling=finding.ceiling.experts.value if finding.ceiling else None,
        n=n,
        why=None if main else say("calibration.undefined"),
    )


def _confusions(report: Report, findings: Findings) -> Iterator[Confusion]:
    for finding in findings.overall:
        agreed = finding.agreement
        if agreed is None or not 2 <= len(agreed.categories) <= _MOST_LEVELS:
            continue
        yield Confusion(
            criterion=_with_system(report, finding),
            levels=tuple(same(f"{level:g}") for level in agreed.categories),
            counts=agreed.table,
            harmful=_harmful(report, finding),
        )


def _harmful(report: Report, finding: Finding) -> tuple[int, int] | None:
    """Point at what experts fail and the judge passes, where a pass is good."""
    good = (
        measure.good
        for measure in report.measures
        if (measure.rubric, measure.criterion) == (finding.rubric, finding.criterion)
    )
    return (0, 1) if finding.kind == "rate" and next(good, None) == "high" else None


def _corrected(report: Report, findings: Findings) -> Iterator[Corrected]:
    for finding in findings.overall:
        number, own = finding.corrected, finding.judge_only.value
        if number is None or own is None:
            continue
        alone = finding.human_only
        yield Corrected(
            label=measure_name(report, finding),
            system=finding.system,
            unit="share" if finding.kind == "rate" else "mean",
            raw=own,
            value=number.value,
            low=number.low,
            high=number.high,
            experts=None if alone is None else (alone.low, alone.high),
            n_judged=number.n_judged,
            n_labelled=number.n_labelled,
        )


def _deviations(report: Report, findings: Findings, parts: Sequence[Part]) -> Iterator[Deviations]:
    by_series = {(part.judge, part.name, part.system): part for part in parts}
    for finding in findings.overall:
        agreed, part = finding.agreement, by_series.get(_series(finding))
        if agreed is None or part is None or "bias" not in agreed.coefficients:
            continue
        numbers = agreed.coefficients
        yield Deviations(
            criterion=_with_system(report, finding),
            points=tuple(_points(part)),
            scale=(finding.scale.low, finding.scale.high),
            bias=numbers["bias"].value,
            limits=(numbers["lower_limit"].value, numbers["upper_limit"].value),
        )


def _reliabilities(report: Report, findings: Findings) -> Iterator[ReliabilityCurve]:
    for finding in findings.overall:
        found = finding.probabilities
        if found is None:
            continue
        yield ReliabilityCurve(
            criterion=_with_system(report, finding),
            points=tuple(
                ReliabilityPoint(
                    predicted=one.predicted,
                    observed=one.observed,
                    low=one.band.low,
                    high=one.band.high,
                    n=one.n_labelled,
                )
                for one in found.curve
                if one.observed is not None
            ),
            error=(max(found.error.value, 0.0), found.error.low, found.error.high),
            informative=found.informative,
            beyond_verdict=found.beyond_verdict,
        )


def _points(part: Part) -> Iterator[Deviation]:
    judged, human = part.judged, part.human
    both = ~np.isnan(judged) & ~np.isnan(human)
    pairs = zip(judged[both].tolist(), human[both].tolist(), strict=True)
    counted = Counter(((one + other) / 2.0, one - other) for one, other in pairs)
    for (mean, difference), n in sorted(counted.items()):
        yield Deviation(mean=mean, difference=difference, n=n)


def _budget(curve: Curve) -> Budget:
    return Budget(
        quantity=say("calibration.half_width", criterion=curve.criterion, system=curve.system),
        unit="share",
        points=tuple(BudgetPoint(labels=labels, value=value) for labels, value in curve.points),
        now=curve.now,
        wanted=curve.wanted,
        needed=curve.needed,
    )


# A gate's decision as the first sections of a page, in both languages.


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
        there = formatting.counted(prompts[name])
        return say("gate.settle_more", n=formatting.counted(most), prompts=there)
    return say("gate.settle", n=formatting.counted(most))


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
                value=formatting.change(unit, outcome.estimate),
                ends=formatting.bracket(unit, outcome.low, outcome.high),
                margin=formatting.bare(unit, outcome.margin),
            )
        )
    if outcome.level is not None and outcome.floor is not None:
        value, *ends = outcome.level
        level = formatting.with_interval(unit, value, (ends[0], ends[1]))
        parts.append(say("gate.level", level=level, floor=formatting.value(unit, outcome.floor)))
    if outcome.labels_needed:
        parts.append(say("gate.settle_group", n=outcome.labels_needed))
    return joined(parts, "；", "; ")
