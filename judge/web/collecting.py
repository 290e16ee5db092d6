"""What the attack room and the expert room share: the piece at hand, limits, the near-duplicate."""

from starlette.responses import Response

from judge.store import entries
from judge.store.annotation_base import Entry, EntryKind
from judge.store.desk import Desk
from judge.web.duplicates import nearest
from judge.web.pages import page
from judge.web.room import Topic, Visit

ASKS_A_MINUTE = 12
LONGEST = 20_000
"""Characters of a prompt or an answer."""


def at_hand(visit: Visit, kind: EntryKind) -> Entry | None:
    """Return the piece that this person is working on, or None."""
    own = entries.entries(visit.room.desk, state="draft", author=visit.person.rater)
    return next((entry for entry in reversed(own) if entry.kind == kind), None)


def topics(visit: Visit, kind: EntryKind) -> tuple[Topic, ...]:
    """List the scenarios or domains that a piece may belong to."""
    return tuple(topic for topic in visit.room.topics if topic.kind == kind)


def topic_of(visit: Visit, kind: EntryKind) -> str | None:
    """Read which of them the form names; None where it names none."""
    said = visit.form.get("group", "")
    return said if said in {topic.key for topic in topics(visit, kind)} else None


def topic_named(visit: Visit, key: str) -> Topic | None:
    """Find a scenario or domain by its key."""
    return next((topic for topic in visit.room.topics if topic.key == key), None)


def text_of(visit: Visit, name: str) -> str:
    """Read a text of the form."""
    return visit.form.get(name, "").strip()[:LONGEST]


def too_fast(visit: Visit) -> bool:
    """Count a question to the model, unless it is one too many within a minute."""
    return not visit.room.pace.allows(visit.person.rater, "asks", a_minute=ASKS_A_MINUTE)


def twin_of(desk: Desk, entry: Entry | None, prompt: str) -> str | None:
    """Find a prompt collected before that is nearly the same; a rejected one does not count."""
    own = entry.entry if entry else ""
    known = (
        prompt_of(other)
        for other in entries.entries(desk)
        if other.entry != own and other.state != "rejected" and other.kind != "comparison"
    )
    return nearest(prompt, (each for each in known if each))


def prompt_of(entry: Entry) -> str:
    """Give the prompt that a piece is about: of an attack, its first turn."""
    if entry.material.turns:
        return entry.material.turns[0].prompt
    return entry.material.prompt


def trouble(visit: Visit, why: str, *, status: int) -> Response:
    """Say what is wrong."""
    return page(visit, "refused.html", status=status, why=why)
