"""What scores are counted as: a rate where they are 0 and 1, else only what somebody declared."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from judge.errors import ConfigError
from judge.trust.gather import Rating, Series
from judge.trust.part import Counting, Unit
from judge.trust.question import Question

Criterion = tuple[str | None, str]
"""Rubric and criterion."""


def countings(
    verdicts: Mapping[Series, Mapping[Unit, list[float]]],
    ratings: Iterable[Rating],
    question: Question,
) -> dict[Criterion, Counting]:
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
