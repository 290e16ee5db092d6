"""Scores and labels of a program as the tables that the readers take."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from judge.run.grading_input import Frame, plain_value
from judge.run.judgments import Judgments

Table = str | Path | Frame | Judgments | Iterable[Mapping[str, object]]
"""A path, a DataFrame, the result of `grade`, or dicts with the columns of the file."""


def as_file(given: Table, folder: Path, name: str) -> Path:
    """Give the path of a table; what a program holds is written first, so that it is checked alike.

    Parameters
    ----------
    given : str, Path, DataFrame, Judgments, or iterable of dict
    folder : Path
        Where what is not a file is written, as JSON Lines.
    name : str
        What messages call it.
    """
    if isinstance(given, (str, Path)):
        return Path(given)
    if isinstance(given, Judgments):
        rows: Iterable[Mapping[str, object]] = given.rows()
    elif isinstance(given, Frame):
        rows = given.to_dict("records")
    else:
        rows = given
    path = folder / f"{name}.jsonl"
    lines = (
        json.dumps({key: plain_value(value) for key, value in row.items()}, ensure_ascii=False)
        for row in rows
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
