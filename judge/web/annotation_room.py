"""The room itself, and one visit to it: what a page is made from."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from judge.records import Language
from judge.store.annotation_project import Desk, Rater, Study
from rubrics.rubric import Rubric

if TYPE_CHECKING:
    from judge.web.live_model import Asker


Form = Mapping[str, str]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

STRETCH = timedelta(minutes=45)
"""Work without a pause after which a break is suggested."""

PAUSE = timedelta(minutes=8)
"""Silence that counts as a break."""

MINUTE = timedelta(minutes=1)


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


@dataclass(frozen=True)
class Pace:
    """How fast and how long people work: limits on requests, and when a break is due.

    Held in memory only: a restart forgives, and nobody's pauses are kept.
    """

    clock: Callable[[], datetime]
    _recent: defaultdict[tuple[str, str], deque[datetime]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _stretches: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def allows(self, who: str, what: str, *, a_minute: int) -> bool:
        """Count one more of something, unless it would be too many within a minute."""
        allowed = self.has_room(who, what, a_minute=a_minute)
        if allowed:
            self._recent[who, what].append(self.clock())
        return allowed

    def has_room(self, who: str, what: str, *, a_minute: int) -> bool:
        """Tell whether one more of something would be allowed, without counting it."""
        at, recent = self.clock(), self._recent[who, what]
        while recent and at - recent[0] > MINUTE:
            recent.popleft()
        return len(recent) < a_minute

    def minutes_on_end(self, who: str) -> int | None:
        """Note that a person is at work; give the minutes since their last break once it is due."""
        at = self.clock()
        began, last = self._stretches.get(who, (at, at))
        if at - last >= PAUSE:
            began = at
        self._stretches[who] = (began, at)
        worked = at - began
        return int(worked / MINUTE) if worked >= STRETCH else None


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
    hosts: frozenset[str] = LOOPBACK
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
