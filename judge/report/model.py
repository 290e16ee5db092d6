"""The page as a record: what each section shows, in reading order; what is None is absent.

Texts of our own are `Both`, Chinese and English; texts of data sets and models are plain strings
and are quoted material wherever they appear. Shares are fractions, means are in the unit of the
criterion's scale.
"""

from typing import Literal

from pydantic import Field

from judge.records import Counts, Judge, Judgment, Language, Provenance, Record
from judge.report.texts import Both, same, say

# What a gate, a calibration and a comparison add to a page: records for its further sections.
#
# The page shows these numbers and never computes them. Shares and rates are fractions,
# differences of them too; means are in the unit of the criterion's scale. None means that there
# is no such number, and the text beside it says why.

Word = Literal["PASS", "FAIL", "NEED_LABELS", "UNTRUSTED", "INCOMPLETE"]
"""What a gate can say, of a release or of one check."""

Unit = Literal["share", "mean"]
"""Whether numbers are fractions, written as percentages, or scores on a scale."""


class Check(Record):
    """One check of a gate."""

    name: Both
    group: str | None = None
    """Key of the group; None for all groups together."""
    unit: Unit
    estimate: float | None
    low: float | None
    high: float | None
    margin: float | None = None
    """The value at which the check turns: a non-inferiority margin or a floor."""
    good: Literal["high", "low"] = "high"
    """On which side of the margin it passes."""
    difference: bool = True
    """Whether the value is a difference from the baseline; it is then written with its sign."""
    adjusted_p: float | None = None
    n: int | None = None
    decision: Word
    waived: bool = False
    """Whether somebody answers for it, so that it does not count in the decision."""
    why: Both


class Checks(Record):
    """All checks of a gate."""

    rows: tuple[Check, ...]
    method: Both
    """How the intervals and the adjustment were made."""
    corrected: bool
    """Whether expert labels correct the values."""
    advisory: bool = False
    """Whether the policy only advises, so that nothing is called passed."""


class AgreementRow(Record):
    """How far a judge agrees with the experts in a group, and how far they agree themselves."""

    group: str | None
    """None for all groups together."""
    estimate: float | None
    low: float | None = None
    high: float | None = None
    ceiling: float | None = None
    """Agreement of one expert with the others; None where it is not known."""
    n: int
    """Items that both judged."""
    why: Both | None = None
    """Why there is no value."""


class Agreement(Record):
    """Agreement with the experts, group by group."""

    criterion: Both
    coefficient: Both
    """Name of the coefficient, with its level, such as ordinal alpha."""
    ends: tuple[float, float] = (0.0, 1.0)
    """Lowest and highest value worth drawing."""
    rows: tuple[AgreementRow, ...]
    method: Both


class Confusion(Record):
    """Which scores the judge gave where the experts gave which."""

    criterion: Both
    levels: tuple[Both, ...]
    """Names of the levels, lowest first."""
    counts: tuple[tuple[int, ...], ...]
    """Rows: experts; columns: judge; items."""
    harmful: tuple[int, int] | None = None
    """Row and column of the worst mistake, such as unsafe taken for safe."""


class Corrected(Record):
    """A measure as the judge sees it and as expert labels correct it."""

    label: Both
    system: str
    unit: Unit
    raw: float
    value: float
    low: float
    high: float
    experts: tuple[float, float] | None = None
    """Interval that the labels give without the judge."""
    n_judged: int
    n_labelled: int


class BudgetPoint(Record):
    """What a number of labels would give."""

    labels: int = Field(ge=0)
    value: float


class Budget(Record):
    """How an interval narrows, or a gate's power grows, with the number of expert labels."""

    quantity: Both
    """What is drawn, in words with its unit."""
    unit: Unit
    points: tuple[BudgetPoint, ...]
    now: int
    """Labels that exist."""
    wanted: float | None = None
    """The value that is wanted."""
    needed: int | None = None
    """Labels that reach it; None where none do."""


class Deviation(Record):
    """Items whose judge and experts have the same mean and the same difference."""

    mean: float
    difference: float
    """Judge minus experts."""
    n: int = Field(ge=1)


class Deviations(Record):
    """Bland-Altman: whether the judge is lenient or severe, and where on the scale."""

    criterion: Both
    points: tuple[Deviation, ...]
    scale: tuple[float, float]
    bias: float
    limits: tuple[float, float]
    """Limits of agreement: where 95 % of the differences lie."""


class ReliabilityPoint(Record):
    """Items with about the same probability of a pass, and what experts passed of them."""

    predicted: float
    observed: float
    low: float
    high: float
    n: int
    """Labels behind it."""


class ReliabilityCurve(Record):
    """Whether a judge's probabilities mean what they say."""

    criterion: Both
    points: tuple[ReliabilityPoint, ...]
    """With a band that holds for all of them at once."""
    error: tuple[float, float, float]
    """Expected calibration error with its interval: value, low, high; fractions."""
    informative: bool
    beyond_verdict: bool


class Detail(Record):
    """Exact numbers that need no picture, ready to be shown."""

    title: Both
    """What they are, with their unit."""
    head: tuple[Both, ...]
    rows: tuple[tuple[Both, ...], ...]
    """All as long as the head."""
    first_number: int
    """From this column on there are numbers."""


class Belief(Record):
    """Whether the judge can be believed."""

    lead: Both
    """The answer in one sentence, from the numbers."""
    agreements: tuple[Agreement, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    corrected: tuple[Corrected, ...] = ()
    corrected_method: Both | None = None
    deviations: tuple[Deviations, ...] = ()
    reliabilities: tuple[ReliabilityCurve, ...] = ()
    budgets: tuple[Budget, ...] = ()
    details: tuple[Detail, ...] = ()
    remarks: tuple[Both, ...] = ()


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
    """Knowing against doing."""

    lead: Both
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

    lead: Both
    measure: Both
    rows: tuple[FlipRow, ...]
    before: str
    """Name of the earlier run or release."""
    after: str


Why = Literal["worse", "better", "unsafe", "missing", "differ", "same"]
"""Why a prompt is shown where it is; see `judge.report.cases`."""


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


class Decision(Record):
    """What the gate decided, for people; the report never makes a decision itself."""

    word: Word
    sentence: Both
    """The decision with its reason."""
    demo_only: bool = False
    advisory: bool = False


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


class Answer(Record):
    """One response to a prompt, and all that the judges said of it."""

    system: str
    sample: int
    response: str | None
    """None for a pair of systems, whose responses stand beside it."""
    judgments: tuple[Judgment, ...]
    unsafe: bool = False
    """A judge found it unsafe by the rubric's veto."""
    unread: bool = False
    """A judge or its provider refused to read it."""


class Case(Record):
    """One prompt with the responses of all systems."""

    id: str
    group: str | None
    lang: Language | None
    prompt: str
    reference: str | None
    why: Why
    answers: tuple[Answer, ...]


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


class Report(Record):
    """All that a page shows."""

    run: str
    lang: Language
    """Which language is shown first; both are in the page."""
    stamp: Stamp
    counts: Counts
    systems: tuple[str, ...]
    """The baseline first."""
    groups: tuple[GroupName, ...]
    measures: tuple[Measure, ...]
    scores: tuple[ScoreCell, ...]
    origin: Origin
    decision: Decision | None = None
    checks: Checks | None = None
    belief: Belief | None = None
    knowing: Knowing | None = None
    drift: Drift | None = None
    missing: Missing | None = None
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
        return say("where.all_groups") if key is None else self.group_name(key)

    def criterion_title(self, rubric: str | None, criterion: str) -> Both:
        """Name a criterion; by its id where the report does not measure it."""
        titles = (
            measure.title
            for measure in self.measures
            if (measure.rubric, measure.criterion) == (rubric, criterion)
        )
        return next(titles, same(criterion))
