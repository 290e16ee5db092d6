"""What a gate says: one outcome for each check and group, and the decision over all of them."""

from collections.abc import Sequence
from typing import Literal

from judge.records import Counts, Provenance, Record

Decision = Literal["PASS", "FAIL", "NEED_LABELS", "UNTRUSTED", "INCOMPLETE"]

SEVERITY: tuple[Decision, ...] = ("UNTRUSTED", "INCOMPLETE", "FAIL", "NEED_LABELS", "PASS")
"""Which decision of several checks stands for all: the first that occurs."""


class CheckOutcome(Record):
    """What one check says of one group."""

    name: str
    group: str | None
    estimate: float | None
    low: float | None
    high: float | None
    margin: float | None
    adjusted_p: float | None
    """Holm-adjusted p-value of "worse by more than the margin"; small is bad."""
    decision: Decision
    why: str
    labels_needed: int | None = None
    """About how many labelled prompts would settle it; None where that cannot be said."""
    floor: float | None = None
    level: tuple[float, float, float] | None = None
    """The candidate's own level with its limits, where a floor is asked for."""
    worst: float | None = None
    best: float | None = None
    """The judge's own value were every missing verdict the worst, and the best, there is."""
    n: int = 0
    n_labelled: int = 0
    waived: bool = False


def overall(outcomes: Sequence[CheckOutcome]) -> Decision:
    """Give the decision over all checks; those that are waived do not count."""
    found = {outcome.decision for outcome in outcomes if not outcome.waived}
    for decision in SEVERITY:
        if decision in found:
            return decision
    return "PASS"


class GateReport(Record):
    """The decision, and all that it rests on."""

    decision: Decision
    provenance: Provenance
    advisory: bool
    baseline: str
    candidate: str
    policy: str
    checks: tuple[CheckOutcome, ...]
    counts: Counts
    """Judgments of both runs together."""
    passport_expires: str | None = None
    """Last day of the judge's passport, as YYYY-MM-DD; None without one."""
    trust: str = ""
    """Why the judge is not trusted, or empty."""
