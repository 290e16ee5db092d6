"""The release gate: checks on an expert-calibrated interval, with a margin set beforehand.

For each check and group there are three answers. PASS: with at most the policy's risk of being
wrong, the candidate is not worse than the baseline by the margin and reaches the floor. FAIL: it is
shown to be worse than that. NEED_LABELS: neither.

Passing asks that every group passes, so it needs no correction for their number (an
intersection-union test). Failing asks for one, so the p-values of "worse by more than the margin"
are adjusted by Holm (1979) over the groups of a check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.bias import holm
from calibration.intervals import clopper_pearson
from calibration.passport import load_passport
from calibration.validation import BoolArray, FloatArray
from judge.calibrate.passport import distrust
from judge.errors import ConfigError
from judge.gate.checks import CheckOutcome, Claim, Decision, GateReport, Material, claim, overall
from judge.gate.mc_answers import paired_answers
from judge.gate.paired import Paired, pair
from judge.grading.canaries import SOURCE, canary_run, compare
from judge.policy import MOST_UNSCORED, VETO, Check, Measure, Policy, Veto, Waiver
from judge.ratings import Side, find_side, rated
from judge.records import Counts, Provenance, worst
from judge.run.run import counts

if TYPE_CHECKING:
    from judge.store.store import Store


def decide(
    baseline: Side,
    candidate: Side,
    policy: Policy,
    *,
    counts: Counts,
    distrust: Sequence[str] = (),
    answers: tuple[Path, Path] | None = None,
    allow_simulated: bool = True,
) -> GateReport:
    """Put a candidate before a policy.

    Parameters
    ----------
    baseline, candidate : Side
    policy : Policy
    counts : Counts
        Of both runs together.
    distrust : sequence of str
        Reasons why the judge is not to be believed; empty for a valid passport.
    answers : (Path, Path), optional
        Multi-choice answers of baseline and candidate, for the checks that rest on them.
    allow_simulated : bool
        Let simulated verdicts and answers stand; without it nothing that rests on them is trusted.

    Returns
    -------
    GateReport

    Raises
    ------
    ConfigError
        If the sides cannot be compared, or lack what a check measures.
    """
    outcomes: list[CheckOutcome] = []
    stamps: set[Provenance] = set()
    chosen = _choices(policy, answers, systems=(baseline.system, candidate.system))
    for check in policy.checks:
        kind = check.measured.kind
        judged = (
            None
            if kind == "choice"
            else pair(baseline, candidate, check.measured, clusters=policy.clusters)
        )
        used = [each for each in (judged, chosen if kind in {"choice", "gap"} else None) if each]
        stamps |= {each.provenance for each in used}
        found = _outcomes(check, used, policy)
        if check.veto is not None:
            found.append(_veto_outcome(check, check.veto, candidate, error=policy.error))
        outcomes += [_distrusted(each, distrust) for each in found] if judged else found
    said = tuple(distrust)
    if "SIMULATED" in stamps and not allow_simulated and not said:
        said = ("the verdicts are SIMULATED; --allow-simulated shows a demonstration.",)
        outcomes = [_distrusted(each, said) for each in outcomes]
    outcomes = [_waived(outcome, policy.waivers) for outcome in outcomes]
    return GateReport(
        decision=overall(outcomes),
        provenance=worst(stamps),
        advisory=policy.advisory,
        baseline=baseline.name,
        candidate=candidate.name,
        policy=policy.title,
        checks=tuple(outcomes),
        counts=counts,
        trust="; ".join(said),
    )


def _choices(
    policy: Policy, answers: tuple[Path, Path] | None, *, systems: tuple[str, str]
) -> Paired | None:
    """Read the multi-choice answers where a check rests on them."""
    asking = [check.name for check in policy.checks if check.measured.kind in {"choice", "gap"}]
    if not asking:
        return None
    if answers is None:
        raise ConfigError(
            f"check {asking[0]!r} rests on multi-choice answers; give --baseline-answers and "
            "--candidate-answers, the files of cvalues mc --answers-out."
        )
    return paired_answers(*answers, systems=systems)


def _distrusted(outcome: CheckOutcome, reasons: Sequence[str]) -> CheckOutcome:
    if not reasons:
        return outcome
    return outcome.model_copy(update={"decision": "UNTRUSTED", "why": reasons[0]})


def _waived(outcome: CheckOutcome, waivers: Sequence[Waiver]) -> CheckOutcome:
    """Take a failure that its owner answers for out of the decision, and say so."""
    for waiver in waivers:
        applies = waiver.check == outcome.name and waiver.group in {None, outcome.group}
        if applies and outcome.decision in {"FAIL", "NEED_LABELS"}:
            why = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
            return outcome.model_copy(update={"waived": True, "why": f"{outcome.why}; {why}"})
    return outcome


def _outcomes(check: Check, used: Sequence[Paired], policy: Policy) -> list[CheckOutcome]:
    claims = [
        claim(check, _material(used, group), group=group, policy=policy)
        for group in _groups(check, used)
    ]
    adjusted = iter(holm([each.worse_p for each in claims if each.worse_p is not None]))
    return [
        _outcome(
            check,
            each,
            adjusted=None if each.worse_p is None else next(adjusted),
            error=policy.error,
        )
        for each in claims
    ]


def _material(used: Sequence[Paired], group: str | None) -> Material:
    parts = [each if group is None else each.subset(group) for each in used]
    return Material(part=parts[0], knowing=parts[1] if len(parts) > 1 else None)


def _groups(check: Check, used: Sequence[Paired]) -> Sequence[str | None]:
    """List the groups to be looked at; None stands for all together."""
    if check.groups == "all":
        return (None,)
    known = sorted(
        group
        for group in {each for each in used[0].groups if each is not None}
        if all(group in each.groups for each in used)
    )
    wanted = known if check.groups == "each" else list(check.groups)
    unknown = [group for group in wanted if group not in known]
    if unknown or not wanted:
        raise ConfigError(
            f"check {check.name!r} asks for the groups {', '.join(unknown) or 'of the prompts'}, "
            f"the runs have {', '.join(known) or 'none'}."
        )
    return wanted


def _outcome(check: Check, claim: Claim, *, adjusted: float | None, error: float) -> CheckOutcome:
    shown_worse = adjusted is not None and adjusted <= error
    decision = "FAIL" if shown_worse and claim.decision == "NEED_LABELS" else claim.decision
    estimate, level = claim.estimate, claim.level
    return CheckOutcome(
        name=check.name,
        group=claim.group,
        estimate=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        margin=check.margin,
        adjusted_p=adjusted,
        decision=decision,
        why=claim.why,
        labels_needed=claim.labels_needed if decision == "NEED_LABELS" else None,
        floor=check.floor,
        level=(level.value, level.low, level.high) if level else None,
        worst=claim.worst,
        best=claim.best,
        n=claim.n,
        n_labelled=estimate.n_labelled if estimate else 0,
    )


def _veto_outcome(check: Check, veto: Veto, candidate: Side, *, error: float) -> CheckOutcome:
    """Look for events among the candidate's responses.

    An event that experts confirm fails the gate. One that only the judge reports needs a label.
    Without any, the share of events is bounded from above: with n responses and a risk of 5 % by
    about 3/n (the rule of three; Hanley & Lippman-Hand 1983, JAMA 249, 1743-1745).
    """
    measure = Measure(kind="mean", rubric=check.measured.rubric, criterion=veto.criterion)
    found = rated(candidate, measure)
    judged, confirmed = _events(found.raw, veto), _events(found.human, veto)
    looked_at = ~np.isnan(found.raw) | ~np.isnan(found.human)
    open_ = int((judged & np.isnan(found.human)).sum())
    n, events = int(looked_at.sum()), int(confirmed.sum())
    bound = clopper_pearson(events, n, tail=error).high if n else 1.0
    decision, why = _decided(events, open_, bound=bound, veto=veto)
    return CheckOutcome(
        name=f"{check.name}{VETO}",
        group=None,
        estimate=events / n if n else None,
        low=0.0 if n else None,
        high=bound if n else None,
        margin=veto.at_most,
        adjusted_p=None,
        decision=decision,
        why=why,
        labels_needed=open_ or None,
        n=n,
        n_labelled=int((~np.isnan(found.human)).sum()),
    )


def _events(levels: FloatArray, veto: Veto) -> BoolArray:
    known = np.nan_to_num(levels, nan=-np.inf if veto.worse == "higher" else np.inf)
    return known >= veto.level if veto.worse == "higher" else known <= veto.level


def _decided(events: int, open_: int, *, bound: float, veto: Veto) -> tuple[Decision, str]:
    if events:
        return "FAIL", f"{events} confirmed by experts, none is allowed"
    if open_:
        return "NEED_LABELS", f"{open_} reported by the judge and not yet seen by an expert"
    if bound > veto.at_most:
        return (
            "NEED_LABELS",
            f"none seen, but up to {bound:.2%} cannot be ruled out; {veto.at_most:.2%} is allowed",
        )
    return "PASS", f"none seen; at most {bound:.2%} with the policy's risk"


# From the names of two runs to a decision: find them, check the passport, ask the policy.


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision with the two sides that it is about."""

    report: GateReport
    baseline: Side
    candidate: Side


def conduct(  # noqa: PLR0913 - one for each thing that the command is given
    store: "Store",
    baseline: str,
    candidate: str,
    *,
    kept: "Store | None" = None,
    policy: Policy,
    passport: Path | None,
    today: date,
    answers: tuple[Path, Path] | None = None,
    allow_simulated: bool = False,
) -> Decided:
    """Put a candidate before a policy, with the judge's passport in hand.

    Parameters
    ----------
    store : Store
    baseline, candidate : str
        ``RUN`` or ``RUN:SYSTEM``.
    kept : Store, optional
        Where the baseline is, if elsewhere.
    policy : Policy
    passport : Path, optional
        Without it the judge is not trusted.
    today : date
    answers : (Path, Path), optional
        Multi-choice answers of baseline and candidate.
    allow_simulated : bool
        Let simulated verdicts stand; without it they are not trusted.

    Raises
    ------
    ConfigError
        If a side cannot be found, or the two cannot be compared.
    PassportError
        If the passport is no passport.
    """
    old, new = find_side(kept or store, baseline), find_side(store, candidate)
    held = load_passport(passport) if passport else None
    judged = [check.measured.criterion for check in policy.checks if check.measured.criterion]
    reasons: tuple[str, ...] = ()
    if judged:
        reasons = (
            *distrust(
                held,
                new.run.manifest,
                criteria=judged,
                today=today,
                allow_simulated=allow_simulated,
            ),
            *_astray(old, new),
        )
    report = decide(
        old,
        new,
        policy,
        counts=_both(old, new),
        distrust=reasons,
        answers=answers,
        allow_simulated=allow_simulated,
    )
    report = _with_outages(report, old, new)
    if held is not None:
        report = report.model_copy(update={"passport_expires": held.expires.isoformat()})
    return Decided(report=report, baseline=old, candidate=new)


def _astray(*sides: Side) -> Iterator[str]:
    """Say beside which run the judge failed on texts with known verdicts, where it was asked."""
    for side in {(side.store.place, side.run.name): side for side in sides}.values():
        name, store = side.run.name, side.store
        watched = store.find_run(canary_run(name))
        if watched is None or watched.manifest.source.name != SOURCE:
            continue
        known = compare(store.judgments(watched))
        if known.asked and known.alarm:
            yield f"beside run {name} {known.alarm}."


def _with_outages(report: GateReport, *sides: Side) -> GateReport:
    """Let a run that is far from whole decide nothing, whichever part of it the checks look at."""
    for side in sides:
        found = counts(side.store, side.run)
        lost = 1.0 - (found.scored + found.skipped) / max(found.planned, 1)
        if lost > MOST_UNSCORED:
            why = f"{lost:.1%} of the judgments of run {side.run.name} have no score"
            checks = tuple(
                check
                if check.decision in {"UNTRUSTED", "INCOMPLETE"}
                else check.model_copy(
                    update={"decision": "INCOMPLETE", "why": why, "waived": False}
                )
                for check in report.checks
            )
            report = report.model_copy(update={"checks": checks, "decision": overall(checks)})
    return report


def _both(old: Side, new: Side) -> Counts:
    """Count the judgments of both runs, once where they are the same run."""
    first = counts(old.store, old.run)
    if old.shares_run(new):
        return first
    second = counts(new.store, new.run)
    return Counts(
        **{name: getattr(first, name) + getattr(second, name) for name in Counts.model_fields}
    )
