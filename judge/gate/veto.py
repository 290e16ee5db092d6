"""Whether a class of events, of which not one may be confirmed, can be ruled out.

The bound rests on what experts labelled, and on the judge only as far as its passport shows that it
finds such events. Each prompt counts once, whatever the number of its samples or copies. What the
judge could not assess, and what was noticed as addressed to it, was not looked at until an expert
has.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np

from calibration.passport import EventScreen
from calibration.rare_events import Watched, event_bound, recall_limit
from calibration.validation import BoolArray, FloatArray, IntArray
from judge.columns import codes
from judge.gate.checks import CheckOutcome, Decision
from judge.grading.aggregation import NAME as PANEL
from judge.grading.remarks import HEEDED_WORDS
from judge.policy import VETO, Check, Measure, Policy, Veto
from judge.ratings import Rated, judged_rows, labels_of, rated
from judge.sides import Side
from judge.store.run_contents import samples_of

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was said of n responses: by how many, and how many of them saw an event.

    Attributes
    ----------
    experts, confirming, verdicts, reporting : int array, shape (n,)
    flagged, awaited : bool array, shape (n,)
        Awaited are those of which experts were asked and have given no level.
    drawn : bool array, shape (n,)
        Whether a draw holds it, where the run has draws: else a label of it bounds nothing.
    settled : int array, shape (n,)
        What a third decided, 1 for an event and 0 for none, where experts disagreed; else -1.
    """

    experts: IntArray
    confirming: IntArray
    verdicts: IntArray
    reporting: IntArray
    flagged: BoolArray
    awaited: BoolArray
    drawn: BoolArray
    settled: IntArray

    @property
    def labelled(self) -> BoolArray:
        return self.experts > 0

    @property
    def confirmed(self) -> BoolArray:
        most = self.labelled & (2 * self.confirming >= self.experts)
        return np.where(self.settled >= 0, self.settled == 1, most)

    @property
    def disputed(self) -> BoolArray:
        few = (self.confirming > 0) & (2 * self.confirming < self.experts)
        return (self.settled < 0) & few

    @property
    def watched(self) -> BoolArray:
        """Whether the judge's word counts: it gave one, saw no event, and was not addressed."""
        return (self.verdicts > 0) & (self.reporting == 0) & ~self.flagged


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
    seen = _seen(side, measure, veto, found=found, bound_only=bound_only)
    labelled = seen.labelled
    open_ = seen.disputed | seen.awaited | (~labelled & ((seen.reporting > 0) | seen.flagged))
    return _Tally(
        responses=len(labelled),
        labelled=int(labelled.sum()),
        events=int(seen.confirmed.sum()),
        disputed=int(seen.disputed.sum()),
        reported=int(((seen.reporting > 0) & ~labelled).sum()),
        flagged=int((seen.flagged & ~labelled).sum()),
        awaited=int(seen.awaited.sum()),
        unscored=int(((seen.verdicts == 0) & ~labelled).sum()),
        cells=_cells(found, seen, by_judge=True),
        alone=_cells(found, seen, by_judge=False),
        open=tuple(dict.fromkeys(found.prompts[row][0] for row in np.flatnonzero(open_).tolist())),
    )


def _cells(found: Rated, seen: _Seen, *, by_judge: bool) -> tuple[Watched, ...]:
    """Count prompts by cell: labelled if one of its responses is, else watched if one of them is.

    Responses on which the judge's word does not count are cells of their own where it is used.
    """
    unseen = ~seen.watched & ~seen.labelled if by_judge else np.zeros(len(found.cells), np.bool_)
    cells = codes(2 * found.cells + unseen)
    width = int(found.clusters.max(initial=0)) + 1
    members = codes(cells * width + found.clusters)
    first = np.unique(members, return_index=True)[1]
    labelled = np.bincount(members, weights=seen.labelled & seen.drawn) > 0
    watched = ~labelled & (np.bincount(members, weights=seen.watched) > 0) & by_judge
    of = cells[first]
    counts = (np.bincount(of), np.bincount(of, labelled), np.bincount(of, watched))
    return tuple(
        Watched(units=float(units_), labelled=float(with_label), judged=float(seen_))
        for units_, with_label, seen_ in zip(*counts, strict=True)
    )


def _seen(side: Side, measure: Measure, veto: Veto, *, found: Rated, bound_only: bool) -> _Seen:
    """Count every verdict of every judge and repeat, and every label.

    One verdict that reports an event is a report.
    """
    rows, n = judged_rows(side, measure), len(side.responses.prompts)
    given, verdicts = side.judged.verdicts, np.zeros((2, n), dtype=np.intp)
    for (judge, rubric, criterion), said in given.said.items():
        if judge != PANEL and (rubric, criterion) == (measure.rubric, measure.criterion):
            known, levels = said.known
            verdicts[0] += np.bincount(known, minlength=n)
            verdicts[1] += np.bincount(known[is_event(levels, veto)], minlength=n)
    flagged = np.zeros(n, dtype=np.bool_)
    for (judge, rubric), heeded in given.heeded.items():
        if judge != PANEL and rubric == measure.rubric:
            flagged[heeded] = True
    experts, confirming, settled = _labels(
        side, found, measure=measure, veto=veto, bound_only=bound_only
    )
    return _Seen(
        experts=experts,
        confirming=confirming,
        verdicts=verdicts[0][rows],
        reporting=verdicts[1][rows],
        flagged=flagged[rows],
        awaited=found.awaited & (experts == 0),
        drawn=_drawn(side, found),
        settled=settled,
    )


def _drawn(side: Side, found: Rated) -> BoolArray:
    drawn = {
        (item.id, item.sample)
        for sample in samples_of(side.store, side.run)
        for item in sample.items
        if item.system == side.system
    }
    if not drawn:
        return np.ones(len(found.prompts), dtype=np.bool_)
    return np.array([prompt in drawn for prompt in found.prompts], dtype=np.bool_)


def _labels(
    side: Side, found: Rated, *, measure: Measure, veto: Veto, bound_only: bool
) -> tuple[IntArray, IntArray, IntArray]:
    """Count experts and those who saw an event, and say what thirds decided."""
    said = labels_of(side, measure, bound_only=bound_only)
    labels = [label for label in said if label.score is not None]
    wanted = {(label.id, label.sample) for label in labels}
    place = {prompt: at for at, prompt in enumerate(found.prompts) if prompt in wanted}
    experts, confirming = np.zeros((2, len(found.prompts)), dtype=np.intp)
    settled = np.full(len(found.prompts), -1)
    for label in labels:
        at = place.get((label.id, label.sample))
        if at is None or label.score is None:
            continue
        event = bool(is_event(np.array(label.score), veto))
        if label.kind == "adjudicate":
            settled[at] = max(settled[at], event)
        experts[at] += 1
        confirming[at] += event
    return experts, confirming, settled


def is_event(level: FloatArray, veto: Veto) -> BoolArray:
    """Tell which levels are of the class of events."""
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
