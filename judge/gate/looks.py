"""How often the gate has looked at a candidate, at what risk it may look now, and what it needs.

A look is a state of the data: the verdicts and labels of both sides. To ask again about the same
state gives the same answer and is no new look; another name for the run, another policy and another
order of its checks are none either. What counts for a check is how many labels it had at each look:
a look at which it could not have passed, with no label against it, spends nothing of its risk.

How the risk is shared out, by looks or by planned labels, is fixed by the policy of a check's first
look. A policy that says otherwise at a later look does not change it: who has seen results could
choose the plan under which they pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil

import numpy as np

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import hard_floor, pairs_from_labels, plan_pairs
from calibration.planning import pilot_from_labels, plan_labels
from calibration.sequential import fewest_at_look, look_error, looks_that_count
from calibration.validation import MOST_LOOKS
from judge.gate.checks import NO_GROUP, CheckOutcome, GateReport, Risks
from judge.gate.paired import Paired, pair
from judge.policy import Check, Measure, Policy
from judge.records import Record
from judge.sides import Side
from judge.store.digests import LOOK, digest_of
from judge.store.run_contents import samples_of
from judge.store.store import Store

NO_RISK = 1e-6
"""Risk at which is tested when none is left: nothing passes at it that is not beyond doubt."""


class Look(Record):
    """One look at a candidate."""

    candidate: str
    """Digest of its responses."""
    state: str
    """Digest of the verdicts and labels of both sides."""
    policy: str
    """Title and version of the policy that was asked first."""
    labels: Mapping[str, int]
    """By criterion and group: labels that counted."""
    planned: Mapping[str, int] = {}
    """By criterion and group: labels that the policy planned, where it did."""
    looks: int | None = None
    """Looks that the policy planned; None where an older version wrote this down."""

    def plan_of(self, key: str) -> "Plan | None":
        """Give the plan under which a check was looked at; None where it was not, or not told."""
        if self.looks is None or key not in self.labels:
            return None
        return Plan(looks=self.looks, labels=self.planned.get(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the risk of a check is shared out: by looks, or by labels where these are planned."""

    looks: int
    labels: int | None = None

    def __str__(self) -> str:
        """Name what is planned."""
        return f"looks: {self.looks}" if self.labels is None else f"labels: {self.labels}"

    @property
    def most_looks(self) -> int:
        """Looks after which no risk is left."""
        return self.looks if self.labels is None else MOST_LOOKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The looks before this one.

    Attributes
    ----------
    earlier : tuple of mapping of str to int
        Labels at each earlier look, by criterion and group, oldest first.
    plans : mapping of str to Plan
        By criterion and group, the plan of the first look.
    """

    earlier: tuple[Mapping[str, int], ...] = ()
    plans: Mapping[str, Plan] = field(default_factory=dict[str, Plan])

    @property
    def number(self) -> int:
        """Number of the present look, from 1."""
        return len(self.earlier) + 1

    def risks(self, key: str, labels: int, *, check: Check, policy: Policy) -> Risks:
        """Give the risks at which a check may test now.

        Parameters
        ----------
        key : str
            Criterion and group, as `row_key` writes them.
        labels : int
            Labels that the check has now.
        check : Check
        policy : Policy
        """
        spent = self._spending(key, check=check, policy=policy)
        history = [look.get(key, 0) for look in self.earlier]
        counted, least = spent.counted(history)
        return Risks(
            passing=max(spent.risk([*counted, max(labels, least)]), NO_RISK),
            failing=max(spent.risk([*(n for n in history if n > 0), max(labels, 1)]), NO_RISK),
            look=len(counted) + 1,
            looks=spent.plan.most_looks,
            fewest=least,
        )

    def plan(self, key: str, *, check: Check, policy: Policy) -> Plan:
        """Give the plan of a check: that of its first look, else that of the policy."""
        return self.plans.get(key, Plan(looks=policy.looks, labels=check.labels))

    def next_risk(self, key: str, labels: int, *, check: Check, policy: Policy) -> float:
        """Give the risk of the look after the present one, supposed that half as many labels come.

        Parameters
        ----------
        key : str
        labels : int
            Labels that the check has now.
        check : Check
        policy : Policy

        Returns
        -------
        float
            0 where all looks will be used.
        """
        spent = self._spending(key, check=check, policy=policy)
        counted, least = spent.counted([*(look.get(key, 0) for look in self.earlier), labels])
        return spent.risk([*counted, max(1.5 * labels, least)])

    def _spending(self, key: str, *, check: Check, policy: Policy) -> "_Spending":
        plan = self.plan(key, check=check, policy=policy)
        return _Spending(check=check, error=policy.error, plan=plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spending:
    """The risk of one check over its looks."""

    check: Check
    error: float
    plan: Plan

    def counted(self, history: Sequence[int]) -> tuple[list[int], int]:
        """Give the looks that spent risk, and the fewest labels for the one after them."""
        fewest = partial(_fewest, self.check)
        looks, planned = self.plan.most_looks, self.plan.labels
        counted = looks_that_count(
            history, fewest=fewest, looks=looks, error=self.error, planned=planned
        )
        least = fewest_at_look(
            counted, fewest=fewest, looks=looks, error=self.error, planned=planned
        )
        return counted, least

    def risk(self, labels: Sequence[float]) -> float:
        """Give the risk of the last of these looks."""
        return look_error(
            labels, looks=self.plan.most_looks, error=self.error, planned=self.plan.labels
        )


def _fewest(check: Check, risk: float) -> int:
    return fewest_labels(check, error=risk)


def fewest_labels(check: Check, *, error: float) -> int:
    """Fewest labelled prompts with which a check can pass at all, if no label speaks against it.

    Parameters
    ----------
    check : Check
    error : float
        Risk of the limits.
    """
    measure = check.measured
    width = 1.0 if measure.kind == "gap" else measure.high - measure.low
    least = 1
    if check.margin:
        least = hard_floor(check.margin, error=error, width=width)
    if check.floor is None or measure.kind == "gap":
        return least
    room = abs(_best(measure) - check.floor) / width
    if 0.0 < room < 1.0:
        least = max(least, hard_floor(room, error=error))
    return least


def _best(measure: Measure) -> float:
    return measure.high if measure.higher_is_better else measure.low


def row_key(check: Check, group: str | None) -> str:
    """Name what labels of a check are counted by."""
    measure = check.measured
    return "\0".join((measure.kind, measure.rubric, measure.criterion, group or ""))


def state_of(baseline: str, candidate: str) -> str:
    """Hash the present state of the data of two sides, from the digests of both."""
    return digest_of((baseline, candidate))


def earlier_looks(store: Store, *, who: str, state: str) -> Looks:
    """Find the looks at a candidate in a store, up to the present state of the data.

    Parameters
    ----------
    store : Store
    who : str
        The candidate, by the digest of its responses.
    state : str
        From `state_of`.

    Returns
    -------
    Looks
        Those before this state.
    """
    states: dict[str, Look] = {}
    for look in _looks(store):
        if look.candidate == who:
            states.setdefault(look.state, look)
    names = list(states)
    before = [states[name] for name in (names[: names.index(state)] if state in states else names)]
    plans: dict[str, Plan] = {}
    # The plan of this very state counts, too: it may have been asked about under another policy.
    for look in states.values():
        plans |= {
            key: plan for key in look.labels if key not in plans and (plan := look.plan_of(key))
        }
    return Looks(earlier=tuple(look.labels for look in before), plans=plans)


def _looks(store: Store) -> list[Look]:
    found = [
        (at, Look.model_validate_json(body))
        for run in store.runs()
        for at, body in store.dated_documents(run, LOOK)
    ]
    return [look for _, look in sorted(found, key=lambda each: each[0])]


def overruled(policy: Policy, outcomes: Sequence[CheckOutcome], looks: Looks) -> list[str]:
    """Name the checks whose plan of looks or labels was changed after their first look."""
    checks = {check.name: check for check in policy.checks}
    changed: dict[str, Plan] = {}
    for each in outcomes:
        check = checks.get(each.name)
        if check is not None and check.measured.kind != "choice":
            held = looks.plan(row_key(check, each.group), check=check, policy=policy)
            if str(held) != str(Plan(looks=policy.looks, labels=check.labels)):
                changed.setdefault(each.name, held)
    return [
        f"{name}: the plan of its first look holds ({held}), not what the policy says now"
        for name, held in changed.items()
    ]


def keep_look(
    store: Store,
    candidate: Side,
    outcomes: Sequence[CheckOutcome],
    *,
    policy: Policy,
    of: tuple[str, str],
) -> None:
    """Write down that the candidate was looked at, unless this state was looked at before.

    Parameters
    ----------
    store : Store
        Of the candidate.
    candidate : Side
    outcomes : sequence of CheckOutcome
        With the labels that each check had.
    policy : Policy
    of : (str, str)
        Digests of the candidate and of the state, from `state_of`.
    """
    if any((look.candidate, look.state) == of for look in _looks(store)):
        return
    checks = {check.name: check for check in policy.checks}
    rows = {
        row_key(checks[each.name], each.group): (each.n_labelled, checks[each.name].labels)
        for each in outcomes
        if each.name in checks
    }
    look = Look(
        candidate=of[0],
        state=of[1],
        policy=f"{policy.title} {policy.version}",
        labels={key: labelled for key, (labelled, _) in rows.items()},
        planned={key: planned for key, (_, planned) in rows.items() if planned is not None},
        looks=policy.looks,
    )
    store.add_document(candidate.run, LOOK, look.model_dump_json())


# How many labels a check still needs, of which items, and what to type to get them.
#
# The numbers come from the plan that `cvalues plan-labels` makes: the gate itself, simulated on
# prompts like those that are labelled already, at the risk of the next look. A plan takes part of a
# second, so only the largest few checks that need labels get one; the others get the fewest that
# could do.

MOST_PLANS = 3
_MOST_NAMED = 3
_REPEATS = 100
"""Simulated gates of one plan."""
_PROMPTS = 1500
"""Prompts that a plan supposes at least, so that it can say that more are needed than there are."""


def next_steps(
    report: GateReport, policy: Policy, sides: tuple[Side, Side], *, looks: Looks
) -> GateReport:
    """Say of every check that needs labels how many, and what to type.

    Parameters
    ----------
    report : GateReport
    policy : Policy
    sides : (Side, Side)
        Baseline and candidate.
    looks : Looks
        Those before the present one.
    """
    checks = {check.name: check for check in policy.checks}
    waiting = [
        each
        for each in report.checks
        if each.decision == "NEED_LABELS" and _kind(checks.get(each.name)) in {"rate", "mean"}
    ]
    planned = {id(each) for each in sorted(waiting, key=lambda each: -each.n)[:MOST_PLANS]}
    needed: dict[int, int | None] = {}
    for each in waiting:
        known = each.labels_needed
        if known is None and id(each) in planned:
            check = checks[each.name]
            known = _planned(each, check, policy=policy, sides=sides, looks=looks)
        needed[id(each)] = known
    steps = {
        name: _step(
            [(each, needed[id(each)]) for each in waiting if each.name == name],
            sides,
            responses=report.responses,
        )
        for name in dict.fromkeys(each.name for each in waiting)
    }
    told = [
        each.model_copy(update={"labels_needed": needed[id(each)], "next_step": steps[each.name]})
        if id(each) in needed
        else each
        for each in report.checks
    ]
    return report.model_copy(update={"checks": tuple(told)})


def _kind(check: Check | None) -> str:
    return "" if check is None else check.measured.kind


def _step(
    rows: Sequence[tuple[CheckOutcome, int | None]], sides: tuple[Side, Side], *, responses: int
) -> str:
    """Say what to do about all rows of a check together; a draw is of all groups."""
    wanted = {outcome.group: _wanted(outcome, plan) for outcome, plan in rows}
    spent = [
        outcome
        for outcome, _ in rows
        if outcome.n_labelled >= outcome.n and wanted[outcome.group] <= outcome.n
    ]
    short = [outcome for outcome, _ in rows if wanted[outcome.group] > outcome.n]
    name = _named([outcome for outcome, _ in rows])
    awaited = sum(outcome.awaited for outcome, _ in rows)
    if awaited:
        runs = " or ".join(dict.fromkeys(side.run.name for side in sides))
        return (
            f"{name}: {awaited} labels that experts were asked for are missing; complete their "
            f"sheets, settle disputes, and import them: cvalues labels import FILE --run {runs}"
        )
    if spent:
        return (
            f"{_named(spent)}: every prompt is labelled, and the labels leave it open; judge more "
            "prompts, look at groups together, or allow a wider margin"
        )
    if short:
        most = max(short, key=lambda each: each.n)
        return (
            f"{_named(short)}: no labels on the prompts that there are can settle it: about "
            f"{wanted[most.group]} labelled prompts are needed where there are {most.n}; judge "
            "more prompts, look at groups together, or allow a wider margin"
        )
    more = max(
        ceil(max(wanted[each.group] - each.n_labelled, 1) * responses / max(each.n, 1))
        for each, _ in rows
    )
    commands = " && ".join(dict.fromkeys(_draw_more(side, more) for side in sides))
    return f"{name}: label about {more} more prompts for both releases: {commands}"


def _wanted(outcome: CheckOutcome, plan: int | None) -> int:
    """Give the labels to aim at: the plan, or half as many again where there are so many already.

    Labels that would let an equally good candidate pass may leave open what this one is.
    """
    target = max(plan or 0, outcome.fewest or 1)
    if target > outcome.n_labelled:
        return target
    return min(ceil(1.5 * outcome.n_labelled), max(outcome.n, outcome.n_labelled))


def _draw_more(side: Side, prompts: int) -> str:
    """Write the command that draws more prompts, for all systems of the run."""
    run = side.run.name
    systems = len(side.store.systems(side.run))
    how = "--add" if samples_of(side.store, side.run) else "--n"
    return f"cvalues sample {run} {how} {prompts * systems} --out {run}.xlsx"


def _named(outcomes: Sequence[CheckOutcome]) -> str:
    """Name a check with its groups: the first of them, and how many more there are."""
    groups = [each.group for each in outcomes if each.group is not None]
    if not groups:
        return outcomes[0].name
    rest = len(groups) - _MOST_NAMED
    more = f" +{rest}" if rest > 0 else ""
    return f"{outcomes[0].name} ({', '.join(groups[:_MOST_NAMED])}{more})"


def _planned(
    outcome: CheckOutcome,
    check: Check,
    *,
    policy: Policy,
    sides: tuple[Side, Side],
    looks: Looks,
) -> int | None:
    """Plan for the limits that were not reached; None where no number of labels is known."""
    part = _part(outcome, check, policy=policy, sides=sides)
    key = row_key(check, outcome.group)
    error = looks.next_risk(key, outcome.n_labelled, check=check, policy=policy)
    if error <= 0.0:
        return None
    most = 0
    try:
        if check.margin:
            most = max(most, _for_margin(part, check, error))
        if check.floor is not None and check.measured.kind == "rate":
            most = max(most, _for_floor(part, check, error))
    except (InsufficientLabels, UnusableJudge, ValueError):
        return None
    return most or None


def _part(
    outcome: CheckOutcome, check: Check, *, policy: Policy, sides: tuple[Side, Side]
) -> Paired:
    paired = pair(*sides, check.measured, clusters=policy.clusters, bound_only=policy.bound_labels)
    if outcome.group is None:
        return paired
    return paired.subset(None if outcome.group == NO_GROUP else outcome.group)


def _for_margin(part: Paired, check: Check, error: float) -> int:
    measure = check.measured
    pilot = pairs_from_labels(
        part.judge_candidate,
        part.human_candidate,
        part.judge_baseline,
        part.human_baseline,
        scale=(measure.low, measure.high),
    )
    plan = plan_pairs(
        pilot,
        margin=check.margin or 0.0,
        error=error,
        n_judged=max(len(part.prompts), _PROMPTS),
        repeats=_REPEATS,
    )
    return plan.prompts


def _for_floor(part: Paired, check: Check, error: float) -> int:
    floor = check.floor or 0.0
    judge, human = part.judge_candidate, part.human_candidate
    if not check.measured.higher_is_better:
        judge, human, floor = 1.0 - judge, 1.0 - human, 1.0 - floor
    pilot = pilot_from_labels(judge, human)
    judged = max(int((~np.isnan(judge)).sum()), _PROMPTS)
    plan = plan_labels(pilot, floor=floor, error=error, n_judged=judged)
    return plan.labels
