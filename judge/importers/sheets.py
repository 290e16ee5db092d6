"""Sheets that were drawn from a run, filled in by experts: one row a task, one column a criterion.

The sheet knows items by opaque names alone. What its hidden cells said when it was written is on
record with the run, so that a row which was moved, cut or overwritten is refused by its cell.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from calibration.tables import Row, optional_number, optional_text, read_rows, text
from calibration.tables.errors import TableError
from calibration.tables.printable import restored
from judge.importers.asked import Asked, rater_of
from judge.samples import SampledItem
from judge.store.base import Label

TASK = "task"
DIGEST = "text_sha256"
RATER = "rater"
NOTE = "note"
SHOWN = ("prompt", "response")
UNKNOWN = "?"
"""In the place of a level: the expert cannot assess the response by this criterion."""
_UNKNOWN = frozenset({UNKNOWN, "？"})
SHEET = "labels"
"""Name of the sheet in a workbook."""


def text_digest(prompt: str, response: str) -> str:
    """Give the SHA-256 of what an expert is shown."""
    return hashlib.sha256(f"{prompt}\0{response}".encode()).hexdigest()


def read_sheet(source: Path, asked: Asked, *, encoding: str | None = None) -> tuple[Label, ...]:
    """Read a filled-in sheet, all or none; criteria left empty are not labelled.

    A question mark in the place of a level says that the expert cannot assess.

    Parameters
    ----------
    source : Path
        CSV, JSONL or XLSX as `judge.exporters.sheets` wrote it, with scores filled in.
    asked : Asked
        With the draw on record.
    encoding : str, optional

    Raises
    ------
    TableError
        If no draw is on record, a task is unknown or stands twice, its text was changed, or a
        score is no level of its scale.
    """
    if asked.drawn is None:
        raise TableError(
            "this is a sheet of tasks, but the run has no draw on record",
            "name the run that the sheet was drawn from",
            source=source,
        )
    known = {item.task: item for item in asked.drawn.items}
    lines: dict[tuple[str, str], int] = {}
    labels: list[Label] = []
    for row in read_rows(source, encoding=encoding, required=(TASK, DIGEST), optional=(NOTE,)):
        item = _item(row, known)
        given = tuple(_labels(row, item, asked))
        for label in given[:1]:
            if (item.task, label.rater) in lines:
                raise row.error(
                    f"task {item.task} of '{label.rater}' stands in line "
                    f"{lines[item.task, label.rater]} already",
                    "keep one of the two",
                )
            lines[item.task, label.rater] = row.line
        labels.extend(given)
    if not labels:
        raise TableError("no score is filled in", "fill the sheet in first", source=source)
    return tuple(labels)


def cell_name(row: Row, column: str) -> str:
    """Name a cell as spreadsheet programs do, such as C7; the column's name in other files."""
    if row.format != "xlsx":
        return f"'{column}'"
    number, letters = list(row.values).index(column) + 1, ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return f"cell {letters}{row.line}"


def _item(row: Row, known: Mapping[str, SampledItem]) -> SampledItem:
    task = text(row, TASK)
    item = known.get(task)
    if item is None:
        raise row.error(
            f"{cell_name(row, TASK)} holds no task of the run's draw", "restore it from the sheet"
        )
    if optional_text(row, DIGEST) != item.text_sha256:
        raise row.error(
            f"{cell_name(row, DIGEST)}, a hidden one, was edited", "restore it from the sheet"
        )
    if set(SHOWN) <= row.values.keys() and _shown_digest(row) != item.text_sha256:
        raise row.error(
            f"the text beside {cell_name(row, TASK)} is not the one that was drawn",
            "restore prompt and response from the sheet",
        )
    return item


def _shown_digest(row: Row) -> str:
    prompt, response = (text(row, name, empty=True) for name in SHOWN)
    if row.format == "csv":
        return text_digest(restored(prompt), restored(response))
    return text_digest(prompt, response)


def _labels(row: Row, item: SampledItem, asked: Asked) -> Iterator[Label]:
    for criterion, scale in asked.scales.items():
        if criterion not in row.values or row.values[criterion] in {"", None}:
            continue
        unknown = str(row.values[criterion]).strip() in _UNKNOWN
        score = None if unknown else optional_number(row, criterion)
        if score is not None and score not in scale.levels:
            raise row.error(
                f"{cell_name(row, criterion)} holds {score:g}, no level of {criterion}",
                f"use a level of its scale, or {UNKNOWN}",
            )
        label = asked.shown_label(
            item,
            rater=rater_of(row, asked),
            criterion=criterion,
            score=score,
            source=f"sheet-{row.format}",
        )
        yield label.model_copy(update={"rationale": optional_text(row, NOTE) or ""})
