"""Scores of any tool and labels of any experts, read from tables, all or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from calibration.validation import FloatArray
from judge.calibrate.calibration_set import (
    Counting,
    Material,
    Question,
    Rating,
    column_trait,
    text_traits,
)
from judge.columns import Unit, Units
from judge.errors import ConfigError
from judge.files.mapping import TableMapping, Which, mapped_rows, require_columns, score_of
from judge.files.near import cause, known_as
from judge.files.row import Row, optional_choice, optional_integer, optional_text, text
from judge.records import Provenance
from judge.verdicts import Said, Series

SCORES = ("id", "judge", "criterion", "score")
LABELS = ("id", "rater", "criterion", "score")
OPTIONAL = (
    "system",
    "sample",
    "group",
    "rubric",
    "repeat",
    "outcome",
    "provenance",
    "response",
    "kind",
)
ALONE = "default"
"""Name of the system where a table names none."""


class _Place(NamedTuple):
    """Where an item belongs."""

    group: str | None
    cluster: str | None


@dataclass(kw_only=True)
class _Scores:
    """Scores as they are read."""

    places: dict[Unit, _Place] = field(default_factory=dict[Unit, _Place])
    verdicts: dict[Series, dict[Unit, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    seen: dict[tuple[object, ...], int] = field(default_factory=dict[tuple[object, ...], int])
    stamps: set[str | None] = field(default_factory=set[str | None])
    texts: dict[Unit, str] = field(default_factory=dict[Unit, str])
    columns: dict[str, dict[Unit, object]] = field(
        default_factory=lambda: defaultdict(dict[Unit, object])
    )


def material(
    scores: Path,
    labels: Path,
    *,
    question: Question,
    encoding: str | None = None,
    earlier: Path | None = None,
) -> Material:
    """Read a table of scores and a table of labels.

    Parameters
    ----------
    scores : Path
        ``id, judge, criterion, score`` and, where known, ``system, sample, group, rubric,
        repeat, response``. An empty score is a missing verdict.
    labels : Path
        ``id, rater, criterion, score`` and, where known, ``system, sample, rubric``. An empty
        score says that the expert could not assess.
    question : Question
    encoding : str, optional
        What text files were saved in, where it is not UTF-8.
    earlier : Path, optional
        Scores that an earlier version of the judge gave the same responses.

    Raises
    ------
    TableError
        At the first row that cannot be used, and where a label is on nothing that was scored.
    ConfigError
        If a scale is not known, or the gold rater gave no label.
    """
    tables: dict[Which, Path] = {"scores": scores, "labels": labels}
    require_columns(question.mapping, tables, encoding=encoding)
    read = _scores(scores, question, encoding)
    ratings = _ratings(labels, read, question, encoding=encoding)
    rows = {unit: row for row, unit in enumerate(read.places)}
    before = {} if earlier is None else _scores(earlier, question, encoding).verdicts
    places = read.places.values()
    return Material(
        units=Units.of(read.places),
        groups=[each.group for each in places],
        clusters=[each.cluster for each in places if each.cluster is not None],
        verdicts={series: _said(given, rows) for series, given in read.verdicts.items()},
        ratings=ratings,
        rows=rows,
        countings=_countings(read.verdicts, ratings, question),
        provenance=_least_live(read.stamps),
        question=question,
        traits=_traits(read),
        earlier={series: _said(given, rows) for series, given in before.items()},
    )


def _said(given: Mapping[Unit, list[float]], rows: Mapping[Unit, int]) -> Said:
    """Line verdicts up, one for each repeat; an item without any has one without a level."""
    each = [
        (rows[unit], level)
        for unit, levels in given.items()
        if unit in rows
        for level in levels or (nan,)
    ]
    return Said(
        rows=np.array([row for row, _ in each], dtype=np.intp),
        levels=np.array([level for _, level in each], dtype=np.float64),
    )


def _scores(path: Path, question: Question, encoding: str | None) -> _Scores:
    read = _Scores()
    optional = (*OPTIONAL, *question.covariates)
    rows = mapped_rows(
        path, question.mapping, "scores", encoding=encoding, required=SCORES, optional=optional
    )
    for row in rows:
        _score(row, read, question)
    return read


@dataclass(frozen=True, kw_only=True)
class ScoredItem:
    """What a table of scores says of an item, as far as the register of used items needs it.

    Attributes
    ----------
    unit : (id, system, sample)
    rubric : str
    rubric_hash : str or None
        None where the table does not say which version judged.
    text : (prompt, response), or None
        None where the table has no texts.
    """

    unit: Unit
    rubric: str
    rubric_hash: str | None
    text: tuple[str, str] | None


def scored_items(
    scores: Path, mapping: TableMapping, *, encoding: str | None = None
) -> tuple[ScoredItem, ...]:
    """Read which items of a table were judged by which rubric; rows that name none are skipped."""
    optional = ("system", "sample", "rubric", "rubric_hash", "prompt", "response")
    found: dict[ScoredItem, None] = {}
    rows = mapped_rows(
        scores, mapping, "scores", encoding=encoding, required=SCORES, optional=optional
    )
    for row in rows:
        rubric = optional_text(row, "rubric")
        if rubric is not None:
            prompt, response = optional_text(row, "prompt"), optional_text(row, "response")
            item = ScoredItem(
                unit=_unit(row),
                rubric=rubric,
                rubric_hash=optional_text(row, "rubric_hash"),
                text=None if prompt is None or response is None else (prompt, response),
            )
            found[item] = None
    return tuple(found)


def _traits(read: _Scores) -> dict[str, FloatArray]:
    columns = (
        column_trait(name, [values.get(unit) for unit in read.places])
        for name, values in read.columns.items()
    )
    return {**_text_traits(read), **dict(columns)}


def _text_traits(read: _Scores) -> dict[str, FloatArray]:
    if not read.texts:
        return {}
    has = np.array([unit in read.texts for unit in read.places])
    measured = text_traits([read.texts[unit] for unit in read.places if unit in read.texts])
    found = {name: np.full(len(has), nan) for name in measured}
    for name, values in measured.items():
        found[name][has] = values
    return found


def _score(row: Row, read: _Scores, question: Question) -> None:
    unit = _unit(row)
    series = (text(row, "judge"), optional_text(row, "rubric"), text(row, "criterion"))
    repeat = optional_integer(row, "repeat", low=0) or 0
    _once(row, (unit, series, repeat), read.seen)
    place = _Place(
        group=optional_text(row, question.group),
        cluster=None if question.cluster is None else text(row, question.cluster),
    )
    if read.places.setdefault(unit, place) != place:
        raise row.error(
            f"item '{unit[0][:40]}' was in another {question.group} or cluster in an earlier row",
            "give an item the same in all rows",
        )
    value = score_of(row, question.mapping)
    levels = read.verdicts[series][unit]
    if value is not None:
        levels.append(value)
    response = optional_text(row, "response")
    if response is not None:
        read.texts[unit] = response
    for name in question.covariates:
        read.columns[name].setdefault(unit, row.values.get(name))
    read.stamps.add(optional_choice(row, "provenance", get_args(Provenance)))


def _least_live(stamps: set[str | None]) -> Provenance | None:
    """Give the least live stamp; one row without a stamp leaves all but SIMULATED in doubt."""
    if "SIMULATED" in stamps:
        return "SIMULATED"
    if None in stamps:
        return None
    return "RECORDED" if "RECORDED" in stamps else "LIVE"


def _ratings(
    path: Path, read: _Scores, question: Question, *, encoding: str | None
) -> tuple[Rating, ...]:
    criteria = {criterion for _, _, criterion in read.verdicts}
    index = _Index(read.places)
    seen: dict[tuple[object, ...], int] = {}
    ratings: list[Rating] = []
    rows = mapped_rows(
        path, question.mapping, "labels", encoding=encoding, required=LABELS, optional=OPTIONAL
    )
    for row in rows:
        rating = Rating(
            unit=index.find(row),
            rater=text(row, "rater"),
            settles=optional_text(row, "kind") == "adjudicate",
            criterion=text(row, "criterion"),
            rubric=optional_text(row, "rubric"),
            level=score_of(row, question.mapping),
        )
        if rating.criterion not in criteria:
            raise row.error(
                f"criterion '{rating.criterion[:40]}' is in no score",
                f"use {', '.join(sorted(criteria))}",
            )
        _once(row, (rating.unit, rating.rater, rating.rubric, rating.criterion), seen)
        ratings.append(rating)
    return tuple(ratings)


def _unit(row: Row) -> Unit:
    sample = optional_integer(row, "sample", low=0) or 0
    return text(row, "id"), optional_text(row, "system") or ALONE, sample


class _Index:
    """Finds the item that a label is of, and says why where there is none."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._by_id = defaultdict[str, list[Unit]](list)
        for unit in units:
            self._by_id[unit[0]].append(unit)
        self._systems = sorted({unit[1] for each in self._by_id.values() for unit in each})

    def find(self, row: Row) -> Unit:
        """Find the item of a label.

        Raises
        ------
        TableError
            If there is none, or more than one.
        """
        name, system = text(row, "id"), optional_text(row, "system")
        sample = optional_integer(row, "sample", low=0) or 0
        there = self._by_id.get(name, [])
        fitting = [unit for unit in there if system in {None, unit[1]} and unit[2] == sample]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            known = ", ".join(unit[1] for unit in fitting)
            raise row.error(f"item '{name[:40]}' has several systems", f"name one of {known}")
        raise row.error(*self._why(name, system, sample))

    def _why(self, name: str, system: str | None, sample: int) -> tuple[str, str]:
        there = self._by_id.get(name)
        if there is None:
            return self._unknown(name)
        if system is not None and self._systems == [ALONE]:
            return (
                "the labels name systems, the scores do not",
                "add a column 'system' to the scores, or take it out of the labels",
            )
        if system is not None and system not in {unit[1] for unit in there}:
            near = cause(system, known_as(unit[1] for unit in there))
            if near is not None:
                return (
                    f"system '{system[:40]}' of item '{name[:40]}' has no score: {near[0]}",
                    near[1],
                )
            listed = ", ".join(sorted({unit[1] for unit in there})[:6])
            fix = (
                f"the scores have it of {listed}; without a verdict, add a row with an empty score"
            )
            return f"item '{name[:40]}' has no score of system '{system[:40]}'", fix
        listed = ", ".join(str(unit[2]) for unit in there[:6])
        return (
            f"item '{name[:40]}' has no score of sample {sample}",
            f"the scores have samples {listed}; name one in a column 'sample'",
        )

    def _unknown(self, name: str) -> tuple[str, str]:
        near = cause(name, known_as(self._by_id))
        if near is not None:
            return f"item '{name[:40]}' has no score: {near[0]}", near[1]
        some = ", ".join(f"'{each[:20]}'" for each in list(self._by_id)[:3])
        fix = "write ids the same in both tables; without a verdict, add a row with an empty score"
        return f"item '{name[:40]}' has no score; ids of the scores are such as {some}", fix


def _once(row: Row, key: tuple[object, ...], seen: dict[tuple[object, ...], int]) -> None:
    if key in seen:
        raise row.error(f"the same as line {seen[key]}: one item, one score", "keep one of the two")
    seen[key] = row.line


def _countings(
    verdicts: Mapping[Series, Mapping[Unit, list[float]]],
    ratings: Iterable[Rating],
    question: Question,
) -> dict[tuple[str | None, str], Counting]:
    """Say how each criterion is counted.

    Raises
    ------
    ConfigError
        If a criterion is neither 0 and 1 nor declared, or holds a level off its declared scale.
    """
    levels = defaultdict[str, set[float]](set)
    for (_, _, criterion), said in verdicts.items():
        levels[criterion].update(level for given in said.values() for level in given)
    for rating in ratings:
        if rating.level is not None:
            levels[rating.criterion].add(rating.level)
    return {
        (rubric, criterion): _counting(criterion, levels[criterion], question)
        for _, rubric, criterion in verdicts
    }


def _counting(criterion: str, levels: set[float], question: Question) -> Counting:
    return replace(_ends(criterion, levels, question), level=question.level(criterion))


def _ends(criterion: str, levels: set[float], question: Question) -> Counting:
    binary = levels <= {0.0, 1.0}
    threshold = question.threshold(criterion)
    scale = question.scales.get(criterion, None if binary else question.scales.get(None))
    if scale is not None:
        off = sorted(level for level in levels if not scale[0] <= level <= scale[1])
        if off:
            raise ConfigError(
                f"{criterion}: a score of {off[0]:g} is off the scale {scale[0]:g} to {scale[1]:g}."
            )
    if threshold is not None and not binary:
        ends = scale or (min(levels), max(levels))
        if not ends[0] < threshold <= ends[1]:
            raise ConfigError(f"{criterion}: --at-least {threshold:g} parts no level from another.")
        return Counting(low=ends[0], high=ends[1], at_least=threshold)
    if binary and scale in {None, (0.0, 1.0)}:
        return Counting(low=0.0, high=1.0, at_least=1.0)
    if scale is None:
        found = ", ".join(f"{level:g}" for level in sorted(levels)[:6])
        raise ConfigError(
            f"{criterion} has the scores {found}{' ...' if len(levels) > 6 else ''}: the scale is "
            f"not guessed. Give --scale {criterion}=MIN,MAX, or --at-least {criterion}=LEVEL to "
            "count items at that level and above."
        )
    return Counting(low=scale[0], high=scale[1])
