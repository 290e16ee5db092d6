"""Issue a judge's passport from what a calibration found.

A passport speaks of the judge over all systems together. Where its error rates differ between
systems, the system on which it does worst says whether it is better than chance.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from calibration.estimate import InsufficientLabels, Undefined
from calibration.passport import (
    Design,
    EventScreen,
    JudgeIdentity,
    JudgePassport,
    JudgeUses,
    LabelSource,
    Measure,
    PassportBasis,
    PassportEntry,
    PassportScope,
    ProbabilityQuality,
    UseBound,
    Word,
    fingerprint,
    rater_digest,
)
from calibration.passport_use import JudgeUse, check
from calibration.rare_events import Screened
from calibration.rater_agreement.accuracy import judge_accuracy
from calibration.rater_agreement.drawn_accuracy import drawn_accuracy
from calibration.rater_agreement.nominal import share
from calibration.validation import BoolArray, FloatArray, IntArray
from judge.calibrate.agreement import Agreed, agreed
from judge.calibrate.analysis import drawn_evenly
from judge.calibrate.calibration_set import Number, Part
from judge.calibrate.from_run import THIRD
from judge.calibrate.probabilities import reliability_of, threshold_of
from judge.calibrate.result import DesignName, Findings
from judge.calibrate.uses import Use
from judge.conversation import UNKNOWN_LANGUAGE, tag_of
from judge.errors import ConfigError
from judge.grading import prompt_injection
from judge.grading.decision_verdicts import EXPECTED_LEVEL, threshold_rule
from judge.manifest import AS_IT_IS, Manifest, OnRefusal
from judge.records import Generation, Judge, Judgment, model_digest
from judge.store.digests import Hashes, item_row, labels_digest, verdict_row
from judge.store.records import Label, Run
from rubrics.prompt import question_wording

if TYPE_CHECKING:
    from judge.store.store import Store

UNKNOWN = "unknown"
"""Hash of what nobody has named; it equals nothing that a run would have."""
VALID_DAYS = 90
MISSED = 0.05
"""Probability of having drawn no label of a group, above which its absence says nothing."""

MOST_SCREENED = 12
"""Longest scale on which every level is counted as one that a veto may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportSource:
    """What a run says of the passport that rests on it.

    Attributes
    ----------
    languages : tuple of str
        Of the labelled responses.
    served_models : tuple of str
        Under which the provider answered.
    basis : PassportBasis
    """

    languages: tuple[str, ...]
    served_models: tuple[str, ...]
    basis: PassportBasis


class SourceWatch:
    """Reads what a passport for the judge of a run rests on, while the run is read for its numbers.

    Parameters
    ----------
    labels : sequence of Label
        Those that count.
    """

    def __init__(self, labels: Sequence[Label]) -> None:
        self._labelled = {(label.id, label.system, label.sample) for label in labels}
        self._items, self._verdicts = Hashes(), Hashes()
        self._items_digest: str | None = None
        self._spoken, self._models = set[str](), set[str]()

    def response(self, each: Generation) -> None:
        """Look at a response of the run."""
        self._items.add(item_row(each))
        if each.unit in self._labelled:
            self._spoken.add(tag_of(each) or UNKNOWN_LANGUAGE)

    def judgment(self, each: Judgment) -> None:
        """Look at a judgment of the run, when all responses were looked at."""
        if self._items_digest is None:
            # What was gathered of the responses is not held beside that of the judgments.
            self._items_digest, self._items = self._items.digest(), Hashes()
        self._verdicts.add(verdict_row(each))
        if each.served_model is not None:
            self._models.add(each.served_model)

    def source(self, store: "Store", run: Run) -> PassportSource:
        """Give it, when the whole run was looked at."""
        return PassportSource(
            languages=tuple(sorted(self._spoken)),
            served_models=tuple(sorted(self._models)),
            basis=PassportBasis(
                run=run.name,
                items=self._items_digest or self._items.digest(),
                verdicts=self._verdicts.digest(),
                labels=labels_digest(store, run),
            ),
        )


def source_of(store: "Store", run: Run, labels: Sequence[Label]) -> PassportSource:
    """Read what a passport for the judge of a run rests on, in passes of its own."""
    watch = SourceWatch(labels)
    for generation in store.generations(run):
        watch.response(generation)
    for judgment in store.judgments(run):
        watch.judgment(judgment)
    return watch.source(store, run)


def foreign_identity(
    judge: str, *, judge_hash: str | None, rubric_hash: str | None
) -> JudgeIdentity:
    """Name a judge of another tool by what its user can say of it."""
    return JudgeIdentity(
        name=judge,
        judge_hash=judge_hash or UNKNOWN,
        rubric_hash=rubric_hash or UNKNOWN,
        prompt_hash=UNKNOWN,
        settings_hash=UNKNOWN,
        languages=(),
    )


def issue(
    findings: Findings,
    parts: Sequence[Part],
    identity: JudgeIdentity,
    *,
    design: Design,
    today: date,
    days: int = VALID_DAYS,
    source: PassportSource | None = None,
) -> JudgePassport:
    """Write down what was measured of one judge.

    Parameters
    ----------
    findings : Findings
    parts : sequence of Part
        Those that were examined, all of one judge.
    identity : JudgeIdentity
    design : {'random', 'by-verdict', 'neyman', 'curated'}
    today : date
    days : int
        How long it holds.
    source : PassportSource, optional
        Languages, served models and digests of the run that it rests on.

    Raises
    ------
    ConfigError
        If the parts are of several judges, or of one criterion under two rubrics.
    """
    judges = sorted({part.judge for part in parts})
    if len(judges) != 1:
        raise ConfigError(f"a passport is of one judge, not of {', '.join(judges)}; name one.")
    together = defaultdict[str, list[Part]](list)
    for part in parts:
        together[part.criterion].append(part)
    labelled = {unit for part in parts for unit in _labelled_units(part)}
    simulated = findings.simulated_labels or findings.provenance == "SIMULATED"
    return JudgePassport(
        identity=identity,
        labels=LabelSource(
            source=findings.labels,
            count=len(labelled),
            raters=len({rater for part in parts for rater in part.raters}),
            rater_digests=tuple(sorted({rater_digest(name) for name in _names(parts)})),
            design=design,
            labelled_on=today,
        ),
        entries=tuple(
            entry
            for mine in together.values()
            for entry in _entries(findings, mine, by_group=_grouped(findings), design=design)
        ),
        provenance="SIMULATED" if simulated else findings.provenance or "RECORDED",
        issued=today,
        expires=today + timedelta(days=days),
        scope=PassportScope(
            groups=_groups_spoken_for(parts),
            languages=source.languages if source else (),
            served_models=source.served_models if source else (),
        ),
        basis=source.basis if source else None,
    )


def _names(parts: Sequence[Part]) -> Iterator[str]:
    """Name the experts; one who settles what others dispute has a column more."""
    for part in parts:
        yield from (name.removesuffix(THIRD) for name in part.raters)


def _groups_spoken_for(parts: Sequence[Part]) -> tuple[str, ...]:
    """List the groups with labels, and those so small that a random draw may have missed them."""
    sizes, labelled = Counter[str](), Counter[str]()
    for part in parts:
        for group, has in zip(part.groups, (~np.isnan(part.human)).tolist(), strict=True):
            if group is not None:
                sizes[group] += 1
                labelled[group] += has
    total, drawn = sum(sizes.values()), sum(labelled.values())
    return tuple(
        sorted(
            group
            for group, size in sizes.items()
            if labelled[group] or (1.0 - size / total) ** drawn > MISSED
        )
    )


def _screens(part: Part) -> tuple[EventScreen, ...]:
    """Count, for each level that a veto may name, what the judge reports and what experts see."""
    low, high = round(part.counting.low), round(part.counting.high)
    if high - low > MOST_SCREENED:
        return ()
    ends: tuple[tuple[Literal["higher", "lower"], range], ...] = (
        ("higher", range(low + 1, high + 1)),
        ("lower", range(low, high)),
    )
    return tuple(_screen(part, float(level), worse) for worse, levels in ends for level in levels)


def _screen(part: Part, level: float, worse: Literal["higher", "lower"]) -> EventScreen:
    def event(levels: FloatArray) -> BoolArray:
        return levels >= level if worse == "higher" else levels <= level

    rated = ~np.isnan(part.labels)
    labelled = rated.any(axis=1)
    votes = (event(part.labels) & rated).sum(axis=1)
    events = labelled & (2 * votes >= np.maximum(rated.sum(axis=1), 1))
    reported = event(part.verdicts)

    def screened(among: BoolArray) -> Screened:
        return Screened(
            items=int(among.sum()),
            labelled=int((among & labelled).sum()),
            events=int((among & events).sum()),
        )

    return EventScreen(
        level=level, worse=worse, reported=screened(reported), others=screened(~reported)
    )


def _grouped(findings: Findings) -> bool:
    return any(each.group is not None for each in findings.findings)


def _labelled_units(part: Part) -> Iterator[tuple[str, str, int]]:
    for unit, has in zip(part.units, (~np.isnan(part.human)).tolist(), strict=True):
        if has:
            yield unit


def _entries(
    findings: Findings, mine: Sequence[Part], *, by_group: bool, design: Design
) -> Iterator[PassportEntry]:
    differ = any(
        each.differ and (each.judge, each.criterion) == (mine[0].judge, mine[0].name)
        for each in findings.error_rates
    )
    pooled = _pooled(mine)
    drawn = _Drawn(design=findings.design, confidence=findings.confidence)
    apart = mine if differ else (pooled,)
    whole = _entry(pooled, None, apart=apart, drawn=drawn, design=design)
    yield replace(whole, uses=_uses(findings, mine[0]))
    if by_group:
        for name, part in pooled.by_group():
            yield _entry(part, name, apart=(part,), drawn=drawn, design=design)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """How labels were drawn, and the confidence of intervals."""

    design: DesignName
    confidence: float

    def rates(self, part: Part) -> Mapping[str, Measure]:
        """Give sensitivity and specificity over all items, where labels were not drawn evenly."""
        design = "random" if self.design == "as-drawn" else self.design
        if part.counting.kind != "rate" or design == "curated" or drawn_evenly(part, design):
            return {}
        try:
            found = drawn_accuracy(
                part.judged,
                part.human,
                design=design,
                strata=part.strata,
                confidence=self.confidence,
            )
        except (InsufficientLabels, Undefined):
            return {}
        names = ("sensitivity", "specificity")
        return {
            name: Measure.of(each)
            for name, each in zip(names, found, strict=True)
            if each.n_labelled
        }


def _uses(findings: Findings, part: Part) -> JudgeUses | None:
    """Join what a judge is good for over the systems: the worst of them counts."""
    found = [
        each.uses
        for each in findings.overall
        if (each.judge, each.name) == (part.judge, part.name) and each.uses is not None
    ]
    if not found:
        return None
    return JudgeUses(
        rate=_worst_use([each.rate for each in found], largest=True),
        ranking=_worst_use([each.ranking for each in found], largest=True),
        single_items=_worst_use([each.single_items for each in found], largest=False),
        veto=_worst_use([each.veto for each in found], largest=False),
    )


def _worst_use(found: Sequence[Use], *, largest: bool) -> UseBound:
    """Take the worst bound; what one system does not show is not shown at all."""
    words = {True: "yes", False: "no", None: "unknown"}
    goods = {each.good for each in found}
    good = False if False in goods else None if None in goods else True
    bounds = [each.bound for each in found if each.bound is not None]
    bound = (max if largest else min)(bounds) if bounds else None
    mine = [each for each in found if each.good is good and each.bound in {bound, None}]
    why = (mine or [each for each in found if each.good is good])[0].why
    return UseBound(good=cast("Word", words[good]), bound=bound, why=why)


def _pooled(mine: Sequence[Part]) -> Part:
    """Put the systems' items together, for what the passport says of all of them."""
    first = mine[0]
    if len({part.rubric for part in mine}) > 1:
        raise ConfigError(f"{first.criterion} is a criterion of two rubrics; judge them apart.")
    return replace(
        first,
        system="",
        units=tuple(unit for part in mine for unit in part.units),
        groups=tuple(group for part in mine for group in part.groups),
        clusters=tuple(cluster for part in mine for cluster in part.clusters),
        verdicts=np.concatenate([part.verdicts for part in mine]),
        labels=np.concatenate([part.labels for part in mine]),
        strata=_joint_strata(mine),
        certainty=None,
        passing=_pooled_passing(mine),
        traits={},
        earlier=None,
        flips=(sum(part.flips[0] for part in mine), sum(part.flips[1] for part in mine)),
    )


def _pooled_passing(mine: Sequence[Part]) -> FloatArray | None:
    known = [part.passing for part in mine if part.passing is not None]
    return np.concatenate(known) if len(known) == len(mine) else None


def _joint_strata(mine: Sequence[Part]) -> IntArray | None:
    """Give the cells of all systems numbers of their own; None where there is one cell alone."""
    cells = [
        np.zeros(len(part.units), dtype=np.intp) if part.strata is None else part.strata
        for part in mine
    ]
    if len(mine) == 1:
        return mine[0].strata
    width = 1 + max(int(each.max()) for each in cells)
    return np.concatenate([at * width + each for at, each in enumerate(cells)])


def _entry(
    part: Part, group: str | None, *, apart: Sequence[Part], drawn: _Drawn, design: Design
) -> PassportEntry:
    confidence = drawn.confidence
    found, rates = _agreed(part, confidence), drawn.rates(part)
    numbers: Mapping[str, Number] = found.coefficients if found else {}
    changed, asked = part.flips
    flips = None
    if group is None and asked:
        flips = share(changed, asked, method="flips", confidence=confidence, n_judged=asked)
    return PassportEntry(
        criterion=part.criterion,
        group=group,
        n=numbers["percent"].n_labelled if numbers else 0,
        beyond_chance=_beyond_chance(apart, confidence),
        agreement={name: _measure(number) for name, number in numbers.items()},
        sensitivity=rates.get("sensitivity") or _named(numbers.get("sensitivity")),
        specificity=rates.get("specificity") or _named(numbers.get("specificity")),
        flip_rate=Measure.of(flips) if flips else None,
        events=_screens(part) if group is None else (),
        probabilities=_probability_quality(replace(part, strata=None), confidence, design),
    )


def _probability_quality(
    part: Part, confidence: float, design: Design
) -> ProbabilityQuality | None:
    threshold = threshold_of(part)
    drawn = "by-verdict" if design == "neyman" else design
    try:
        found = reliability_of(part, design=drawn, confidence=confidence)
    except InsufficientLabels:
        return None
    # Free of the bias of noise it can lie below 0, where no error does.
    error = Measure.of(replace(found.error, value=max(found.error.value, found.error.low)))
    return ProbabilityQuality(
        rule=EXPECTED_LEVEL if threshold is None else threshold_rule(threshold),
        error=error,
        ranking=Measure.of(found.ranking),
        brier=found.brier.score,
        sharpness=found.sharpness,
        informative=found.informative,
        beyond_verdict=found.beyond_verdict,
    )


def _agreed(part: Part, confidence: float) -> Agreed | None:
    try:
        return agreed(part, confidence=confidence)
    except Undefined:
        return None


def _beyond_chance(apart: Sequence[Part], confidence: float) -> Measure | None:
    """Give the worst of the parts; None where one of them cannot tell."""
    found = [_of_part(part, confidence) for part in apart]
    known = [measure for measure in found if measure is not None]
    return min(known, key=lambda each: each.low) if len(known) == len(found) else None


def _of_part(part: Part, confidence: float) -> Measure | None:
    if part.counting.kind == "rate":
        try:
            youden = judge_accuracy(part.judged, part.human, confidence=confidence).youden
        except Undefined:
            return None
        return None if youden is None else Measure.of(youden)
    found = _agreed(part, confidence)
    return _named(found.coefficients.get("alpha")) if found else None


def _named(number: Number | None) -> Measure | None:
    return None if number is None else _measure(number)


def _measure(number: Number) -> Measure:
    return Measure(
        value=number.value,
        low=number.low,
        high=number.high,
        confidence=number.confidence,
        n=number.n_labelled,
    )


# Whether the judge of a run may be believed: the run's identity held against a passport.


def identity_of(manifest: Manifest) -> JudgeIdentity:
    """Name what makes the judge of a run this judge.

    The judge's models and addresses, their settings, the meaning of each rubric in each language,
    and the layout in which material reaches the judge. What was judged is no part of it.
    """
    judges = sorted(manifest.judges, key=lambda judge: judge.name)
    return JudgeIdentity(
        name=", ".join(judge.name for judge in judges),
        judge_hash=fingerprint([[judge.model, judge.base_url] for judge in judges]),
        rubric_hash=fingerprint(
            sorted([each.rubric, each.language, each.digest] for each in manifest.rubrics)
        ),
        prompt_hash=fingerprint(
            [manifest.kind, prompt_injection.POLICY, *_question_words(manifest)]
        ),
        settings_hash=fingerprint(
            [_settings(judge) for judge in judges] + _ladder(manifest.on_refusal)
        ),
        languages=tuple(sorted({each.language for each in manifest.rubrics})),
    )


def _settings(judge: Judge) -> list[object]:
    """Name a judge's settings; what came later only where it is not as it was before.

    A threshold or a second judge makes another judge of the same model.
    """
    usual = Judge(model=judge.model)
    named: list[object] = [judge.temperature, judge.max_tokens, judge.seed]
    said, before = judge.model_dump(mode="json"), usual.model_dump(mode="json")
    later = ("api", "threshold", "extra_body", "omit")
    named += [[name, said[name]] for name in later if said[name] != before[name]]
    if judge.escalation is not None:
        kept = judge.escalation.model_dump(mode="json", exclude={"judge"})
        named.append(["escalation", model_digest(judge.escalation.judge), kept])
    return named


def _question_words(manifest: Manifest) -> list[object]:
    """Name the words of typed questions, which a rubric's own digest does not hold."""
    if all(judge.api != "decisions" for judge in manifest.judges):
        return []
    languages = sorted({each.language for each in manifest.rubrics})
    return [question_wording(each).model_dump(mode="json") for each in languages]


def _ladder(on_refusal: OnRefusal) -> list[list[object]]:
    """Name what is tried after a refusal; nothing where nothing is."""
    if on_refusal == AS_IT_IS:
        return []
    second = on_refusal.second
    named = None if second is None else model_digest(second)
    return [[on_refusal.neutral, named]]


def distrust(
    passport: JudgePassport | None,
    manifest: Manifest,
    *,
    criteria: Sequence[str],
    today: date,
    allow_simulated: bool = False,
) -> tuple[str, ...]:
    """Say why the judge of a run is not to be believed.

    Parameters
    ----------
    passport : JudgePassport or None
        None where there is none, which is a reason.
    manifest : Manifest
        Of the run whose verdicts are to be used.
    criteria : sequence of str
        Those that the decision rests on.
    today : date
    allow_simulated : bool
        Whether a passport of the simulated judge may stand; for demonstrations only.

    Returns
    -------
    tuple of str
        Sentences; empty when nothing stands against the judge.
    """
    if passport is None:
        return ("there is no passport for the judge; make one with cvalues calibrate --passport.",)
    identity = identity_of(manifest)
    use = JudgeUse(
        judge_hash=identity.judge_hash,
        rubric_hash=identity.rubric_hash,
        prompt_hash=identity.prompt_hash,
        settings_hash=identity.settings_hash,
        languages=identity.languages,
        criteria=tuple(dict.fromkeys(criteria)),
        allow_simulated=allow_simulated,
    )
    return tuple(reason.text for reason in check(passport, use, now=today).reasons)
