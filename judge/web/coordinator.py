"""The coordinator's pages: how far everybody is, how far they agree, who may enter, the log."""

from starlette.responses import Response

from judge.errors import StoreError
from judge.store import claims, people
from judge.store.annotation_base import Rater, Role
from judge.store.people import progress
from judge.store.tasks import release as release_tasks
from judge.store.tasks import task_states
from judge.web.pages import page, see, trouble
from judge.web.room import Visit
from judge.web.screens import titles
from judge.web.verdicts import agreement


def show_progress(visit: Visit) -> Response:
    """Show counts, agreement and people."""
    desk = visit.room.desk
    return page(
        visit,
        "progress.html",
        people=progress(desk),
        tasks=task_states(desk, per_item=visit.room.study.per_item),
        study=visit.room.study,
        agreed=agreement(claims.submitted(desk), visit.room.rubrics.values()),
        titles=titles(visit.room, visit.lang),
        run=desk.run.name,
    )


def add_person(visit: Visit) -> Response:
    """Make an account, and show its link once."""
    name = visit.form.get("name", "").strip()
    role = _role(visit.form.get("role"))
    if not name.isprintable() or not 1 <= len(name) <= 40:
        return trouble(visit, "name", status=422)
    lang = "en" if visit.form.get("lang") == "en" else "zh"
    try:
        people.add_rater(
            visit.room.desk, Rater(rater=name, role=role, lang=lang), actor=visit.person.rater
        )
    except StoreError:
        return trouble(visit, "name", status=422)
    return _new_link(visit, name)


def renew_link(visit: Visit) -> Response:
    """Make a further one-time link for a person."""
    return _new_link(visit, visit.form.get("name", ""))


def revoke(visit: Visit) -> Response:
    """End all sessions of a person and void their links."""
    people.end_sessions(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def release(visit: Visit) -> Response:
    """Hand the open tasks of a person to others."""
    release_tasks(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def show_log(visit: Visit) -> Response:
    """Show the newest lines of the audit log."""
    return page(visit, "log.html", events=people.events(visit.room.desk))


def _role(said: str | None) -> Role:
    return "coordinator" if said == "coordinator" else "reviewer" if said == "reviewer" else "rater"


def _new_link(visit: Visit, name: str) -> Response:
    try:
        token = people.new_link(visit.room.desk, name, actor=visit.person.rater)
    except StoreError:
        return trouble(visit, "name", status=422)
    return page(visit, "link.html", who=name, path=f"/enter/{token}")
