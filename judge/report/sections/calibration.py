"""Judge validity: what expert labels show of the judge, read from the results of a calibration.

Headlines speak only of numbers with at least `FEWEST` items behind them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from calibration.intervals import clopper_pearson
from calibration.rater_agreement import coefficients
from calibration.rater_agreement.coefficients import main_at
from judge.calibrate.calibration_set import Number
from judge.calibrate.label_sampling import Curve
from judge.calibrate.result import Finding, Findings
from judge.report import formatting
from judge.report.charts.forest import Forest, ForestRow, forest_plot
from judge.report.charts.heatmap import ConfusionTable, confusion_chart
from judge.report.charts.scatter import Guide, ScatterPicture, ScatterPoint, scatter_chart
from judge.report.charts.svg import around
from judge.report.formatting import (
    FEWEST,
    Picture,
    Section,
    Table,
    picture,
    scale,
    short,
    system_tone,
    worth,
)
from judge.report.model import Calibration, Deviation, Report, Unit
from judge.report.scores import level_name
from judge.report.sections.calibration_details import (
    details,
    measure_name,
    reliability_pictures,
    remarks,
    session_pictures,
    session_rates,
    unit_of,
    with_system,
)
from judge.report.texts import Both, joined, method_name, same, say, say_all

_MOST_LEVELS = 4
"""Levels of a confusion matrix; the differences on longer scales are drawn instead."""

_TAIL = 0.025
"""Probability on either side of the interval of an error rate."""


def section(report: Report) -> Section | None:
    """Show what expert labels show of the judge; None where there was no calibration."""
    calibration = report.calibration
    if calibration is None:
        return None
    return Section(
        ident="validity",
        title=say("validity.title"),
        lead=_lead(calibration.results),
        pictures=tuple(each for draw in PICTURES for each in draw(report, calibration)),
        tables=tuple(
            (each.title, each.table)
            for lay in (session_rates, details)
            for each in lay(report, calibration.results)
        ),
        notes=tuple(remarks(calibration.results)),
    )


def _lead(found: Findings) -> Both | None:
    """Say for how many scores a correction exists, and how many raw scores lie outside theirs."""
    overall = found.overall
    if not any(each.n_labelled >= FEWEST for each in overall):
        return None
    corrected = sum(each.corrected is not None for each in overall)
    doubtful = sum(each.above_chance is False for each in overall)
    kind = "some"
    if found.untrusted:
        kind = "none"
    elif doubtful:
        kind = "doubtful"
    elif corrected == len(overall):
        kind = "all"
    said = say(
        f"validity.{kind}",
        corrected=corrected,
        doubtful=doubtful,
        of=len(overall),
        off=sum(_outside(each) for each in overall),
    )
    if not found.simulated_labels:
        return said
    return joined((said, say("validity.simulated_labels")), "", " ")


def _outside(finding: Finding) -> bool:
    own, corrected = finding.judge_only.value, finding.corrected
    return own is not None and corrected is not None and not corrected.low <= own <= corrected.high


def _series(finding: Finding) -> tuple[str, str, str]:
    return finding.judge, finding.name, finding.system


# Corrected scores beside the judge's own.


def _correction_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    """Draw each score as the judge gives it and as expert labels correct it."""
    found = calibration.results
    mine = [
        (each, each.corrected, each.judge_only.value)
        for each in found.overall
        if each.corrected is not None and each.judge_only.value is not None
    ]
    if not mine:
        return
    panels = [
        _correction_panel(report, [each for each in mine if unit_of(each[0]) == unit], unit)
        for unit in _units(finding for finding, _, _ in mine)
    ]
    names = {number.method: method_name(number.method) for _, number, _ in mine}
    method = say(
        "validity.corrected_method",
        design=say(f"validity.design_{found.design}"),
        methods=joined(dict.fromkeys(names[name] for name in sorted(names)), "、", "; "),
    )
    yield picture(
        "corrected",
        lambda frame: forest_plot(frame, panels),
        title=_correction_title(report, mine),
        meta=worth(report, method, corrected=True),
        desc=say("validity.corrected_alt"),
        table=_correction_table(report, mine),
    )


def _units(found: Iterable[Finding]) -> Iterable[Unit]:
    return dict.fromkeys(unit_of(each) for each in found)


_Corrected = tuple[Finding, Number, float]
"""A result with its corrected score and the judge's own."""


def _correction_title(report: Report, mine: Sequence[_Corrected]) -> Both:
    """Name the score that the correction moves most, in units of its scale."""
    enough = [each for each in mine if each[1].n_labelled >= FEWEST]
    if not enough:
        return say("validity.corrected")
    finding, number, raw = max(enough, key=_moved)
    unit = unit_of(finding)
    return say(
        "validity.corrected_most",
        label=measure_name(report, finding),
        system=finding.system,
        raw=formatting.value(unit, raw),
        value=formatting.with_interval(unit, number.value, (number.low, number.high)),
        n=formatting.counted(number.n_labelled),
    )


def _moved(each: _Corrected) -> float:
    finding, number, raw = each
    return abs(number.value - raw) / (finding.scale.high - finding.scale.low)


def _correction_panel(report: Report, mine: Sequence[_Corrected], unit: Unit) -> Forest:
    numbers = [
        each
        for finding, number, raw in mine
        for each in (raw, number.low, number.high, *_alone(finding))
    ]
    ends = around(numbers, within=(0.0, 1.0) if unit == "share" else None, least=0.1)
    return Forest(
        rows=[_correction_row(report, each) for each in mine],
        ends=ends,
        unit=say(f"checks.{unit}"),
        tick_texts=scale(unit, ends),
    )


def _alone(finding: Finding) -> tuple[float, ...]:
    """Give the ends of the interval that the labels alone give, where there is one."""
    alone = finding.human_only
    return () if alone is None else (alone.low, alone.high)


def _correction_row(report: Report, each: _Corrected) -> ForestRow:
    finding, number, raw = each
    unit = unit_of(finding)
    written = formatting.with_interval(unit, number.value, (number.low, number.high))
    alone = finding.human_only
    return ForestRow(
        label=measure_name(report, finding),
        note=joined((short(finding.system), written), "  ", "  "),
        estimate=number.value,
        low=number.low,
        high=number.high,
        behind=None if alone is None else (alone.low, alone.high),
        raw=raw,
        tone=system_tone(report, finding.system),
    )


def _correction_table(report: Report, mine: Sequence[_Corrected]) -> Table:
    head = ("measure", "system", "raw", "corrected", "experts", "judged", "labelled")
    return Table(
        head=say_all("validity", *head),
        rows=[_correction_cells(report, each) for each in mine],
        numbers=range(2, 7),
    )


def _correction_cells(report: Report, each: _Corrected) -> tuple[Both, ...]:
    finding, number, raw = each
    unit, alone = unit_of(finding), finding.human_only
    experts = formatting.NOTHING
    if alone is not None:
        experts = same(formatting.bracket(unit, alone.low, alone.high))
    return (
        measure_name(report, finding),
        same(finding.system),
        formatting.value(unit, raw),
        formatting.with_interval(unit, number.value, (number.low, number.high)),
        experts,
        formatting.count(number.n_judged),
        formatting.count(number.n_labelled),
    )


# Agreement of judge and experts, beside that of the experts with each other.


def _agreement_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    """Give a picture to each criterion with its systems, or to each system with its groups."""
    found = calibration.results
    grouped = any(each.group is not None for each in found.findings)
    depth = 3 if grouped else 2
    firsts = {_series(each)[:depth]: each for each in found.overall}
    for place, (key, first) in enumerate(firsts.items()):
        rows = [each for each in found.findings if _series(each)[:depth] == key]
        rows.sort(key=partial(_place, report))
        name = with_system(report, first) if grouped else measure_name(report, first)
        yield _agreement_picture(report, rows, name=name, ident=f"agreement{place}")


def _place(report: Report, finding: Finding) -> tuple[bool, int]:
    """Put all items first, then groups in the page's order; systems keep theirs."""
    keys = [group.key for group in report.groups]
    known = finding.group in keys
    return finding.group is not None, keys.index(finding.group) if known else len(keys)


def _agreement_picture(
    report: Report, rows: Sequence[Finding], *, name: Both, ident: str
) -> Picture:
    """Draw agreement with its intervals, and the agreement of one expert with the others."""
    low = min([0.0, *(-1.0 for each in rows if (main := _main(each)) and main.low < 0.0)])
    agreed = next((each.agreement for each in rows if each.agreement), None)
    coefficient = _title(agreed.main if agreed else main_at("nominal").name)
    forest = Forest(
        rows=[_agreement_row(report, each, rows) for each in rows],
        ends=(low, 1.0),
        unit=coefficient,
        tick_texts=scale("mean", (low, 1.0)),
        reference=0.0 if low < 0 else None,
    )
    return picture(
        ident,
        lambda frame: forest_plot(frame, [forest]),
        title=_agreement_title(report, rows, name=name, coefficient=coefficient),
        meta=worth(report, say("validity.agreement_method"), corrected=None),
        desc=say("validity.agreement_alt"),
        table=_agreement_table(report, rows),
    )


def _main(finding: Finding) -> Number | None:
    agreed = finding.agreement
    return None if agreed is None else agreed.coefficients.get(agreed.main)


def _n(finding: Finding) -> int:
    """Count the items that both judge and experts rated."""
    agreed = finding.agreement
    return 0 if agreed is None else agreed.coefficients["percent"].n_labelled


def _agreement_title(
    report: Report, rows: Sequence[Finding], *, name: Both, coefficient: Both
) -> Both:
    """Name the row with the lowest agreement among those with enough items."""
    known = [(main, each) for each in rows if (main := _main(each)) and _n(each) >= FEWEST]
    if not known:
        return say("validity.agreement", criterion=name, coefficient=coefficient)
    main, lowest = min(known, key=lambda each: each[0].value)
    key = "lowest" if len(known) > 1 else "one"
    return say(
        f"validity.agreement_{key}",
        criterion=name,
        coefficient=coefficient,
        row=_row_name(report, lowest, rows),
        of=len(known),
        value=formatting.with_interval("mean", main.value, (main.low, main.high)),
        n=formatting.counted(_n(lowest)),
    )


def _row_name(report: Report, finding: Finding, rows: Sequence[Finding]) -> Both:
    """Name a row by its group, or by its system where there are no groups."""
    if all(each.group is None for each in rows):
        return same(finding.system)
    return report.group_or_all(finding.group)


def _agreement_row(report: Report, finding: Finding, rows: Sequence[Finding]) -> ForestRow:
    main, note = _main(finding), say("validity.undefined")
    if main is not None:
        written = formatting.with_interval("mean", main.value, (main.low, main.high))
        note = joined((written, same(f"n = {_n(finding)}")), "  ", "  ")
    return ForestRow(
        label=_row_name(report, finding, rows),
        note=note,
        estimate=main.value if main else None,
        low=main.low if main else None,
        high=main.high if main else None,
        tick=finding.ceiling.experts.value if finding.ceiling else None,
    )


def _agreement_table(report: Report, rows: Sequence[Finding]) -> Table:
    """List the main coefficient and the experts' ceiling, then every other coefficient."""
    others = [
        each.name
        for each in coefficients.COEFFICIENTS
        if any(_beside_main(row, each.name) for row in rows)
    ]
    return Table(
        head=[
            *say_all("validity", "group", "coefficient", "ceiling", "items"),
            *(_title(name) for name in others),
        ],
        rows=[
            (
                _row_name(report, each, rows),
                _interval(_main(each)),
                _interval(each.ceiling.experts if each.ceiling else None),
                formatting.count(_n(each)),
                *(
                    _interval(each.agreement.coefficients.get(name) if each.agreement else None)
                    for name in others
                ),
            )
            for each in rows
        ],
        numbers=range(1, 4 + len(others)),
    )


def _beside_main(finding: Finding, name: str) -> bool:
    agreed = finding.agreement
    return agreed is not None and name in agreed.coefficients and name != agreed.main


def _title(name: str) -> Both:
    found = coefficients.coefficient(name)
    return Both(zh=found.title_zh, en=found.title)


def _interval(number: Number | None) -> Both:
    if number is None:
        return formatting.NOTHING
    return formatting.with_interval("mean", number.value, (number.low, number.high))


# Which level the judge gave where experts gave which.


def _confusion_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    for place, finding in enumerate(calibration.results.overall):
        agreed = finding.agreement
        if agreed is not None and 2 <= len(agreed.categories) <= _MOST_LEVELS:
            yield _confusion_picture(report, finding, ident=f"confusion{place}")


def _confusion_picture(report: Report, finding: Finding, *, ident: str) -> Picture:
    """Draw experts' levels as rows and the judge's as columns, with shares of each row."""
    agreed = finding.agreement
    counts = agreed.table if agreed else ()
    levels = _levels(report, finding)
    drawn = ConfusionTable(
        levels=levels,
        counts=counts,
        shares=[[_share(count, row) for count in row] for row in counts],
        rows_word=say("validity.rows_experts"),
        columns_word=say("validity.columns_judge"),
        outlined=_outlined(report, finding),
    )
    total = sum(sum(row) for row in counts)
    return picture(
        ident,
        partial(confusion_chart, table=drawn),
        title=_confusion_title(report, finding, levels),
        meta=worth(
            report, say("validity.confusion_method", n=formatting.counted(total)), corrected=None
        ),
        desc=say("validity.confusion_alt"),
        table=_confusion_table(counts, levels),
    )


def _levels(report: Report, finding: Finding) -> tuple[Both, ...]:
    """Name the levels by the rubric; where a threshold was set, the two sides of it."""
    categories = finding.agreement.categories if finding.agreement else ()
    measure = next(
        (
            each
            for each in report.measures
            if (each.rubric, each.criterion) == (finding.rubric, finding.criterion)
        ),
        None,
    )
    if finding.kind == "rate" and (measure is None or len(measure.levels) != 2):
        line = f"{finding.at_least:g}" if finding.at_least is not None else ""
        if len(categories) == 2 and line:
            return say("validity.below", level=line), say("validity.reached", level=line)
    if measure is None:
        return tuple(same(f"{level:g}") for level in categories)
    return tuple(level_name(measure, level) for level in categories)


def _share(count: int, row: tuple[int, ...]) -> Both:
    return formatting.percent(count / sum(row)) if sum(row) else formatting.NOTHING


def _outlined(report: Report, finding: Finding) -> tuple[int, int] | None:
    """Point at what experts fail and the judge passes, where there is any and a pass is good."""
    goods = (
        measure.good
        for measure in report.measures
        if (measure.rubric, measure.criterion) == (finding.rubric, finding.criterion)
    )
    if finding.kind != "rate" or next(goods, None) != "high" or finding.agreement is None:
        return None
    return (0, 1) if finding.agreement.table[0][1] else None


def _confusion_title(report: Report, finding: Finding, levels: Sequence[Both]) -> Both:
    """Give both error rates with their intervals; of more levels how often both agree."""
    name = with_system(report, finding)
    counts = finding.agreement.table if finding.agreement else ()
    if len(counts) == 2:
        errors = [
            _error(counts[place], 1 - place, experts=levels[place], judge=levels[1 - place])
            for place in (0, 1)
            if sum(counts[place]) >= FEWEST
        ]
        if errors:
            both = joined(errors, "；", "; ")
            return say("validity.errors", criterion=name, errors=both)
    total = sum(sum(row) for row in counts)
    if total < FEWEST or len(counts) == 2:
        return say("validity.confusion", criterion=name)
    agreed = sum(row[place] for place, row in enumerate(counts))
    higher = sum(sum(row[place + 1 :]) for place, row in enumerate(counts))
    return say(
        "validity.same_level",
        criterion=name,
        agreed=_rate(agreed, total),
        higher=formatting.counted(higher),
        lower=formatting.counted(total - agreed - higher),
    )


def _error(row: tuple[int, ...], column: int, *, experts: Both, judge: Both) -> Both:
    return say("validity.error", experts=experts, judge=judge, rate=_rate(row[column], sum(row)))


def _rate(count: int, of: int) -> Both:
    """Write a count as a rate with its exact binomial interval."""
    ends = clopper_pearson(float(count), float(of), tail=_TAIL)
    return say(
        "validity.rate",
        count=formatting.counted(count),
        of=formatting.counted(of),
        rate=formatting.with_interval("share", count / of, (ends.low, ends.high)),
    )


def _confusion_table(counts: Sequence[tuple[int, ...]], levels: Sequence[Both]) -> Table:
    rows = [
        (
            level,
            *(formatting.count(count) for count in row),
            _rate(sum(row) - row[place], sum(row)) if sum(row) else formatting.NOTHING,
        )
        for place, (level, row) in enumerate(zip(levels, counts, strict=True))
    ]
    return Table(
        head=(say("validity.rows_experts"), *levels, say("validity.other_level")),
        rows=rows,
        numbers=range(1, len(levels) + 2),
    )


# Judge minus experts along the scale (Bland and Altman, 1986).


def _deviations_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    for place, finding in enumerate(calibration.results.overall):
        points = calibration.deviations.get(_series(finding), ())
        if points and finding.agreement and "bias" in finding.agreement.coefficients:
            yield _deviations_picture(report, finding, points, ident=f"deviations{place}")


def _deviations_picture(
    report: Report, finding: Finding, points: Sequence[Deviation], *, ident: str
) -> Picture:
    """Draw judge minus experts along the scale, with the bias and the limits of agreement."""
    total = sum(point.n for point in points)
    return picture(
        ident,
        partial(scatter_chart, picture=_deviations_plane(finding, points)),
        title=_deviations_title(report, finding, total),
        meta=worth(
            report, say("validity.deviations_method", n=formatting.counted(total)), corrected=None
        ),
        desc=say("validity.deviations_alt"),
        table=_deviations_table(points),
    )


def _deviations_title(report: Report, finding: Finding, n: int) -> Both:
    """Say on which side of zero the interval of the bias lies."""
    name = with_system(report, finding)
    bias = finding.agreement.coefficients["bias"] if finding.agreement else None
    if bias is None or n < FEWEST:
        return say("validity.deviations", criterion=name)
    key = "lenient" if bias.low > 0 else "severe" if bias.high < 0 else "no_bias"
    ends = formatting.bracket("mean", bias.low, bias.high)
    written = joined((formatting.change("mean", bias.value), same(ends)), " ", " ")
    return say(f"validity.{key}", criterion=name, bias=written)


def _deviations_plane(finding: Finding, points: Sequence[Deviation]) -> ScatterPicture:
    empty: Mapping[str, Number] = {}
    numbers = finding.agreement.coefficients if finding.agreement else empty
    lower, upper = numbers["lower_limit"].value, numbers["upper_limit"].value
    ends = (finding.scale.low, finding.scale.high)
    y_ends = around([*(point.difference for point in points), lower, upper, 0.0], least=1.0)
    return ScatterPicture(
        points=[ScatterPoint(x=point.mean, y=point.difference, n=point.n) for point in points],
        x_ends=ends,
        y_ends=y_ends,
        x_ticks=scale("mean", ends, most=10),
        y_ticks=scale("mean", y_ends),
        x_unit=say("validity.mean_of_both"),
        y_unit=say("validity.judge_minus_experts"),
        guides=(
            Guide(at=0.0, upright=False),
            Guide(at=numbers["bias"].value, upright=False, word=say("validity.bias"), strong=True),
            Guide(at=upper, upright=False, word=say("validity.upper_limit")),
            Guide(at=lower, upright=False, word=say("validity.lower_limit")),
        ),
        smallest=24.0,
    )


def _deviations_table(points: Sequence[Deviation]) -> Table:
    listed = sorted(points, key=lambda point: (point.mean, point.difference))
    return Table(
        head=say_all("validity", "mean_of_both", "judge_minus_experts", "items"),
        rows=[
            (
                formatting.value("mean", point.mean),
                formatting.change("mean", point.difference),
                formatting.count(point.n),
            )
            for point in listed
        ],
        numbers=range(3),
    )


# What more labels would give.


def _budget_pictures(report: Report, calibration: Calibration) -> Iterator[Picture]:
    for place, curve in enumerate(calibration.budgets):
        yield _budget_picture(report, curve, ident=f"budget{place}")


def _budget_picture(report: Report, curve: Curve, *, ident: str) -> Picture:
    """Draw how the interval narrows with labels, what there are now, and what is wanted."""
    return picture(
        ident,
        partial(scatter_chart, picture=_budget_plane(report, curve)),
        title=_budget_title(report, curve),
        meta=worth(report, say("validity.budget_method"), corrected=None),
        desc=say("validity.budget_alt"),
        table=_budget_table(report, curve),
    )


def _quantity(report: Report, curve: Curve) -> Both:
    title = report.criterion_title(None, curve.criterion)
    return say("validity.half_width", criterion=title, system=curve.system)


def _budget_title(report: Report, curve: Curve) -> Both:
    quantity = _quantity(report, curve)
    now = formatting.counted(curve.now)
    if curve.wanted is None:
        return say("validity.budget_now", quantity=quantity, now=now)
    wanted = formatting.value("share", curve.wanted)
    if curve.needed is None:
        return say("validity.budget_never", quantity=quantity, wanted=wanted)
    more = max(curve.needed - curve.now, 0)
    key = "validity.budget_more" if more else "validity.budget_enough"
    return say(key, quantity=quantity, wanted=wanted, more=formatting.counted(more))


def _budget_plane(report: Report, curve: Curve) -> ScatterPicture:
    x_ends = (0.0, float(max(labels for labels, _ in curve.points)))
    wanted = [] if curve.wanted is None else [curve.wanted]
    y_ends = around([0.0, *(value for _, value in curve.points), *wanted])
    guides = [Guide(at=curve.now, upright=True, word=say("validity.now"), strong=True)]
    if curve.wanted is not None:
        guides.append(Guide(at=curve.wanted, upright=False, word=say("validity.wanted")))
    return ScatterPicture(
        points=[ScatterPoint(x=labels, y=value, tie="curve") for labels, value in curve.points],
        x_ends=x_ends,
        y_ends=y_ends,
        x_ticks=scale("mean", x_ends),
        y_ticks=scale("share", y_ends),
        x_unit=say("validity.labels"),
        y_unit=_quantity(report, curve),
        guides=guides,
        smallest=24.0,
    )


def _budget_table(report: Report, curve: Curve) -> Table:
    return Table(
        head=(say("validity.labels"), _quantity(report, curve)),
        rows=[
            (formatting.count(labels), formatting.value("share", value))
            for labels, value in curve.points
        ],
        numbers=range(2),
    )


PICTURES: tuple[Callable[[Report, Calibration], Iterator[Picture]], ...] = (
    _correction_pictures,
    session_pictures,
    _agreement_pictures,
    _confusion_pictures,
    _deviations_pictures,
    reliability_pictures,
    _budget_pictures,
)
"""What draws the section's pictures, in the page's order. A new chart is one function in a file of
its own and one line here; docs/extending.md shows one."""
