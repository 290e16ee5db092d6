"""From the names of two runs to a decision: find them, check the passport, ask the policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from calibration.passport import load_passport
from judge.canaries import SOURCE, canary_run, compare
from judge.gate.decision import decide
from judge.gate.records import GateReport, overall
from judge.policy import MOST_UNSCORED, Policy
from judge.ratings import Side, find_side
from judge.records import Counts
from judge.run import counts
from judge.store.sql import Store
from judge.trust.identity import distrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision with the two sides that it is about."""

    report: GateReport
    baseline: Side
    candidate: Side


def conduct(  # noqa: PLR0913 - one for each thing that the command is given
    store: Store,
    baseline: str,
    candidate: str,
    *,
    kept: Store | None = None,
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
