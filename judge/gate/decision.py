"""The release gate: checks on an expert-calibrated interval, with a margin set beforehand.

For each check and group there are three answers. PASS: with at most the policy's risk of being
wrong, over all looks at the candidate, it is not worse than the baseline by the margin and reaches
the floor. FAIL: it is shown to be worse than that. NEED_LABELS: neither.

Passing asks that every group passes, so it needs no correction for their number (an
intersection-union test). Failing asks for one, so the p-values of "worse by more than the margin"
are adjusted by Holm (1979) over the groups of a check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from calibration.bias import holm
from calibration.passport import load_passport
from judge.errors import ConfigError
from judge.gate.checks import (
    NO_GROUP,
    UNCHECKED,
    CheckOutcome,
    Claim,
    GateReport,
    Material,
    Risks,
    claim,
    labels_of,
    overall,
)
from judge.gate.looks import (
    NO_RISK,
    Looks,
    earlier_looks,
    keep_look,
    next_steps,
    overruled,
    row_key,
    state_of,
)
from judge.gate.paired import Paired, pair, paired_answers, require_two_releases
from judge.gate.preconditions import (
    Trust,
    notes,
    notes_on_raters,
    require_on_scale,
    trust_in,
    unbound_labels,
)
from judge.gate.veto import veto_outcome
from judge.policy import MOST_UNSCORED, Check, Policy, Waiver
from judge.records import Counts, Provenance, worst
from judge.run.run import counts
from judge.sides import Side, find_side, sharing
from judge.store.digests import is_as_exported, joint_digest, labels_digest
from judge.store.store import Store
from rubrics.load import read_document


def decide(  # noqa: PLR0913 - one for each thing that a decision rests on
    baseline: Side,
    candidate: Side,
    policy: Policy,
    *,
    counts: Counts,
    distrust: Sequence[str] = (),
    trust: Trust | None = None,
    answers: tuple[Path, Path] | None = None,
    allow_simulated: bool = True,
    looks: Looks | None = None,
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
    trust : Trust, optional
        What the passport says, in place of ``distrust``.
    answers : (Path, Path), optional
        Multi-choice answers of baseline and candidate, for the checks that rest on them.
    allow_simulated : bool
        Let simulated verdicts and answers stand; without it nothing that rests on them is trusted.
    looks : Looks, optional
        Those before this one; none where nobody says.

    Returns
    -------
    GateReport

    Raises
    ------
    ConfigError
        If the sides cannot be compared, or lack what a check measures.
    """
    held = trust or Trust(against=tuple(distrust))
    asked = _Asked(policy=policy, trust=held, looks=looks or Looks(), candidate=candidate)
    outcomes: list[CheckOutcome] = []
    stamps: set[Provenance] = set()
    unseen: set[tuple[str, int]] | None = None
    chosen = _choices(policy, answers, systems=(baseline.system, candidate.system))
    for check in policy.checks:
        kind = check.measured.kind
        judged = None if kind == "choice" else _paired((baseline, candidate), check, policy)
        used = [each for each in (judged, chosen if kind in {"choice", "gap"} else None) if each]
        stamps |= {each.provenance for each in used}
        outcomes += _checked(check, used, judged=judged, asked=asked)
        if judged is not None:
            left = _left_out(check, judged)
            unseen = left if unseen is None else unseen & left
    said = held.against
    if "SIMULATED" in stamps and not allow_simulated and not said:
        said = ("the verdicts are SIMULATED; --allow-simulated shows a demonstration.",)
        outcomes = [_distrusted(each, said) for each in outcomes]
    outcomes = [_waived(outcome, policy.waivers) for outcome in outcomes]
    responses = _responses(candidate)
    outcomes += _unchecked(len(unseen or ()), responses, policy)
    report = GateReport(
        decision=overall(outcomes),
        provenance=worst(stamps),
        advisory=policy.advisory,
        baseline=baseline.name,
        candidate=candidate.name,
        policy=policy.title,
        checks=tuple(outcomes),
        counts=counts,
        trust="; ".join(said),
        unchecked=len(unseen or ()),
        responses=responses,
        unbound_labels=unbound_labels(baseline, candidate),
        notes=_notes(asked, outcomes, (baseline, candidate)),
        looks=asked.looks.number,
    )
    return next_steps(report, policy, (baseline, candidate), looks=asked.looks)


def _notes(
    asked: "_Asked", outcomes: Sequence[CheckOutcome], sides: tuple[Side, Side]
) -> tuple[str, ...]:
    changed = overruled(asked.policy, outcomes, asked.looks)
    return (*changed, *notes(asked.policy, sides))


def _responses(side: Side) -> int:
    return side.store.count_units(side.run, system=side.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What all checks of a decision share."""

    policy: Policy
    trust: Trust
    looks: Looks
    candidate: Side


def _paired(sides: tuple[Side, Side], check: Check, policy: Policy) -> Paired:
    return pair(
        *sides,
        check.measured,
        clusters=policy.clusters,
        bound_only=policy.bound_labels,
    )


def _checked(
    check: Check, used: Sequence[Paired], *, judged: Paired | None, asked: _Asked
) -> list[CheckOutcome]:
    """Give the outcomes of one check: its groups, then its veto."""
    found = _outcomes(check, used, asked)
    if judged is None:
        return found
    trust = asked.trust
    found = [_doubted(each, check, judged, trust=trust) for each in found]
    if check.veto is not None:
        outcome = veto_outcome(
            check,
            check.veto,
            asked.candidate,
            policy=asked.policy,
            screen=trust.screen(check.veto),
            # None seen at a later look means none seen at the first: no look adds to the risk.
            risk=asked.policy.error,
        )
        short = trust.vetoes.get(check.veto.criterion)
        found.append(_distrusted(outcome, [*trust.against, *([short] if short else [])]))
    return found


def _doubted(outcome: CheckOutcome, check: Check, judged: Paired, *, trust: Trust) -> CheckOutcome:
    """Say what the passport says against one row: the judge, the group, or too few labels."""
    groups = set(judged.groups) if outcome.group is None else {outcome.group}
    others = sorted(group for group in groups if group is not None and group in trust.groups)
    reasons = [*trust.against]
    if others:
        reasons.append(f"the judge was not measured on {', '.join(others)}.")
    short = trust.short.get(check.measured.criterion)
    if not reasons and short and outcome.decision in {"PASS", "FAIL", "NEED_LABELS"}:
        return outcome.model_copy(update={"decision": "NEED_LABELS", "why": short})
    return _distrusted(outcome, reasons)


def _left_out(check: Check, judged: Paired) -> set[tuple[str, int]]:
    """List the responses that a check does not look at."""
    if isinstance(check.groups, str) or check.veto is not None:
        return set()
    return {
        prompt
        for prompt, group in zip(judged.prompts, judged.groups, strict=True)
        if group not in check.groups
    }


def _unchecked(count: int, responses: int, policy: Policy) -> list[CheckOutcome]:
    """Let responses that no check looked at stop the decision, where they are too many."""
    share = count / responses if responses else 0.0
    if share <= policy.unchecked:
        return []
    return [
        CheckOutcome(
            name=UNCHECKED,
            group=None,
            estimate=share,
            low=None,
            high=None,
            margin=policy.unchecked,
            adjusted_p=None,
            decision="INCOMPLETE",
            why=f"no check looked at {count} of {responses} responses ({share:.1%}), "
            f"{policy.unchecked:.1%} are allowed",
            n=responses,
            next_step="add their groups to a check, use groups: each, or allow more as unchecked",
        )
    ]


def _choices(
    policy: Policy, answers: tuple[Path, Path] | None, *, systems: tuple[str, str]
) -> Paired | None:
    """Read the multi-choice answers where a check rests on them."""
    asking = [check.name for check in policy.checks if check.measured.kind in {"choice", "gap"}]
    if not asking and answers is not None:
        raise ConfigError(
            "multi-choice answers are given, and no check of the policy rests on them; leave out "
            "--baseline-answers and --candidate-answers, or add a check of multi_choice_accuracy."
        )
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


def _outcomes(check: Check, used: Sequence[Paired], asked: _Asked) -> list[CheckOutcome]:
    claims: list[Claim] = []
    for group, here in _rows(check, used).items():
        risks = asked.looks.risks(
            row_key(check, group), labels_of(check, here.part), check=check, policy=asked.policy
        )
        claims.append(claim(check, here, group=group, policy=asked.policy, risks=risks))
    adjusted = iter(holm([each.worse_p for each in claims if each.worse_p is not None]))
    return [
        _outcome(check, each, adjusted=None if each.worse_p is None else next(adjusted))
        for each in claims
    ]


def _rows(check: Check, used: Sequence[Paired]) -> Mapping[str | None, Material]:
    """Give each row its material: all together, or group by group; none of them left out."""
    wanted = _groups(check, used)
    if wanted == (None,):
        return {None: _material(used)}
    rows: dict[str | None, Material] = {
        group: _material([part.subset(group) for part in used]) for group in wanted
    }
    if check.groups == "each" and None in used[0].groups:
        rows[NO_GROUP] = _material([part.subset(None) for part in used])
    return rows


def _material(used: Sequence[Paired]) -> Material:
    return Material(part=used[0], knowing=used[1] if len(used) > 1 else None)


def _groups(check: Check, used: Sequence[Paired]) -> tuple[str | None, ...]:
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
    return tuple(wanted)


def _outcome(check: Check, claim: Claim, *, adjusted: float | None) -> CheckOutcome:
    risks = claim.risks or Risks(passing=NO_RISK, failing=NO_RISK, look=1, looks=1, fewest=1)
    shown_worse = adjusted is not None and adjusted <= risks.failing
    decision = "FAIL" if shown_worse and claim.decision == "NEED_LABELS" else claim.decision
    estimate, level = claim.estimate, claim.level
    why = claim.why
    if decision == "NEED_LABELS" and risks.look > risks.looks:
        why = f"{why}; all {risks.looks} looks that the policy planned are used"
    return CheckOutcome(
        name=check.name,
        group=claim.group,
        estimate=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        margin=check.margin,
        adjusted_p=adjusted,
        decision=decision,
        why=why,
        labels_needed=claim.labels_needed if decision == "NEED_LABELS" else None,
        fewest=risks.fewest,
        look=risks.look,
        risk=risks.passing,
        floor=check.floor,
        level=(level.value, level.low, level.high) if level else None,
        worst=claim.worst,
        best=claim.best,
        n=claim.n,
        n_labelled=claim.n_labelled,
        awaited=claim.awaited,
    )


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
    policy_file: Path | None = None,
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
    policy_file : Path, optional
        Where the policy was read, for the line of what its rubrics do not allow.

    Raises
    ------
    ConfigError
        If a side cannot be found, the two cannot be compared, or they are not what the policy pins.
    RubricError
        If a check names a level that its scale does not have.
    PassportError
        If the passport is no passport.
    """
    old, new = sharing(
        find_side(kept or store, baseline, clusters=policy.clusters),
        find_side(store, candidate, clusters=policy.clusters),
    )
    require_two_releases(old, new)
    _require_as_exported(old, new)
    require_on_scale(policy, (old, new), path=policy_file)
    digests = _digests(old, new)
    _require_pinned(policy, digests)
    held = load_passport(passport) if passport else None
    who = digests["candidate"]
    state = state_of(digests["baseline"], _digest(new))
    report = decide(
        old,
        new,
        policy,
        counts=_both(old, new),
        trust=trust_in(held, policy, (old, new), today=today, allow_simulated=allow_simulated),
        answers=answers,
        allow_simulated=allow_simulated,
        looks=earlier_looks(store, who=who, state=state),
    )
    keep_look(store, new, report.checks, policy=policy, of=(who, state))
    report = _with_outages(report, old, new)
    known: dict[str, object] = {
        "digests": digests if held is None else {"passport": held.digest, **digests},
        "notes": (*report.notes, *notes_on_raters(policy, (old, new), held)),
    }
    if held is not None:
        known["passport_expires"] = held.expires.isoformat()
    if policy_file is not None:
        known["policy_file"] = str(policy_file)
        known["checks"] = _with_lines(report.checks, policy, policy_file)
    return Decided(report=report.model_copy(update=known), baseline=old, candidate=new)


def _with_lines(
    outcomes: Sequence[CheckOutcome], policy: Policy, path: Path
) -> tuple[CheckOutcome, ...]:
    """Say of each outcome at which line of the policy its check stands."""
    document = read_document(path)
    lines = {
        check.name: document.line(("checks", number)) for number, check in enumerate(policy.checks)
    }
    return tuple(each.model_copy(update={"line": lines.get(each.asked) or 1}) for each in outcomes)


def _require_as_exported(*sides: Side) -> None:
    """Refuse a file of an exported run that was changed afterwards."""
    for side in sides:
        if is_as_exported(side.store, side.run) is False:
            raise ConfigError(
                f"{side.store.place}: run {side.run.name} was changed after it was exported; "
                "export it anew."
            )


def _require_pinned(policy: Policy, found: Mapping[str, str]) -> None:
    """Refuse data and a baseline that are not those that the policy was written for."""
    if policy.pins is None:
        return
    for name in ("data", "baseline"):
        pinned: str | None = getattr(policy.pins, name)
        if pinned is not None and pinned != found[name]:
            raise ConfigError(
                f"the {name} is not what the policy pins: it has the digest {found[name]}; judge "
                "what was pinned, or have the policy reviewed."
            )


def _digests(old: Side, new: Side) -> dict[str, str]:
    return {
        "data": old.responses.data,
        "baseline": _digest(old),
        "candidate": new.responses.items,
    }


def _digest(side: Side) -> str:
    """Hash what a side holds: responses, verdicts and labels."""
    labels = labels_digest(side.store, side.run, system=side.system)
    return joint_digest(side.responses.items, side.judged.digest, labels)


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
