"""The coordinator's pages: how far everybody is, how far they agree, who may enter, the log."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from judge.errors import StoreError
from judge.records import Language
from judge.store import claims, collected_entries, raters
from judge.store.annotation_project import (
    Entry,
    EntryState,
    Event,
    Rater,
    Role,
    Study,
    release,
    task_states,
)
from judge.web.annotation_room import Topic, Visit
from judge.web.labels import agreement
from judge.web.pages import page, see, titles, trouble
from judge.web.texts import speaker, strings

STATES: tuple[EntryState, ...] = ("draft", "submitted", "accepted", "rejected")

Counts = Mapping[EntryState, int]
"""Pieces of collected material by where they stand."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """How far a collection is: all of it, by person, and by scenario or field."""

    all: Counts
    people: Mapping[str, Counts]
    topics: tuple[tuple[Topic, Counts], ...]
    """Those of which there is something, in the order of the room."""


def show_progress(visit: Visit) -> Response:
    """Show counts, agreement and people."""
    room, desk = visit.room, visit.room.desk
    found = collected_entries.entries(desk)
    return page(
        visit,
        "progress.html",
        people=raters.progress(desk),
        labels=bool(room.rubrics),
        tasks=task_states(desk, per_item=room.study.per_item),
        collected=_collected(found, room.topics) if found or room.asker else None,
        states=STATES,
        study=room.study,
        agreed=agreement(claims.submitted(desk), room.rubrics.values()),
        titles=titles(room, visit.lang),
        run=desk.run.name,
    )


def _collected(entries: tuple[Entry, ...], topics: tuple[Topic, ...]) -> Collected:
    people = {each.author: _counts(entries, author=each.author) for each in entries}
    by_topic = ((topic, _counts(entries, group=topic.key)) for topic in topics)
    return Collected(
        all=_counts(entries),
        people=people,
        topics=tuple((topic, counts) for topic, counts in by_topic if any(counts.values())),
    )


def _counts(
    entries: tuple[Entry, ...], *, author: str | None = None, group: str | None = None
) -> Counts:
    counted = Counter(
        each.state
        for each in entries
        if author in {None, each.author} and group in {None, each.material.group}
    )
    return {state: counted[state] for state in STATES}


def add_person(visit: Visit) -> Response:
    """Make an account, and show its link once."""
    name = visit.form.get("name", "").strip()
    role = _role(visit.form.get("role"))
    if not name.isprintable() or not 1 <= len(name) <= 40:
        return trouble(visit, "name", status=422)
    lang = "en" if visit.form.get("lang") == "en" else "zh"
    try:
        raters.add_rater(
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
    raters.end_sessions(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def release_open(visit: Visit) -> Response:
    """Hand the open tasks of a person to others."""
    release(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def _role(said: str | None) -> Role:
    return "coordinator" if said == "coordinator" else "reviewer" if said == "reviewer" else "rater"


def _new_link(visit: Visit, name: str) -> Response:
    try:
        token = raters.new_link(visit.room.desk, name, actor=visit.person.rater)
    except StoreError:
        return trouble(visit, "name", status=422)
    return page(visit, "link.html", who=name, path=f"/enter/{token}")


# The audit log in words: the store keeps the names of events, the page says what happened.


@dataclass(frozen=True, kw_only=True)
class Line:
    """One event as a person reads it."""

    at: str
    """ISO 8601 with its offset; the browser writes it in its own time zone."""
    shown: str
    """The same in UTC, for a page without script."""
    who: str
    what: str
    on: str
    detail: str


def show_log(visit: Visit) -> Response:
    """Show the newest lines of the audit log."""
    desk = visit.room.desk
    events = raters.events(desk)
    places = {
        (claim.rater, claim.task.task): claim.place
        for rater in {event.actor for event in events if event.action.startswith("task.")}
        for claim in claims.own_claims(desk, rater)
    }
    lines = [_line(event, places, visit.lang, labels=bool(visit.room.rubrics)) for event in events]
    return page(visit, "log.html", lines=lines)


def _line(
    event: Event, places: Mapping[tuple[str, str], int], lang: Language, *, labels: bool
) -> Line:
    say, known = speaker(lang), strings(lang)["event"]
    at = datetime.fromisoformat(event.at)
    place = places.get((event.actor, event.subject))
    actor = f"actor_{event.actor}"
    return Line(
        at=event.at,
        shown=f"{at:%Y-%m-%d %H:%M} UTC",
        who=known.get(actor, event.actor),
        what=known.get(event.action, event.action),
        on=event.subject if place is None else say("event.task", place=place),
        detail=_detail(event, lang, labels=labels),
    )


def _detail(event: Event, lang: Language, *, labels: bool) -> str:
    """Write the detail of an event; roles, counts and the set-up of a study in words."""
    say = speaker(lang)
    if event.action == "rater.added":
        return strings(lang)["progress"].get(event.detail, event.detail)
    if event.action in {"tasks.drawn", "tasks.released"}:
        return say("event.tasks", count=event.detail)
    if event.action == "study.begun":
        if not labels:
            return ""
        study = Study.model_validate_json(event.detail)
        drawn = strings(lang)["progress"].get(f"design_{study.design}", study.design)
        return say("event.study", per_item=study.per_item, drawn=drawn)
    return strings(lang)["event"].get(f"detail_{event.detail}", event.detail)
