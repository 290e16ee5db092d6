"""Whether a passport covers a use: same judge, still valid, enough labels, better than chance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from calibration.estimate import counted
from calibration.passport import JudgePassport, PassportEntry, PassportScope

Objection = Literal[
    "expired",
    "not-yet-valid",
    "other-judge",
    "other-rubric",
    "other-prompt",
    "other-settings",
    "other-language",
    "other-group",
    "other-served-model",
    "simulated",
    "not-measured",
    "too-few-labels",
    "no-better-than-chance",
]

FEWEST_LABELS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUse:
    """The use that a judge is to be put to.

    Attributes
    ----------
    judge_hash, rubric_hash, prompt_hash, settings_hash : str
        As in `JudgeIdentity`.
    languages : tuple of str
        Languages of the items to judge.
    criteria : tuple of str
        Those that count; empty for all that the passport has.
    fewest_labels : int
        Labels that each of them must have.
    allow_simulated : bool
        Whether verdicts of the simulated judge may stand; for demonstrations only.
    groups : tuple of str
        Scenarios or domains of the items to judge.
    served_models : tuple of str
        Names under which the provider answered.
    """

    judge_hash: str
    rubric_hash: str
    prompt_hash: str
    settings_hash: str
    languages: tuple[str, ...]
    criteria: tuple[str, ...] = ()
    fewest_labels: int = FEWEST_LABELS
    allow_simulated: bool = False
    groups: tuple[str, ...] = ()
    served_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passport does not hold: a code for programs and a sentence for people."""

    objection: Objection
    text: str
    group: str | None = None
    """The one group for which it does not hold; None where it holds for none."""


@dataclass(frozen=True, slots=True)
class PassportVerdict:
    """Whether the judge may be trusted for the use: it may where there is no reason against."""

    reasons: tuple[Reason, ...]

    @property
    def trusted(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons


def check(passport: JudgePassport, use: JudgeUse, *, now: date) -> PassportVerdict:
    """Hold a passport against a use; all reasons are given, not the first alone.

    Parameters
    ----------
    passport : JudgePassport
    use : JudgeUse
    now : date
        Today, or the present moment.

    Returns
    -------
    PassportVerdict
    """
    today = now.date() if isinstance(now, datetime) else now
    return PassportVerdict(
        (
            *_of_time(passport, today),
            *_of_identity(passport, use),
            *_of_scope(passport, use),
            *_of_measurement(passport, use),
        )
    )


def _of_time(passport: JudgePassport, today: date) -> Iterator[Reason]:
    if today > passport.expires:
        yield Reason("expired", f"the passport expired on {passport.expires}; calibrate again.")
    if today < passport.issued:
        yield Reason("not-yet-valid", f"the passport holds from {passport.issued} on.")


def _of_identity(passport: JudgePassport, use: JudgeUse) -> Iterator[Reason]:
    identity = passport.identity
    if use.judge_hash != identity.judge_hash:
        yield Reason("other-judge", f"the passport is of another judge, {identity.name}.")
    if use.rubric_hash != identity.rubric_hash:
        yield Reason(
            "other-rubric",
            "the judge was measured with another rubric, or another version of it: the passport is "
            "void for this one; calibrate the judge again.",
        )
    if use.prompt_hash != identity.prompt_hash:
        yield Reason("other-prompt", "the judge was measured with another prompt.")
    if use.settings_hash != identity.settings_hash:
        yield Reason("other-settings", "the judge was measured with other settings.")
    if passport.provenance == "SIMULATED" and not use.allow_simulated:
        yield Reason("simulated", "the passport rests on the simulated judge.")


def _of_scope(passport: JudgePassport, use: JudgeUse) -> Iterator[Reason]:
    scope = passport.scope or PassportScope()
    languages = scope.languages or passport.identity.languages
    unmeasured = sorted(set(use.languages) - set(languages))
    if unmeasured:
        yield Reason("other-language", f"the judge was not measured in {', '.join(unmeasured)}.")
    others = sorted(set(use.served_models) - set(scope.served_models))
    if others and scope.served_models:
        yield Reason(
            "other-served-model",
            f"the provider answered as {', '.join(others)}; the passport was earned on "
            f"{', '.join(scope.served_models)}.",
        )
    for group in sorted(set(use.groups) - set(scope.groups)) if scope.groups else ():
        yield Reason("other-group", f"the judge was not measured on group {group}.", group)


def _of_measurement(passport: JudgePassport, use: JudgeUse) -> Iterator[Reason]:
    criteria = use.criteria or tuple(
        dict.fromkeys(entry.criterion for entry in passport.entries if entry.group is None)
    )
    if not criteria:
        yield Reason("not-measured", "the passport measures nothing over all items.")
    for criterion in criteria:
        entry = passport.entry(criterion)
        if entry is None:
            yield Reason("not-measured", f"{criterion}: not measured over all items.")
        else:
            yield from _of_entry(entry, use.fewest_labels)


def _of_entry(entry: PassportEntry, fewest_labels: int) -> Iterator[Reason]:
    if entry.n < fewest_labels:
        yield Reason(
            "too-few-labels",
            f"{entry.criterion}: {counted(entry.n, 'label')}; at least {fewest_labels} are needed.",
        )
        return
    beyond = entry.beyond_chance
    if beyond is None:
        yield Reason(
            "no-better-than-chance",
            f"{entry.criterion}: the labels cannot show whether the judge beats chance.",
        )
    elif beyond.low <= 0.0:
        yield Reason(
            "no-better-than-chance",
            f"{entry.criterion}: not shown to be better than chance "
            f"({beyond.value:.2f}, {beyond.low:.2f} to {beyond.high:.2f}).",
        )
