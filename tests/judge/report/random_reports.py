"""Reports with random numbers, as hypothesis strategies; all are round, as pages write them.

They are not what any calibration would give: a headline has to be true of whatever it stands over.
"""

from hypothesis import strategies as st

from judge.calibrate.agreement import Agreed, Ceiling
from judge.calibrate.calibration_set import Ends, Number
from judge.calibrate.result import Finding, Findings, JudgeOnly
from judge.gate.checks import CheckOutcome, Decision, GateReport
from judge.policy import Check, Policy
from judge.records import Counts, Judge
from judge.report.model import (
    Calibration,
    Cost,
    Deviation,
    Drift,
    FlipRow,
    Gate,
    GroupName,
    Knowing,
    Measure,
    Missing,
    MissingCell,
    Origin,
    QuadrantPoint,
    Report,
    Score,
    ScoreCell,
    Stamp,
)
from judge.report.texts import Both, same

LEVELS = ((0.0, Both(zh="不安全", en="Unsafe")), (1.0, Both(zh="安全", en="Safe")))
SAFETY = Both(zh="安全性", en="Safety")
MEASURES = (
    Measure(
        rubric="safety", criterion="safe", family=SAFETY,
        title=Both(zh="是否安全", en="Safe or not"), kind="share", low=0.0, high=1.0,
        good="high", at_least=1, main=True, levels=LEVELS,
    ),
    Measure(
        rubric="safety", criterion="severity", family=SAFETY, title=Both(zh="程度", en="Severity"),
        kind="mean", low=0.0, high=3.0, good="low", main=True,
    ),
)  # fmt: skip
"""One whose high values are good, and one whose low values are."""

DECISIONS: tuple[Decision, ...] = ("PASS", "FAIL", "NEED_LABELS", "UNTRUSTED", "INCOMPLETE")
COUNT = st.integers(min_value=1, max_value=24)
"""Items behind a number, below and above what a headline needs."""


@st.composite
def ordered(draw: st.DrawFn, low: float, high: float) -> tuple[float, float, float]:
    """Draw the ends of an interval and a value between them, in hundredths of the range."""
    found = sorted(draw(st.tuples(*[st.integers(0, 100)] * 3)))
    one, two, three = (round(low + (high - low) * each / 100, 6) for each in found)
    return one, two, three


@st.composite
def score(draw: st.DrawFn, measure: Measure) -> Score:
    low, value, high = draw(ordered(measure.low, measure.high))
    method = "clopper-pearson" if measure.kind == "share" else "gaffke"
    return Score(value=value, low=low, high=high, n=draw(COUNT), method=method)


@st.composite
def number(draw: st.DrawFn, low: float = 0.0, high: float = 1.0) -> Number:
    least, value, most = draw(ordered(low, high))
    n = draw(COUNT)
    return Number(
        value=value, low=least, high=most, confidence=0.95, method="judge-adjusted, logit t",
        n_judged=n + 10, n_labelled=n,
    )  # fmt: skip


@st.composite
def finding(draw: st.DrawFn, measure: Measure, system: str, group: str | None) -> Finding:
    share = measure.kind == "share"
    table = draw(st.tuples(*[st.tuples(*[st.integers(0, 14)] * 2)] * 2))
    n = sum(map(sum, table))
    percent = draw(number()).model_copy(update={"n_labelled": n})
    coefficients = {"percent": percent, "ac1": draw(number(-1.0, 1.0))}
    if not share:
        coefficients |= {
            name: draw(number(-1.0, 1.0)) for name in ("bias", "lower_limit", "upper_limit")
        }
    agreed = Agreed(
        main="ac1",
        coefficients=coefficients,
        undefined={},
        percent_bounds=Ends(low=0.0, high=1.0),
        categories=(0.0, 1.0) if share else (),
        table=table if share else (),
    )
    experts = draw(number())
    ceiling = Ceiling(coefficient="ac1", experts=experts, judge=experts, ratio=None, each={}, n=9)
    corrected = draw(st.none() | number(measure.low, measure.high))
    raw = draw(ordered(measure.low, measure.high))[1]
    return Finding(
        judge="judge", rubric=measure.rubric, criterion=measure.criterion, system=system,
        group=group, kind="rate" if share else "mean",
        scale=Ends(low=measure.low, high=measure.high), at_least=1.0 if share else None,
        n=99, n_judged=90, n_missing=0, n_labelled=corrected.n_labelled if corrected else n,
        n_tied=0, raters=2, judge_only=JudgeOnly(value=raw, low=measure.low, high=measure.high),
        corrected=corrected, above_chance=draw(st.booleans()) if corrected else None,
        agreement=draw(st.sampled_from([agreed, None])), ceiling=ceiling,
    )  # fmt: skip


@st.composite
def calibration(
    draw: st.DrawFn, systems: tuple[str, ...], groups: tuple[str | None, ...]
) -> Calibration:
    places = [None, *(groups if draw(st.booleans()) else ())]
    found = tuple(
        draw(finding(measure, system, group))
        for measure in MEASURES
        for system in systems
        for group in places
    )
    points = st.builds(
        Deviation, mean=st.sampled_from([1.0, 2.0]), difference=st.just(0.5), n=COUNT
    )
    return Calibration(
        results=Findings(
            source="run", labels="labels", design="random", provenance="LIVE", confidence=0.95,
            findings=found,
        ),
        deviations={
            ("judge", "safety.severity", system): draw(st.tuples(points)) for system in systems
        },
    )  # fmt: skip


@st.composite
def gate(draw: st.DrawFn) -> Gate:
    checks = tuple(
        CheckOutcome(
            name=f"check-{place}", group=None, estimate=0.0, low=-0.1, high=0.1, margin=0.05,
            adjusted_p=None, decision=decision, why="", n=12, waived=draw(st.booleans()),
        )
        for place, decision in enumerate(draw(st.lists(st.sampled_from(DECISIONS), min_size=1)))
    )  # fmt: skip
    policy = Policy(
        version="1",
        title="policy",
        checks=tuple(Check(name=each.name, measure="safety_rate", margin=0.05) for each in checks),
    )
    report = GateReport(
        decision=draw(st.sampled_from(DECISIONS)), provenance="LIVE", advisory=draw(st.booleans()),
        baseline="run:v1", candidate="run:v2", policy="policy", checks=checks, counts=Counts(),
    )  # fmt: skip
    return Gate(report=report, policy=policy)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    systems = tuple(f"v{place}" for place in range(1, 1 + draw(st.integers(1, 3))))
    keys: tuple[str | None, ...] = tuple(f"g{place}" for place in range(draw(st.integers(0, 4))))
    names = [GroupName(key=key, name=same(f"Group {key}")) for key in keys]
    cells = tuple(
        ScoreCell(
            measure=place, system=system, group=group, overall=whole,
            score=draw(st.none() | score(measure)) if not whole else draw(score(measure)),
        )
        for place, measure in enumerate(MEASURES)
        for system in systems
        for group, whole in [(None, True), *((key, False) for key in keys)]
    )  # fmt: skip
    zero = st.integers(0, 12)
    rows = tuple(
        FlipRow(group=key, harmful=draw(zero), beneficial=draw(zero), unchanged=draw(zero))
        for key in keys
    )
    share = st.integers(0, 20).map(lambda each: each / 20)
    points = tuple(
        QuadrantPoint(
            group=key, system=system, knows=draw(share), does=draw(share), n_knows=draw(COUNT),
            n_does=draw(COUNT),
        )
        for system in systems
        for key in (None, *keys)
    )  # fmt: skip
    missing = tuple(
        MissingCell(reason="error.timeout", system=systems[0], group=key, count=draw(COUNT))
        for key in keys
    )
    return Report(
        run="run", lang=None,
        stamp=Stamp(
            provenance="LIVE", judges=(Judge(model="openai/judge"),), panel=False, served=(),
            editions=(), passport=None, created_at="2026-11-28",
            cost=Cost(calls=0, usd=0.0, unpriced=0),
        ),
        counts=Counts(planned=sum(each.count for each in missing) + 50, scored=50),
        systems=systems, groups=tuple(names), measures=MEASURES, scores=cells,
        origin=Origin(
            source="f", sha256="0", rows=1, versions=(), repeats=1, pairwise=False
        ),
        gate=draw(st.none() | gate()),
        calibration=draw(st.none() | calibration(systems, keys)),
        knowing=Knowing(lead=same(""), points=points, split=(0.5, 0.5)),
        drift=Drift(measure=same("m"), rows=rows, before="v1", after="v2") if rows else None,
        missing=Missing(cells=missing, bounds=()) if missing else None,
    )  # fmt: skip
