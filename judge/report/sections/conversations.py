"""Conversations of which each turn was judged: how many are harmed, and after how many turns."""

from collections.abc import Iterator, Sequence
from functools import partial

from judge.calibrate.calibration_set import Number
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
from judge.report.model import Calibration, Report
from judge.report.sections.calibration_details import Detail, measure_name
from judge.report.texts import Both, same, say, say_all

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
