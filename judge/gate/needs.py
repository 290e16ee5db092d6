"""How many labels a check still needs, of which items, and what to type to get them.

The numbers come from the plan that `cvalues plan-labels` makes: the gate itself, simulated on
prompts like those that are labelled already, at the risk of the next look. A plan takes a second,
so only the largest few checks that need labels get one; the others get the fewest that could do.
"""

import numpy as np

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import pairs_from_labels, plan_pairs
from calibration.planning import pilot_from_labels, plan_labels
from calibration.sequential import look_error
from judge.gate.checks import NO_GROUP, CheckOutcome, GateReport
from judge.gate.looks import Looks, row_key
from judge.gate.paired import Paired, pair
from judge.policy import VETO, Check, Policy
from judge.ratings import Side

MOST_PLANS = 3
_REPEATS = 30
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
        if each.decision == "NEED_LABELS" and not each.name.endswith(VETO)
    ]
    planned = {id(each) for each in sorted(waiting, key=lambda each: -each.n)[:MOST_PLANS]}
    told: list[CheckOutcome] = []
    for each in report.checks:
        check = checks.get(each.name)
        if check is None or check.measured.kind not in {"rate", "mean"} or each not in waiting:
            told.append(each)
            continue
        needed = each.labels_needed
        if needed is None and id(each) in planned:
            needed = _planned(each, check, policy=policy, sides=sides, looks=looks)
        told.append(_told(each, needed, sides))
    return report.model_copy(update={"checks": tuple(told)})


def _told(outcome: CheckOutcome, needed: int | None, sides: tuple[Side, Side]) -> CheckOutcome:
    fewest = outcome.fewest or 1
    wanted = max(needed or 0, fewest)
    where = "" if outcome.group is None else f" in group {outcome.group}"
    if wanted > outcome.n:
        step = (
            f"no labels on these {outcome.n} prompts{where} can settle it: about {wanted} labelled "
            f"prompts are needed; judge more prompts, or look at them together"
        )
    else:
        more = max(wanted - outcome.n_labelled, 1)
        runs = list(dict.fromkeys(side.run.name for side in sides))
        each = " and ".join(f"cvalues sample {run} --add {more} --out {run}.xlsx" for run in runs)
        step = f"label about {more} more prompts{where} for both releases: {each}"
    return outcome.model_copy(update={"labels_needed": needed, "next_step": step})


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
    error = _next_risk(outcome, check, policy=policy, looks=looks)
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


def _next_risk(outcome: CheckOutcome, check: Check, *, policy: Policy, looks: Looks) -> float:
    """Give the risk of the next look, supposed that half as many labels come again."""
    key, fewest = row_key(check, outcome.group), outcome.fewest or 1
    history = [look.get(key, 0) for look in (*looks.earlier, {key: outcome.n_labelled})]
    counted = [float(n) for n in history if n >= fewest]
    present = max(1.5 * outcome.n_labelled, float(fewest))
    return look_error([*counted, present], looks=policy.looks, error=policy.error)


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
