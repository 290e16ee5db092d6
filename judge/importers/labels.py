"""Expert labels, one rating a row, checked against the run that they belong to."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from calibration.tables import (
    Row,
    optional_integer,
    optional_number,
    optional_text,
    read_rows,
    text,
)
from judge.store.base import Label
from rubrics.rubric import Rubric
from rubrics.scale import Scale

REQUIRED = ("id", "rater", "criterion", "score")
OPTIONAL = ("system", "sample", "group", "rationale", "rubric", "rubric_hash")

Unit = tuple[str, str, int]


def read_labels(
    path: str | Path,
    *,
    units: Mapping[str, tuple[Unit, ...]],
    rubrics: Iterable[Rubric],
    encoding: str | None = None,
) -> tuple[Label, ...]:
    """Read labels, all or none.

    Parameters
    ----------
    path : str or Path
        A table with the columns ``id, system, rater, criterion, score`` and, where known,
        ``sample, group, rationale, rubric, rubric_hash``. An empty score says that the expert
        could not assess. ``system`` may be left out where the run holds one system only.
    units : mapping of str to tuple
        By id of a prompt, the units of the run.
    rubrics : iterable of Rubric
        Those of the run; their criteria and scales are what a label may name.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first row that names an unknown unit or criterion, is off the scale, lacks its
        rater, or repeats another.
    """
    scales = {criterion.id: criterion.scale for rubric in rubrics for criterion in rubric.criteria}
    labels: list[Label] = []
    lines: dict[tuple[object, ...], int] = {}
    for row in read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL):
        label = _label(row, units, scales)
        place = (label.id, label.system, label.sample, label.rater, label.rubric, label.criterion)
        if place in lines:
            raise row.error(
                f"rater '{label.rater}' rated this item in line {lines[place]} already",
                "keep one of the two",
            )
        lines[place] = row.line
        labels.append(label)
    return tuple(labels)


def _label(row: Row, units: Mapping[str, tuple[Unit, ...]], scales: Mapping[str, Scale]) -> Label:
    unit = _unit(row, units)
    criterion = text(row, "criterion")
    if criterion not in scales:
        raise row.error(
            f"criterion '{criterion[:40]}' is not one of the run's", f"use {', '.join(scales)}"
        )
    scale = scales[criterion]
    score = optional_number(row, "score", low=scale.min, high=scale.max)
    if score is not None and score not in scale.levels:
        raise row.error(f"score {score:g} is no level of {criterion}", "use a level of its scale")
    return Label(
        id=unit[0],
        system=unit[1],
        sample=unit[2],
        rater=text(row, "rater"),
        criterion=criterion,
        score=score,
        group=optional_text(row, "group"),
        rubric=optional_text(row, "rubric"),
        rubric_hash=optional_text(row, "rubric_hash"),
        rationale=optional_text(row, "rationale") or "",
        source=row.format,
    )


def _unit(row: Row, units: Mapping[str, tuple[Unit, ...]]) -> Unit:
    name = text(row, "id")
    if name not in units:
        raise row.error(f"id '{name[:40]}' is not in the run", "label items of this run only")
    system, sample = optional_text(row, "system"), optional_integer(row, "sample", low=0) or 0
    fitting = [unit for unit in units[name] if system in {None, unit[1]} and unit[2] == sample]
    if len(fitting) != 1:
        known = ", ".join(dict.fromkeys(unit[1] for unit in units[name]))
        raise row.error(
            f"system '{system or ''}', sample {sample} is not one item of the run",
            f"name one of {known} in the column 'system'",
        )
    return fitting[0]
