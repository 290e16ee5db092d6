"""A policy held against the rubrics of the runs: what could never fire is refused with its line."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from judge.policy import Check, Policy, Veto
from judge.sides import Side
from judge.store.run_contents import kept_rubrics
from rubrics import load_rubric
from rubrics.load import read_document
from rubrics.record import RubricError
from rubrics.rubric import Criterion, Rubric

Spot = tuple[str | int, ...]
Fault = tuple[Spot, str, str]
"""Where, what, and how to fix it."""


def require_on_scale(policy: Policy, sides: tuple[Side, ...], *, path: Path | None) -> None:
    """Refuse levels, directions and scales that the rubrics do not have.

    Parameters
    ----------
    policy : Policy
    sides : tuple of Side
        Whose runs keep the rubrics.
    path : Path or None
        Where the policy was read, for the line.

    Raises
    ------
    RubricError
        At the first fault, as ``file:line: what; how to fix``.
    """
    criteria = criteria_of(sides)
    for number, check in enumerate(policy.checks):
        for spot, what, fix in _faults(check, criteria):
            line = None
            if path is not None:
                line = read_document(path).line(("checks", number, *spot))
            raise RubricError(f"check {check.name}: {what}", fix=fix, path=path, line=line)


def criteria_of(sides: tuple[Side, ...]) -> dict[tuple[str, str], Criterion]:
    """Read the criteria that the sides were judged by, by rubric and id."""
    found: dict[tuple[str, str], Criterion] = {}
    for side in sides:
        kept = {rubric for rubric, _ in kept_rubrics(side.store, side.run)}
        editions = [*kept_rubrics(side.store, side.run).values()]
        for edition in side.run.manifest.rubrics:
            if edition.rubric not in kept:
                editions += _bundled(edition.rubric)
        for rubric in editions:
            for criterion in rubric.criteria:
                found[rubric.id, criterion.id] = criterion
    return found


def _bundled(name: str) -> list[Rubric]:
    try:
        return [load_rubric(name)]
    except (RubricError, KeyError):
        return []


def _faults(check: Check, criteria: Mapping[tuple[str, str], Criterion]) -> Iterator[Fault]:
    measure = check.measured
    criterion = criteria.get((measure.rubric, measure.criterion))
    if criterion is not None:
        yield from _measure_faults(check, criterion)
    if check.veto is not None and measure.kind != "choice":
        vetoed = criteria.get((measure.rubric, check.veto.criterion))
        if vetoed is not None:
            yield from _veto_faults(check.veto, vetoed)


def _measure_faults(check: Check, criterion: Criterion) -> Iterator[Fault]:
    measure, scale = check.measured, criterion.scale
    spelled = check.measure in {"rate", "mean"}
    if measure.at_least is not None and not scale.min < measure.at_least <= scale.max:
        yield (
            ("at_least",) if spelled else ("measure",),
            f"at_least {measure.at_least} decides nothing on the scale of {criterion.id}",
            f"use {scale.min + 1} to {scale.max}",
        )
    if check.measure == "mean" and (measure.low, measure.high) != (scale.min, scale.max):
        yield (
            ("scale",),
            f"scale {measure.low:g} to {measure.high:g} is not that of {criterion.id}",
            f"write [{scale.min}, {scale.max}]",
        )
    better = {"higher_is_better": True, "lower_is_better": False}.get(criterion.direction)
    if spelled and better is not None and measure.higher_is_better is not better:
        yield (
            ("higher_is_better",) if check.higher_is_better is not None else ("measure",),
            f"{criterion.id} is better the {'higher' if better else 'lower'} it is",
            f"write higher_is_better: {str(better).lower()}",
        )


def _veto_faults(veto: Veto, criterion: Criterion) -> Iterator[Fault]:
    scale = criterion.scale
    if veto.level not in scale.levels:
        yield (
            ("veto", "level"),
            f"level {veto.level} is off the scale of {criterion.id}, so the veto could never fire",
            f"use a level from {scale.min} to {scale.max}",
        )
    elif veto.level == (scale.min if veto.worse == "higher" else scale.max):
        yield (
            ("veto", "level"),
            f"every level of {criterion.id} would be an event",
            "name the worst level that may not occur",
        )
    bad = {"higher_is_better": "lower", "lower_is_better": "higher"}.get(criterion.direction)
    if bad is not None and veto.worse != bad:
        yield (
            ("veto", "worse") if "worse" in veto.model_fields_set else ("veto",),
            f"the bad end of {criterion.id} is the {bad} one",
            f"write worse: {bad}",
        )
