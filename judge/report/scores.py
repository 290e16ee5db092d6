"""From counted scores to values with intervals, and to bounds over what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.intervals.classical import clopper_pearson
from calibration.intervals.gaffke import mean_interval
from judge.report.record import Bound, Measure, Score, ScoreCell
from judge.report.tally import Given, Tally

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Sheet:
    """What was counted, and what it is summed up in."""

    tally: Tally
    measures: Sequence[Measure]
    systems: Sequence[str]


def score_cells(sheet: Sheet) -> Iterator[ScoreCell]:
    """Give every measure of every system over all groups, and the main ones group by group."""
    for index, measure in enumerate(sheet.measures):
        for system in sheet.systems:
            place = (measure.rubric, measure.criterion, system)
            whole = sheet.tally.over_all(*place)
            if not whole:
                continue
            here = ScoreCell(measure=index, system=system, overall=True)
            yield _filled_in(here, measure, whole)
            for group in sheet.tally.groups if measure.main else ():
                given = sheet.tally.given.get((*place, group))
                if given:
                    here = ScoreCell(measure=index, system=system, group=group)
                    yield _filled_in(here, measure, given)


def bounds(sheet: Sheet) -> Iterator[Bound]:
    """Give the main measures as they would be if all that is missing were worst, and best."""
    for index, measure in enumerate(sheet.measures):
        for system in sheet.systems if measure.main else ():
            given = sheet.tally.over_all(measure.rubric, measure.criterion, system)
            missing = sum(score is None for scores in given.values() for score in scores)
            if missing:
                ends = (measure.low, measure.high)
                worst, best = ends[::-1] if measure.good == "low" else ends
                yield Bound(
                    measure=index,
                    system=system,
                    missing=missing,
                    value=_mean(_values(measure, given)),
                    worst=_filled(measure, given, worst),
                    best=_filled(measure, given, best),
                )


def _filled_in(cell: ScoreCell, measure: Measure, given: Given) -> ScoreCell:
    missing = sum(score is None for scores in given.values() for score in scores)
    values = _values(measure, given)
    score = _score(values, (measure.low, measure.high)) if values else None
    return cell.model_copy(update={"score": score, "missing": missing})


def _score(values: list[float], support: tuple[float, float]) -> Score:
    ratings = np.array(values)
    value = float(ratings.mean())
    if support == (0.0, 1.0) and set(values) <= {0.0, 1.0}:
        method = "clopper-pearson"
        interval = clopper_pearson(float(ratings.sum()), float(ratings.size), tail=_TAIL)
    else:
        method = "gaffke"
        interval = mean_interval(ratings, np.ones_like(ratings), support, tail=_TAIL)
    return Score(
        value=value,
        low=min(interval.low, value),
        high=max(interval.high, value),
        n=len(values),
        method=method,
    )


def _values(measure: Measure, given: Given) -> list[float]:
    """Give one value for each prompt that has a score."""
    return [
        sum(_value(measure, score) for score in present) / len(present)
        for present in ([s for s in scores if s is not None] for scores in given.values())
        if present
    ]


def _filled(measure: Measure, given: Given, end: float) -> float:
    prompts = [
        sum(end if score is None else _value(measure, score) for score in scores) / len(scores)
        for scores in given.values()
    ]
    return sum(prompts) / len(prompts)


def _value(measure: Measure, score: int) -> float:
    return float(score) if measure.at_least is None else float(score >= measure.at_least)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
