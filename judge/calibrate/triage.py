"""Which verdicts of a run may stand without an expert, and what becomes of the rest."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.cascade import CascadePlan, Tier, plan_cascade
from calibration.selective import EVERYTHING, Target, Triage, plan_triage
from calibration.validation import BoolArray, FloatArray
from judge.calibrate.calibration_set import Part
from judge.columns import Unit
from judge.errors import ConfigError
from judge.importers.labels import shown_digest
from judge.manifest import Manifest, Sample, SampledItem
from judge.records import Generation, Record

NO_GROUP = "-"


class GroupTriage(Record):
    """What is promised of one group."""

    group: str
    judged: int
    kept: int
    cut: float | None
    """Least certainty of a verdict that stands; None where none stands."""
    labels: int
    errors: int
    bound: float | None
    refused: str | None = None
    """Why no verdict of the group stands."""


class TriageReport(Record):
    """The outcome of a triage, as it is printed and kept."""

    run: str
    judge: str
    judge_digest: str
    criterion: str
    risk: float
    confidence: float
    target: Target
    groups: tuple[GroupTriage, ...]
    cuts: Mapping[str, Mapping[str, float]]
    """By group; what `cvalues judge --cuts` reads."""
    judged: int
    stands: int
    to_experts: int
    """Items without a verdict, and verdicts that do not stand, that no expert has labelled."""
    provenance: Literal["LIVE", "RECORDED", "SIMULATED"] | None = None
    simulated_labels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTriage:
    """A triage and the items that it parts.

    Attributes
    ----------
    report : TriageReport
    stands : frozenset of unit
        Items whose verdict may stand.
    rest : tuple of unit
        Items that an expert should see and has not.
    """

    report: TriageReport
    stands: frozenset[Unit]
    rest: tuple[Unit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pooled:
    """The parts of one judge and criterion, all systems together."""

    units: tuple[Unit, ...]
    groups: tuple[str, ...]
    judged: FloatArray
    human: FloatArray
    certainty: FloatArray


def triage_run(
    parts: Sequence[Part],
    manifest: Manifest,
    *,
    name: str,
    risk: float,
    confidence: float = 0.95,
    by_group: bool = True,
    target: Target = "these items",
) -> RunTriage:
    """Choose the verdicts of a run that stand.

    Parameters
    ----------
    parts : sequence of Part
        Of one judge and criterion; labels drawn at random.
    manifest : Manifest
        Of the run.
    name : str
        Of the run.
    risk, confidence : float
    by_group : bool
        Whether the promise holds inside each group.
    target : {"these items", "items to come"}

    Returns
    -------
    RunTriage

    Raises
    ------
    ConfigError
        If the parts are of several judges or criteria, or nothing says how sure the judge is.
    InsufficientLabels
        If no group has a proven cut.
    """
    first = _only_series(parts)
    pooled = _pool(parts)
    groups = pooled.groups if by_group else (EVERYTHING,) * len(pooled.units)
    plan = plan_triage(
        pooled.judged,
        pooled.human,
        pooled.certainty,
        risk=risk,
        groups=groups,
        target=target,
        confidence=confidence,
    )
    stands = plan.stands(pooled.judged, pooled.certainty, groups)
    unlabelled = np.isnan(pooled.human)
    rest = tuple(pooled.units[at] for at in np.flatnonzero(~stands & unlabelled))
    report = TriageReport(
        run=name,
        judge=first.judge,
        judge_digest=manifest.judge_digests.get(first.judge, ""),
        criterion=first.criterion,
        risk=risk,
        confidence=confidence,
        target=target,
        groups=tuple(_groups(plan, pooled, groups)),
        cuts={group: {"cut": cut.cut, "bound": cut.bound} for group, cut in plan.cuts.items()},
        judged=int((~np.isnan(pooled.judged)).sum()),
        stands=int(stands.sum()),
        to_experts=len(rest),
        provenance=first.provenance,
    )
    kept = frozenset(pooled.units[at] for at in np.flatnonzero(stands))
    return RunTriage(report=report, stands=kept, rest=rest)


def _only_series(parts: Sequence[Part]) -> Part:
    series = {(part.judge, part.name) for part in parts}
    if len(series) != 1:
        named = ", ".join(sorted(f"{judge} on {criterion}" for judge, criterion in series))
        raise ConfigError(f"triage looks at one judge and criterion; there are {named}.")
    return parts[0]


def _pool(parts: Sequence[Part]) -> _Pooled:
    missing = [part for part in parts if part.certainty is None]
    if missing:
        raise ConfigError(
            f"nothing says how sure {missing[0].judge} is of a verdict: it gave no probabilities "
            "and was asked once. Use a decision model (--api decisions), --repeats or a panel."
        )
    certainty = [part.certainty for part in parts if part.certainty is not None]
    return _Pooled(
        units=tuple(unit for part in parts for unit in part.units),
        groups=tuple(group or NO_GROUP for part in parts for group in part.groups),
        judged=np.concatenate([part.judged for part in parts]),
        human=np.concatenate([part.settled for part in parts]),
        certainty=np.concatenate(certainty),
    )


def _groups(plan: Triage, pooled: _Pooled, groups: Sequence[str]) -> list[GroupTriage]:
    names = np.array(groups)
    found: list[GroupTriage] = []
    for name in sorted(set(groups)):
        here = names == name
        cut = plan.cuts.get(name)
        labelled = here & ~np.isnan(pooled.human) & ~np.isnan(pooled.judged)
        found.append(
            GroupTriage(
                group=name,
                judged=int((here & ~np.isnan(pooled.judged)).sum()),
                kept=0 if cut is None else cut.kept,
                cut=None if cut is None else cut.cut,
                labels=int(labelled.sum()) if cut is None else cut.labels,
                errors=_errors(pooled, labelled) if cut is None else cut.errors,
                bound=None if cut is None else cut.bound,
                refused=plan.refused.get(name),
            )
        )
    return found


def _errors(pooled: _Pooled, labelled: BoolArray) -> int:
    return int((pooled.judged[labelled] != pooled.human[labelled]).sum())


def plan_run_cascade(
    parts: Sequence[Part], second: Sequence[Part], *, risk: float, costs: tuple[float, float, float]
) -> CascadePlan:
    """Plan a cascade of two judges of one run.

    Parameters
    ----------
    parts, second : sequence of Part
        Of the cheap judge and of the dear one, under the same criterion.
    risk : float
    costs : (float, float, float)
        Of a verdict of each, and of an expert's label, in one currency.

    Raises
    ------
    ConfigError
        If the judges did not see the same items.
    InsufficientLabels
        If no setting is proven.
    """
    _only_series(parts)
    _only_series(second)
    cheap, dear = _pool(parts), _with_some_certainty(second)
    if cheap.units != dear.units:
        raise ConfigError("the two judges of a cascade must judge the same items.")
    cheap_cost, dear_cost, expert_cost = costs
    return plan_cascade(
        Tier(cheap.judged, cheap.certainty, cheap_cost),
        Tier(dear.judged, dear.certainty, dear_cost),
        cheap.human,
        risk=risk,
        expert_cost=expert_cost,
    )


def _with_some_certainty(parts: Sequence[Part]) -> _Pooled:
    """Pool a judge that may say nothing of its certainty; then it counts as sure of all."""
    if all(part.certainty is not None for part in parts):
        return _pool(parts)
    units = tuple(unit for part in parts for unit in part.units)
    judged = np.concatenate([part.judged for part in parts])
    return _Pooled(
        units=units,
        groups=(NO_GROUP,) * len(units),
        judged=judged,
        human=np.concatenate([part.settled for part in parts]),
        certainty=np.where(np.isnan(judged), np.nan, 1.0),
    )


def draw_with_rest(
    drawn: Sample | None,
    generations: Sequence[Generation],
    *,
    rest: Sequence[Unit],
    labelled: Sequence[Unit],
    criterion: str,
) -> tuple[Sample, tuple[SampledItem, ...]]:
    """Add every item of the rest to a draw, as strata that are labelled whole.

    The labels that proved the cut stay a random draw from the items whose verdicts stand, so that
    a calibration of the new draw corrects the rate over both.

    Parameters
    ----------
    drawn : Sample or None
        The draw so far; None for labels that came from elsewhere.
    generations : sequence of Generation
        Of the run, in its order.
    rest : sequence of unit
    labelled : sequence of unit
        Items with a label, which count as a random draw where none is on record.
    criterion : str
        What experts are asked for.

    Returns
    -------
    Sample
    tuple of SampledItem
        The items that are new, in an order that says nothing.
    """
    wanted = set(rest)
    known: set[Unit] = set(labelled) if drawn is None else {item.unit for item in drawn.items}
    before = (0,) * len(generations) if drawn is None else drawn.cells
    cells = tuple(
        2 * cell + (each.unit in wanted) for cell, each in zip(before, generations, strict=True)
    )
    added = [
        _sampled(each, 1.0)
        for each in generations
        if each.unit in wanted and each.unit not in known
    ]
    added.sort(key=lambda item: item.task)
    chance = len(known) / len(generations)
    old = (
        tuple(_sampled(each, chance) for each in generations if each.unit in known)
        if drawn is None
        else drawn.items
    )
    sample = Sample(
        design="random",
        seed=0 if drawn is None else drawn.seed,
        by=None if drawn is None else drawn.by,
        asked=(criterion,) if drawn is None else drawn.asked,
        cells=cells,
        items=(*old, *added),
    )
    return sample, tuple(added)


def _sampled(generation: Generation, chance: float) -> SampledItem:
    return SampledItem(
        task=f"t-{secrets.token_hex(5)}",
        id=generation.id,
        system=generation.system,
        sample=generation.sample,
        probability=chance,
        text_sha256=shown_digest(generation),
    )
