"""The room itself, and one visit to it: what a page is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judge.records import Language
from judge.store.annotation_base import Rater, Study
from judge.store.desk import Desk
from judge.web.pace import Pace
from rubrics.rubric import Rubric

if TYPE_CHECKING:
    from judge.web.asking import Asker

Form = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A scenario or domain that collected material may belong to."""

    key: str
    zh: str
    en: str
    kind: str
    """``attack`` for scenarios, ``expert`` for domains."""

    def name(self, lang: Language) -> str:
        """Give its name in a language."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, kw_only=True)
class Room:
    """One run, open to people."""

    desk: Desk
    study: Study
    secret: str = field(repr=False)
    """Signs the sessions."""
    rubrics: Mapping[tuple[str, str], Rubric]
    """By id and language; empty where there is nothing to label."""
    asker: "Asker | None" = None
    """The way to the model under test; None where nothing is collected."""
    topics: tuple[Topic, ...] = ()
    tls: bool = False
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})
    """Names under which the room may be addressed."""
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pace", Pace(self.desk.clock))


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request by a person who is known, with a form that was checked."""

    room: Room
    person: Rater
    csrf: str
    place: str
    """The address that was asked for."""
    path: Mapping[str, str]
    form: Form

    @property
    def lang(self) -> Language:
        """The language of the screens."""
        return self.person.lang

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that this person may turn to, the first of them where they begin."""
        if self.person.consented_at is None:
            return ()
        labels, collects = bool(self.room.rubrics), self.room.asker is not None
        reviews = collects or self.room.study.screen == "best-of-three"
        coordinates = self.person.role == "coordinator"
        return (
            *(("progress", "log") if coordinates else ()),
            *(("label", "own") if labels and not coordinates else ()),
            *(("review",) if reviews and self.person.role != "rater" else ()),
            *(("attack", "expert") if collects and not coordinates else ()),
        )
