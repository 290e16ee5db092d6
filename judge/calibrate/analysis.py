"""Hold one part against its labels: corrected score, agreement, ceiling, or why there is none."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from calibration.drift import compare_error_rates
from calibration.estimate import Estimate, InsufficientLabels, Interval, Undefined, UnusableJudge
from calibration.estimators import estimate_mean, estimate_rate
from calibration.labelled_sample import cell_counts, read_labelled
from calibration.validation import Design, FloatArray, IntArray, Population
from judge.calibrate.agreement import Consistency, agreed, ceiling_of, consistency_of, replacement
from judge.calibrate.calibration_set import Ends, Number, Part
from judge.calibrate.diagnostics import (
    Battery,
    Handover,
    SingleItem,
    battery_of,
    change_of,
    handover_of,
    self_preferences,
    single_item,
)
from judge.calibrate.label_checks import expert_noise_of, label_remarks, selection_of
from judge.calibrate.probabilities import (
    probability_finding,
    threshold_of,
)
from judge.calibrate.result import (
    Basis,
    CountedCell,
    CountedStratum,
    DesignName,
    ErrorRates,
    Finding,
    Findings,
    JudgeOnly,
    Refusal,
    RefusalKind,
    SystemErrors,
    What,
)
from judge.calibrate.sessions import session_finding
from judge.calibrate.uses import ranking_of, recalls_of, uses_of

# The score that experts would give a part: corrected, by the labels alone, and uncorrected.


def corrected(
    part: Part,
    *,
    design: Design,
    confidence: float,
    population: Population = "superpopulation",
) -> Estimate:
    """Correct the judge's score by the labels.

    Raises
    ------
    UnusableJudge, InsufficientLabels, Undefined
        If it must not or cannot be corrected.
    """
    if bool(np.isnan(part.verdicts).all()):
        raise Undefined("the judge gave no verdict on any item.")
    threshold = threshold_of(part)
    if part.passing is not None and threshold is not None and _all_have_probabilities(part):
        from calibration.probability_rates import estimate_rate_from_probabilities

        return estimate_rate_from_probabilities(
            part.passing,
            part.human,
            threshold=threshold,
            design=design,
            clusters=part.clusters or None,
            strata=part.strata,
            confidence=confidence,
        ).estimate
    aim = _Aim(design=design, confidence=confidence, population=population)
    return _estimate(part, part.judged, aim)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """How labels were drawn, and what is asked of the interval."""

    design: Design
    confidence: float
    population: Population = "superpopulation"


def _all_have_probabilities(part: Part) -> bool:
    """Whether each verdict has a probability: those of a cascade's second judge may have none."""
    given = part.passing
    return given is not None and not bool((np.isnan(given) & ~np.isnan(part.judged)).any())


def labels_alone(part: Part, *, design: Design, confidence: float) -> Interval | None:
    """Give the interval of the labels without the judge, which holds whatever the judge is worth.

    Returns
    -------
    Interval or None
        None for a curated set, whose labels say nothing of how common a pass is.

    Raises
    ------
    InsufficientLabels
        If there are fewer than 2 labels.
    """
    if design == "curated":
        return None
    cells = part.strata
    if design == "by-verdict":
        verdicts = np.where(np.isnan(part.judged), np.inf, part.judged)
        level = np.unique(verdicts, return_inverse=True)[1]
        cells = level if cells is None else cells * (int(level.max()) + 1) + level
    # A judge that says the same of every item adds nothing to the labels.
    constant = np.full(len(part.units), part.counting.ends[1])
    drawn = replace(part, strata=cells)
    return _estimate(drawn, constant, _Aim(design="random", confidence=confidence)).human_only


def judge_only(part: Part) -> JudgeOnly:
    """Give the judge's own score, and where it would lie if missing verdicts were all one end."""
    low, high = part.counting.ends
    judged = part.judged
    known = judged[~np.isnan(judged)]
    return JudgeOnly(
        value=float(known.mean()) if known.size else None,
        low=float(np.where(np.isnan(judged), low, judged).mean()),
        high=float(np.where(np.isnan(judged), high, judged).mean()),
    )


def _estimate(part: Part, judged: FloatArray, aim: _Aim) -> Estimate:
    clusters = part.clusters or None
    if part.counting.kind == "rate":
        return estimate_rate(
            judged,
            part.human,
            design=aim.design,
            clusters=clusters,
            strata=part.strata,
            confidence=aim.confidence,
            population=aim.population,
        )
    return estimate_mean(
        judged,
        part.human,
        scale=part.counting.ends,
        design=aim.design,
        clusters=clusters,
        strata=part.strata,
        confidence=aim.confidence,
        population=aim.population,
    )


Answer = TypeVar("Answer")

EXPECTED = 3.0
"""Labels that a group must expect before their absence is spoken of."""

UNEVEN = 1.5
"""How much likelier than others an item may have been drawn before it is spoken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What is asked of the numbers; shares are fractions.

    Attributes
    ----------
    confidence : float
        Of every interval.
    agreement : float
        That verdicts must reach which go to no expert.
    reliability : float
        That the experts' mean must reach.
    family : tuple of str
        Systems of the judge's own family of models; without any, nothing is said of them.
    population : {'superpopulation', 'finite'}
        Whether corrected scores are of all items like these, or of these alone.
    """

    confidence: float = 0.95
    agreement: float = 0.9
    reliability: float = 0.8
    family: tuple[str, ...] = ()
    population: Population = "superpopulation"


def examine(
    part: Part, *, design: Design, group: str | None = None, aims: Aims | None = None
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
    aims : Aims, optional

    Returns
    -------
    Finding

    Raises
    ------
    ValueError
        If the scores do not fit the design.
    """
    aims = aims or Aims()
    confidence = aims.confidence
    refusals: list[Refusal] = []

    bare = _bare_groups(part) if group is None and design != "curated" else []

    def score() -> Estimate:
        _require_all_groups(bare)
        return corrected(part, design=design, confidence=confidence, population=aims.population)

    def alone() -> Ends | None:
        _require_all_groups(bare)
        return Ends.of(labels_alone(part, design=design, confidence=confidence))

    estimate = _attempt("corrected", refusals, score)
    human_only = (
        Ends.of(estimate.human_only) if estimate else _attempt("human-only", refusals, alone)
    )
    agreement = _attempt("agreement", refusals, lambda: agreed(part, confidence=confidence))
    ceiling = _attempt("ceiling", refusals, lambda: ceiling_of(part, confidence=confidence))
    return _bare(part, group).model_copy(
        update={
            "corrected": Number.of(estimate) if estimate else None,
            "basis": _basis(part, estimate, design=design) if estimate else None,
            "above_chance": estimate.above_chance if estimate else None,
            "human_only": None if design == "curated" else human_only,
            "unlabelled_groups": tuple(bare),
            **_usable(part, estimate, design=design, confidence=confidence),
            "agreement": agreement,
            "ceiling": ceiling,
            "replacement": replacement(part),
            **_closer(part, aims, refusals, design=design, whole=group is None),
            "refusals": tuple(refusals),
            **_doubted(part, estimate, design=design, confidence=confidence),
        }
    )


def _doubted(
    part: Part, estimate: Estimate | None, *, design: Design, confidence: float
) -> Mapping[str, object]:
    """Say what the labels and the draw let doubt, in numbers and in words."""
    noise = expert_noise_of(part, estimate)
    even = design == "random" and drawn_evenly(part, design)
    selection = selection_of(part, confidence=confidence) if even else ()
    return {
        "expert_noise": noise,
        "selection": selection,
        "warnings": (
            *_remarks(part),
            *_adjudicator(part),
            *_between(part),
            *label_remarks(part, noise, selection),
            *_uneven(part, design),
            *(estimate.warnings if estimate else ()),
        ),
    }


def _closer(
    part: Part, aims: Aims, refusals: list[Refusal], *, design: Design, whole: bool
) -> Mapping[str, object]:
    """Look closer at experts, at single items and at what moves the judge."""
    confidence = aims.confidence

    def consistency() -> Consistency:
        return consistency_of(part, wanted=aims.reliability, confidence=confidence)

    def band() -> SingleItem:
        _require_plain_draw(part, design)
        return single_item(part, confidence=confidence)

    def battery() -> Battery:
        _require_plain_draw(part, design)
        return battery_of(part, confidence=confidence)

    def handover() -> Handover:
        _require_plain_draw(part, design)
        return handover_of(part, wanted=aims.agreement, confidence=confidence)

    found: dict[str, object] = {
        "consistency": _attempt("consistency", refusals, consistency),
        "single_item": _attempt("single-item", refusals, band),
    }
    if part.passing is not None:
        look = partial(probability_finding, part, design=design, confidence=confidence)
        found["probabilities"] = _attempt("probabilities", refusals, look)
    if whole:
        found["sessions"] = session_finding(part, design=design, confidence=confidence)
        found["bias"] = _attempt("bias", refusals, battery)
        found["handover"] = _attempt("handover", refusals, handover)
    if part.earlier is not None:
        found["drift"] = _attempt("drift", refusals, lambda: change_of(part, confidence=confidence))
    return found


def _attempt(what: What, refusals: list[Refusal], compute: Callable[[], Answer]) -> Answer | None:
    """Compute what may be refused; a refusal is added to the list and leaves nothing."""
    try:
        return compute()
    except (UnusableJudge, InsufficientLabels, Undefined) as refused:
        refusals.append(Refusal(what=what, kind=_kind(refused), why=str(refused)))
        return None


def _kind(refused: ValueError) -> RefusalKind:
    if isinstance(refused, UnusableJudge):
        return "UnusableJudge"
    return "InsufficientLabels" if isinstance(refused, InsufficientLabels) else "Undefined"


def _require_plain_draw(part: Part, design: Design) -> None:
    """Refuse where labelled items are no plain random draw of items on their own.

    Raises
    ------
    InsufficientLabels
        If some were likelier to be drawn than others, or several share a prompt.
    """
    if not drawn_evenly(part, design):
        raise InsufficientLabels("it needs labels drawn at random; these were not drawn evenly.")
    labelled = (~np.isnan(part.human)).tolist()
    prompts = [
        name for name, has in zip(part.clusters, labelled, strict=bool(part.clusters)) if has
    ]
    if len(set(prompts)) < len(prompts):
        raise InsufficientLabels("it needs one labelled item for each prompt; some share theirs.")


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


FEWEST_DISPUTES = 3
_SETTLING = re.compile(r"adjudicat|arbit|final|gold|consensus|仲裁|裁定|终审", re.IGNORECASE)


def _adjudicator(part: Part) -> Iterator[str]:
    """Notice a rater who settles what others dispute, but is counted as one of them."""
    if part.gold is not None or len(part.peers) < 2:
        return
    rated = ~np.isnan(part.rated)
    for at in part.peers:
        others = np.delete(part.rated, at, axis=1)
        mine = rated[:, at] & ((~np.isnan(others)).sum(axis=1) >= 2)
        disputed = np.zeros(len(mine), dtype=np.bool_)
        disputed[mine] = np.nanmin(others[mine], axis=1) < np.nanmax(others[mine], axis=1)
        only_disputes = int(rated[:, at].sum()) == int(disputed.sum()) >= FEWEST_DISPUTES
        named = _SETTLING.search(part.raters[at]) is not None
        if only_disputes or named:
            why = "rated only items that others dispute" if only_disputes else "is named like one"
            yield (
                f"Rater {part.raters[at]} looks like an adjudicator ({why}) and counts as one of "
                f"the experts; if the label settles the item, give --gold {part.raters[at]}."
            )


def _between(part: Part) -> Iterator[str]:
    """Name scores between the levels of a scale, which are kept as levels of their own."""
    between = part.between
    if part.levels and between:
        listed = ", ".join(f"{value:g}" for value in sorted(set(between))[:5])
        units = _units_between(part)
        yield (
            f"Scores between the levels: {len(between)} ({listed}; {', '.join(units[:3])}). They "
            "count as levels of their own; --level interval takes the scale for continuous."
        )


def _units_between(part: Part) -> list[str]:
    values = np.column_stack([part.verdicts, part.labels])
    odd = (values != np.round(values)) & ~np.isnan(values)
    return [part.units[at][0] for at in np.flatnonzero(odd.any(axis=1)).tolist()]


def _require_all_groups(bare: Sequence[str]) -> None:
    """Refuse one score for all where groups have no label that a random draw would have found.

    Raises
    ------
    InsufficientLabels
        If there is such a group.
    """
    if bare:
        raise InsufficientLabels(
            f"the draw was not random: no item of {', '.join(bare)} has a label, though a random "
            "draw would have found some. Each group with labels has a score of its own; label "
            "items of the others, or leave them out with --only."
        )


def _basis(part: Part, estimate: Estimate, *, design: Design) -> Basis | None:
    """Write down what a corrected score was computed from; of a curated set, nothing of this."""
    if design == "curated":
        return None
    drawn = read_labelled(
        part.judged,
        part.human,
        scale=part.counting.ends,
        design=design,
        clusters=part.clusters or None,
        strata=part.strata,
    )
    return Basis(
        population=estimate.population,
        guarantee=estimate.guarantee,
        method=estimate.method,
        confidence=estimate.confidence,
        effect_items=drawn.effects.items,
        effect_labels=drawn.effects.labels,
        effect_alone=drawn.effects.alone,
        strata=tuple(CountedStratum(**asdict(one)) for one in estimate.strata),
        cells=tuple(CountedCell(**asdict(one)) for one in cell_counts(drawn)),
    )


def _usable(
    part: Part, estimate: Estimate | None, *, design: Design, confidence: float
) -> Mapping[str, object]:
    """Say what the judge is good for, and how much of each class it finds."""
    if part.counting.kind != "rate":
        return {}
    even = drawn_evenly(part, design)
    recalls = recalls_of(part, design=design, even=even, confidence=confidence)
    half = (estimate.high - estimate.low) / 2.0 if estimate else None
    shown = estimate.above_chance if estimate else None
    return {"recalls": recalls, "uses": uses_of(recalls, half_width=half, above_chance=shown)}


def _uneven(part: Part, design: Design) -> Iterator[str]:
    """Warn that coefficients are of the labelled items where these are no even draw."""
    if not drawn_evenly(part, design):
        yield (
            "Agreement and the experts' ceiling describe the labelled items, which were not drawn "
            "evenly; the corrected score allows for that."
        )


def drawn_evenly(part: Part, design: Design) -> bool:
    """Tell whether every item of a part was about as likely as any other to be labelled."""
    if design != "random" or part.strata is None:
        return design == "random"
    labelled = ~np.isnan(part.human)
    sizes = np.bincount(part.strata)
    shares = np.bincount(part.strata, weights=labelled)[sizes > 0] / sizes[sizes > 0]
    return float(shares.max()) <= UNEVEN * float(shares.min())


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


# Calibrate: examine every part, group by group where asked, and compare the systems' errors.


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
        findings=_ranked(
            finding
            for part in parts
            for finding in _findings(part, drawn, by_group=by_group, aims=aims)
        ),
        error_rates=tuple(_compared(parts, drawn)),
        self_preference=tuple(
            self_preferences(parts, aims.family, confidence=aims.confidence) if aims.family else ()
        ),
    )


def _findings(part: Part, design: Design, *, by_group: bool, aims: Aims) -> Iterable[Finding]:
    whole = examine(part, design=design, aims=aims)
    yield whole
    if not by_group and not whole.unlabelled_groups:
        return
    for name, mine in part.by_group():
        # Where there is no score for all, each group with labels speaks for itself.
        labelled = bool((~np.isnan(mine.human)).any())
        if by_group or (whole.unlabelled_groups and labelled):
            yield examine(mine, design=design, group=name, aims=aims)


def _strata(mine: Sequence[Part]) -> IntArray:
    """Give the cells of the draw of all systems together."""
    cells = [
        np.zeros(len(part.units), dtype=np.intp) if part.strata is None else part.strata
        for part in mine
    ]
    return np.concatenate(cells)


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Add to the findings over all items whether the judge's own scores rank the systems."""
    kept = tuple(findings)
    errors = defaultdict[tuple[str, str], list[tuple[float, float]]](list)
    for each in kept:
        own, score = each.judge_only.value, each.corrected
        if each.group is None and each.uses is not None and score is not None and own is not None:
            half = (score.high - score.low) / 2.0
            errors[each.judge, each.name].append((own - score.value, half))
    return tuple(
        each
        if each.group is not None or each.uses is None
        else each.model_copy(
            update={
                "uses": each.uses.model_copy(
                    update={"ranking": ranking_of(errors[each.judge, each.name])}
                )
            }
        )
        for each in kept
    )


def _compared(parts: Iterable[Part], design: Design) -> Iterable[SystemErrors]:
    """Compare error rates over the systems of each judge and criterion that has several."""
    together = defaultdict[tuple[str, str], list[Part]](list)
    for part in parts:
        if part.counting.kind == "rate":
            together[part.judge, part.name].append(part)
    for (judge, criterion), mine in together.items():
        try:
            even = all(drawn_evenly(part, design) for part in mine)
            found = compare_error_rates(
                np.concatenate([part.judged for part in mine]),
                np.concatenate([part.human for part in mine]),
                np.concatenate([np.full(len(part.units), part.system) for part in mine]),
                design="random" if even or design == "curated" else "by-verdict",
                strata=None if even or design == "curated" else _strata(mine),
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
