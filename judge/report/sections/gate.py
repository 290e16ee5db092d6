"""The checks of a gate: values with intervals against their margins, each with its decision."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import FlipBar, Flips, flip_chart
from judge.report.charts.svg import Tone, around
from judge.report.formatting import Picture, Section, Table, picture, scale, worth
from judge.report.model import Check, Checks, Drift, FlipRow, Report, Unit, Word
from judge.report.texts import Both, joined, same, say, say_all

_Kind = tuple[Unit, bool, str]
"""How values are written, whether they are differences, and of which check they are the groups, or
which side is good; each kind has an axis of its own."""

_TONES: dict[Word, Tone] = {
    "PASS": "pass",
    "FAIL": "fail",
    "NEED_LABELS": "need",
    "UNTRUSTED": "untrusted",
    "INCOMPLETE": "need",
}

_ORDER: tuple[Word, ...] = ("UNTRUSTED", "INCOMPLETE", "FAIL", "NEED_LABELS", "PASS")
"""Which check is named first."""


def section(report: Report) -> Section | None:
    """Show what a gate checked; None where no gate was run."""
    checks = report.checks
    if checks is None or not checks.rows:
        return None
    return Section(
        ident="checks",
        title=say("checks.title"),
        lead=_lead(report, checks),
        pictures=[_picture(report, checks)],
    )


def _lead(report: Report, checks: Checks) -> Both:
    words = Counter(check.decision for check in checks.rows)
    passed, of = words["PASS"], len(checks.rows)
    open_ = [check for check in checks.rows if check.decision != "PASS"]
    worst = min(open_, key=lambda check: (check.waived, _ORDER.index(check.decision)), default=None)
    if checks.advisory:
        return say("checks.advisory", passed=passed, of=of)
    if worst is None:
        return say("checks.all", of=of)
    return say("checks.some", passed=passed, of=of, name=_label(report, worst), why=worst.why)


def _picture(report: Report, checks: Checks) -> Picture:
    kinds: dict[_Kind, None] = dict.fromkeys(_kind(check, checks) for check in checks.rows)
    panels = [_panel(report, checks, kind) for kind in kinds]
    passed = sum(check.decision == "PASS" for check in checks.rows)
    return picture(
        "checks",
        lambda frame: forest_plot(frame, panels),
        title=say(
            "checks.advisory_picture" if checks.advisory else "checks.picture",
            passed=passed,
            of=len(checks.rows),
        ),
        meta=worth(report, checks.method, corrected=checks.corrected),
        desc=say("checks.alt"),
        table=_table(report, checks),
    )


def _kind(check: Check, checks: Checks) -> _Kind:
    """Keep the groups of a check together; checks without groups share axes."""
    grouped = any(each.group for each in checks.rows if each.name == check.name)
    return check.unit, check.difference, check.name.en if grouped else check.good


def _panel(report: Report, checks: Checks, kind: _Kind) -> Forest:
    unit, difference, _ = kind
    tick = formatting.change_tick if difference else formatting.tick
    places = {group.key: place for place, group in enumerate(report.groups)}
    mine = [check for check in checks.rows if _kind(check, checks) == kind]
    # Groups stand in the order that all pictures of the page share.
    mine.sort(key=lambda check: places.get(check.group, -1) if check.group else -1)
    numbers = [
        number
        for check in mine
        for number in (check.estimate, check.low, check.high, check.margin)
        if number is not None
    ]
    low, high = around([*numbers, *([0.0] if difference else [])], least=0.02)
    if unit == "share" and not difference and min(numbers, default=0.0) >= 0.0:
        low, high = max(low, 0.0), min(high, 1.0)
    return Forest(
        rows=[
            _row(
                check,
                (low, high),
                label=_label_in_panel(report, check, kind),
                word=_word(check, checks),
            )
            for check in mine
        ],
        ends=(low, high),
        unit=say(f"checks.{unit}_difference" if difference else f"checks.{unit}"),
        tick_texts=scale(unit, (low, high), write=tick),
        reference=0.0 if difference else None,
        heading=mine[0].name if any(check.group for check in mine) else None,
    )


def _label_in_panel(report: Report, check: Check, kind: _Kind) -> Both:
    if kind[2] != check.name.en:
        return check.name
    return report.group_or_all(check.group)


def _row(check: Check, ends: tuple[float, float], *, label: Both, word: Both) -> ForestRow:
    band = None
    if check.margin is not None:
        band = (check.margin, ends[1]) if check.good == "high" else (ends[0], check.margin)
    return ForestRow(
        label=label,
        note=joined((word, _number(check)), "  ", "  "),
        estimate=check.estimate,
        low=check.low,
        high=check.high,
        band=band,
        decision=check.decision,
        tone="need" if check.waived else _TONES[check.decision],
    )


def _word(check: Check, checks: Checks) -> Both:
    if check.waived:
        return say("checks.waived")
    advised = checks.advisory and check.decision == "PASS"
    return say("checks.advisory_PASS" if advised else f"checks.{check.decision}")


def _label(report: Report, check: Check) -> Both:
    if check.group is None:
        return check.name
    return joined((check.name, report.group_name(check.group)), " · ", " · ")


def _number(check: Check) -> Both:
    if check.estimate is None:
        return formatting.NOTHING
    write = formatting.change if check.difference else formatting.value
    number = write(check.unit, check.estimate)
    if check.low is None or check.high is None:
        return number
    return joined((number, same(formatting.bracket(check.unit, check.low, check.high))), " ", " ")


def _table(report: Report, checks: Checks) -> Table:
    return Table(
        head=say_all("checks", "check", "decision", "value", "margin", "p", "n", "why"),
        rows=[tuple(_cells(report, check, _word(check, checks))) for check in checks.rows],
        numbers=range(2, 6),
    )


def _cells(report: Report, check: Check, word: Both) -> Iterator[Both]:
    write = formatting.change if check.difference else formatting.value
    yield _label(report, check)
    yield word
    yield _number(check)
    yield formatting.NOTHING if check.margin is None else write(check.unit, check.margin)
    yield formatting.NOTHING if check.adjusted_p is None else same(f"{check.adjusted_p:.3f}")
    yield formatting.NOTHING if check.n is None else formatting.count(check.n)
    yield check.why


# What changed from one release or run to the next, group by group.


def drift_section(report: Report) -> Section | None:
    """Show what changed; None where nothing was compared."""
    drift = report.drift
    if drift is None or not drift.rows:
        return None
    return Section(
        ident="drift",
        title=say("drift.title", before=drift.before, after=drift.after),
        lead=drift.lead,
        pictures=[_drift_picture(report, drift)],
    )


def _drift_picture(report: Report, drift: Drift) -> Picture:
    rows = _ordered(report, drift)
    flips = Flips(
        bars=[
            FlipBar(
                label=report.group_name(row.group),
                harmful=row.harmful,
                beneficial=row.beneficial,
            )
            for row in rows
        ],
        worse=say("drift.worse"),
        better=say("drift.better"),
    )
    harmful, beneficial = sum(r.harmful for r in rows), sum(r.beneficial for r in rows)
    total = harmful + beneficial + sum(row.unchanged for row in rows)
    return picture(
        "drift",
        partial(flip_chart, flips=flips),
        title=say("drift.picture", measure=drift.measure, harmful=harmful, beneficial=beneficial),
        meta=worth(report, say("drift.method", n=formatting.counted(total)), corrected=False),
        desc=say("drift.alt"),
        table=_drift_table(report, rows),
    )


def _ordered(report: Report, drift: Drift) -> list[FlipRow]:
    places = {group.key: place for place, group in enumerate(report.groups)}
    return sorted(drift.rows, key=lambda row: places.get(row.group, len(places)))


def _drift_table(report: Report, rows: list[FlipRow]) -> Table:
    return Table(
        head=say_all("drift", "group", "harmful", "beneficial", "unchanged"),
        rows=[
            (
                report.group_name(row.group),
                *map(formatting.count, (row.harmful, row.beneficial, row.unchanged)),
            )
            for row in rows
        ],
        numbers=range(1, 4),
    )
