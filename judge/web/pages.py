"""Pages from templates: the template engine escapes every text, nothing is passed as markup.

The room's own words stand in a file for each language; no sentence stands in the code.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse

from judge.conversation import is_judged, tag_of
from judge.records import Generation, Language, Turn
from judge.report import texts
from judge.store.annotation_project import Claim, Draft
from judge.web.annotation_room import Room, Visit
from judge.web.texts import speaker
from rubrics.library import fitting, in_language
from rubrics.rubric import Criterion, Rubric

if TYPE_CHECKING:
    from jinja2 import Environment


_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"

LONGEST = 60_000
"""Characters of one text that a page shows."""


def page(visit: Visit, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render a page for a person who is known."""
    shown = {
        "person": visit.person,
        "csrf": visit.csrf,
        "tired": visit.room.pace.minutes_on_end(visit.person.rater),
        "pages": visit.pages,
        "place": visit.place,
        **values,
    }
    return _rendered(name, visit.lang, status=status, values=shown)


def plain_page(name: str, lang: Language, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render a page for somebody who is not known, or not let in."""
    return _rendered(
        name,
        lang,
        status=status,
        values={"person": None, "csrf": "", "tired": None, "place": "", **values},
    )


def trouble(visit: Visit, why: str, *, status: int) -> HTMLResponse:
    """Say to a person who is known what is wrong."""
    return page(visit, "refused.html", status=status, why=why)


def see(place: str) -> RedirectResponse:
    """Send the browser on after a form, so that reloading sends nothing twice."""
    return RedirectResponse(place, status_code=303)


def _rendered(name: str, lang: Language, *, status: int, values: dict[str, object]) -> HTMLResponse:
    template = _environment().get_template(name)
    text = template.render(lang=lang, t=speaker(lang), edition=edition(), **values)
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status_code=status)


@lru_cache(maxsize=1)
def edition() -> str:
    """Name the state of script and style, so that a browser may keep them until they change."""
    told = b"".join((STATIC / name).read_bytes() for name in ("room.css", "room.js"))
    return hashlib.sha256(told).hexdigest()[:12]


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["parts"] = texts.parts  # pyright: ignore[reportArgumentType] - any value may be a global
    environment.globals["folded"] = partial(texts.folded, longest=LONGEST, lines=40)  # pyright: ignore[reportArgumentType] - as above
    return environment


# What a labelling screen shows: criteria with their anchors and keys, texts in a rater's order.

CANNOT = "cannot"
"""What a form says where the rater could not assess."""

GRADES = {3: "A", 2: "B", 1: "C"}
"""CValues writes its three grades as letters; they are kept as 3, 2, 1."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of a scale with the key that chooses it."""

    score: int
    code: str
    """Its number, or the letter of a grade."""
    key: str
    name: str
    """How its anchor begins; empty where the scale has no short names."""
    text: str
    """The rest of its anchor."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One criterion as a question on the screen."""

    key: str
    """``rubric.criterion``; its name in the form and in drafts."""
    title: str
    question: str
    levels: tuple[Level, ...]
    short: bool
    """Whether its levels stand in one row."""
    faults: frozenset[int] = frozenset()
    """Scores beyond the rubric's line: in a conversation a turn is at fault then."""


@dataclass(frozen=True, kw_only=True)
class ShownTurn:
    """One message of a conversation on the screen."""

    index: int
    turn: Turn
    judged: bool
    """Whether the questions are about it, or it may be marked as the one at fault."""


def dialogue(room: Room, generation: Generation) -> tuple[ShownTurn, ...]:
    """Lay out a conversation up to the judged turn; empty for a prompt and a response alone."""
    roles = {role for rubric in rubrics_for(room, generation) for role in rubric.roles}
    end = None if generation.turn is None else generation.turn + 1
    return tuple(
        ShownTurn(
            index=index,
            turn=turn,
            judged=turn.role in roles if generation.turn is None else index == generation.turn,
        )
        for index, turn in enumerate(generation.messages[:end])
    )


def asks_turn(generation: Generation) -> bool:
    """Tell whether the rater may mark a turn: where a whole conversation is judged."""
    return bool(generation.messages) and generation.turn is None


def rubrics_for(room: Room, generation: Generation) -> tuple[Rubric, ...]:
    """Give the rubrics under which an item was judged, one edition of each, by id."""
    ids = sorted({id_ for id_, _ in room.rubrics})
    editions = (_edition(room, id_, generation) for id_ in ids)
    return tuple(
        rubric
        for rubric in editions
        if rubric.applies_to(generation.group) and is_judged(generation, rubric.unit, rubric.roles)
    )


def fields(
    room: Room, generation: Generation, lang: Language, *, only: tuple[str, ...]
) -> tuple[Field, ...]:
    """Give the questions about an item in the language of the screen.

    The twin of a rubric in the other language asks the same; where there is none, the rubric is
    shown in the language that it has. `only` names the criteria to ask for; empty for all.
    """
    asked = rubrics_for(room, generation)
    shown = (in_language(rubric, lang) for rubric in asked)
    return tuple(
        _field(rubric, criterion)
        for rubric in shown
        for criterion in rubric.asked
        if not only or criterion.id in only
    )


def instructions(room: Room, generation: Generation, lang: Language) -> tuple[Rubric, ...]:
    """Give the rubrics of an item as the rater reads them."""
    return tuple(in_language(rubric, lang) for rubric in rubrics_for(room, generation))


def titles(room: Room, lang: Language) -> dict[str, str]:
    """Name every criterion of the room, by its key in drafts, in the language of the screen."""
    shown = [in_language(rubric, lang) for _, rubric in sorted(room.rubrics.items())]
    return {
        f"{rubric.id}.{criterion.id}": criterion.title
        for rubric in shown
        for criterion in rubric.criteria
    }


def level_names(room: Room, lang: Language) -> dict[str, dict[int, str]]:
    """Name the levels of every criterion, by its key in drafts, in the language of the screen."""
    shown = [in_language(rubric, lang) for _, rubric in sorted(room.rubrics.items())]
    return {
        f"{rubric.id}.{criterion.id}": criterion.scale.names()
        for rubric in shown
        for criterion in rubric.criteria
    }


def in_layout(claim: Claim, generations: tuple[Generation, ...]) -> tuple[Generation, ...]:
    """Put the replies of a task into the order in which this rater sees them."""
    return tuple(generations[place] for place in claim.layout)


def read_draft(
    form: Mapping[str, str],
    asked: tuple[Field, ...],
    claim: Claim,
    *,
    turns: tuple[ShownTurn, ...] = (),
) -> Draft:
    """Read a form; whatever is not a level of its scale is left out, never guessed."""
    scores: dict[str, int | None] = {}
    for field in asked:
        said = form.get(f"score.{field.key}", "")
        levels = {str(level.score): level.score for level in field.levels}
        if said == CANNOT:
            scores[field.key] = None
        elif said in levels:
            scores[field.key] = levels[said]
    shown = {str(number): place for number, place in enumerate(claim.layout)}
    marks = {str(each.index): each.index for each in turns if each.judged}
    return Draft(
        scores=scores,
        note=form.get("note", "")[:4000],
        best=shown.get(form.get("best", "")),
        answer=form.get("answer", "")[:20000],
        turn=marks.get(form.get("turn", "")),
    )


def missing(
    draft: Draft, asked: tuple[Field, ...], *, choose: bool, mark: bool = False
) -> tuple[str, ...]:
    """Name the questions that are still open, by their titles.

    ``choose`` asks for the best of several replies, ``mark`` for the turn at fault of a whole
    conversation with a score that the rubric does not accept.
    """
    left = [field.title for field in asked if field.key not in draft.scores]
    faulty = any(draft.scores.get(field.key) in field.faults for field in asked)
    best = ["best"] if choose and draft.best is None else []
    return (*best, *left, *(["turn"] if mark and faulty and draft.turn is None else []))


def _edition(room: Room, id_: str, generation: Generation) -> Rubric:
    editions = {tag: rubric for (name, tag), rubric in room.rubrics.items() if name == id_}
    return fitting(editions, tag_of(generation), default=room.desk.run.manifest.language)


def _field(rubric: Rubric, criterion: Criterion) -> Field:
    lettered = rubric.id == "values-grade" and criterion.scale.levels == (1, 2, 3)
    anchors, names = criterion.scale.anchors, criterion.scale.names()
    levels = tuple(
        Level(
            score=anchor.score,
            code=GRADES[anchor.score] if lettered else str(anchor.score),
            key=GRADES[anchor.score].lower() if lettered else _key(anchor.score, len(anchors)),
            name=names.get(anchor.score, ""),
            text=anchor.text.removeprefix(names.get(anchor.score, "")),
        )
        for anchor in (reversed(anchors) if lettered else anchors)
    )
    return Field(
        key=f"{rubric.id}.{criterion.id}",
        title=criterion.title,
        question=criterion.question,
        levels=levels,
        short=len(levels) > 4,
        faults=_faults(rubric, criterion),
    )


def _faults(rubric: Rubric, criterion: Criterion) -> frozenset[int]:
    """Give the levels that a threshold or the veto does not accept."""
    lower, line = criterion.direction == "lower_is_better", criterion.threshold
    veto = rubric.veto.level if rubric.veto and rubric.veto.criterion == criterion.id else None
    levels = criterion.scale.levels
    beyond = {
        each for each in levels if line is not None and (each > line if lower else each < line)
    }
    vetoed = {
        each for each in levels if veto is not None and (each >= veto if lower else each <= veto)
    }
    return frozenset(beyond | vetoed)


def _key(score: int, levels: int) -> str:
    """Name the key of a level: its digit, 0 for 10; none where one key is not enough."""
    if score == 10 and levels == 10:
        return "0"
    return str(score) if 0 <= score <= 9 else ""
