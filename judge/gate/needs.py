"""How many labels a check still needs, of which items, and what to type to get them.

The numbers come from the plan that `cvalues plan-labels` makes: the gate itself, simulated on
prompts like those that are labelled already, at the risk of the next look. A plan takes part of a
second, so only the largest few checks that need labels get one; the others get the fewest that
could do.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import pairs_from_labels, plan_pairs
from calibration.planning import pilot_from_labels, plan_labels
from judge.gate.checks import NO_GROUP, CheckOutcome, GateReport
from judge.gate.looks import Looks, row_key
from judge.gate.paired import Paired, pair
from judge.policy import Check, Policy
from judge.ratings import Side, samples_of

MOST_PLANS = 3
_MOST_NAMED = 3
_REPEATS = 100
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
