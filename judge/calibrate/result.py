"""What was found of a judge, part by part: records that print, export and fill a page.

A number that no honest interval supports is not here; a refusal says why. Rates are fractions,
means are in the unit of the scale.
"""

from collections.abc import Iterator
from typing import Literal

from calibration.expert_noise import NoiseBound
from calibration.rater_agreement.coefficients import coefficient
from calibration.validation import Design, Population
from judge.calibrate.agreement import Agreed, Ceiling, Consistency, Replacement
from judge.calibrate.calibration_set import Ends, Kind, Number
from judge.calibrate.diagnostics import (
    Battery,
    Change,
    Handover,
    Influence,
    SelfPreference,
    SingleItem,
)
from judge.calibrate.label_checks import Selection
from judge.calibrate.probabilities import ProbabilityFinding
from judge.calibrate.sessions import SessionFinding
from judge.calibrate.uses import Recall, Uses
from judge.files.decoding import counted
from judge.records import Provenance, Record

What = Literal[
    "corrected",
    "agreement",
    "ceiling",
    "human-only",
    "consistency",
    "bias",
    "single-item",
    "handover",
    "drift",
    "probabilities",
]
RefusalKind = Literal["UnusableJudge", "InsufficientLabels", "Undefined"]
DesignName = Literal["as-drawn"] | Design


class Refusal(Record):
    """Why something is not reported as a number."""

    what: What
    kind: RefusalKind
    why: str


class JudgeOnly(Record):
    """The judge's own score: not what experts would say, and never to be reported as that."""

    valid: Literal[False] = False
    value: float | None
    """None where the judge gave no verdict at all."""
    low: float
    high: float
    """Where the score would lie if every missing verdict were the lowest, or the highest."""


class CountedStratum(Record):
    """What one stratum of a corrected rate contributes to its interval."""

    name: str
    items: int
    labels: int
    mean: float | None
    """Weighted mean of the labels; None without any."""
    effective_items: float
    effective_labels: float


class CountedCell(Record):
    """Items alike in verdict, in label and in the rate at which labels were drawn."""

    draw: int
    """Items with the same number had labels drawn at about one rate; -1 where none was drawn."""
    verdict: float | None
    label: float | None
    items: int
    weight: float | None
    """Items that each label stands for."""


class Basis(Record):
    """What the corrected score was computed from: enough to compute its interval again."""

    population: Population
    """Whether the score is of all items like these, or of these alone."""
    guarantee: Literal["exact", "conjectured", "approximate"]
    """Whether the coverage is proven, proven but for a conjecture, or shown by simulation."""
    method: str
    confidence: float
    effect_items: float
    """Design effects of items that share a prompt: of all items, of the labels, and of the labels
    without a look at the judge."""
    effect_labels: float
    effect_alone: float
    strata: tuple[CountedStratum, ...]
    cells: tuple[CountedCell, ...]


class Finding(Record):
    """What was found of one judge, criterion and system, over all items or in one group."""

    judge: str
    rubric: str | None
    criterion: str
    system: str
    group: str | None = None
    """None for all items."""
    kind: Kind
    scale: Ends
    at_least: float | None
    n: int
    n_judged: int
    n_missing: int
    """Items without a verdict; carried as bounds, never as a number."""
    n_labelled: int
    n_tied: int
    """Labelled items on which the experts do not settle."""
    raters: int
    judge_only: JudgeOnly
    corrected: Number | None = None
    basis: Basis | None = None
    """What the corrected score rests on; None without one, and for a curated set."""
    above_chance: bool | None = None
    """Whether the labels show that the judge is better than chance; None without a correction."""
    human_only: Ends | None = None
    """What the labels say without the judge."""
    agreement: Agreed | None = None
    ceiling: Ceiling | None = None
    replacement: Replacement | None = None
    consistency: Consistency | None = None
    """How far experts say the same, and how many of them would be enough."""
    bias: Battery | None = None
    """What moves the judge and should not; over all items only."""
    single_item: SingleItem | None = None
    """Where the experts' level of one item lies."""
    handover: Handover | None = None
    """Which items should go to an expert; over all items only."""
    probabilities: ProbabilityFinding | None = None
    """Whether the judge's probabilities mean what they say, where it gave any."""
    sessions: SessionFinding | None = None
    """By conversation, where each turn was judged; over all items only."""
    drift: Change | None = None
    """What changed since the earlier version of the judge, where one is named."""
    recalls: tuple[Recall, ...] = ()
    """How much of each class the judge finds, the rarer class first; of pass and fail only."""
    uses: Uses | None = None
    """What the judge is good for; of pass and fail only."""
    expert_noise: NoiseBound | None = None
    """The corrected rate with room for the experts' errors; of pass and fail only."""
    selection: tuple[Selection, ...] = ()
    """How labelled and other items differ, where labels are said to be drawn at random."""
    unlabelled_groups: tuple[str, ...] = ()
    """Groups without a label that a random draw would have met: no score is for all items."""
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How tables call the criterion."""
        return self.criterion if self.rubric is None else f"{self.rubric}.{self.criterion}"

    @property
    def unusable(self) -> bool:
        """Whether the judge is no better than chance here."""
        return any(refusal.kind == "UnusableJudge" for refusal in self.refusals)


class ErrorRates(Record):
    """How often a judge is right on one system, by what the experts say."""

    system: str
    sensitivity: float | None
    specificity: float | None
    n_passed: int
    n_failed: int
    adjusted_p: float


class SystemErrors(Record):
    """Whether a judge errs alike on all systems."""

    judge: str
    criterion: str
    differ: bool
    systems: tuple[ErrorRates, ...]


class Findings(Record):
    """All that a calibration found."""

    source: str
    """The run or the file of scores."""
    labels: str
    design: DesignName
    provenance: Provenance | None
    """The least live of all verdicts; None where it is not known, as for other tools' scores."""
    simulated_labels: bool = False
    confidence: float
    findings: tuple[Finding, ...]
    error_rates: tuple[SystemErrors, ...] = ()
    self_preference: tuple[SelfPreference, ...] = ()
    """For each judge and criterion, where systems of the judge's own family are named."""

    @property
    def overall(self) -> tuple[Finding, ...]:
        """Those over all items of a system."""
        return tuple(each for each in self.findings if each.group is None)

    @property
    def simulated(self) -> bool:
        """Whether anything in it is simulated."""
        return self.simulated_labels or self.provenance == "SIMULATED"

    @property
    def shifted(self) -> bool:
        """Whether labels leave out groups that a random draw would have met."""
        return any(each.unlabelled_groups for each in self.findings)

    @property
    def untrusted(self) -> bool:
        """Whether the judge is unusable for everything that it was asked."""
        return bool(self.overall) and all(each.unusable for each in self.overall)


# What was found, in plain words: one line for each criterion and system, the answer first.

ALARMING = 0.05
"""Adjusted p-value from which on a property that moves the judge is spoken of."""

DESIGNS = {
    "random": "at random from all items",
    "by-verdict": "at random among items with the same verdict",
    "curated": "by hand (a curated set)",
    "as-drawn": "as recorded by cvalues sample",
}


def verdict(findings: Findings) -> Iterator[str]:
    """Say whether the judge can be believed, and what experts would say of each system."""
    if findings.simulated:
        simulated = {
            "judge": findings.provenance == "SIMULATED",
            "experts": findings.simulated_labels,
        }
        what = " and ".join(who for who, is_it in simulated.items() if is_it)
        yield f"SIMULATED {what}: no finding about any real model."
    yield _headline(findings)
    for finding in findings.overall:
        yield f"{_where(finding, findings)}: {_sentence(finding)}"
        yield from _by_group(finding, findings)
    for finding in findings.overall:
        if finding.probabilities is not None:
            yield f"{_where(finding, findings)}: {_probable(finding.probabilities)}."
    yield from (_differ(each) for each in findings.error_rates if each.differ)
    for finding in findings.overall:
        if finding.drift is not None:
            yield f"{_where(finding, findings)}: {_drifted(finding.drift)}"
    yield from _moved(findings)
    yield f"Assumption: labelled items were chosen {DESIGNS[findings.design]}."
    yield from _meant(findings)


MEANT = {
    "superpopulation": "all items like these; --population finite bounds these items alone",
    "finite": "these items alone, not for others like them",
}


def _meant(findings: Findings) -> Iterator[str]:
    """Say which items the intervals are for, and how strong they are."""
    meant = {each.basis.population for each in findings.findings if each.basis is not None}
    for population in sorted(meant):
        yield (
            f"Intervals of corrected scores are for {MEANT[population]}. They are approximate: "
            "their coverage was shown by simulation."
        )


def score(finding: Finding, value: float) -> str:
    """Write a value in the unit of the finding."""
    return f"{100 * value:.1f}%" if finding.kind == "rate" else f"{value:.2f}"


def interval(finding: Finding, low: float, high: float) -> str:
    """Write the ends of an interval in the unit of the finding."""
    if finding.kind == "rate":
        return f"[{100 * low:.1f}, {100 * high:.1f}]"
    return f"[{low:.2f}, {high:.2f}]"


def _headline(findings: Findings) -> str:
    found = findings.overall
    shown = sum(each.above_chance is True for each in found)
    if findings.untrusted:
        return "Do not use this judge: it is no better than chance wherever it was checked."
    if shown == len(found):
        return "Use the corrected scores below; do not use the raw scores."
    unusable = sum(each.unusable for each in found)
    doubtful = sum(each.above_chance is False for each in found)
    reasons = {
        "it is no better than chance": unusable,
        "nothing shows that it is better than chance": doubtful,
        "there is no corrected score": len(found) - shown - unusable - doubtful,
    }
    why = "; ".join(f"in {count} {what}" for what, count in reasons.items() if count)
    if shown:
        cases = f"{shown} of {len(found)} cases"
        return f"Use the corrected scores below, not the raw scores, in {cases}; {why}."
    return f"The labels do not show that the judge can be used: of {len(found)} cases, {why}."


def _where(finding: Finding, findings: Findings) -> str:
    several = len({each.judge for each in findings.findings}) > 1
    return f"{finding.name}, {finding.system}" + (f", by {finding.judge}" if several else "")


def _sentence(finding: Finding) -> str:
    if finding.corrected is None:
        return _refused(finding)
    own, corrected = finding.judge_only.value, finding.corrected
    said = (
        f"corrected score {score(finding, corrected.value)}, {corrected.confidence:.0%} CI "
        f"{interval(finding, corrected.low, corrected.high)}, "
        f"{counted(finding.n_labelled, 'label')}"
    )
    if own is not None:
        said += f"; uncorrected {score(finding, own)}, {_leaning(own, corrected)}"
    return f"{said}. {_use(finding)}{_agreement(finding)}"


def _use(finding: Finding) -> str:
    """Say how much of the rarer class the judge finds, and what that lets it be used for."""
    if not finding.recalls or finding.uses is None:
        return ""
    rare = finding.recalls[0]
    name = "passes" if rare.passes else "fails"
    ends = f"[{100 * rare.rate.low:.0f}%, {100 * rare.rate.high:.0f}%]"
    said = f"Recall of {name}: {rare.found} of {rare.n} labelled, 95% CI {ends}"
    uses = finding.uses
    if uses.single_items.good:
        return f"{said}. "
    veto = "" if uses.veto.good else " or a veto"
    return f"{said}: use the corrected rate, not single verdicts{veto}. "


def _by_group(finding: Finding, findings: Findings) -> Iterator[str]:
    """Give each labelled group its own score where there is none for all items."""
    if not finding.unlabelled_groups:
        return
    key = finding.judge, finding.name, finding.system
    for each in findings.findings:
        if each.group is not None and (each.judge, each.name, each.system) == key:
            yield f"{_where(each, findings)}, {each.group} only: {_sentence(each)}"


def _leaning(own: float, corrected: Number) -> str:
    if own > corrected.high:
        return "too high"
    return "too low" if own < corrected.low else "within the interval"


def _refused(finding: Finding) -> str:
    why = next((each for each in finding.refusals if each.what == "corrected"), None)
    said = f"no corrected score: {why.why}" if why else "no corrected score."
    if finding.human_only is not None:
        ends = finding.human_only
        said += f" Labels alone: {interval(finding, ends.low, ends.high)}."
    return said


def _agreement(finding: Finding) -> str:
    agreed, ceiling = finding.agreement, finding.ceiling
    if agreed is None or agreed.main not in agreed.coefficients:
        return "Agreement cannot be measured on these labels."
    main = agreed.coefficients[agreed.main]
    title = coefficient(agreed.main).title
    said = f"Agreement {title} {main.value:.2f} [{main.low:.2f}, {main.high:.2f}]"
    if ceiling is None:
        return f"{said}."
    said += f"; inter-expert agreement {ceiling.experts.value:.2f}"
    if ceiling.ratio is not None:
        said += f"; judge/expert ratio {ceiling.ratio.value:.2f}"
    return f"{said}."


def _probable(found: ProbabilityFinding) -> str:
    """Say what the judge's probabilities are worth."""
    if not found.informative:
        return "the judge's probabilities carry no information about the experts' labels"
    error = found.error
    said = (
        f"the judge's probabilities are off by {max(error.value, 0.0):.3f} on average "
        f"[{error.low:.3f}, {error.high:.3f}]"
    )
    return said if found.beyond_verdict else f"{said} and say no more than the verdict"


def _differ(errors: SystemErrors) -> str:
    rates = "; ".join(
        f"for {each.system} {_share(each.sensitivity)} of passes, "
        f"{_share(each.specificity)} of fails"
        for each in errors.systems
    )
    return (
        f"{errors.criterion}: the error rates of {errors.judge} differ between systems (it finds "
        f"{rates}), "
        "so every system is corrected by its own labels."
    )


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.0f}%"


def _drifted(drift: Change) -> str:
    changed = drift.fell + drift.rose
    said = f"against {drift.before} {changed} of {drift.n} verdicts changed"
    if drift.accuracy is None:
        return f"{said}; no label says whether for the better."
    change = drift.accuracy.agreement_change
    ends = f"[{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
    return f"{said}; agreement with the experts {100 * change.value:+.1f} points {ends}."


def _moved(findings: Findings) -> Iterator[str]:
    """Name only what moves the judge beyond chance; the rest is in the JSON and on the page."""
    batteries = list(_batteries(findings))
    for where, kind, effects in batteries:
        for effect in effects:
            # Each battery is adjusted by itself; several of them give chance several chances.
            if effect.adjusted_p * len(batteries) < ALARMING:
                yield f"{where}: {_moves(effect, kind)}"


def _batteries(findings: Findings) -> Iterator[tuple[str, Kind, tuple[Influence, ...]]]:
    for each in findings.overall:
        if each.bias is not None:
            yield _where(each, findings), each.kind, each.bias.effects
    kinds: dict[str, Kind] = {each.name: each.kind for each in findings.overall}
    for own in findings.self_preference:
        if own.effect is not None:
            yield own.criterion, kinds[own.criterion], (own.effect,)


def _moves(effect: Influence, kind: Kind) -> str:
    error = effect.error
    each = "" if effect.contrast == "with against without" else " per standard deviation"
    return (
        f"{effect.name} biases the judge: {_points(kind, error.value)} "
        f"[{_points(kind, error.low)}, {_points(kind, error.high)}] "
        f"{'percentage points' if kind == 'rate' else 'points'}{each} relative to the experts."
    )


def _points(kind: Kind, change: float) -> str:
    return f"{100 * change:+.1f}" if kind == "rate" else f"{change:+.2f}"
