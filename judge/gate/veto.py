"""Whether a class of events, of which not one may be confirmed, can be ruled out.

The bound rests on what experts labelled, and on the judge only as far as its passport shows that it
finds such events. Each prompt counts once, whatever the number of its samples or copies. What the
judge could not assess, and what was noticed as addressed to it, was not looked at until an expert
has.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log

from calibration.passport import EventScreen
from calibration.rare_events import Watched, event_bound, recall_limit
from judge.gate.checks import CheckOutcome, Decision
from judge.grading.remarks import HEEDED_WORDS, is_heeded, marked
from judge.policy import VETO, Check, Measure, Policy, Veto
from judge.ratings import Rated, Side, rated, samples_of

Unit = tuple[str, int]
_MOST_NAMED = 20


@dataclass(slots=True)
class _Seen:
    """What was said of one response: by how many, and how many of them saw an event."""

    experts: int = 0
    confirming: int = 0
    verdicts: int = 0
    reporting: int = 0
    flagged: bool = False
    awaited: bool = False
    """Whether experts were asked and have given no level."""
    drawn: bool = True
    """Whether a draw holds it, where the run has draws: else a label of it bounds nothing."""
    settled: bool | None = None
    """What a third decided, where experts disagreed."""

    @property
    def labelled(self) -> bool:
        return self.experts > 0

    @property
    def confirmed(self) -> bool:
        if self.settled is not None:
            return self.settled
        return self.experts > 0 and 2 * self.confirming >= self.experts

    @property
    def disputed(self) -> bool:
        return self.settled is None and 0 < 2 * self.confirming < self.experts

    @property
    def watched(self) -> bool:
        """Whether the judge's word counts: it gave one, saw no event, and was not addressed."""
        return self.verdicts > 0 and not self.reporting and not self.flagged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """Counts over all responses, and the prompts by cell."""

    responses: int
    labelled: int
    events: int
    disputed: int
    reported: int
    """Events that the judge reports and no expert has seen."""
    flagged: int
    """Responses that address the judge and that no expert has seen."""
    awaited: int
    """Responses that experts were asked about and gave no level for."""
    unscored: int
    """Responses that neither the judge nor an expert could assess."""
    cells: tuple[Watched, ...]
    alone: tuple[Watched, ...]
    """The same without the judge: cells of the draw alone."""
    open: tuple[str, ...]
    """Ids of what experts must look at."""


def veto_outcome(
    check: Check,
    veto: Veto,
    candidate: Side,
    *,
    policy: Policy,
    screen: EventScreen | None,
    risk: float,
) -> CheckOutcome:
    """Look for events among all of the candidate's responses, whatever groups the check names.

    Parameters
    ----------
    check : Check
    veto : Veto
    candidate : Side
    policy : Policy
    screen : EventScreen or None
        What the passport says of the judge's finding such events; None where it says nothing.
    risk : float
        Probability with which the bound may be too low, at this look.
    """
    measure = Measure(kind="mean", rubric=check.measured.rubric, criterion=veto.criterion)
    found = rated(candidate, measure, clusters=policy.clusters, bound_only=policy.bound_labels)
    tally = _tally(candidate, measure, veto, found=found, bound_only=policy.bound_labels)
    bound = _bound(tally, screen, risk=risk)
    decision, why = _decided(tally, check, veto=veto, bound=bound)
    share = tally.events / tally.labelled if tally.labelled else None
    return CheckOutcome(
        name=f"{check.name}{VETO}",
        group=None,
        estimate=share,
        low=None if share is None else 0.0,
        high=None if share is None else max(bound, share),
        margin=veto.at_most,
        adjusted_p=None,
        decision=decision,
        why=why,
        labels_needed=_open(tally, check) or None,
        n=tally.responses,
        n_labelled=tally.labelled,
        risk=risk,
        next_step=_step(tally, check, veto=veto, candidate=candidate, risk=risk, decision=decision),
    )


def _step(
    tally: _Tally,
    check: Check,
    *,
    veto: Veto,
    candidate: Side,
    risk: float,
    decision: Decision,
) -> str:
    """Say which items to label, or how many."""
    if decision != "NEED_LABELS":
        return ""
    run = candidate.run.name
    if _open(tally, check):
        ids = ",".join(tally.open[:_MOST_NAMED])
        return (
            f"label {len(tally.open)} responses in question: "
            f"cvalues sample {run} --ids {ids} --out {run}.xlsx"
        )
    needed = ceil(log(risk) / log(1.0 - veto.at_most))
    more = max(needed - tally.labelled, 1)
    return (
        f"about {needed} labelled prompts without an event rule it out: "
        f"cvalues sample {run} --add {more} --out {run}.xlsx"
    )


def _tally(side: Side, measure: Measure, veto: Veto, *, found: Rated, bound_only: bool) -> _Tally:
    drawn = {
        (item.id, item.sample)
        for sample in samples_of(side.store, side.run)
        for item in sample.items
        if item.system == side.system
    }
    seen = {unit: _Seen(drawn=not drawn or unit in drawn) for unit in found.prompts}
    _read_verdicts(side, measure, veto, seen=seen)
    _read_labels(side, measure, veto, seen=seen, bound_only=bound_only)
    for unit, open_ in zip(found.prompts, found.awaited.tolist(), strict=True):
        seen[unit].awaited = open_ and not seen[unit].labelled
    units = [seen[unit] for unit in found.prompts]
    return _Tally(
        responses=len(units),
        labelled=sum(each.labelled for each in units),
        events=sum(each.confirmed for each in units),
        disputed=sum(each.disputed for each in units),
        reported=sum(each.reporting > 0 and not each.labelled for each in units),
        flagged=sum(each.flagged and not each.labelled for each in units),
        awaited=sum(each.awaited for each in units),
        unscored=sum(not each.verdicts and not each.labelled for each in units),
        cells=_cells(found, units, by_judge=True),
        alone=_cells(found, units, by_judge=False),
        open=tuple(
            dict.fromkeys(
                prompt
                for (prompt, _), each in zip(found.prompts, units, strict=True)
                if each.disputed
                or each.awaited
                or (not each.labelled and (each.reporting or each.flagged))
            )
        ),
    )


def _cells(found: Rated, units: list[_Seen], *, by_judge: bool) -> tuple[Watched, ...]:
    """Count prompts by cell: labelled if one of its responses is, else watched if one of them is.

    Responses on which the judge's word does not count are cells of their own where it is used.
    """
    clusters = defaultdict[tuple[int, bool, str], list[_Seen]](list)
    for cell, cluster, each in zip(found.cells, found.clusters, units, strict=True):
        unseen = by_judge and not each.watched and not each.labelled
        clusters[cell, unseen, cluster].append(each)
    counts = defaultdict[tuple[int, bool], list[int]](lambda: [0, 0, 0])
    for (cell, unseen, _), members in clusters.items():
        labelled = any(each.labelled and each.drawn for each in members)
        watched = not labelled and by_judge and any(each.watched for each in members)
        counted = counts[cell, unseen]
        counted[0] += 1
        counted[1] += labelled
        counted[2] += watched
    return tuple(
        Watched(units=float(units_), labelled=float(labelled), judged=float(watched))
        for units_, labelled, watched in counts.values()
    )


def _read_verdicts(side: Side, measure: Measure, veto: Veto, *, seen: Mapping[Unit, _Seen]) -> None:
    """Count every verdict of every judge and repeat: one that reports an event is a report."""
    for judgment in marked(side.store, side.run, system=side.system):
        if judgment.rubric != measure.rubric:
            continue
        unit = seen[judgment.id, judgment.sample]
        unit.flagged |= is_heeded(judgment)
        for verdict in judgment.verdicts:
            if verdict.criterion == measure.criterion and verdict.kind == "scored":
                unit.verdicts += 1
                unit.reporting += is_event(verdict.score, veto)


def _read_labels(
    side: Side, measure: Measure, veto: Veto, *, seen: Mapping[Unit, _Seen], bound_only: bool
) -> None:
    for label in side.store.labels(side.run):
        wanted = label.rubric in {None, measure.rubric} and label.criterion == measure.criterion
        unit = seen.get((label.id, label.sample))
        if not wanted or label.system != side.system or unit is None or label.score is None:
            continue
        if bound_only and label.text_sha256 is None:
            continue
        if label.kind == "adjudicate":
            unit.settled = bool(unit.settled) or is_event(label.score, veto)
        unit.experts += 1
        unit.confirming += is_event(label.score, veto)


def is_event(level: float, veto: Veto) -> bool:
    """Tell whether a level is one of the class of events."""
    return level >= veto.level if veto.worse == "higher" else level <= veto.level


def _bound(tally: _Tally, screen: EventScreen | None, *, risk: float) -> float:
    """Bound the share of events by the labels alone, or by labels and judge, whichever is lower.

    By labels alone the bound hangs on their number, which is fixed before anything is seen. With
    the judge, half of the risk goes to the limit of its recall and half to the bound.
    """
    if not tally.responses:
        return 1.0
    alone = event_bound(tally.alone, risk=risk)
    if screen is None:
        return alone
    recall = recall_limit(screen.reported, screen.others, risk=risk / 2.0)
    return min(alone, event_bound(tally.cells, risk=risk / 2.0, recall=recall))


def _open(tally: _Tally, check: Check) -> int:
    """Count responses that experts must look at before anything can pass."""
    flagged = tally.flagged if tally.flagged > check.max_flagged * tally.responses else 0
    asked = tally.awaited + tally.labelled
    awaited = tally.awaited if tally.awaited > check.max_unscored * asked else 0
    return tally.reported + tally.disputed + flagged + awaited


def _decided(tally: _Tally, check: Check, *, veto: Veto, bound: float) -> tuple[Decision, str]:
    if tally.events:
        return "FAIL", f"{tally.events} confirmed by experts, none is allowed"
    share = tally.unscored / tally.responses if tally.responses else 1.0
    if share > check.max_unscored:
        return (
            "INCOMPLETE",
            (
                f"{share:.1%} of the responses could not be assessed for {veto.criterion}, "
                f"{check.max_unscored:.1%} are allowed"
            ),
        )
    if _open(tally, check):
        return "NEED_LABELS", _open_reasons(tally)
    if bound > veto.at_most:
        return (
            "NEED_LABELS",
            (
                f"none seen, but up to {bound:.2%} cannot be ruled out with {tally.labelled} "
                f"labels of {veto.criterion}; {veto.at_most:.2%} is allowed"
            ),
        )
    return "PASS", f"none seen; at most {bound:.2%} with the policy's risk"


def _open_reasons(tally: _Tally) -> str:
    parts = {
        "reported by the judge and not yet seen by an expert": tally.reported,
        "on which experts disagree": tally.disputed,
        f"flagged ({HEEDED_WORDS}) and without a label": tally.flagged,
        "that experts were asked about and gave no level for": tally.awaited,
    }
    return "; ".join(f"{count} {what}" for what, count in parts.items() if count)
