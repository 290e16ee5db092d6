"""What a gate requires before it decides: known scales, a fitting passport; and notes on labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from calibration.passport import EventScreen, JudgePassport
from calibration.passport_use import JudgeUse, Reason, check
from judge.calibrate.passport import identity_of
from judge.conversation import UNKNOWN_LANGUAGE, tag_of
from judge.files.decoding import counted
from judge.grading.remarks import CANARY_SOURCE, canary_run, compare
from judge.policy import Check, Measure, Policy, Veto
from judge.ratings import is_computed, labels_decided
from judge.sides import Side
from judge.store.digests import is_as_exported
from judge.store.run_contents import kept_rubrics, samples_of
from rubrics import load_rubric
from rubrics.load import read_document
from rubrics.record import RubricError
from rubrics.rubric import Criterion, Rubric

# A policy held against the rubrics of the runs: what could never fire is refused with its line.

Spot = tuple[str | int, ...]
Fault = tuple[Spot, str, str]
"""Where, what, and how to fix it."""


def require_on_scale(policy: Policy, sides: tuple[Side, ...], *, path: Path | None) -> None:
    """Refuse levels, directions and scales that the rubrics do not have.

    Parameters
    ----------
    policy : Policy
    sides : tuple of Side
        Whose runs keep the rubrics.
    path : Path or None
        Where the policy was read, for the line.

    Raises
    ------
    RubricError
        At the first fault, as ``file:line: what; how to fix``.
    """
    criteria = criteria_of(sides)
    for number, each in enumerate(policy.checks):
        for spot, what, fix in _faults(each, criteria):
            line = None
            if path is not None:
                line = read_document(path).line(("checks", number, *spot))
            raise RubricError(f"check {each.name}: {what}", fix=fix, path=path, line=line)


def criteria_of(sides: tuple[Side, ...]) -> dict[tuple[str, str], Criterion]:
    """Read the criteria that the sides were judged by, by rubric and id."""
    found: dict[tuple[str, str], Criterion] = {}
    for side in sides:
        kept = {rubric for rubric, _ in kept_rubrics(side.store, side.run)}
        editions = [*kept_rubrics(side.store, side.run).values()]
        for edition in side.run.manifest.rubrics:
            if edition.rubric not in kept:
                editions += _bundled(edition.rubric)
        for rubric in editions:
            for criterion in rubric.criteria:
                found[rubric.id, criterion.id] = criterion
    return found


def _bundled(name: str) -> list[Rubric]:
    try:
        return [load_rubric(name)]
    except (RubricError, KeyError):
        return []


def _faults(check: Check, criteria: Mapping[tuple[str, str], Criterion]) -> Iterator[Fault]:
    measure = check.measured
    criterion = criteria.get((measure.rubric, measure.criterion))
    if criterion is not None:
        yield from _measure_faults(check, criterion)
    if check.veto is not None and measure.kind != "choice":
        vetoed = criteria.get((measure.rubric, check.veto.criterion))
        if vetoed is not None:
            yield from _veto_faults(check.veto, vetoed)


def _measure_faults(check: Check, criterion: Criterion) -> Iterator[Fault]:
    measure, scale = check.measured, criterion.scale
    spelled = check.measure in {"rate", "mean"}
    if measure.at_least is not None and not scale.min < measure.at_least <= scale.max:
        yield (
            ("at_least",) if spelled else ("measure",),
            f"at_least {measure.at_least} decides nothing on the scale of {criterion.id}",
            f"use {scale.min + 1} to {scale.max}",
        )
    if check.measure == "mean" and (measure.low, measure.high) != (scale.min, scale.max):
        yield (
            ("scale",),
            f"scale {measure.low:g} to {measure.high:g} is not that of {criterion.id}",
            f"write [{scale.min}, {scale.max}]",
        )
    better = {"higher_is_better": True, "lower_is_better": False}.get(criterion.direction)
    if spelled and better is not None and measure.higher_is_better is not better:
        yield (
            ("higher_is_better",) if check.higher_is_better is not None else ("measure",),
            f"{criterion.id} is better the {'higher' if better else 'lower'} it is",
            f"write higher_is_better: {str(better).lower()}",
        )


def _veto_faults(veto: Veto, criterion: Criterion) -> Iterator[Fault]:
    scale = criterion.scale
    if veto.level not in scale.levels:
        yield (
            ("veto", "level"),
            f"level {veto.level} is off the scale of {criterion.id}, so the veto could never fire",
            f"use a level from {scale.min} to {scale.max}",
        )
    elif veto.level == (scale.min if veto.worse == "higher" else scale.max):
        yield (
            ("veto", "level"),
            f"every level of {criterion.id} would be an event",
            "name the worst level that may not occur",
        )
    bad = {"higher_is_better": "lower", "lower_is_better": "higher"}.get(criterion.direction)
    if bad is not None and veto.worse != bad:
        yield (
            ("veto", "worse") if "worse" in veto.model_fields_set else ("veto",),
            f"the bad end of {criterion.id} is the {bad} one",
            f"write worse: {bad}",
        )


NO_PASSPORT = "there is no passport for the judge; make one with cvalues calibrate --passport."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Reasons not to believe the judge, and how far it may be believed about events.

    Attributes
    ----------
    against : tuple of str
        Reasons against the judge as a whole.
    short : mapping of str to str
        By criterion: that the passport rests on too few labels of it. Nothing is known against the
        judge then; labels are missing.
    groups : mapping of str to str
        By group: that the judge was not measured on it.
    vetoes : mapping of str to str
        By criterion of a veto: why the judge's word on it does not count.
    screens : mapping of (criterion, level, worse) to EventScreen
        How the judge finds events.
    """

    against: tuple[str, ...] = ()
    short: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[str, str] = field(default_factory=dict[str, str])
    vetoes: Mapping[str, str] = field(default_factory=dict[str, str])
    screens: Mapping[tuple[str, float, str], EventScreen] = field(
        default_factory=dict[tuple[str, float, str], EventScreen]
    )

    def screen(self, veto: Veto) -> EventScreen | None:
        """Find how the judge screens for the events of a veto."""
        return self.screens.get((veto.criterion, float(veto.level), veto.worse))


def trust_in(
    passport: JudgePassport | None,
    policy: Policy,
    sides: tuple[Side, Side],
    *,
    today: date,
    allow_simulated: bool,
) -> Trust:
    """Ask the passport about every criterion, group, language and served model that is used.

    Parameters
    ----------
    passport : JudgePassport or None
    policy : Policy
    sides : (Side, Side)
        Baseline and candidate.
    today : date
    allow_simulated : bool
        Whether verdicts of the simulated judge may stand; for demonstrations only.
    """
    measured, vetoed = _judged_criteria(policy, sides[1])
    if not measured and not vetoed:
        return Trust()
    others = tuple(_beside_the_passport(policy, passport, sides))
    if passport is None:
        return Trust(against=(NO_PASSPORT, *others))
    use = _use(*sides, allow_simulated=allow_simulated)

    def objections(criteria: Sequence[str]) -> tuple[Reason, ...]:
        asked = replace(use, criteria=tuple(dict.fromkeys(criteria)))
        return check(passport, asked, now=today).reasons

    found = objections(measured) if measured else ()
    only_vetoed = [name for name in dict.fromkeys(vetoed) if name not in measured]
    about_vetoes = objections(only_vetoed) if only_vetoed else ()
    whole = [*found, *(each for each in about_vetoes if each.objection not in _OF_A_CRITERION)]
    return Trust(
        against=(
            *dict.fromkeys(
                each.text
                for each in whole
                if each.group is None and each.objection != "too-few-labels"
            ),
            *others,
        ),
        short={
            each.text.partition(":")[0]: each.text
            for each in found
            if each.objection == "too-few-labels"
        },
        groups={each.group: each.text for each in whole if each.group is not None},
        vetoes={
            each.text.partition(":")[0]: each.text
            for each in about_vetoes
            if each.objection in {"not-measured", "too-few-labels"}
        },
        screens=_screens(passport),
    )


def _judged_criteria(policy: Policy, side: Side) -> tuple[list[str], list[str]]:
    """List what checks measure and what vetoes name, without what rules compute."""

    def is_judged(check: Check, criterion: str) -> bool:
        return not is_computed(side, check.measured.rubric, criterion)

    measured = [
        each.measured.criterion
        for each in policy.checks
        if each.measured.criterion and is_judged(each, each.measured.criterion)
    ]
    vetoed = [
        each.veto.criterion
        for each in policy.checks
        if each.veto is not None and is_judged(each, each.veto.criterion)
    ]
    return measured, vetoed


def _screens(passport: JudgePassport) -> dict[tuple[str, float, str], EventScreen]:
    return {
        (entry.criterion, screen.level, screen.worse): screen
        for entry in passport.entries
        if entry.group is None
        for screen in entry.events
    }


_OF_A_CRITERION = frozenset({"not-measured", "too-few-labels", "no-better-than-chance"})


def _use(baseline: Side, candidate: Side, *, allow_simulated: bool) -> JudgeUse:
    identity = identity_of(candidate.run.manifest)
    shown = {each for side in (baseline, candidate) for each in _shown(side)}
    return JudgeUse(
        judge_hash=identity.judge_hash,
        rubric_hash=identity.rubric_hash,
        prompt_hash=identity.prompt_hash,
        settings_hash=identity.settings_hash,
        languages=tuple(sorted({language for language, _ in shown})),
        allow_simulated=allow_simulated,
        groups=tuple(sorted({group for _, group in shown if group is not None})),
        served_models=served_models(baseline, candidate),
    )


def _shown(side: Side) -> Iterator[tuple[str, str | None]]:
    for each in side.store.generations(side.run, system=side.system):
        yield tag_of(each) or UNKNOWN_LANGUAGE, each.group


def served_models(*sides: Side) -> tuple[str, ...]:
    """List the names under which the provider answered."""
    return tuple(sorted({name for side in sides for name in side.judged.models}))


def _beside_the_passport(
    policy: Policy, passport: JudgePassport | None, sides: tuple[Side, Side]
) -> Iterator[str]:
    baseline, candidate = sides
    pinned = policy.pins.passport if policy.pins else None
    if pinned is not None and passport is not None and passport.digest != pinned:
        yield "the passport is not the one that the policy pins."
    old, new = baseline.judged.models, candidate.judged.models
    if old and new and old != new:
        yield (
            f"the provider answered as {', '.join(sorted(new))} for the candidate and as "
            f"{', '.join(sorted(old))} for the baseline; judge both with the same model."
        )
    yield from _astray(baseline, candidate)


def _astray(*sides: Side) -> Iterator[str]:
    """Say beside which run the judge failed on texts with known verdicts, where it was asked."""
    for side in {(side.store.place, side.run.name): side for side in sides}.values():
        name, store = side.run.name, side.store
        watched = store.find_run(canary_run(name))
        if watched is None or watched.manifest.source.name != CANARY_SOURCE:
            continue
        known = compare(store.judgments(watched))
        if known.asked and known.alarm:
            yield f"beside run {name} {known.alarm}."


# What a reader of a decision must know beside its checks: where the labels come from, and files.

MOST_NAMED = 5


def notes(policy: Policy, sides: tuple[Side, Side]) -> Iterator[str]:
    """Say what the labels and files of both sides do not show.

    Parameters
    ----------
    policy : Policy
        For the design that it states.
    sides : (Side, Side)
        Baseline and candidate.

    Yields
    ------
    str
    """
    baseline, candidate = sides
    if baseline.store.place != candidate.store.place and (
        is_as_exported(baseline.store, baseline.run) is None
    ):
        yield (
            f"the file of {baseline.name} carries no seal, so that a change of it would not be "
            "noticed"
        )
    runs = {(side.store.place, side.run.run_id): side for side in sides}
    for side in runs.values():
        yield from _of_labels(side, policy)


def _of_labels(side: Side, policy: Policy) -> Iterator[str]:
    labelled = {(each.id, each.system, each.sample) for each in side.store.labels(side.run)}
    samples = samples_of(side.store, side.run)
    run = side.run.name
    if labelled and not samples:
        yield (
            f"no draw of run {run} is on record; that its labels were drawn {policy.design} is the "
            "policy's word"
        )
    for sample in samples:
        if not any(item.unit in labelled for item in sample.items):
            drawn = counted(len(sample.items), "response")
            yield f"{sample.name or 'a draw'} of run {run}: {drawn}, no label"
    if samples:
        drawn = {item.unit for sample in samples for item in sample.items}
        strays = len(labelled - drawn)
        if strays:
            yield f"{strays} labelled responses of run {run} are of no draw and do not count"


def notes_on_raters(
    policy: Policy, sides: tuple[Side, Side], passport: JudgePassport | None
) -> Iterator[str]:
    """Name the raters that the passport does not know, where they decide a label.

    Other experts may well label a release than those that the judge was calibrated with, so this
    decides nothing: it says on whose word the decision rests.
    """
    if passport is None:
        return
    for side in sides:
        given = [each for each in side.store.labels(side.run) if each.system == side.system]
        strangers = sorted({each.rater for each in given if not passport.labels.knows(each.rater)})
        if not strangers:
            continue
        counts = [
            labels_decided(side, measure, strangers, bound_only=policy.bound_labels)
            for measure in _labelled_measures(policy, side)
        ]
        decided, labels = (sum(each) for each in zip((0, 0), *counts, strict=True))
        if decided:
            yield (
                f"raters that the passport does not know ({_named(strangers)}) decide {decided} "
                f"of {counted(labels, 'label')} of {side.name}"
            )


def _labelled_measures(policy: Policy, side: Side) -> list[Measure]:
    """List what checks and vetoes ask of labels, each once; no rule and no multi-choice item."""
    asked: dict[tuple[str, str, float | None], Measure] = {}
    for each in policy.checks:
        measure = each.measured.model_copy(update={"unit": "item"})
        used = [measure] if measure.criterion else []
        if each.veto is not None:
            levels = {"kind": "mean", "criterion": each.veto.criterion, "at_least": None}
            used.append(measure.model_copy(update=levels))
        for wanted in used:
            if not is_computed(side, wanted.rubric, wanted.criterion):
                asked.setdefault((wanted.rubric, wanted.criterion, wanted.at_least), wanted)
    return list(asked.values())


def _named(raters: list[str]) -> str:
    # A semicolon would part one note into two.
    shown = ", ".join(name[:40].replace(";", ",") for name in raters[:MOST_NAMED])
    return shown + (", ..." if len(raters) > MOST_NAMED else "")


def unbound_labels(*sides: Side) -> int:
    """Count labels that do not say which text was labelled."""
    return sum(
        label.system == side.system and label.text_sha256 is None and label.score is not None
        for side in sides
        for label in side.store.labels(side.run)
    )
