"""Tables of what a calibration found beside the scores: of experts, of the judge, of single items.

Differences of shares are written in percentage points, others in the unit of the scale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from judge.calibrate.calibration_set import Ends, Number
from judge.calibrate.diagnostics import Influence
from judge.calibrate.probabilities import ProbabilityFinding
from judge.calibrate.result import Finding, Findings
from judge.calibrate.sessions import SafePoint, SessionFinding
from judge.report import formatting
from judge.report.charts.scatter import ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.formatting import (
    FEWEST,
    Picture,
    Table,
    picture,
    scale,
    short,
    system_tone,
    worth,
)
from judge.report.model import Calibration, Report, Unit
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


# The calibration curve of a judge that answers with probabilities.


def reliability_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    """Draw a curve for each judge that answered with probabilities."""
    for place, finding in enumerate(calibration.results.overall):
        if finding.probabilities is not None:
            yield _reliability_picture(report, finding, ident=f"reliability{place}")


def _reliability_picture(report: Report, finding: Finding, *, ident: str) -> Picture:
    """Draw what experts passed against what the judge's probability said."""
    found = cast("ProbabilityFinding", finding.probabilities)
    total = sum(point.n_labelled for point in found.curve)
    method = say("validity.reliability_method", n=formatting.counted(total))
    return picture(
        ident,
        partial(scatter_chart, picture=_reliability_plane(found)),
        title=_reliability_title(report, finding, found),
        meta=worth(report, method, corrected=None),
        desc=say("validity.reliability_alt"),
        table=_reliability_table(found),
    )


def _reliability_title(report: Report, finding: Finding, found: ProbabilityFinding) -> Both:
    criterion = with_system(report, finding)
    if not found.informative:
        return say("validity.reliability_nothing", criterion=criterion)
    words = "reliability_error" if found.beyond_verdict else "reliability_verdict_only"
    return say(
        f"validity.{words}",
        criterion=criterion,
        error=formatting.percent(max(found.error.value, 0.0)),
        low=formatting.percent(found.error.low),
        high=formatting.percent(found.error.high),
    )


def _labelled(found: ProbabilityFinding) -> Iterator[tuple[float, float, Ends, int]]:
    """Give the bins that hold labels: predicted, observed, band, number of labels."""
    for one in found.curve:
        if one.observed is not None:
            yield one.predicted, one.observed, one.band, one.n_labelled


def _reliability_plane(found: ProbabilityFinding) -> ScatterPicture:
    """Place the bins, their bands as upright lines, and the line of a judge that is right."""
    points = [ScatterPoint(x=end, y=end, n=0, tie="right") for end in (0.0, 1.0)]
    for place, (predicted, observed, band, n) in enumerate(_labelled(found)):
        points += [
            ScatterPoint(x=predicted, y=end, n=0, tie=f"band {place}")
            for end in (band.low, band.high)
        ]
        points.append(ScatterPoint(x=predicted, y=observed, n=n))
    return ScatterPicture(
        points=points,
        x_ends=(0.0, 1.0),
        y_ends=(0.0, 1.0),
        x_ticks=scale("share", (0.0, 1.0)),
        y_ticks=scale("share", (0.0, 1.0)),
        x_unit=say("validity.predicted"),
        y_unit=say("validity.observed"),
        smallest=12.0,
    )


def _reliability_table(found: ProbabilityFinding) -> Table:
    return Table(
        head=say_all("validity", "predicted", "observed", "band", "items"),
        rows=[
            (
                formatting.percent(predicted),
                formatting.percent(observed),
                same(
                    f"[{formatting.bare('share', band.low)}, {formatting.bare('share', band.high)}]"
                ),
                formatting.count(n),
            )
            for predicted, observed, band, n in _labelled(found)
        ],
        numbers=range(4),
    )


# Conversations of which each turn was judged: how many are harmed, and after how many turns.

_MOST_POINTS = 40
"""Points of one curve; of a longer one every second, third and so on is drawn."""

_HEADS = (
    *("conversations", "harmed", "labelled", "judge_harmed"),
    *("all_turns", "harmful", "labelled_turns", "judge_harmful"),
)

_Shown = tuple[Finding, SessionFinding]


def session_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    """Draw when conversations first turn harmful, for all releases of a criterion together."""
    found = [
        (each, each.sessions)
        for each in calibration.results.overall
        if each.sessions is not None and each.sessions.first_harm
    ]
    for place, name in enumerate(dict.fromkeys((each.judge, each.name) for each, _ in found)):
        mine = [one for one in found if (one[0].judge, one[0].name) == name]
        yield _first_harm_picture(report, mine, ident=f"first-harm{place}")


def _first_harm_picture(report: Report, mine: Sequence[_Shown], *, ident: str) -> Picture:
    labelled = sum(sessions.first_harm[0].at_risk for _, sessions in mine)
    method = say("sessions.first_method", n=formatting.counted(labelled))
    return picture(
        ident,
        partial(scatter_chart, picture=_plane(report, mine)),
        title=_first_harm_title(report, mine),
        meta=worth(report, method, corrected=True),
        desc=say("sessions.first_alt"),
        table=_first_harm_table(mine),
    )


def _first_harm_title(report: Report, mine: Sequence[_Shown]) -> Both:
    """Say how many conversations of each release are still safe where enough were still read."""
    criterion = measure_name(report, mine[0][0])
    last = min(
        sum(point.at_risk >= FEWEST for point in sessions.first_harm) for _, sessions in mine
    )
    if last == 0:
        return say("sessions.first_title_few", criterion=criterion)
    safe = [
        f"{finding.system} {_interval(sessions.first_harm[last - 1]).en}"
        for finding, sessions in mine
    ]
    return say(
        "sessions.first_title_one" if last == 1 else "sessions.first_title",
        criterion=criterion,
        turns=formatting.counted(last),
        safe=same(", ".join(safe)),
    )


def _interval(point: SafePoint) -> Both:
    return formatting.with_interval("share", point.value, (point.low, point.high))


def _plane(report: Report, mine: Sequence[_Shown]) -> ScatterPicture:
    """Place a curve for each release, with its interval at each point as an upright line."""
    points = [
        point
        for place, (finding, sessions) in enumerate(mine)
        for point in _curve(report, finding, sessions.first_harm, shift=0.12 * place)
    ]
    longest = float(max(len(sessions.first_harm) for _, sessions in mine))
    y_ends = around([1.0, *(point.y for point in points)], within=(0.0, 1.0), least=0.1)
    return ScatterPicture(
        points=points,
        x_ends=(0.0, longest + 0.5),
        y_ends=y_ends,
        x_ticks=[tick for tick in scale("mean", (0.0, longest)) if tick[0] == round(tick[0])],
        y_ticks=scale("share", y_ends),
        x_unit=say("sessions.turns"),
        y_unit=say("sessions.safe"),
        smallest=20.0,
        toned_lines=True,
    )


def _curve(
    report: Report, finding: Finding, found: Sequence[SafePoint], *, shift: float
) -> Iterator[ScatterPoint]:
    tone = system_tone(report, finding.system)
    step = -(-len(found) // _MOST_POINTS)
    shown = found[::-step][::-1]
    yield ScatterPoint(x=0.0, y=1.0, n=0, tie=finding.system, tone=tone)
    for each in shown:
        x, band = each.turn + shift, f"{finding.system} {each.turn}"
        label = short(finding.system) if each is shown[-1] else None
        for end in (each.low, each.high):
            yield ScatterPoint(x=x, y=end, n=0, tie=band, tone=tone)
        yield ScatterPoint(x=x, y=each.value, tie=finding.system, tone=tone, label=label)


def _first_harm_table(mine: Sequence[_Shown]) -> Table:
    head = ("turns", "safe", "judge", "at_risk", "harms")
    return Table(
        head=(say("validity.system"), *say_all("sessions", *head)),
        rows=[
            (
                same(finding.system),
                formatting.count(point.turn),
                _interval(point),
                formatting.percent(point.judge),
                formatting.count(point.at_risk),
                formatting.count(point.harms),
            )
            for finding, sessions in mine
            for point in sessions.first_harm
        ],
        numbers=range(1, 6),
    )


def session_rates(report: Report, findings: Findings) -> Iterator[Detail]:
    """Lay out the rates of harmed conversations and of harmful turns, if there are any."""
    rows = [
        (
            measure_name(report, finding),
            same(finding.system),
            formatting.count(found.n_sessions),
            *_rates(found.harmed_sessions, found.judge_harmed),
            formatting.count(found.n_turns),
            *_rates(found.harmful_turns, found.judge_harmful),
        )
        for finding in findings.overall
        if (found := finding.sessions) is not None
    ]
    if rows:
        heads = (*say_all("validity", "measure", "system"), *say_all("sessions", *_HEADS))
        yield Detail(
            title=say("sessions.rates", confidence=f"{100 * findings.confidence:g}"),
            table=Table(head=heads, rows=rows, numbers=range(2, len(heads))),
        )


def _rates(corrected: Number | None, judge: float | None) -> tuple[Both, Both, Both]:
    """Write a rate as labels correct it, with their number, and as the judge gives it."""
    own = formatting.NOTHING if judge is None else formatting.percent(judge)
    if corrected is None:
        return formatting.NOTHING, formatting.NOTHING, own
    ends = (corrected.low, corrected.high)
    written = formatting.with_interval("share", corrected.value, ends)
    return written, formatting.count(corrected.n_labelled), own
