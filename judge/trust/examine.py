"""Hold one part against its labels: corrected score, agreement, ceiling, or why there is none."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from calibration.validation import Design
from judge.trust.agreeing import agreed, ceiling_of, replacement
from judge.trust.correcting import corrected, judge_only, labels_alone
from judge.trust.finding import Ends, Finding, Number, Refusal
from judge.trust.part import Part
from judge.trust.refusing import attempt

EXPECTED = 3.0
"""Labels that a group must expect before their absence is spoken of."""
UNEVEN = 1.5
"""How much likelier than others an item may have been drawn before it is spoken of."""


def examine(
    part: Part, *, design: Design, group: str | None = None, confidence: float = 0.95
) -> Finding:
    """Say what a part's labels let be said.

    Parameters
    ----------
    part : Part
        All items of a system, or those of one group.
    design : {'random', 'by-verdict', 'curated'}
        How the labelled items were chosen; within the part's strata where it has some.
    group : str, optional
        Name of the group.
    confidence : float

    Returns
    -------
    Finding

    Raises
    ------
    ValueError
        If the scores do not fit the design.
    """
    refusals: list[Refusal] = []

    def corrected_score() -> tuple[Number, Ends | None, tuple[str, ...]]:
        estimate = corrected(part, design=design, confidence=confidence)
        return Number.of(estimate), Ends.of(estimate.human_only), estimate.warnings

    def alone() -> Ends | None:
        return Ends.of(labels_alone(part, design=design, confidence=confidence))

    found = attempt("corrected", refusals, corrected_score)
    number, human_only, warnings = found or (None, attempt("human-only", refusals, alone), ())
    agreement = attempt("agreement", refusals, lambda: agreed(part, confidence=confidence))
    ceiling = attempt("ceiling", refusals, lambda: ceiling_of(part, confidence=confidence))
    return _bare(part, group).model_copy(
        update={
            "corrected": number,
            "human_only": None if design == "curated" else human_only,
            "agreement": agreement,
            "ceiling": ceiling,
            "replacement": replacement(part),
            "refusals": tuple(refusals),
            "warnings": (*_remarks(part), *_uneven(part, design), *warnings),
        }
    )


def _bare(part: Part, group: str | None) -> Finding:
    """Say what the part is, before anything is estimated."""
    return Finding(
        judge=part.judge,
        rubric=part.rubric,
        criterion=part.criterion,
        system=part.system,
        group=group,
        kind=part.counting.kind,
        scale=Ends(low=part.counting.low, high=part.counting.high),
        at_least=part.counting.at_least,
        n=len(part.units),
        n_judged=int((~np.isnan(part.verdicts)).sum()),
        n_missing=int(np.isnan(part.verdicts).sum()),
        n_labelled=int((~np.isnan(part.human)).sum()),
        n_tied=part.n_tied,
        raters=len(part.peers),
        judge_only=judge_only(part),
    )


def _remarks(part: Part) -> Iterator[str]:
    if part.n_tied:
        yield (
            f"{part.n_tied} labelled items have no majority of the experts and count as not "
            "labelled; let somebody decide them and name that rater with --gold."
        )
    bare = _bare_groups(part)
    if bare:
        yield (
            f"No item of {', '.join(bare)} has a label, though a random draw would have found "
            "some: the corrected score takes these groups for like the others. Leave them out "
            "with --only, or label some of their items."
        )


def _uneven(part: Part, design: Design) -> Iterator[str]:
    """Warn that coefficients are of the labelled items where these are no even draw."""
    even = design == "random"
    if even and part.strata is not None:
        labelled = ~np.isnan(part.human)
        sizes = np.bincount(part.strata)
        shares = np.bincount(part.strata, weights=labelled)[sizes > 0] / sizes[sizes > 0]
        even = float(shares.max()) <= UNEVEN * float(shares.min())
    if not even:
        yield (
            "Agreement and the experts' ceiling describe the labelled items, which were not drawn "
            "evenly; the corrected score allows for that."
        )


def _bare_groups(part: Part) -> list[str]:
    """Name groups without a label that a random draw should have met."""
    labelled = ~np.isnan(part.human)
    share = float(labelled.mean())
    sizes = Counter(part.groups)
    met = {group for group, has in zip(part.groups, labelled.tolist(), strict=True) if has}
    return sorted(
        group
        for group, size in sizes.items()
        if group is not None and group not in met and size * share >= EXPECTED
    )
