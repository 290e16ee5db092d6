"""What a calibration found, as the section of a page on whether the judge can be believed."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from judge.records import Counts
from judge.report import figures
from judge.report.closer_look import details, measure_name, remarks
from judge.report.evidence import (
    Agreement,
    AgreementRow,
    Belief,
    Budget,
    BudgetPoint,
    Confusion,
    Corrected,
    Deviation,
    Deviations,
)
from judge.report.record import Cost, Origin, Report, Stamp
from judge.report.words import Both, bracketed, joined, same, say
from judge.trust.budget import Curve
from judge.trust.finding import Finding, Findings
from judge.trust.part import Part

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
        methods="; ".join(sorted(methods)) or figures.DASH,
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
