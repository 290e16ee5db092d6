"""From a submitted draft to expert labels, exactly as an import would make them; and dissent."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from judge.records import Generation
from judge.store.annotation_base import Claim, Draft
from judge.store.base import Label
from rubrics.rubric import Criterion, Rubric

SOURCE = "web"


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
            rationale=draft.note,
            kind=claim.kind,
            source=SOURCE,
        )
        for rubric in rubrics
        for criterion in rubric.criteria
        if (key := f"{rubric.id}.{criterion.id}") in draft.scores
    )


def disagree(drafts: Sequence[Draft], rubrics: Sequence[Rubric], *, wanted: int) -> bool:
    """Tell whether a task needs a third, once all who were wanted have submitted it.

    They disagree where they chose different best replies, where one finds acceptable what another
    does not, where grades of up to three levels differ, or longer scales by two levels.
    """
    if len(drafts) < wanted or wanted < 2:
        return False
    if len({draft.best for draft in drafts}) > 1:
        return True
    criteria = {f"{rubric.id}.{each.id}": each for rubric in rubrics for each in rubric.criteria}
    return any(_far_apart(drafts, key, criterion) for key, criterion in criteria.items())


def _far_apart(drafts: Sequence[Draft], key: str, criterion: Criterion) -> bool:
    given = [score for draft in drafts if (score := draft.scores.get(key)) is not None]
    if len(given) < 2:
        return False
    line = criterion.threshold
    if line is not None and min(given) < line <= max(given):
        return True
    allowed = 0 if len(criterion.scale.levels) <= 3 else criterion.scale.step
    return max(given) - min(given) > allowed


def ratings(said: Sequence[tuple[Claim, Draft]], key: str) -> tuple[tuple[float | None, ...], ...]:
    """Arrange independent ratings as items × raters, None where there is none.

    What a third said of disputed tasks stays out: those tasks were chosen for their dissent.
    """
    own = [(claim, draft) for claim, draft in said if claim.kind == "label"]
    raters = sorted({claim.rater for claim, _ in own})
    rows: dict[str, dict[str, float | None]] = {}
    for claim, draft in own:
        given: Mapping[str, int | None] = draft.scores
        rows.setdefault(claim.task.task, {})[claim.rater] = _number(given.get(key))
    return tuple(tuple(row.get(rater) for rater in raters) for _, row in sorted(rows.items()))


def _number(score: int | None) -> float | None:
    return None if score is None else float(score)


@lru_cache(maxsize=64)
def _digest(rubric: Rubric) -> str:
    return rubric.digest
