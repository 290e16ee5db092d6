"""Ratings from files: experts' labels and judges' scores, from this project or any other tool.

Tables are CSV, TSV, XLSX or JSONL; labels may also be Label Studio's JSON. A file is taken whole
or refused with one error that names the line.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.label_studio import label_studio_ratings
from calibration.rating_checks import Expected, Found, check_ratings
from calibration.ratings import Rating, RatingScale, Unit
from calibration.tables import (
    Row,
    TableError,
    optional_integer,
    optional_number,
    optional_text,
    read_rows,
    text,
)

OPTIONAL = ("system", "sample", "group", "rationale", "rubric_hash", "repeat", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingsFile:
    """What a file holds.

    Attributes
    ----------
    ratings : tuple of Rating
    n_blank : int
        Rows that nobody has filled in.
    """

    ratings: tuple[Rating, ...]
    n_blank: int


def read_labels(
    path: str | Path,
    *,
    scales: Mapping[str, RatingScale] | None = None,
    units: Collection[Unit] | None = None,
    codes: Mapping[str, float] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> RatingsFile:
    """Read experts' labels: ``id, rater, criterion, score`` and what else the contract names.

    Parameters
    ----------
    path : str or Path
        A table, or Label Studio's JSON export (``.json``).
    scales : mapping of str to RatingScale, optional
        Declared scale of each criterion; others are refused.
    units : collection of Unit, optional
        The items that were judged; labels of others are refused.
    codes : mapping of str to float, optional
        Scores behind Label Studio's choices that are no numbers.
    encoding, sheet
        As in `calibration.tables.read_rows`.

    Returns
    -------
    RatingsFile
        Rows without a score are items that nobody has labelled yet; they are counted.

    Raises
    ------
    TableError
        At the first thing wrong; nothing of the file is taken then.
    """
    expected = Expected(scales=scales, units=units)
    if Path(path).suffix.lower() == ".json":
        return _checked(label_studio_ratings(path, codes=codes or {}), expected, Path(path))
    required = ("id", "rater", "criterion", "score")
    rows = read_rows(path, encoding=encoding, sheet=sheet, required=required, optional=OPTIONAL)
    return _checked((_label(row) for row in rows), expected, Path(path))


def read_scores(
    path: str | Path,
    *,
    scales: Mapping[str, RatingScale] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> RatingsFile:
    """Read judges' scores: ``id, judge, criterion, score`` and what else the contract names.

    Parameters
    ----------
    path : str or Path
        A table; the exported verdicts of a run are one.
    scales, encoding, sheet
        As in `read_labels`.

    Returns
    -------
    RatingsFile
        A row without a score, or with an outcome other than ``ok``, is a rating whose score is
        None: the judge was asked and gave no verdict.

    Raises
    ------
    TableError
        At the first thing wrong; nothing of the file is taken then.
    """
    required = ("id", "judge", "criterion", "score")
    rows = read_rows(path, encoding=encoding, sheet=sheet, required=required, optional=OPTIONAL)
    return _checked((_score(row) for row in rows), Expected(scales=scales), Path(path))


def _checked(found: Iterator[Found | None], expected: Expected, source: Path) -> RatingsFile:
    rows = list(found)
    filled = [row for row in rows if row is not None]
    ratings = check_ratings(filled, expected)
    if not any(rating.score is not None for rating in ratings):
        raise TableError("no row has a score", "fill in the scores", source=source)
    return RatingsFile(ratings=ratings, n_blank=len(rows) - len(filled))


def _label(row: Row) -> Found | None:
    score = optional_number(row, "score")
    return None if score is None else _found(row, "rater", score)


def _score(row: Row) -> Found:
    score = optional_number(row, "score")
    outcome = optional_text(row, "outcome")
    if outcome is not None and outcome != "ok" and score is not None:
        raise row.error(
            f"a score beside the outcome '{outcome}'", "only the outcome ok has a score"
        )
    return _found(row, "judge", score)


def _found(row: Row, rater: str, score: float | None) -> Found:
    rating = Rating(
        unit=Unit(
            id=text(row, "id"),
            system=optional_text(row, "system") or "",
            sample=_count(row, "sample"),
        ),
        rater=text(row, rater),
        criterion=text(row, "criterion"),
        score=score,
        repeat=_count(row, "repeat"),
        group=optional_text(row, "group"),
        rationale=optional_text(row, "rationale"),
        rubric_hash=optional_text(row, "rubric_hash"),
    )
    return Found(rating=rating, where=f"line {row.line}", fail=row.error)


def _count(row: Row, name: str) -> int:
    return optional_integer(row, name, low=0) or 0
