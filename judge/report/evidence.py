"""What a gate, a calibration and a comparison add to a page: records for its further sections.

The page shows these numbers and never computes them. Shares and rates are fractions, differences
of them too; means are in the unit of the criterion's scale. None means that there is no such
number, and the text beside it says why.
"""

from typing import Literal

from pydantic import Field

from judge.records import Record
from judge.report.words import Both

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
