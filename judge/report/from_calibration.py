"""Put on a page what a gate decided and what a calibration found; their records are kept whole."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from judge.records import Counts
from judge.report.model import (
    Calibration,
    Cost,
    Deviation,
    Gate,
    Origin,
    Passport,
    Report,
    Stamp,
)

if TYPE_CHECKING:
    from judge.calibrate.calibration_set import Part
    from judge.calibrate.label_sampling import Curve
    from judge.calibrate.result import Findings
    from judge.gate.checks import GateReport
    from judge.policy import Policy


def with_calibration(
    report: Report,
    results: "Findings",
    parts: "Sequence[Part]",
    *,
    curves: "Sequence[Curve]" = (),
) -> Report:
    """Put on a page what expert labels show of its judge.

    Parameters
    ----------
    report : Report
        Of the run that was calibrated.
    results : Findings
    parts : sequence of Part
        Those that were analysed.
    curves : sequence of Curve
        What more labels would give.
    """
    deviations = {
        (part.judge, part.name, part.system): tuple(_deviations(part))
        for part in parts
        if part.counting.kind == "mean"
    }
    calibration = Calibration(results=results, deviations=deviations, budgets=tuple(curves))
    return replace(report, calibration=calibration)


def with_gate(report: Report, decided: "GateReport", policy: "Policy") -> Report:
    """Put a decision, its checks and the judge's passport on the page of the candidate's run."""
    stamp = report.stamp
    if decided.passport_expires is not None:
        passport = Passport(
            name=stamp.judges[0].name,
            valid=not decided.trust,
            expires=decided.passport_expires,
        )
        stamp = stamp.model_copy(update={"passport": passport})
    return replace(report, gate=Gate(report=decided, policy=policy), stamp=stamp)


def foreign_page(results: "Findings", *, rows: int) -> Report:
    """Make the page of scores that came from another tool: nothing is known of their making."""
    systems = tuple(sorted({each.system for each in results.findings}))
    return Report(
        run=results.source,
        lang=None,
        stamp=Stamp(
            provenance=results.provenance,
            judges=(),
            panel=False,
            served=(),
            editions=(),
            passport=None,
            created_at="",
            cost=Cost(calls=0, usd=0.0, unpriced=0),
        ),
        counts=Counts(),
        systems=systems,
        groups=(),
        measures=(),
        scores=(),
        origin=Origin(
            source=results.source, sha256="", rows=rows, versions=(), repeats=1, pairwise=False
        ),
    )


def _deviations(part: "Part") -> Iterator[Deviation]:
    """Count items by mean and difference of judge and experts."""
    judged, human = part.judged, part.human
    both = ~np.isnan(judged) & ~np.isnan(human)
    pairs = zip(judged[both].tolist(), human[both].tolist(), strict=True)
    counted = Counter(((one + other) / 2.0, one - other) for one, other in pairs)
    for (mean, difference), n in sorted(counted.items()):
        yield Deviation(mean=mean, difference=difference, n=n)
