"""The expert room: write an inducing question, get three replies, choose, score, rewrite."""

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from judge.pointwise import script_of
from judge.store import entries
from judge.store.annotation_base import Entry, Material
from judge.web.collecting import at_hand, text_of, too_fast, topic_of, topics, trouble, twin_of
from judge.web.pages import page, see
from judge.web.room import Visit

REPLIES = 3
LOWEST_KEPT = 5
"""Best replies scored below this are to be rewritten, as CValues asked its experts to."""


def show(visit: Visit) -> Response:
    """Show the question at hand with its replies."""
    if visit.room.asker is None:
        return trouble(visit, "role", status=404)
    entry = at_hand(visit, "expert")
    twin = twin_of(visit.room.desk, entry, entry.material.prompt) if entry else None
    return page(
        visit, "expert.html", entry=entry, twin=twin, topics=topics(visit, "expert"),
        lowest=LOWEST_KEPT,
    )  # fmt: skip


async def ask(visit: Visit) -> Response:
    """Put the question three times, and keep it with the replies."""
    asker, prompt, group = visit.room.asker, text_of(visit, "prompt"), topic_of(visit, "expert")
    if asker is None or not prompt or group is None:
        return trouble(visit, "missing", status=422)
    if too_fast(visit):
        return trouble(visit, "pace", status=429)
    came = await asyncio.gather(*(asker.reply((), prompt) for _ in range(REPLIES)))
    replies = tuple(each for each in came if each is not None)
    if len(replies) < REPLIES:
        return trouble(visit, "model", status=502)
    material = Material(
        group=group,
        lang=script_of(prompt),
        system=asker.candidate.name,
        prompt=prompt,
        replies=replies,
    )
    await run_in_threadpool(
        entries.add_entry, visit.room.desk, "expert", visit.person.rater, material=material
    )
    return see("/expert")


def keep(visit: Visit) -> Response:
    """Hand the question in with the choice, the score, and the expert's own answer."""
    entry = at_hand(visit, "expert")
    if entry is None:
        return trouble(visit, "missing", status=422)
    if visit.form.get("action") == "drop":
        entries.change_entry(
            visit.room.desk, entry, actor=visit.person.rater, state="rejected", detail="dropped"
        )
        return see("/expert")
    chosen = _chosen(visit, entry)
    if chosen is None:
        return trouble(visit, "missing", status=422)
    entries.change_entry(
        visit.room.desk, entry, actor=visit.person.rater, state="submitted", material=chosen
    )
    return see("/expert")


def _chosen(visit: Visit, entry: Entry) -> Material | None:
    best = {str(place): place for place in range(REPLIES)}.get(visit.form.get("best", ""))
    score = {str(level): level for level in range(1, 11)}.get(visit.form.get("score", ""))
    answer = text_of(visit, "answer")
    if best is None or score is None or (score < LOWEST_KEPT and not answer):
        return None
    return entry.material.model_copy(
        update={
            "best": best,
            "score": score,
            "answer": answer,
            "answer_origin": "person" if answer else "",
        }
    )
