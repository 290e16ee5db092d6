"""A rubric that was searched for with experts' labels: what changed, what moved, what is proven."""

from judge.report import formatting
from judge.report.formatting import Section, Table
from judge.report.model import GainInterval, Improvement, ProvenCriterion, Report
from judge.report.texts import Both, same, say, say_all

MOST_MOVED = 50
"""Items that are listed; the rest is counted."""

_EMPTY = same("-")


def section(report: Report) -> Section | None:
    """Show the latest search of the run; None where there was none."""
    found = report.improvement
    if found is None:
        return None
    return Section(
        ident="improvement",
        title=say("improvement.title", rubric=found.old.id, old=found.old.version),
        lead=_lead(found),
        tables=[
            one for one in (_proof(report, found), _changes(found), _moved(report, found)) if one
        ],
        notes=list(_notes(found)),
    )


def _lead(found: Improvement) -> Both:
    if found.verdict == "BETTER" and found.new is not None:
        return say("improvement.better", new=found.new.version)
    if found.verdict == "WORSE":
        return say("improvement.worse")
    return say("improvement.not_shown" if found.criteria else "improvement.nothing")


def _proof(report: Report, found: Improvement) -> tuple[Both, Table] | None:
    if not found.criteria:
        return None
    head = say_all(
        "improvement",
        *("criterion", "verdict", "labels", "before", "after", "gain"),
        *("select", "shrinkage", "width"),
    )
    rows = tuple(
        (report.criterion_title(found.old.id, each.criterion), *_proof_row(each))
        for each in found.criteria
    )
    return say("improvement.proof"), Table(head=head, rows=rows, numbers=range(2, len(head)))


def _proof_row(each: ProvenCriterion) -> tuple[Both, ...]:
    return (
        say(f"improvement.is_{each.verdict.lower().replace(' ', '_')}"),
        formatting.count(each.n),
        formatting.percent(each.agreement_before),
        formatting.percent(each.agreement_after),
        _interval(each.gain),
        _points(each.select_gain),
        _points(each.shrinkage),
        _EMPTY if each.width_change is None else _interval(each.width_change),
    )


def _points(share: float | None) -> Both:
    return _EMPTY if share is None else formatting.change("share", share)


def _interval(found: GainInterval) -> Both:
    ends = (formatting.change("share", end).en for end in (found.value, found.low, found.high))
    return same("{} [{}, {}]".format(*ends))


def _changes(found: Improvement) -> tuple[Both, Table] | None:
    if not found.changes:
        return None
    rows = tuple(
        (
            same(change.at),
            _EMPTY if change.before is None else same(change.before),
            _EMPTY if change.after is None else same(change.after),
        )
        for change in found.changes
    )
    head = say_all("improvement", "place", "text_before", "text_after")
    return say("improvement.changes"), Table(head=head, rows=rows)


def _moved(report: Report, found: Improvement) -> tuple[Both, Table] | None:
    if not found.moved:
        return None
    ordered = sorted(found.moved, key=lambda each: (each.better, each.criterion, each.id))
    systems = len({each.system for each in found.moved}) > 1
    criteria = len({each.criterion for each in found.moved}) > 1
    rows = tuple(
        (
            same(each.id),
            *([same(each.system)] if systems else []),
            *([report.criterion_title(found.old.id, each.criterion)] if criteria else []),
            same(f"{each.experts:g}"),
            _EMPTY if each.before is None else same(str(each.before)),
            _EMPTY if each.after is None else same(str(each.after)),
            say("improvement.nearer" if each.better else "improvement.farther"),
        )
        for each in ordered[:MOST_MOVED]
    )
    names = ("item", *(["system"] if systems else []), *(["criterion"] if criteria else []))
    head = say_all("improvement", *names, "experts", "level_before", "level_after", "now")
    numbers = range(len(names), len(names) + 3)
    return say("improvement.moved"), Table(head=head, rows=rows, numbers=numbers)


def _notes(found: Improvement) -> list[Both]:
    nearer = sum(each.better for each in found.moved)
    notes: list[Both] = []
    if found.simulated:
        notes.append(say("improvement.simulated"))
    if found.moved:
        counts = {"nearer": str(nearer), "farther": str(len(found.moved) - nearer)}
        notes.append(say("improvement.counted", **counts))
    if len(found.moved) > MOST_MOVED:
        notes.append(say("improvement.more", count=str(len(found.moved) - MOST_MOVED)))
    notes.append(
        say(
            "improvement.search",
            candidates=str(max(len(found.candidates) - 1, 0)),
            model=found.reflection_model or say("improvement.no_model"),
            partition=found.partition.digest[:12],
        )
    )
    sizes = {part: str(count) for part, count in found.partition.sizes.items()}
    notes.append(say("improvement.parts", **sizes))
    if found.look is not None:
        notes.append(say("improvement.look", look=str(found.look), looks=str(found.looks)))
    if found.verdict == "BETTER":
        notes.append(say("improvement.void"))
    return notes
