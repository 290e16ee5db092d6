"""Tables of what a calibration found beside the scores: of experts, of the judge, of single items.

Differences of shares are written in percentage points, others in the unit of the scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from judge.calibrate.calibration_set import Number
from judge.calibrate.diagnostics import Influence
from judge.calibrate.result import Finding, Findings
from judge.report import formatting
from judge.report.formatting import Table
from judge.report.model import Report, Unit
from judge.report.scores import named
from judge.report.texts import Both, bracketed, joined, same, say, say_all

_Row = tuple[Both, ...]
_KNOWN = {"length", "chinese", "refusal", "order", "own family"}


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Exact numbers that need no picture."""

    title: Both
    """What they are, with their unit."""
    table: Table


def unit_of(finding: Finding) -> Unit:
    """Tell how the numbers of a result are written."""
    return "share" if finding.kind == "rate" else "mean"


def measure_name(report: Report, finding: Finding) -> Both:
    """Name a score as the page does, with its judge where there are several."""
    asked = (finding.rubric, finding.criterion, unit_of(finding))
    names = (
        named(measure)
        for measure in report.measures
        if (measure.rubric, measure.criterion, measure.kind) == asked
    )
    title = next(names, report.criterion_title(finding.rubric, finding.criterion))
    return title if len(report.stamp.judges) < 2 else bracketed(title, same(finding.judge))


def with_system(report: Report, finding: Finding) -> Both:
    """Name what a finding measures, with its system where the report holds several."""
    name = measure_name(report, finding)
    return name if len(report.systems) < 2 else bracketed(name, same(finding.system))


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
        ("noise", _noise(report, findings), ("experts", "both", "split", "allowed")),
        (
            "selection",
            _selection(report, findings),
            ("property", "labelled", "others", "differing", "deviations", "detectable"),
        ),
        ("single", _single(report, findings), ("group", "below", "above", "labels")),
        ("handover", _handover(report, findings), ("to_expert", "kept", "agreement", "surely")),
    ):
        listed = tuple(rows)
        if listed:
            heads = (*say_all("validity", "measure", "system"), *say_all("closer", *head))
            first_number = 2 if name in {"handover", "noise"} else 3
            yield Detail(
                title=say(f"closer.{name}", **_asked(findings)),
                table=Table(head=heads, rows=listed, numbers=range(first_number, len(heads))),
            )


def remarks(findings: Findings) -> Iterator[Both]:
    """Say whose errors count, and name the properties that nobody could measure anywhere."""
    if any(each.raters == 1 for each in findings.overall):
        yield say("closer.one_expert")
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
            yield (*_start(report, finding), *_influence(effect, unit_of(finding)))
    firsts = {(each.judge, each.name): each for each in reversed(findings.overall)}
    for own in findings.self_preference:
        first = firsts[own.judge, own.criterion]
        if own.effect is not None:
            name = measure_name(report, first)
            yield (name, say("closer.all_systems"), *_influence(own.effect, unit_of(first)))


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
                _change(unit_of(finding), deviation),
                formatting.count(deviation.n_labelled),
            )


def _noise(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.findings:
        found = finding.expert_noise
        if found is not None:
            name, system = _start(report, finding)
            yield (
                _in_group(report, finding, name),
                system,
                formatting.count(found.experts),
                formatting.count(found.n),
                formatting.percent(found.split),
                same(formatting.bracket("share", found.low, found.high)),
            )


def _in_group(report: Report, finding: Finding, name: Both) -> Both:
    return name if finding.group is None else bracketed(name, report.group_or_all(finding.group))


def _selection(report: Report, findings: Findings) -> Iterator[_Row]:
    for finding in findings.overall:
        for found in finding.selection:
            # The judge's passes are a share; a length or a mean score keeps its own unit.
            is_verdict = found.name == "verdict"
            unit: Unit = unit_of(finding) if is_verdict else "mean"
            number = formatting.change(unit, found.difference).en
            ends = (formatting.change(unit, each).en for each in (found.low, found.high))
            yield (
                *_start(report, finding),
                say("closer.is_verdict") if is_verdict else _property(found.name),
                formatting.value(unit, found.labelled),
                formatting.value(unit, found.others),
                same(f"{number} [{', '.join(ends)}]"),
                formatting.change("mean", found.standardised),
                _detectable(unit, found.detectable),
            )


def _detectable(unit: Unit, found: float | None) -> Both:
    return formatting.NOTHING if found is None else formatting.value(unit, found)


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


def _with_interval(unit: Unit, number: Number | None) -> Both:
    if number is None:
        return formatting.NOTHING
    return formatting.with_interval(unit, number.value, (number.low, number.high))


def _change(unit: Unit, number: Number | None) -> Both:
    if number is None:
        return formatting.NOTHING
    written = [formatting.change(unit, each).en for each in (number.value, number.low, number.high)]
    return same(f"{written[0]} [{written[1]}, {written[2]}]")
