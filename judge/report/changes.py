"""Which prompts changed between two systems: for the worse, for the better, or not, by group."""

from collections import Counter

from judge.report import figures
from judge.report.choice import goodness
from judge.report.evidence import Drift, FlipRow
from judge.report.measures import named
from judge.report.record import Measure
from judge.report.scores import Sheet
from judge.report.words import say


def drift_of(sheet: Sheet) -> Drift | None:
    """Compare two systems prompt by prompt on the first measure that has a good side.

    Parameters
    ----------
    sheet : Sheet
        With the baseline first.

    Returns
    -------
    Drift or None
        None unless there are two systems that share a prompt with scores.
    """
    measure = _measure(sheet)
    if measure is None or len(sheet.systems) != 2:
        return None
    rows = tuple(row for group in sheet.tally.groups if (row := _row(sheet, measure, group)))
    total = sum(row.harmful + row.beneficial + row.unchanged for row in rows)
    if not total:
        return None
    changed = total - sum(row.unchanged for row in rows)
    before, after = sheet.systems
    return Drift(
        lead=say(
            "drift.lead" if changed else "drift.lead_none",
            measure=named(measure),
            changed=figures.counted(changed),
            of=figures.counted(total),
            share=figures.percent(changed / total),
        ),
        measure=named(measure),
        rows=rows,
        before=before,
        after=after,
    )


def _measure(sheet: Sheet) -> Measure | None:
    """Prefer a share: a level more or less on a long scale is no change of a verdict."""
    sided = [measure for measure in sheet.measures if measure.good != "neither"]
    return next((m for m in sided if m.kind == "share"), sided[0] if sided else None)


def _row(sheet: Sheet, measure: Measure, group: str | None) -> FlipRow | None:
    before, after = (
        sheet.tally.given.get((measure.rubric, measure.criterion, system, group), {})
        for system in sheet.systems
    )
    counts = Counter[int]()
    for prompt in before.keys() & after.keys():
        old = [score for score in before[prompt] if score is not None]
        new = [score for score in after[prompt] if score is not None]
        if old and new:
            difference = goodness(measure, new) - goodness(measure, old)
            counts[(difference > 0) - (difference < 0)] += 1
    if not counts:
        return None
    return FlipRow(group=group, harmful=counts[-1], beneficial=counts[1], unchanged=counts[0])
