"""From submitted drafts to labels, exactly as an import would make them; and how these agree."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from calibration import InsufficientLabels, Undefined, krippendorff_alpha
from judge.importers.labels import shown_digest
from judge.importers.responses import is_fault
from judge.records import Generation
from judge.store import claims
from judge.store.annotation_project import Claim, Desk, Draft
from judge.store.records import Label
from judge.store.run_contents import kept_rubrics
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Criterion, Rubric

SOURCE = "web"

RESAMPLES = 200
"""Enough for an interval that is read off a screen; the report takes more."""

FEWEST = 5
"""Shared tasks under which an interval spans the whole scale and more, and says nothing."""

_Matrix = tuple[tuple[float | None, ...], ...]


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


def labels_of(
    claim: Claim, draft: Draft, generation: Generation, *, rubrics: Sequence[Rubric]
) -> tuple[Label, ...]:
    """Write down what a rater said of one generation.

    Returns
    -------
    tuple of Label
        One for each criterion that was answered; without a score where the rater could not assess.
    """
    return tuple(
        Label(
            id=generation.id,
            system=generation.system,
            sample=generation.sample,
            rater=claim.rater,
            criterion=criterion.id,
            score=_number(draft.scores[key]),
            group=generation.group,
            rubric=rubric.id,
            rubric_hash=_digest(rubric),
            text_sha256=shown_digest(generation),
            turn=draft.turn if _at_fault(criterion, draft.scores[key]) else None,
            rationale=draft.note,
            kind=claim.kind,
            source=SOURCE,
        )
        for rubric in rubrics
        for criterion in rubric.criteria
        if (key := f"{rubric.id}.{criterion.id}") in draft.scores
    )


def _at_fault(criterion: Criterion, score: int | None) -> bool:
    return score is not None and is_fault(criterion, score)


def disagree(drafts: Sequence[Draft], rubrics: Sequence[Rubric], *, wanted: int) -> bool:
    """Tell whether a task needs a third, once all who were wanted have submitted it.

    They disagree where they chose different best replies, where one finds acceptable what another
    does not, where grades of up to three levels differ, or longer scales by two levels.
    """
    if len(drafts) < wanted or wanted < 2:
        return False
    if len({draft.best for draft in drafts}) > 1:
        return True
    return any(_far_apart(drafts, key, each) for key, each in _criteria(rubrics).items())


def agreement(said: Sequence[tuple[Claim, Draft]], rubrics: Iterable[Rubric]) -> tuple[Agreed, ...]:
    """Measure agreement on each criterion of the rubrics."""
    return tuple(_agreed(said, key, each) for key, each in sorted(_criteria(rubrics).items()))


def sentences(desk: Desk) -> tuple[str, ...]:
    """Say in a sentence for each criterion how far experts agreed, where enough is known."""
    found = agreement(claims.submitted(desk), kept_rubrics(desk.store, desk.run).values())
    return tuple(
        f"{each.criterion}: alpha {each.alpha[0]:.2f} [{each.alpha[1]:.2f}, {each.alpha[2]:.2f}] "
        f"on {each.shared} items with two or more raters"
        for each in found
        if each.alpha is not None
    )


def _criteria(rubrics: Iterable[Rubric]) -> dict[str, Criterion]:
    """Give all criteria by their keys in drafts."""
    return {f"{rubric.id}.{each.id}": each for rubric in rubrics for each in rubric.criteria}


def _far_apart(drafts: Sequence[Draft], key: str, criterion: Criterion) -> bool:
    given = [score for draft in drafts if (score := draft.scores.get(key)) is not None]
    if len(given) < 2:
        return False
    line = criterion.threshold
    if line is not None and min(given) < line <= max(given):
        return True
    allowed = 0 if len(criterion.scale.levels) <= 3 else criterion.scale.step
    return max(given) - min(given) > allowed


def _agreed(said: Sequence[tuple[Claim, Draft]], key: str, criterion: Criterion) -> Agreed:
    matrix = _ratings(said, key)
    given = [[score for score in row if score is not None] for row in matrix]
    shared = [row for row in given if len(row) > 1]
    return Agreed(
        criterion=key,
        shared=len(shared),
        same=sum(len(set(row)) == 1 for row in shared),
        alpha=_alpha(matrix, criterion.scale.levels) if len(shared) >= FEWEST else None,
        uniform=len({score for row in shared for score in row}) == 1,
    )


def _ratings(said: Sequence[tuple[Claim, Draft]], key: str) -> _Matrix:
    """Arrange independent ratings as items × raters, None where there is none.

    What a third said of disputed tasks stays out: those tasks were chosen for their dissent.
    """
    own = [(claim, draft) for claim, draft in said if claim.kind == "label"]
    raters = sorted({claim.rater for claim, _ in own})
    rows: dict[str, dict[str, float | None]] = {}
    for claim, draft in own:
        rows.setdefault(claim.task.task, {})[claim.rater] = _number(draft.scores.get(key))
    return tuple(tuple(row.get(rater) for rater in raters) for _, row in sorted(rows.items()))


@lru_cache(maxsize=64)
def _alpha(matrix: _Matrix, levels: tuple[int, ...]) -> tuple[float, float, float] | None:
    """Estimate alpha; cached, because the page is reloaded more often than labels arrive."""
    rows = [[float("nan") if score is None else score for score in row] for row in matrix]
    level = "nominal" if len(levels) == 2 else "ordinal"
    try:
        found = krippendorff_alpha(rows, level=level, resamples=RESAMPLES)
    except (InsufficientLabels, Undefined):
        return None
    return (found.value, found.low, found.high)


def _number(score: int | None) -> float | None:
    return None if score is None else float(score)


@lru_cache(maxsize=64)
def _digest(rubric: Rubric) -> str:
    return rubric_digest(rubric)


# Near-duplicates: how much of a new prompt stands in one that is there already.

ALIKE = 0.6
"""Share of common three-character pieces from which two prompts look like one."""

_PIECE = 3


def likeness(one: str, other: str) -> float:
    """Give the Jaccard share of common pieces, 0 to 1; case, width and spaces do not count.

    >>> likeness("How do I pick a lock?", "how do i pick  a lock")
    1.0
    >>> likeness("怎样开锁", "今天天气很好")
    0.0
    """
    first, second = _pieces(one), _pieces(other)
    if not first or not second:
        return float(first == second)
    return len(first & second) / len(first | second)


def nearest(prompt: str, known: Iterable[str]) -> str | None:
    """Find the known prompt most like a new one, if any is alike at all."""
    best, most = None, ALIKE
    for other in known:
        alike = likeness(prompt, other)
        if alike >= most:
            best, most = other, alike
    return best


def _pieces(text: str) -> frozenset[str]:
    plain = "".join(
        each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum()
    )
    if len(plain) <= _PIECE:
        return frozenset({plain} if plain else ())
    return frozenset(plain[at : at + _PIECE] for at in range(len(plain) - _PIECE + 1))
