"""Labelling: the task at hand, its autosave, undo, submission, skipping, and a look back."""

import asyncio
from dataclasses import dataclass, replace

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from judge.conversation import script_of, tag_of
from judge.errors import StoreError
from judge.records import Generation
from judge.store import claims, collected_entries, raters
from judge.store.annotation_project import (
    Claim,
    Desk,
    Draft,
    Entry,
    EntryKind,
    KeptDraft,
    Material,
    generations_of,
)
from judge.store.claims import StaleForm
from judge.store.collected_entries import add_comparison, withdraw_comparison
from judge.web import pages
from judge.web.annotation_room import Topic, Visit
from judge.web.labels import disagree, labels_of, nearest
from judge.web.pages import Field, ShownTurn, page, see, trouble

OVERALL = "overall"
"""The criterion that is asked of the best of three replies."""


@dataclass(frozen=True, kw_only=True)
class _Desktop:
    """A task with everything that its screen is made from."""

    claim: Claim
    generations: tuple[Generation, ...]
    asked: tuple[Field, ...]
    kept: KeptDraft
    turns: tuple[ShownTurn, ...] = ()
    """Of a conversation; empty for a prompt with its replies."""

    @property
    def first(self) -> Generation:
        """The generation that names prompt, group and language for all."""
        return next(iter(self.generations))


def show_next(visit: Visit) -> Response:
    """Show the task at hand, or the next one."""
    if not visit.room.rubrics:
        return page(visit, "done.html", done=0, last=None)
    claim = claims.next_claim(
        visit.room.desk,
        visit.person.rater,
        visit.room.study,
        adjudicates=_adjudicates(visit),
        labels=visit.person.role == "rater",
    )
    if claim is None:
        closed = [each for each in _own(visit) if each.state == "done"]
        return page(visit, "done.html", done=len(closed), last=closed[-1] if closed else None)
    return _screen(visit, _laid_out(visit, claim))


def save(visit: Visit) -> Response:
    """Keep what is on the screen; answers only once it is on disk."""
    try:
        table = _open_task(visit)
        kept = claims.save_draft(
            visit.room.desk,
            table.claim,
            pages.read_draft(visit.form, table.asked, table.claim, turns=table.turns),
            version=_version(visit),
            seconds=_seconds(visit),
        )
    except StaleForm:
        raters.log(visit.room.desk, visit.person.rater, "refused.stale", subject=_task(visit))
        return JSONResponse({"stale": True}, status_code=409)
    return JSONResponse({"version": kept.version})


def act(visit: Visit) -> Response:
    """Do what the button says: submit, skip, or undo."""
    table, action = _open_task(visit), visit.form.get("action", "submit")
    if action == "undo":
        claims.undo_draft(visit.room.desk, table.claim, version=_version(visit))
        return see("/label")
    draft = pages.read_draft(visit.form, table.asked, table.claim, turns=table.turns)
    reason = visit.form.get("reason", "").strip()[:500]
    left = pages.missing(
        draft,
        table.asked,
        choose=len(table.generations) > 1,
        mark=pages.asks_turn(table.first),
    )
    if (action == "skip" and not reason) or (action != "skip" and left):
        version = _kept(visit, table, draft).version
        shown = KeptDraft(version=version, undo_to=version - 1, draft=draft)
        again = replace(table, kept=shown)
        return _screen(visit, again, left=left if action != "skip" else ("reason",), status=422)
    kept = _kept(visit, table, draft)
    if action == "skip":
        claims.close_claim(
            visit.room.desk, table.claim, version=kept.version, state="skipped", reason=reason
        )
        return see("/label")
    return _submitted(visit, table, kept)


def take_back(visit: Visit) -> Response:
    """Open a submitted task of one's own again."""
    claim = claims.find_claim(visit.room.desk, visit.person.rater, _task(visit))
    if claim is None:
        raise StaleForm("no such task of this rater.")
    claims.reopen(visit.room.desk, claim)
    withdraw_comparison(visit.room.desk, claim)
    return see("/label")


def show_own(visit: Visit) -> Response:
    """List what this person has labelled: nobody else's work, no judge, no model."""
    own = [claim for claim in _own(visit) if claim.state != "open"]
    rows = [
        (claim, claims.newest_draft(visit.room.desk, claim.rater, claim.task.task).draft)
        for claim in reversed(own)
    ]
    return page(
        visit,
        "own.html",
        rows=rows,
        titles=pages.titles(visit.room, visit.lang),
        names=pages.level_names(visit.room, visit.lang),
    )


def _submitted(visit: Visit, table: _Desktop, kept: KeptDraft) -> Response:
    room, draft = visit.room, kept.draft
    chosen = table.generations[draft.best if draft.best is not None else 0]
    asked = pages.rubrics_for(room, chosen)
    try:
        claims.close_claim(
            room.desk,
            table.claim,
            version=kept.version,
            state="done",
            labels=labels_of(table.claim, draft, chosen, rubrics=asked),
            dissent=claims.Dissent(
                per_item=room.study.per_item,
                found=lambda drafts: disagree(drafts, asked, wanted=room.study.per_item),
            ),
        )
    except StaleForm:
        raise
    except StoreError:
        return _screen(visit, table, left=("taken",), status=409)
    if draft.best is not None:
        add_comparison(room.desk, table.claim, draft, generations=table.generations)
    return see("/label")


def _screen(
    visit: Visit, table: _Desktop, *, left: tuple[str, ...] = (), status: int = 200
) -> Response:
    first = table.first
    draft = table.kept.draft
    shown = pages.in_layout(table.claim, table.generations)
    best = None if draft.best is None else table.claim.layout.index(draft.best)
    return page(
        visit,
        "label.html",
        status=status,
        claim=table.claim,
        done=claims.count_done(visit.room.desk, visit.person.rater),
        total=claims.count_within_reach(
            visit.room.desk,
            visit.person.rater,
            visit.room.study,
            adjudicates=_adjudicates(visit),
            labels=visit.person.role == "rater",
        ),
        prompt=first.prompt,
        reference=first.reference,
        replies=[generation.response for generation in shown],
        turns=table.turns,
        marks=pages.asks_turn(first),
        asked=table.asked,
        told=pages.instructions(visit.room, first, visit.lang),
        draft=draft,
        best=best,
        version=table.kept.version,
        undoable=table.kept.undo_to >= 0,
        left=left,
        text_lang=tag_of(first) or "",
    )


def _laid_out(visit: Visit, claim: Claim) -> _Desktop:
    generations = generations_of(visit.room.desk, claim.task.units)
    if not generations:
        raise StoreError("the run lacks an item that was drawn from it.")
    only = (OVERALL,) if len(generations) > 1 else visit.room.study.asked
    first = next(iter(generations))
    return _Desktop(
        claim=claim,
        generations=generations,
        turns=pages.dialogue(visit.room, first) if len(generations) == 1 else (),
        asked=pages.fields(visit.room, first, visit.lang, only=only),
        kept=claims.newest_draft(visit.room.desk, claim.rater, claim.task.task),
    )


def _open_task(visit: Visit) -> _Desktop:
    claim = claims.find_claim(visit.room.desk, visit.person.rater, _task(visit))
    if claim is None or claim.state != "open":
        raise StaleForm("not an open task of this rater.")
    return _laid_out(visit, claim)


def _kept(visit: Visit, table: _Desktop, draft: Draft) -> KeptDraft:
    return claims.save_draft(
        visit.room.desk, table.claim, draft, version=_version(visit), seconds=_seconds(visit)
    )


def _own(visit: Visit) -> tuple[Claim, ...]:
    return claims.own_claims(visit.room.desk, visit.person.rater)


def _adjudicates(visit: Visit) -> bool:
    third = visit.room.study.third
    return third == "anyone" or (third == "reviewer" and visit.person.role == "reviewer")


def _task(visit: Visit) -> str:
    return str(visit.path.get("task", ""))


def _version(visit: Visit) -> int:
    said = visit.form.get("version", "")
    if not said.isascii() or not said.isdigit() or len(said) > 9:
        raise StaleForm("the form names no version.")
    return int(said)


def _seconds(visit: Visit) -> float:
    """Read the time that the page counted since its last save; an hour at most is believed."""
    said = visit.form.get("seconds", "")
    return min(float(said), 3600.0) if said.isascii() and said.isdigit() else 0.0


# Collecting: the attack room, the expert room, and the queue in which another person reviews.
#
# In the attack room people talk to the model under test until it says something unsafe, and
# mark where. In the expert room they write an inducing question, get three replies, choose the
# best, score it and rewrite it where it is poor.

ASKS_A_MINUTE = 12
LONGEST = 20_000
"""Characters of a prompt or an answer."""

MOST_TURNS = 30
REPLIES = 3
LOWEST_KEPT = 5
"""Best replies scored below this are to be rewritten, as CValues asked its experts to."""


def show_attack(visit: Visit) -> Response:
    """Show the conversation at hand, and what was handed in before with the judge's opinion."""
    if visit.room.asker is None:
        return trouble(visit, "role", status=404)
    own = collected_entries.entries(visit.room.desk, author=visit.person.rater)
    entry = _at_hand(visit, "attack")
    return page(
        visit,
        "attack.html",
        entry=entry,
        twin=_twin(visit.room.desk, entry) if entry and entry.material.turns else None,
        topics=_topics(visit, "attack"),
        before=[each for each in reversed(own) if each.kind == "attack" and each != entry][:10],
    )


async def take_turn(visit: Visit) -> Response:
    """Put the next words to the model, and keep them with its reply."""
    asker, prompt = visit.room.asker, _text(visit, "prompt")
    if asker is None or not prompt:
        return trouble(visit, "missing", status=422)
    if _too_fast(visit):
        return trouble(visit, "pace", status=429)
    entry = await run_in_threadpool(_at_hand, visit, "attack")
    turns = entry.material.turns if entry else ()
    if len(turns) >= MOST_TURNS:
        return trouble(visit, "missing", status=422)
    came = await asker.reply(turns, prompt)
    if came is None:
        return trouble(visit, "model", status=502)
    turns = (*turns, came)
    material = Material(system=asker.candidate.name, lang=script_of(turns[0].prompt), turns=turns)
    await run_in_threadpool(_keep_turns, visit, entry, material)
    return see("/attack")


async def mark(visit: Visit) -> Response:
    """Keep where the model became unsafe and in which scenario; only then ask the judge."""
    desk, entry = visit.room.desk, await run_in_threadpool(_at_hand, visit, "attack")
    asker, group = visit.room.asker, _topic(visit, "attack")
    if entry is None or asker is None or group is None:
        return trouble(visit, "missing", status=422)
    said = visit.form.get("unsafe_turn", "")
    count = len(entry.material.turns)
    places = {str(number): number for number in range(1, count + 1)}
    if said not in {"none", *places}:
        return trouble(visit, "missing", status=422)
    decided = entry.material.model_copy(update={"group": group, "unsafe_turn": places.get(said)})
    author = visit.person.rater
    kept = await run_in_threadpool(
        collected_entries.change_entry,
        desk,
        entry,
        actor=author,
        state="submitted",
        material=decided,
    )
    opinion = await asker.opinion(decided.turns[: places.get(said, count)], lang=visit.lang)
    if opinion:
        told = decided.model_copy(update={"opinion": opinion})
        await run_in_threadpool(
            collected_entries.change_entry, desk, kept, actor="judge", material=told
        )
    return see("/attack")


def show_expert(visit: Visit) -> Response:
    """Show the question at hand with its replies."""
    if visit.room.asker is None:
        return trouble(visit, "role", status=404)
    entry = _at_hand(visit, "expert")
    return page(
        visit,
        "expert.html",
        entry=entry,
        twin=_twin(visit.room.desk, entry) if entry else None,
        topics=_topics(visit, "expert"),
        lowest=LOWEST_KEPT,
    )


async def ask(visit: Visit) -> Response:
    """Put the question three times, and keep it with the replies."""
    asker, prompt, group = visit.room.asker, _text(visit, "prompt"), _topic(visit, "expert")
    if asker is None or not prompt or group is None:
        return trouble(visit, "missing", status=422)
    if _too_fast(visit):
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
        collected_entries.add_entry,
        visit.room.desk,
        "expert",
        visit.person.rater,
        material=material,
    )
    return see("/expert")


def keep(visit: Visit) -> Response:
    """Hand the question in with the choice, the score, and the expert's own answer."""
    desk, author, entry = visit.room.desk, visit.person.rater, _at_hand(visit, "expert")
    if entry is None:
        return trouble(visit, "missing", status=422)
    if visit.form.get("action") == "drop":
        collected_entries.change_entry(
            desk, entry, actor=author, state="rejected", detail="dropped"
        )
        return see("/expert")
    chosen = _chosen(visit, entry)
    if chosen is None:
        return trouble(visit, "missing", status=422)
    collected_entries.change_entry(desk, entry, actor=author, state="submitted", material=chosen)
    return see("/expert")


def show_review(visit: Visit) -> Response:
    """Show the oldest piece that waits, unless it is one's own."""
    waiting = [
        entry
        for entry in collected_entries.entries(visit.room.desk, state="submitted")
        if entry.author != visit.person.rater
    ]
    entry = waiting[0] if waiting else None
    twin = _twin(visit.room.desk, entry) if entry else None
    group = entry.material.group if entry else None
    topic = next((topic for topic in visit.room.topics if topic.key == group), None)
    return page(visit, "review.html", entry=entry, waiting=len(waiting), twin=twin, topic=topic)


def decide(visit: Visit) -> Response:
    """Accept or reject a piece; nobody decides about their own."""
    entry = collected_entries.find_entry(visit.room.desk, str(visit.path["entry"]))
    if entry is None or entry.state != "submitted":
        return trouble(visit, "stale", status=409)
    if entry.author == visit.person.rater:
        return trouble(visit, "own", status=403)
    accepted, answer = visit.form.get("action") == "accept", _text(visit, "answer")
    material = entry.material
    if answer and entry.kind == "attack":
        material = material.model_copy(update={"answer": answer, "answer_origin": "person"})
    collected_entries.change_entry(
        visit.room.desk,
        entry,
        actor=visit.person.rater,
        state="accepted" if accepted else "rejected",
        material=material,
        detail=visit.form.get("why", "").strip()[:500],
    )
    return see("/review")


def _at_hand(visit: Visit, kind: EntryKind) -> Entry | None:
    """Return the piece that this person is working on, or None."""
    own = collected_entries.entries(visit.room.desk, state="draft", author=visit.person.rater)
    return next((entry for entry in reversed(own) if entry.kind == kind), None)


def _topics(visit: Visit, kind: EntryKind) -> tuple[Topic, ...]:
    """List the scenarios or domains that a piece may belong to."""
    return tuple(topic for topic in visit.room.topics if topic.kind == kind)


def _topic(visit: Visit, kind: EntryKind) -> str | None:
    """Read which of them the form names; None where it names none."""
    said = visit.form.get("group", "")
    return said if said in {topic.key for topic in _topics(visit, kind)} else None


def _text(visit: Visit, name: str) -> str:
    return visit.form.get(name, "").strip()[:LONGEST]


def _too_fast(visit: Visit) -> bool:
    """Count a question to the model, unless it is one too many within a minute."""
    return not visit.room.pace.allows(visit.person.rater, "asks", a_minute=ASKS_A_MINUTE)


def _keep_turns(visit: Visit, entry: Entry | None, material: Material) -> None:
    desk, author = visit.room.desk, visit.person.rater
    if entry is None:
        collected_entries.add_entry(desk, "attack", author, material=material)
    else:
        collected_entries.change_entry(desk, entry, actor=author, material=material)


def _chosen(visit: Visit, entry: Entry) -> Material | None:
    best = {str(place): place for place in range(REPLIES)}.get(visit.form.get("best", ""))
    score = {str(level): level for level in range(1, 11)}.get(visit.form.get("score", ""))
    answer = _text(visit, "answer")
    if best is None or score is None or (score < LOWEST_KEPT and not answer):
        return None
    origin = "person" if answer else ""
    told = {"best": best, "score": score, "answer": answer, "answer_origin": origin}
    return entry.material.model_copy(update=told)


def _twin(desk: Desk, entry: Entry) -> str | None:
    """Find a prompt collected before that is nearly the same; a rejected one does not count."""
    known = (
        _prompt(other)
        for other in collected_entries.entries(desk)
        if other.entry != entry.entry and other.state != "rejected" and other.kind != "comparison"
    )
    return nearest(_prompt(entry), (each for each in known if each))


def _prompt(entry: Entry) -> str:
    """Give the prompt that a piece is about: of an attack, its first turn."""
    if entry.material.turns:
        return entry.material.turns[0].prompt
    return entry.material.prompt
