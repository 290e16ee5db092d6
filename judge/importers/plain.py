"""Scores of any tool as a plain table: ``id, system, judge, criterion, score``, one a row."""

from pathlib import Path

from calibration.tables import optional_integer, optional_number, optional_text, read_rows, text
from judge.importers.imported import Imported, Score

REQUIRED = ("id", "system", "judge", "criterion", "score")
OPTIONAL = ("sample", "group")


def read_plain(path: str | Path, *, encoding: str | None = None) -> Imported:
    """Read a table of scores; an empty score is a missing one.

    Parameters
    ----------
    path : str or Path
        A table as `calibration.tables.read_rows` takes it.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first bad row, or the second that says the same of a unit.
    """
    lines: dict[tuple[object, ...], int] = {}
    scores: list[Score] = []
    for row in read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL):
        score = Score(
            id=text(row, "id"),
            system=text(row, "system"),
            sample=optional_integer(row, "sample", low=0) or 0,
            group=optional_text(row, "group"),
            judge=text(row, "judge"),
            criterion=text(row, "criterion"),
            score=optional_number(row, "score"),
        )
        key = (*score.unit, score.judge, score.criterion)
        if key in lines:
            raise row.error(
                f"the same judge scores the same again, after line {lines[key]}",
                "keep one row for each id, system, sample, judge and criterion",
            )
        lines[key] = row.line
        scores.append(score)
    return Imported(generations=(), scores=tuple(scores))
