"""Parquet files and folders as `cvalues export` writes them: responses, or verdicts as scores."""

from collections import Counter
from pathlib import Path
from typing import get_args

from judge.files.decoding import Place
from judge.files.read import is_parquet, read_rows
from judge.files.row import (
    Row,
    optional_choice,
    optional_integer,
    optional_number,
    optional_text,
    text,
)
from judge.importers.base import Imported, Score
from judge.importers.responses import generation_of, read_generations
from judge.records import Generation, Provenance

VERDICTS = ("id", "judge", "criterion", "score")
"""Columns of a table of verdicts."""


class StampedScore(Score):
    """A score that says whether a model gave it live, or a simulation did."""

    provenance: Provenance | None


def read_parquet_table(path: str | Path, *, system: str | None = None) -> Imported:
    """Read responses, or verdicts where the table has judges and criteria.

    A table of verdicts gives scores alone, save where it has columns ``prompt`` and ``response``.
    Verdicts of repeats after the first are left out, since a table of scores has one for each.

    Raises
    ------
    TableError
        If it is neither, a column holds a wrong value, or a judge scores a criterion twice.
    """
    source = Path(path)
    if source.exists() and not is_parquet(source):
        raise Place(source).error(
            "this is no Parquet file", "name one, or a folder; other tables need no conversion"
        )
    first = next(iter(read_rows(source)))
    if not {"judge", "criterion"} <= set(first.values):
        found = tuple(_named(each, system) for each in read_generations(source))
        return Imported(generations=found, scores=())
    return _verdicts(source, system, texts={"prompt", "response"} <= set(first.values))


def _named(generation: Generation, system: str | None) -> Generation:
    """Name the model under test where the table does not."""
    unnamed = system is not None and generation.system == "default"
    return generation.model_copy(update={"system": system}) if unnamed else generation


def _verdicts(source: Path, system: str | None, *, texts: bool) -> Imported:
    scores: dict[tuple[object, ...], Score] = {}
    generations: dict[tuple[str, str, int], Generation] = {}
    left_out = Counter[str]()
    for row in read_rows(source, required=VERDICTS):
        if optional_integer(row, "repeat", low=0):
            left_out["verdicts of repeats after the first"] += 1
            continue
        score = _score(row, system)
        place = (*score.unit, score.judge, score.criterion)
        if place in scores:
            raise row.error(
                f"{score.judge} scores '{score.criterion}' of item '{score.id[:40]}' twice",
                "import verdicts of one run and one rubric at a time",
            )
        scores[place] = score
        if texts and score.unit not in generations:
            generations[score.unit] = _named(generation_of(row), system)
    return Imported(
        generations=tuple(generations.values()),
        scores=tuple(scores.values()),
        left_out=tuple(f"{count} {what}" for what, count in left_out.items()),
    )


def _score(row: Row, system: str | None) -> Score:
    return StampedScore(
        id=text(row, "id"),
        system=optional_text(row, "system") or system or "default",
        sample=optional_integer(row, "sample", low=0) or 0,
        group=optional_text(row, "group"),
        judge=text(row, "judge"),
        criterion=text(row, "criterion"),
        score=optional_number(row, "score"),
        provenance=optional_choice(row, "provenance", get_args(Provenance)),  # pyright: ignore[reportArgumentType] - one of the options
    )
