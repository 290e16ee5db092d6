"""What was found of a judge, part by part: records that print, export and fill a page.

A number that no honest interval supports is not here; a refusal says why. Rates are fractions,
means are in the unit of the scale.
"""

from typing import Literal

from calibration.validation import Design
from judge.records import Provenance, Record
from judge.trust.agreement import Agreed, Ceiling, Consistency, Replacement
from judge.trust.battery import Battery, SelfPreference
from judge.trust.number import Ends, Number
from judge.trust.part import Kind
from judge.trust.single_items import Handover, SingleItem
from judge.trust.versions import Change

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
    drift: Change | None = None
    """What changed since the earlier version of the judge, where one is named."""
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
    def untrusted(self) -> bool:
        """Whether the judge is unusable for everything that it was asked."""
        return bool(self.overall) and all(each.unusable for each in self.overall)
