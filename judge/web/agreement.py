"""How far experts who worked independently agree, for the coordinator and for data cards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from calibration import InsufficientLabels, Undefined, krippendorff_alpha
from judge.judging import kept_rubrics
from judge.store import claims
from judge.store.annotation_base import Claim, Draft
from judge.store.desk import Desk
from judge.web.verdicts import ratings
from rubrics.rubric import Criterion, Rubric

RESAMPLES = 200
"""Enough for an interval that is read off a screen; the report takes more."""

FEWEST = 5
"""Shared tasks under which an interval spans the whole scale and more, and says nothing."""


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """How far the experts agree on one criterion."""

    criterion: str
    shared: int
    """Tasks that two or more have rated."""
    same: int
    """Those of them on which all gave the same level."""
    alpha: tuple[float, float, float] | None
    """Krippendorff's alpha with its interval; None where there is too little to say."""
    uniform: bool
    """Whether every rating is the same, so that agreement beyond chance has no meaning."""


def agreement(said: Sequence[tuple[Claim, Draft]], rubrics: Iterable[Rubric]) -> tuple[Agreed, ...]:
    """Measure agreement on each criterion of the rubrics."""
    criteria = {
        f"{rubric.id}.{criterion.id}": criterion
        for rubric in rubrics
        for criterion in rubric.criteria
    }
    return tuple(_agreed(said, key, criterion) for key, criterion in sorted(criteria.items()))


def sentences(desk: Desk) -> tuple[str, ...]:
    """Say in a sentence for each criterion how far experts agreed, where enough is known."""
    found = agreement(claims.submitted(desk), kept_rubrics(desk.store, desk.run).values())
    return tuple(
        f"{each.criterion}: alpha {each.alpha[0]:.2f} [{each.alpha[1]:.2f}, {each.alpha[2]:.2f}] "
        f"on {each.shared} items with two or more raters"
        for each in found
        if each.alpha is not None
    )


def _agreed(said: Sequence[tuple[Claim, Draft]], key: str, criterion: Criterion) -> Agreed:
    matrix = ratings(said, key)
    given = [[score for score in row if score is not None] for row in matrix]
    shared = [row for row in given if len(row) > 1]
    return Agreed(
        criterion=key,
        shared=len(shared),
        same=sum(len(set(row)) == 1 for row in shared),
        alpha=_alpha(matrix, criterion.scale.levels) if len(shared) >= FEWEST else None,
        uniform=len({score for row in shared for score in row}) == 1,
    )


@lru_cache(maxsize=64)
def _alpha(
    matrix: tuple[tuple[float | None, ...], ...], levels: tuple[int, ...]
) -> tuple[float, float, float] | None:
    """Estimate alpha; cached, because the page is reloaded more often than labels arrive."""
    rows = [[float("nan") if score is None else score for score in row] for row in matrix]
    level = "nominal" if len(levels) == 2 else "ordinal"
    try:
        found = krippendorff_alpha(rows, level=level, resamples=RESAMPLES)
    except (InsufficientLabels, Undefined):
        return None
    return (found.value, found.low, found.high)
