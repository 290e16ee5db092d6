"""The coordinator's pages: how far everybody is, how far they agree, who may enter, the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.responses import Response

from calibration import InsufficientLabels, krippendorff_alpha
from judge.errors import StoreError
from judge.store import claims, people
from judge.store.annotation_base import Claim, Draft, Rater, Role
from judge.store.progress import progress, task_states
from judge.store.progress import release as release_tasks
from judge.web.pages import page
from judge.web.room import Room, Visit
from judge.web.verdicts import ratings
from rubrics.rubric import Criterion

RESAMPLES = 200
"""Enough for an interval that is read off a screen; the report takes more."""


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


def show_progress(visit: Visit) -> Response:
    """Show counts, agreement and people."""
    desk = visit.room.desk
    said = claims.submitted(desk)
    return page(
        visit,
        "progress.html",
        people=progress(desk),
        tasks=task_states(desk, per_item=visit.room.study.per_item),
        study=visit.room.study,
        agreed=[_agreed(said, key, each) for key, each in _criteria(visit.room).items()],
        run=desk.run.name,
        wrong=None,
    )


def add_person(visit: Visit) -> Response:
    """Make an account, and show its link once."""
    name = visit.form.get("name", "").strip()
    role = _role(visit.form.get("role"))
    if not name.isprintable() or not 1 <= len(name) <= 40:
        return page(visit, "refused.html", status=422, why="name")
    lang = "en" if visit.form.get("lang") == "en" else "zh"
    try:
        people.add_rater(
            visit.room.desk, Rater(rater=name, role=role, lang=lang), actor=visit.person.rater
        )
    except StoreError:
        return page(visit, "refused.html", status=422, why="name")
    return _new_link(visit, name)


def renew_link(visit: Visit) -> Response:
    """Make a further one-time link for a person."""
    return _new_link(visit, visit.form.get("name", ""))


def revoke(visit: Visit) -> Response:
    """End all sessions of a person and void their links."""
    people.end_sessions(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return show_progress(visit)


def release(visit: Visit) -> Response:
    """Hand the open tasks of a person to others."""
    release_tasks(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return show_progress(visit)


def show_log(visit: Visit) -> Response:
    """Show the newest lines of the audit log."""
    return page(visit, "log.html", events=people.events(visit.room.desk))


def _role(said: str | None) -> Role:
    return "coordinator" if said == "coordinator" else "reviewer" if said == "reviewer" else "rater"


def _new_link(visit: Visit, name: str) -> Response:
    try:
        token = people.new_link(visit.room.desk, name, actor=visit.person.rater)
    except StoreError:
        return page(visit, "refused.html", status=422, why="name")
    return page(visit, "link.html", who=name, path=f"/enter/{token}")


def _criteria(room: Room) -> Mapping[str, Criterion]:
    return {
        f"{rubric.id}.{criterion.id}": criterion
        for (_, _), rubric in sorted(room.rubrics.items())
        for criterion in rubric.criteria
    }


def _agreed(said: Sequence[tuple[Claim, Draft]], key: str, criterion: Criterion) -> Agreed:
    matrix = ratings(said, key)
    given = [[score for score in row if score is not None] for row in matrix]
    shared = [row for row in given if len(row) > 1]
    return Agreed(
        criterion=key,
        shared=len(shared),
        same=sum(len(set(row)) == 1 for row in shared),
        alpha=_alpha(matrix, criterion.scale.levels),
    )


@lru_cache(maxsize=64)
def _alpha(
    matrix: tuple[tuple[float | None, ...], ...], levels: tuple[int, ...]
) -> tuple[float, float, float] | None:
    """Estimate alpha; cached, because the page is reloaded more often than labels arrive."""
    if not matrix or len(matrix[0]) < 2:
        return None
    rows = [[float("nan") if score is None else score for score in row] for row in matrix]
    level = "nominal" if len(levels) == 2 else "ordinal"
    try:
        found = krippendorff_alpha(rows, level=level, resamples=RESAMPLES)
    except InsufficientLabels:
        return None
    return (found.value, found.low, found.high)
