"""The review queue: somebody else accepts or rejects what was collected."""

from starlette.responses import Response

from judge.store import entries
from judge.web.collecting import prompt_of, text_of, topic_named, trouble, twin_of
from judge.web.pages import page, see
from judge.web.room import Visit


def show(visit: Visit) -> Response:
    """Show the oldest piece that waits, unless it is one's own."""
    waiting = [
        entry
        for entry in entries.entries(visit.room.desk, state="submitted")
        if entry.author != visit.person.rater
    ]
    entry = waiting[0] if waiting else None
    twin = twin_of(visit.room.desk, entry, prompt_of(entry)) if entry else None
    topic = topic_named(visit, entry.material.group) if entry else None
    return page(visit, "review.html", entry=entry, waiting=len(waiting), twin=twin, topic=topic)


def decide(visit: Visit) -> Response:
    """Accept or reject a piece; nobody decides about their own."""
    entry = entries.find_entry(visit.room.desk, str(visit.path["entry"]))
    if entry is None or entry.state != "submitted":
        return trouble(visit, "stale", status=409)
    if entry.author == visit.person.rater:
        return trouble(visit, "own", status=403)
    accepted, answer = visit.form.get("action") == "accept", text_of(visit, "answer")
    material = entry.material
    if answer and entry.kind == "attack":
        material = material.model_copy(update={"answer": answer, "answer_origin": "person"})
    entries.change_entry(
        visit.room.desk,
        entry,
        actor=visit.person.rater,
        state="accepted" if accepted else "rejected",
        material=material,
        detail=visit.form.get("why", "").strip()[:500],
    )
    return see("/review")
