"""The decision of a gate with its checks, and what changed from the baseline to the candidate."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import FlipBar, Flips, flip_chart
from judge.report.charts.svg import Tone, around
from judge.report.formatting import FEWEST, Picture, Section, Table, picture, scale, worth
from judge.report.model import Drift, FlipRow, Gate, Report, Unit
from judge.report.texts import Both, as_sentence, joined, reported, same, say, say_all

if TYPE_CHECKING:
    from judge.gate.checks import CheckOutcome, Decision, GateReport
    from judge.policy import Check

_Kind = tuple[Unit, bool, str]
"""How values are written, whether they are differences, and of which check they are the groups, or
which side is good; each kind has an axis of its own."""

_TONES: "dict[Decision, Tone]" = {
    "PASS": "pass",
    "FAIL": "fail",
    "NEED_LABELS": "need",
    "UNTRUSTED": "untrusted",
    "INCOMPLETE": "need",
}

_ORDER: "tuple[Decision, ...]" = ("UNTRUSTED", "INCOMPLETE", "FAIL", "NEED_LABELS", "PASS")
"""Which check is named first."""

_MOST_NAMED = 3
_MOST_STEPS = 5

_FEW_LABELS = "are needed."
"""How a reason ends that says that labels are missing; it says nothing against the judge."""


def sentence(report: Report, decided: "GateReport") -> Both:
    """Say the decision with its reason."""
    decisive = [c for c in decided.checks if c.decision == decided.decision and not c.waived]
    names = joined([same(name) for name in dict.fromkeys(c.name for c in decisive)], "、", ", ")
    waived = sum(check.waived for check in decided.checks)
    key = f"advisory_{decided.decision}" if decided.advisory else decided.decision
    if key == "PASS" and waived:
        key = "PASS_waived"
    if key == "UNTRUSTED" and labels_missing(decided):
        key = "UNTRUSTED_few"
    return say(
        f"gate.{key}",
        candidate=_system(report, decided.candidate),
        policy=decided.policy,
        n=len(decided.checks) - (waived if decided.decision == "PASS" else 0),
        waived=waived,
        names=names,
        labels=_labels_needed(decisive),
    )


def _system(report: Report, side: str) -> str:
    """Give the name of a side on the page: its system where the gate names run and system."""
    found = (system for system in report.systems if side.endswith(f":{system}"))
    return next(found, side)


def reasons(report: Report, gate: Gate) -> list[Both]:
    """Give the reasons of a decision: against the judge, or of the checks that stand in the way."""
    decided = gate.report
    if decided.trust:
        return [as_sentence(each) for each in reported(decided.trust)]
    if decided.decision == "PASS":
        return []
    held = [
        each
        for each in _shown(gate)
        if each.outcome.decision == decided.decision and not each.outcome.waived
    ]
    said = [
        joined((_label(report, each.outcome), _why(each)), "：", ": ")
        for each in held[:_MOST_NAMED]
    ]
    rest = len(held) - _MOST_NAMED
    return [
        as_sentence(each) for each in (*said, *([say("gate.more", n=rest)] if rest > 0 else []))
    ]


def notes(decided: "GateReport") -> list[Both]:
    """Say what a reader must know beside the reasons: what was left out, looks, labels, files."""
    said: list[Both] = []
    if decided.unchecked:
        said.append(say("gate.unchecked", n=decided.unchecked, of=decided.responses))
    if decided.unbound_labels:
        said.append(say("gate.unbound", n=formatting.counted(decided.unbound_labels)))
    if decided.looks > 1:
        said.append(say("gate.looks", n=decided.looks))
    noted = (each for note in decided.notes for each in reported(note))
    return [as_sentence(each) for each in (*said, *noted)]


def steps(decided: "GateReport") -> list[Both]:
    """Say what to do next, each step once."""
    found = list(dict.fromkeys(each.next_step for each in decided.checks if each.next_step))
    return [
        as_sentence(joined((say("gate.next"), joined(reported(step), "；", "; ")), "", " "))
        for step in found[:_MOST_STEPS]
    ]


def labels_missing(decided: "GateReport") -> bool:
    """Tell whether the only reason against a judge is that it has too few labels."""
    said = reported(decided.trust)
    return bool(said) and all(reason.en.endswith(_FEW_LABELS) for reason in said)


def _labels_needed(decisive: "Sequence[CheckOutcome]") -> Both:
    """Say how many labels would do: those of a check's groups add up, checks share them."""
    needed: Counter[str] = Counter()
    prompts: Counter[str] = Counter()
    for check in decisive:
        prompts[check.name] += check.n
        if check.labels_needed:
            needed[check.name] += check.labels_needed
    if not needed:
        return same("")
    name, most = needed.most_common(1)[0]
    if most > prompts[name]:
        there = formatting.counted(prompts[name])
        return say("gate.labels_more", n=formatting.counted(most), prompts=there)
    return say("gate.labels", n=formatting.counted(most))


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """One check of one group as it is drawn."""

    outcome: "CheckOutcome"
    unit: Unit
    better_high: bool
    difference: bool
    """Whether the value is a difference from the baseline; it is then written with its sign."""
    advisory: bool

    @classmethod
    def of(cls, outcome: "CheckOutcome", asked: "Check | None", *, advisory: bool) -> "_Shown":
        """Read an outcome by the check of the policy that it belongs to, if it does to one."""
        if asked is None:
            return cls(
                outcome=outcome,
                unit="share",
                better_high=False,
                difference=False,
                advisory=advisory,
            )
        veto = outcome.name != asked.name
        return cls(
            outcome=outcome,
            unit="mean" if asked.measured.kind == "mean" and not veto else "share",
            better_high=asked.measured.higher_is_better and not veto,
            difference=asked.margin is not None and not veto,
            advisory=advisory,
        )

    @property
    def bound(self) -> float | None:
        """Where the check turns: the margin, or the floor where only that is asked for."""
        margin = self.outcome.margin
        if margin is None:
            return self.outcome.floor
        return -margin if self.better_high else margin

    @property
    def word(self) -> Both:
        """The decision in a word with its mark."""
        if self.outcome.waived:
            return say("gate.waived_word")
        held = self.advisory and self.outcome.decision == "PASS"
        return say("gate.held_word" if held else f"gate.{self.outcome.decision}_word")

    @property
    def number(self) -> Both:
        """The value with its interval."""
        found = self.outcome
        if found.estimate is None:
            return formatting.NOTHING
        write = formatting.change if self.difference else formatting.value
        number = write(self.unit, found.estimate)
        if found.low is None or found.high is None:
            return number
        ends = formatting.bracket(self.unit, found.low, found.high)
        return joined((number, same(ends)), " ", " ")


def section(report: Report) -> Section | None:
    """Show what a gate checked; None where no gate was run."""
    gate = report.gate
    if gate is None or not gate.report.checks:
        return None
    shown = _shown(gate)
    return Section(
        ident="checks",
        title=say("checks.title"),
        lead=_lead(report, gate.report),
        pictures=[_picture(report, gate.report, shown)],
    )


def _shown(gate: Gate) -> list[_Shown]:
    asked = {check.name: check for check in gate.policy.checks}
    return [
        _Shown.of(each, asked.get(each.asked), advisory=gate.report.advisory)
        for each in gate.report.checks
    ]


def _lead(report: Report, decided: "GateReport") -> Both:
    words = Counter(check.decision for check in decided.checks)
    passed, of = words["PASS"], len(decided.checks)
    open_ = [check for check in decided.checks if check.decision != "PASS"]
    worst = min(open_, key=lambda check: (check.waived, _ORDER.index(check.decision)), default=None)
    if decided.advisory:
        return say("checks.advisory", passed=passed, of=of)
    if worst is None:
        return say("checks.all", of=of)
    return say(
        "checks.some",
        passed=passed,
        of=of,
        name=_label(report, worst),
        decision=say(f"checks.is_{worst.decision}"),
    )


def _picture(report: Report, decided: "GateReport", shown: Sequence[_Shown]) -> Picture:
    drawn = [each for each in shown if each.outcome.estimate is not None] or list(shown)
    panels = [_panel(report, drawn, kind) for kind in dict.fromkeys(_kind(e, drawn) for e in drawn)]
    passed = sum(each.outcome.decision == "PASS" for each in shown)
    return picture(
        "checks",
        lambda frame: forest_plot(frame, panels),
        title=say(
            "checks.advisory_picture" if decided.advisory else "checks.picture",
            passed=passed,
            of=len(shown),
        ),
        meta=worth(report, say("checks.method"), corrected=not decided.trust),
        desc=say("checks.alt"),
        table=_table(report, shown),
    )


def _kind(check: _Shown, checks: Sequence[_Shown]) -> _Kind:
    """Keep the groups of a check together; checks without groups share axes."""
    name = check.outcome.name
    grouped = any(each.outcome.group for each in checks if each.outcome.name == name)
    side = "high" if check.better_high else "low"
    return check.unit, check.difference, name if grouped else side


def _panel(report: Report, checks: Sequence[_Shown], kind: _Kind) -> Forest:
    unit, difference, _ = kind
    tick = formatting.change_tick if difference else formatting.tick
    places = {group.key: place for place, group in enumerate(report.groups)}
    mine = [check for check in checks if _kind(check, checks) == kind]
    # Groups stand in the order that all pictures of the page share.
    mine.sort(key=lambda each: places.get(each.outcome.group, -1) if each.outcome.group else -1)
    numbers = [
        number
        for each in mine
        for number in (each.outcome.estimate, each.outcome.low, each.outcome.high, each.bound)
        if number is not None
    ]
    low, high = around([*numbers, *([0.0] if difference else [])], least=0.02)
    if unit == "share" and not difference and min(numbers, default=0.0) >= 0.0:
        low, high = max(low, 0.0), min(high, 1.0)
    grouped = any(each.outcome.group for each in mine)
    return Forest(
        rows=[_row(report, each, (low, high), grouped=grouped) for each in mine],
        ends=(low, high),
        unit=say(f"checks.{unit}_difference" if difference else f"checks.{unit}"),
        tick_texts=scale(unit, (low, high), write=tick),
        reference=0.0 if difference else None,
        heading=same(mine[0].outcome.name) if grouped else None,
    )


def _row(report: Report, check: _Shown, ends: tuple[float, float], *, grouped: bool) -> ForestRow:
    found, band = check.outcome, None
    if check.bound is not None:
        band = (check.bound, ends[1]) if check.better_high else (ends[0], check.bound)
    return ForestRow(
        label=report.group_or_all(found.group) if grouped else same(found.name),
        note=joined((check.word, check.number), "  ", "  "),
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        band=band,
        decision=found.decision,
        tone="need" if found.waived else _TONES[found.decision],
    )


def _label(report: Report, check: "CheckOutcome") -> Both:
    if check.group is None:
        return same(check.name)
    return joined((same(check.name), report.group_name(check.group)), " · ", " · ")


def _table(report: Report, checks: Sequence[_Shown]) -> Table:
    head = ("check", "decision", "value", "margin", "p", "n", "labelled", "fewest", "look", "why")
    return Table(
        head=say_all("checks", *head),
        rows=[tuple(_cells(report, check)) for check in checks],
        numbers=range(2, 9),
    )


def _cells(report: Report, check: _Shown) -> Iterator[Both]:
    found = check.outcome
    write = formatting.change if check.difference else formatting.value
    yield _label(report, found)
    yield check.word
    yield check.number
    yield formatting.NOTHING if check.bound is None else write(check.unit, check.bound)
    yield formatting.NOTHING if found.adjusted_p is None else same(f"{found.adjusted_p:.3f}")
    yield formatting.count(found.n)
    yield formatting.count(found.n_labelled)
    yield formatting.NOTHING if found.fewest is None else formatting.count(found.fewest)
    yield (
        formatting.NOTHING
        if not found.look or found.risk is None
        else say("checks.look_risk", look=found.look, risk=f"{100 * found.risk:.2g}")
    )
    yield _why(check)


def _why(check: _Shown) -> Both:
    said = _veto(check.outcome) if check.outcome.of_veto else _reason(check)
    return joined((said, say("gate.waived")), "", "") if check.outcome.waived else said


def _veto(outcome: "CheckOutcome") -> Both:
    return joined(reported(outcome.why), "；", "; ")


def _reason(check: _Shown) -> Both:
    found, unit = check.outcome, check.unit
    if found.estimate is None or found.low is None or found.high is None:
        return joined(reported(found.why), "；", "; ")
    parts: list[Both] = []
    if found.decision == "UNTRUSTED":
        parts += reported(found.why)
    if found.margin is not None:
        parts.append(
            say(
                "gate.difference",
                value=formatting.change(unit, found.estimate),
                ends=formatting.bracket(unit, found.low, found.high),
                margin=formatting.bare(unit, found.margin),
            )
        )
    if found.level is not None and found.floor is not None:
        value, *ends = found.level
        level = formatting.with_interval(unit, value, (ends[0], ends[1]))
        parts.append(say("gate.level", level=level, floor=formatting.value(unit, found.floor)))
    parts += [each for text in _beside(found) for each in reported(text)]
    if found.labels_needed:
        parts.append(say("gate.labels_group", n=found.labels_needed))
    return joined(parts, "；", "; ")


def _beside(outcome: "CheckOutcome") -> list[str]:
    """Give what the reason says beside the numbers, which the page writes itself."""
    if outcome.decision == "UNTRUSTED":
        return []
    pieces = outcome.why.partition("; waived by ")[0].split("; ")
    return [piece for piece in pieces if not piece.startswith(("difference ", "level "))]


# What changed from one release or run to the next, group by group.


def drift_section(report: Report) -> Section | None:
    """Show what changed; None where nothing was compared."""
    drift = report.drift
    if drift is None or not drift.rows:
        return None
    harmful, beneficial = (
        sum(row.harmful for row in drift.rows),
        sum(row.beneficial for row in drift.rows),
    )
    total = harmful + beneficial + sum(row.unchanged for row in drift.rows)
    counts = {
        "changed": formatting.counted(harmful + beneficial),
        "harmful": formatting.counted(harmful),
        "beneficial": formatting.counted(beneficial),
        "of": formatting.counted(total),
    }
    enough = total >= FEWEST
    return Section(
        ident="changes",
        title=say("drift.title", before=drift.before, after=drift.after),
        lead=say("drift.lead", measure=drift.measure, **counts) if enough else None,
        pictures=[_drift_picture(report, drift, total)],
    )


def _drift_picture(report: Report, drift: Drift, total: int) -> Picture:
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
    return picture(
        "changes",
        partial(flip_chart, flips=flips),
        title=_drift_title(report, drift, total),
        meta=worth(report, say("drift.method", n=formatting.counted(total)), corrected=False),
        desc=say("drift.alt"),
        table=_drift_table(report, rows),
    )


def _drift_title(report: Report, drift: Drift, total: int) -> Both:
    """Name the group with most prompts changed for the worse, where one stands alone."""
    ranked = sorted(drift.rows, key=lambda row: -row.harmful)
    alone = len(ranked) > 1 and ranked[0].harmful > ranked[1].harmful
    if total < FEWEST or not alone:
        return say("drift.picture", measure=drift.measure)
    first = ranked[0]
    n = first.harmful + first.beneficial + first.unchanged
    if n < FEWEST:
        return say("drift.picture", measure=drift.measure)
    return say(
        "drift.picture_most",
        measure=drift.measure,
        group=report.group_name(first.group),
        harmful=formatting.counted(first.harmful),
        of=formatting.counted(n),
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
