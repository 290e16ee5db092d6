"""Labelling: the task at hand, its autosave, undo, submission, skipping, and a look back."""

from dataclasses import dataclass, replace

from starlette.responses import JSONResponse, Response

from judge.errors import StoreError
from judge.records import Generation
from judge.store import claims, people
from judge.store.annotation_base import Claim, Draft, KeptDraft
from judge.store.claim_rows import StaleForm
from judge.store.desk import generations_of
from judge.store.entries import add_comparison, withdraw_comparison
from judge.web import screens
from judge.web.pages import page, see
from judge.web.room import Visit
from judge.web.screens import Field
from judge.web.verdicts import disagree, labels_of

OVERALL = "overall"
"""The criterion that is asked of the best of three replies."""


@dataclass(frozen=True, kw_only=True)
class _Desktop:
    """A task with everything that its screen is made from."""

    claim: Claim
    generations: tuple[Generation, ...]
    asked: tuple[Field, ...]
    kept: KeptDraft

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
            screens.read_draft(visit.form, table.asked, table.claim),
            version=_version(visit),
            seconds=_seconds(visit),
        )
    except StaleForm:
        people.log(visit.room.desk, visit.person.rater, "refused.stale", subject=_task(visit))
        return JSONResponse({"stale": True}, status_code=409)
    return JSONResponse({"version": kept.version})


def act(visit: Visit) -> Response:
    """Do what the button says: submit, skip, or undo."""
    table, action = _open_task(visit), visit.form.get("action", "submit")
    if action == "undo":
        claims.undo_draft(visit.room.desk, table.claim, version=_version(visit))
        return see("/label")
    draft = screens.read_draft(visit.form, table.asked, table.claim)
    reason = visit.form.get("reason", "").strip()[:500]
    left = screens.missing(draft, table.asked, choose=len(table.generations) > 1)
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
    return page(visit, "own.html", rows=rows, titles=screens.titles(visit.room, visit.lang))


def _submitted(visit: Visit, table: _Desktop, kept: KeptDraft) -> Response:
    room, draft = visit.room, kept.draft
    chosen = table.generations[draft.best if draft.best is not None else 0]
    asked = screens.rubrics_for(room, chosen)
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
    shown = screens.in_layout(table.claim, table.generations)
    best = None if draft.best is None else table.claim.layout.index(draft.best)
    return page(
        visit,
        "label.html",
        status=status,
        claim=table.claim,
        done=claims.count_done(visit.room.desk, visit.person.rater),
        prompt=first.prompt,
        reference=first.reference,
        replies=[generation.response for generation in shown],
        asked=table.asked,
        told=screens.instructions(visit.room, first, visit.lang),
        draft=draft,
        best=best,
        version=table.kept.version,
        undoable=table.kept.undo_to >= 0,
        left=left,
        text_lang=screens.language_of(first),
    )


def _laid_out(visit: Visit, claim: Claim) -> _Desktop:
    generations = generations_of(visit.room.desk, claim.task.units)
    if not generations:
        raise StoreError("the run lacks an item that was drawn from it.")
    only = (OVERALL,) if len(generations) > 1 else visit.room.study.asked
    return _Desktop(
        claim=claim,
        generations=generations,
        asked=screens.fields(visit.room, next(iter(generations)), visit.lang, only=only),
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
