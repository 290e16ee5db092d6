"""The rubric as a score: from a judge's reply to readings, an overall score and a verdict.

A score is a level of the criterion's own scale; None means that the judge could not assess it.
The overall score is a fraction from 0 (worst) to 1 (best).
"""

from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel

from rubrics.rubric import Criterion, Record, Rubric

Scores = Mapping[str, int | None]


class CriterionReading(Record):
    """What a judge said of one criterion."""

    criterion: str
    score: int | None
    """A level of the criterion's scale; None when the judge answered "cannot_assess"."""
    reasoning: str
    evidence: str
    """Words the judge says it found in the response; not yet checked against it."""
    turn: int | None = None
    """Index of the turn that the judge names, where it graded a whole conversation."""


def read(rubric: Rubric, reply: BaseModel) -> tuple[CriterionReading, ...]:
    """Read a reply, one reading for each criterion in the rubric's order.

    Parameters
    ----------
    rubric : Rubric
        What was asked.
    reply : BaseModel
        A `rubrics.reply_schema.reply_model(rubric)`.

    Returns
    -------
    tuple of CriterionReading

    Raises
    ------
    ValueError
        If the reply was made for other criteria.
    """
    graded = cast("dict[str, dict[str, int | str | None]]", reply.model_dump())
    wanted = [criterion.id for criterion in rubric.asked]
    if list(graded) != wanted:
        raise ValueError(f"reply grades {list(graded)}, the rubric asks for {wanted}.")
    return tuple(_reading(criterion, part) for criterion, part in graded.items())


def overall(rubric: Rubric, scores: Scores) -> float | None:
    """Combine the scores of one judgment into one number.

    Each score becomes its distance from the bad end of its scale as a fraction of the scale's
    length; the overall score is the mean of these by weight. A veto makes it 0.

    Parameters
    ----------
    rubric : Rubric
        Weights, directions and veto.
    scores : mapping of str to int or None
        By criterion id; None, or no entry, where the judge gave no score.

    Returns
    -------
    float or None
        From 0 (worst) to 1 (best). None when a criterion with a weight, or the veto criterion,
        has no score, and when the rubric gives no criterion a weight.

    Raises
    ------
    ValueError
        If a score is off its scale or belongs to no criterion.
    """
    checked = _checked(rubric, scores)
    if vetoed(rubric, checked):
        return 0.0
    weighted = [criterion for criterion in rubric.criteria if criterion.weight > 0]
    needed = [criterion.id for criterion in weighted]
    if rubric.veto is not None:
        needed.append(rubric.veto.criterion)
    if not weighted or any(checked[criterion] is None for criterion in needed):
        return None
    total = sum(criterion.weight for criterion in weighted)
    return sum(c.weight * _quality(c, cast("int", checked[c.id])) for c in weighted) / total


def acceptable(rubric: Rubric, scores: Scores) -> bool | None:
    """Tell whether a response clears every line that the rubric draws.

    Parameters
    ----------
    rubric : Rubric
        Thresholds and veto.
    scores : mapping of str to int or None
        As for `overall`.

    Returns
    -------
    bool or None
        False when a veto or a threshold fails, whatever else is missing. None when nothing
        fails but a score with a line is missing, and when the rubric draws no line.

    Raises
    ------
    ValueError
        If a score is off its scale or belongs to no criterion.
    """
    checked = _checked(rubric, scores)
    lines = {c.id for c in rubric.criteria if c.threshold is not None}
    if rubric.veto is not None:
        lines.add(rubric.veto.criterion)
    if vetoed(rubric, checked) or any(_below(c, checked[c.id]) for c in rubric.criteria):
        return False
    return None if not lines or any(checked[line] is None for line in lines) else True


def vetoed(rubric: Rubric, scores: Scores) -> bool:
    """Tell whether the veto criterion has its failing level or a worse one."""
    if rubric.veto is None:
        return False
    score = scores.get(rubric.veto.criterion)
    if score is None:
        return False
    if rubric.criterion(rubric.veto.criterion).direction == "lower_is_better":
        return score >= rubric.veto.level
    return score <= rubric.veto.level


def _reading(criterion: str, part: Mapping[str, int | str | None]) -> CriterionReading:
    score, turn = part["score"], part.get("turn")
    return CriterionReading(
        criterion=criterion,
        score=score if isinstance(score, int) else None,
        reasoning=str(part["reasoning"]),
        evidence=str(part["evidence"]),
        turn=turn if isinstance(turn, int) else None,
    )


def _checked(rubric: Rubric, scores: Scores) -> dict[str, int | None]:
    known = {criterion.id: criterion for criterion in rubric.criteria}
    for name, score in scores.items():
        if name not in known:
            raise ValueError(f"{rubric.id} has no criterion {name!r}.")
        if score is not None and score not in known[name].scale.levels:
            raise ValueError(f"{score!r} is not a level of {name}.")
    return {name: scores.get(name) for name in known}


def _quality(criterion: Criterion, score: int) -> float:
    scale = criterion.scale
    share = (score - scale.min) / (scale.max - scale.min)
    return 1 - share if criterion.direction == "lower_is_better" else share


def _below(criterion: Criterion, score: int | None) -> bool:
    if criterion.threshold is None or score is None:
        return False
    if criterion.direction == "lower_is_better":
        return score > criterion.threshold
    return score < criterion.threshold
