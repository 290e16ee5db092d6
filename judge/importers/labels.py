"""Expert labels in whatever form they come home, checked against the run that they belong to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from calibration.tables import (
    Row,
    optional_choice,
    optional_integer,
    optional_number,
    optional_text,
    read_rows,
    text,
)
from judge.importers.asked import Asked, Unit, rater_of
from judge.importers.label_studio import read_annotations
from judge.importers.sheets import TASK, read_sheet
from judge.store.base import Label

REQUIRED = ("id", "criterion", "score")
OPTIONAL = ("system", "sample", "rater", "group", "rationale", "rubric", "rubric_hash", "kind")

KINDS = ("label", "adjudicate")


def read_labels(
    path: str | Path, asked: Asked, *, encoding: str | None = None
) -> tuple[Label, ...]:
    """Read labels, all or none.

    Parameters
    ----------
    path : str or Path
        A table with the columns ``id, system, rater, criterion, score`` and, where known,
        ``sample, group, rationale, rubric, rubric_hash, kind``. An empty score says that the expert
        could not assess. ``system`` may be left out where the run holds one system only. Or a
        filled-in sheet that was drawn from the run, or a JSON export of Label Studio.
    asked : Asked
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first row that names an unknown unit or criterion, is off the scale, lacks its
        rater, or repeats another.
    """
    source = Path(path)
    if source.suffix.lower() == ".json":
        return read_annotations(source, asked)
    if TASK in next(read_rows(source, encoding=encoding)).values:
        return read_sheet(source, asked, encoding=encoding)
    return tuple(_table(source, asked, encoding))


def _table(source: Path, asked: Asked, encoding: str | None) -> Iterator[Label]:
    units = defaultdict[str, list[Unit]](list)
    for unit in asked.units:
        units[unit[0]].append(unit)
    lines: dict[tuple[object, ...], int] = {}
    for row in read_rows(source, encoding=encoding, required=REQUIRED, optional=OPTIONAL):
        label = _label(row, asked, units)
        place = (label.id, label.system, label.sample, label.rater, label.rubric, label.criterion)
        if place in lines:
            raise row.error(
                f"rater '{label.rater}' rated this item in line {lines[place]} already",
                "keep one of the two",
            )
        lines[place] = row.line
        yield label


def _label(row: Row, asked: Asked, units: Mapping[str, list[Unit]]) -> Label:
    unit, scales = _unit(row, units), asked.scales
    criterion = text(row, "criterion")
    if criterion not in scales:
        raise row.error(
            f"criterion '{criterion[:40]}' is not one of the run's", f"use {', '.join(scales)}"
        )
    scale = scales[criterion]
    score = optional_number(row, "score", low=scale.min, high=scale.max)
    if score is not None and score not in scale.levels:
        raise row.error(f"score {score:g} is no level of {criterion}", "use a level of its scale")
    rubric = asked.rubric_of(unit, criterion)
    return Label(
        id=unit[0],
        system=unit[1],
        sample=unit[2],
        rater=rater_of(row, asked),
        criterion=criterion,
        score=score,
        group=optional_text(row, "group") or asked.units[unit].group,
        rubric=optional_text(row, "rubric") or (rubric.id if rubric else None),
        rubric_hash=optional_text(row, "rubric_hash"),
        rationale=optional_text(row, "rationale") or "",
        kind="adjudicate" if optional_choice(row, "kind", KINDS) == KINDS[1] else "label",
        source=row.format,
    )


def _unit(row: Row, units: Mapping[str, list[Unit]]) -> Unit:
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
