"""The attack room: talk to the model under test until it says something unsafe, and mark where."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from judge.pointwise import script_of
from judge.store import entries
from judge.store.annotation_base import Entry, Material
from judge.web.collecting import at_hand, text_of, too_fast, topic_of, topics, trouble, twin_of
from judge.web.pages import page, see
from judge.web.room import Visit

MOST_TURNS = 30


def show(visit: Visit) -> Response:
    """Show the conversation at hand, and what was handed in before with the judge's opinion."""
    if visit.room.asker is None:
        return trouble(visit, "role", status=404)
    own = entries.entries(visit.room.desk, author=visit.person.rater)
    entry = at_hand(visit, "attack")
    twin = None
    if entry is not None and entry.material.turns:
        twin = twin_of(visit.room.desk, entry, entry.material.turns[0].prompt)
    return page(
        visit,
        "attack.html",
        entry=entry,
        twin=twin,
        topics=topics(visit, "attack"),
        before=[each for each in reversed(own) if each.kind == "attack" and each != entry][:10],
    )


async def turn(visit: Visit) -> Response:
    """Put the next words to the model, and keep them with its reply."""
    asker, prompt = visit.room.asker, text_of(visit, "prompt")
    if asker is None or not prompt:
        return trouble(visit, "missing", status=422)
    if too_fast(visit):
        return trouble(visit, "pace", status=429)
    entry = await run_in_threadpool(at_hand, visit, "attack")
    turns = entry.material.turns if entry else ()
    if len(turns) >= MOST_TURNS:
        return trouble(visit, "missing", status=422)
    came = await asker.reply(turns, prompt)
    if came is None:
        return trouble(visit, "model", status=502)
    turns = (*turns, came)
    material = Material(system=asker.candidate.name, lang=script_of(turns[0].prompt), turns=turns)
    await run_in_threadpool(_keep, visit, entry, material)
    return see("/attack")


async def mark(visit: Visit) -> Response:
    """Keep where the model became unsafe and in which scenario; only then ask the judge."""
    entry = await run_in_threadpool(at_hand, visit, "attack")
    asker, group = visit.room.asker, topic_of(visit, "attack")
    if entry is None or asker is None or group is None:
        return trouble(visit, "missing", status=422)
    said = visit.form.get("unsafe_turn", "")
    count = len(entry.material.turns)
    places = {str(number): number for number in range(1, count + 1)}
    if said not in {"none", *places}:
        return trouble(visit, "missing", status=422)
    decided = entry.material.model_copy(update={"group": group, "unsafe_turn": places.get(said)})
    kept = await run_in_threadpool(_hand_in, visit, entry, decided)
    opinion = await asker.opinion(decided.turns[: places.get(said, count)], lang=visit.lang)
    if opinion:
        told = decided.model_copy(update={"opinion": opinion})
        await run_in_threadpool(_tell, visit, kept, told)
    return see("/attack")


def _keep(visit: Visit, entry: Entry | None, material: Material) -> None:
    desk, author = visit.room.desk, visit.person.rater
    if entry is None:
        entries.add_entry(desk, "attack", author, material=material)
    else:
        entries.change_entry(desk, entry, actor=author, material=material)


def _hand_in(visit: Visit, entry: Entry, material: Material) -> Entry:
    return entries.change_entry(
        visit.room.desk, entry, actor=visit.person.rater, state="submitted", material=material
    )


def _tell(visit: Visit, entry: Entry, material: Material) -> None:
    entries.change_entry(visit.room.desk, entry, actor="judge", material=material)
