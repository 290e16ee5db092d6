"""Calibrate: examine every part, group by group where asked, and compare the systems' errors."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from calibration.drift import compare_error_rates
from calibration.estimate import Undefined
from calibration.validation import Design
from judge.trust.battery import self_preferences
from judge.trust.examine import Aims, examine
from judge.trust.finding import DesignName, ErrorRates, Finding, Findings, SystemErrors
from judge.trust.part import Part


def calibrate(
    parts: Sequence[Part],
    *,
    design: DesignName,
    source: str,
    labels: str,
    by_group: bool = False,
    simulated_labels: bool = False,
    aims: Aims | None = None,
) -> Findings:
    """Examine all parts.

    Parameters
    ----------
    parts : sequence of Part
        At least one.
    design : {'random', 'by-verdict', 'curated', 'as-drawn'}
        How the labelled items were chosen; 'as-drawn' where a draw is on record in the strata.
    source, labels : str
        Names of where scores and labels came from, to be printed.
    by_group : bool
        Whether each group is examined too.
    simulated_labels : bool
        Whether the labels are no experts' labels at all.
    aims : Aims, optional

    Returns
    -------
    Findings

    Raises
    ------
    ValueError
        If the scores do not fit the design.
    """
    aims = aims or Aims()
    drawn: Design = "random" if design == "as-drawn" else design
    return Findings(
        source=source,
        labels=labels,
        design=design,
        provenance=parts[0].provenance,
        simulated_labels=simulated_labels,
        confidence=aims.confidence,
        findings=tuple(
            finding
            for part in parts
            for finding in _findings(part, drawn, by_group=by_group, aims=aims)
        ),
        error_rates=tuple(_compared(parts)),
        self_preference=tuple(
            self_preferences(parts, aims.family, confidence=aims.confidence) if aims.family else ()
        ),
    )


def _findings(part: Part, design: Design, *, by_group: bool, aims: Aims) -> Iterable[Finding]:
    yield examine(part, design=design, aims=aims)
    if by_group:
        for name, mine in part.by_group().items():
            yield examine(mine, design=design, group=name, aims=aims)


def _compared(parts: Iterable[Part]) -> Iterable[SystemErrors]:
    """Compare error rates over the systems of each judge and criterion that has several."""
    together = defaultdict[tuple[str, str], list[Part]](list)
    for part in parts:
        if part.counting.kind == "rate":
            together[part.judge, part.name].append(part)
    for (judge, criterion), mine in together.items():
        try:
            found = compare_error_rates(
                np.concatenate([part.judged for part in mine]),
                np.concatenate([part.human for part in mine]),
                np.concatenate([np.full(len(part.units), part.system) for part in mine]),
            )
        except Undefined:
            continue
        yield SystemErrors(
            judge=judge,
            criterion=criterion,
            differ=found.differ,
            systems=tuple(
                ErrorRates(
                    system=each.system,
                    sensitivity=each.sensitivity,
                    specificity=each.specificity,
                    n_passed=each.n_passed,
                    n_failed=each.n_failed,
                    adjusted_p=each.adjusted_p,
                )
                for each in found.systems
            ),
        )
