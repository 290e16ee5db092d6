"""The page as a record: what each section shows, in reading order; what is None is absent.

Texts of our own are `Both`, Chinese and English; texts of data sets and models are plain strings
and are quoted material wherever they appear. Shares are fractions, means are in the unit of the
criterion's scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from judge.grading.remarks import Known
from judge.records import Counts, Judge, Judgment, Language, Provenance, Record, Turn
from judge.report.texts import Both, same, say
from judge.store.records import Label

if TYPE_CHECKING:
    from judge.calibrate.label_sampling import Curve
    from judge.calibrate.result import Findings
    from judge.gate.checks import GateReport
    from judge.policy import Policy

Unit = Literal["share", "mean"]
"""Whether numbers are fractions, written as percentages, or scores on a scale."""

# What a gate, a calibration and a comparison add to a page. Their own records are kept whole: the
# page reads them and computes nothing anew. They are named as types only: a page without a gate
# loads none.


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate's decision, and the policy that it applied."""

    report: "GateReport"
    policy: "Policy"


class Deviation(Record):
    """Items whose judge and experts have the same mean and the same difference."""

    mean: float
    difference: float
    """Judge minus experts."""
    n: int = Field(ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What expert labels show of the judge."""

    results: "Findings"
    deviations: Mapping[tuple[str, str, str], tuple[Deviation, ...]] = field(
        default_factory=dict[tuple[str, str, str], tuple[Deviation, ...]]
    )
    """By judge, criterion and system: the differences of single items."""
    budgets: "tuple[Curve, ...]" = ()
    """What more labels would give."""


class ExpertLabels(Record):
    """How many expert labels a run has, and how their items were drawn."""

    labels: int
    raters: int
    items: int
    """Responses with at least one label."""
    design: str | None = None
    """How the items were drawn; None where no draw is on record."""
    seed: int | None = None
    by: str | None = None
    """Column by which the draw was stratified beside the systems."""
    drawn: int | None = None
    """Responses in the draw."""


class QuadrantPoint(Record):
    """A group of one system: how well it knows what is right, and how well it acts on it."""

    group: str | None
    system: str
    knows: float
    """Share of multiple-choice items answered rightly."""
    does: float
    """Share of responses that are right."""
    n_knows: int
    n_does: int


class Knowing(Record):
    """Recognition (multiple choice) against behaviour (judged responses)."""

    lead: Both
    """What the groups of each system show, and what all systems show together."""
    points: tuple[QuadrantPoint, ...]
    split: tuple[float, float]
    """Where the quadrants part, on knowing and on doing."""


class FlipRow(Record):
    """Prompts of a group whose verdict changed between two releases or two runs."""

    group: str | None
    harmful: int
    beneficial: int
    unchanged: int


class Drift(Record):
    """What changed, group by group."""

    measure: Both
    rows: tuple[FlipRow, ...]
    before: str
    """Name of the earlier run or release."""
    after: str


Why = Literal["worse", "better", "unsafe", "missing", "differ", "same"]
"""Why a prompt is shown where it is; see `judge.report.examples`."""


class GroupName(Record):
    """A scenario or domain; the order of these in the report is the order in all pictures."""

    key: str | None
    """None for prompts that belong to no group."""
    name: Both


class Measure(Record):
    """One number that is reported: the share or the mean of a criterion's scores."""

    rubric: str
    criterion: str
    family: Both = Both(zh="", en="")
    """Title of the rubric."""
    title: Both = Both(zh="", en="")
    """Title of the criterion."""
    kind: Literal["share", "mean"]
    low: float
    """Lowest value there can be; 0 for shares."""
    high: float
    """Highest value there can be; 1 for shares."""
    good: Literal["high", "low", "neither"]
    at_least: int | None = None
    """For shares: the lowest score that counts. None for means."""
    levels: tuple[tuple[float, Both], ...] = ()
    """Levels of the criterion's scale with their short names, lowest first."""
    main: bool = False
    """Whether the rubric draws its conclusion from it."""


class Score(Record):
    """A value with its interval, as the judge sees it: no expert label corrects it."""

    value: float
    low: float
    high: float
    n: int = Field(ge=1)
    """Prompts behind it."""
    method: str
    """Name of the interval's method."""

    def overlaps(self, other: "Score") -> bool:
        """Tell whether two intervals share a value."""
        return self.low <= other.high and other.low <= self.high


class ScoreCell(Record):
    """A measure of one system, over all groups or in one of them."""

    measure: int
    """Position among the report's measures."""
    system: str
    group: str | None = None
    overall: bool = False
    """Over all groups; then `group` means nothing."""
    score: Score | None = None
    """None where nothing was scored."""
    missing: int = 0
    """Verdicts without a score."""


class Passport(Record):
    """What is known about the judge's trustworthiness."""

    name: str
    valid: bool
    expires: str | None = None
    """Date in ISO 8601."""


class Edition(Record):
    """A rubric that was asked, with its version."""

    rubric: str
    language: str
    title: str
    version: str
    digest: str


class Served(Record):
    """How often a judge was answered by which model, as the provider named it."""

    judge: str
    model: str | None
    judgments: int


class LanguageScore(Record):
    """A main measure of one system on the items of one language."""

    language: str | None
    """A language tag; None where the items do not tell it."""
    editions: tuple[str, ...]
    """Languages of the rubric's editions under which they were judged."""
    cell: ScoreCell


class Cost(Record):
    """What the run cost, as far as prices are known."""

    calls: int
    usd: float
    """Sum of the known costs in US dollars."""
    unpriced: int
    """Judgments that were paid for at a price that is not known."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Stamp(Record):
    """Where the numbers come from."""

    provenance: Provenance | None
    """The worst of all judgments; None where there are none."""
    judges: tuple[Judge, ...]
    panel: bool
    """Whether the scores are those of the judges' majority."""
    served: tuple[Served, ...]
    editions: tuple[Edition, ...]
    passport: Passport | None
    created_at: str
    """When the run was made, UTC in ISO 8601."""
    cost: Cost


class MissingCell(Record):
    """Verdicts without a score, by reason, group and system."""

    reason: str
    system: str
    group: str | None
    count: int


class Bound(Record):
    """A measure's value if every missing verdict were the worst, and the best, there can be."""

    measure: int
    system: str
    missing: int
    value: float | None
    worst: float
    best: float


class Missing(Record):
    """What has no score, and how far that could move the scores."""

    cells: tuple[MissingCell, ...]
    bounds: tuple[Bound, ...]


class ShownTurn(Record):
    """One turn of a conversation as the page shows it."""

    index: int
    turn: Turn
    evidence: tuple[str, ...] = ()
    """What judges quoted from it."""
    named: bool = False
    """Whether a verdict names it."""
    labelled: bool = False
    """Whether an expert's label names it."""


class Answer(Record):
    """One response to a prompt, and all that the judges said of it."""

    system: str
    sample: int
    response: str | None
    """None for a pair of systems, whose responses stand beside it."""
    judgments: tuple[Judgment, ...]
    labels: tuple[Label, ...] = ()
    """What experts said of it."""
    unsafe: bool = False
    """A judge found it unsafe by the rubric's veto."""
    unread: bool = False
    """A judge or its provider refused to read it."""
    turns: tuple[ShownTurn, ...] = ()
    """Of a conversation, the turns from where it parts from the others."""


class Case(Record):
    """One prompt with the responses of all systems."""

    id: str
    group: str | None
    lang: str | None
    prompt: str
    reference: str | None
    why: Why
    answers: tuple[Answer, ...]
    turns: tuple[ShownTurn, ...] = ()
    """Of conversations, the turns with which all of them begin."""


class Cases(Record):
    """The prompts that the page shows, those that matter most first."""

    shown: tuple[Case, ...]
    total: int
    """Prompts in the run, shown or not."""


class Origin(Record):
    """The file that was judged and the programs that made the page."""

    source: str
    sha256: str
    rows: int
    versions: tuple[tuple[str, str], ...]
    """Program or library, version."""
    repeats: int
    pairwise: bool


class _Kept(Record):
    """A part of a document that another stage wrote; what the page does not show is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RubricName(_Kept):
    """An edition of a rubric."""

    id: str
    version: str


class GainInterval(_Kept):
    """A difference with its interval, a fraction."""

    value: float
    low: float
    high: float


class ProvenCriterion(_Kept):
    """What sealed labels say of a new rubric, for one criterion."""

    criterion: str
    verdict: Literal["BETTER", "NOT SHOWN", "WORSE"]
    n: int
    agreement_before: float
    agreement_after: float
    gain: GainInterval
    select_gain: float | None
    shrinkage: float | None
    width_change: GainInterval | None


class TextChange(_Kept):
    """A text of the rubric before and after."""

    at: str
    before: str | None
    after: str | None


class MovedItem(_Kept):
    """A response whose verdict the new rubric changed."""

    id: str
    system: str
    criterion: str
    experts: float
    before: int | None
    after: int | None
    better: bool


class LabelParts(_Kept):
    """How labelled prompts were parted."""

    digest: str
    sizes: dict[str, int]


class Improvement(_Kept):
    """The latest search for a better rubric; see `judge.improve.result.document`."""

    verdict: Literal["BETTER", "NOT SHOWN", "WORSE"]
    simulated: bool
    old: RubricName
    new: RubricName | None
    reflection_model: str | None
    criteria: tuple[ProvenCriterion, ...]
    changes: tuple[TextChange, ...]
    moved: tuple[MovedItem, ...]
    candidates: tuple[object, ...]
    partition: LabelParts
    look: int | None
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a page shows."""

    run: str
    lang: Language | None
    """Shown first; both are in the page. None for that of the reader's browser."""
    data_lang: Language = "en"
    """Language of most items; shown first where the browser runs no script and `lang` is None."""
    stamp: Stamp
    counts: Counts
    systems: tuple[str, ...]
    """The baseline first."""
    groups: tuple[GroupName, ...]
    measures: tuple[Measure, ...]
    scores: tuple[ScoreCell, ...]
    languages: tuple[LanguageScore, ...] = ()
    """The main measures by language; empty where all items are in one."""
    origin: Origin
    gate: Gate | None = None
    calibration: Calibration | None = None
    canaries: Known | None = None
    """How the judge did on responses with known verdicts; None where it was not asked."""
    remarks: Mapping[str, int] = field(default_factory=dict[str, int])
    """Judgments by the remarks that they carry."""
    labels: ExpertLabels | None = None
    """None for scores of another tool, whose labels the calibration counts."""
    knowing: Knowing | None = None
    drift: Drift | None = None
    missing: Missing | None = None
    improvement: Improvement | None = None
    cases: Cases | None = None

    def cell(self, measure: int, system: str, group: GroupName | None = None) -> ScoreCell | None:
        """Find a measure of one system, over all groups unless one is given."""
        return next(
            (
                cell
                for cell in self.scores
                if (cell.measure, cell.system) == (measure, system)
                and cell.overall == (group is None)
                and (group is None or cell.group == group.key)
            ),
            None,
        )

    def group_name(self, key: str | None) -> Both:
        """Name a group; by its key where the report does not list it."""
        named = (group.name for group in self.groups if group.key == key)
        return next(named, same(key or ""))

    def group_or_all(self, key: str | None) -> Both:
        """Name a group, or all groups together for None."""
        return say("scores.all_groups") if key is None else self.group_name(key)

    def criterion_title(self, rubric: str | None, criterion: str) -> Both:
        """Name a criterion; by its id where the report does not measure it."""
        titles = (
            measure.title
            for measure in self.measures
            if (measure.rubric, measure.criterion) == (rubric, criterion)
        )
        return next(titles, same(criterion))
