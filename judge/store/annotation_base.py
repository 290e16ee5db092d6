"""What the experts' room keeps: its set-up, people, tasks, claims, drafts, events, entries."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from judge.records import Language, Record

Role = Literal["rater", "coordinator", "reviewer"]
Screen = Literal["rubric", "best-of-three"]
State = Literal["open", "done", "skipped"]
EntryKind = Literal["attack", "expert", "comparison"]
EntryState = Literal["draft", "submitted", "accepted", "rejected"]
Unit = tuple[str, str, int]


class Study(Record):
    """How the labelling of a run is set up; fixed once it has begun."""

    screen: Screen = "rubric"
    per_item: int = Field(default=2, ge=1)
    """Experts who label each task independently."""
    third: Literal["reviewer", "anyone", "nobody"] = "reviewer"
    """Who is given a task on which the experts disagree; that person is blind to it too."""
    design: str = "random"
    """How the tasks were drawn, as `cvalues sample` names it."""
    seed: int = 0
    asked: tuple[str, ...] = ()
    """Criteria that experts are asked for; empty for all."""


class Rater(Record):
    """A person with access to one run."""

    rater: str
    role: Role = "rater"
    lang: Language = "zh"
    epoch: int = 0
    """Sessions of an earlier epoch are over."""
    consented_at: str | None = None


class LabelTask(Record):
    """What one screen shows: one generation, or three to the same prompt."""

    task: str
    """Opaque name; says nothing of item, system or verdict."""
    units: tuple[Unit, ...]
    probability: float | None = None
    """Chance of inclusion in the sample, a fraction; None where nobody drew."""


class Claim(Record):
    """A task in the hands of one rater."""

    rater: str
    task: LabelTask
    place: int
    """Where the task stands in this rater's own random order, from 1."""
    kind: Literal["label", "adjudicate"]
    state: State
    layout: tuple[int, ...]
    """The task's units in the order in which this rater sees them."""
    seconds: float = 0.0
    """Time on the task while the page was in use."""


class Draft(Record):
    """What a rater has chosen and written so far on one task."""

    scores: Mapping[str, int | None] = Field(default_factory=dict)
    """By ``rubric.criterion``; None where the rater could not assess."""
    note: str = ""
    best: int | None = None
    """Best of three: place of the chosen reply among the task's units."""
    answer: str = ""
    """The expert's own answer."""


class KeptDraft(Record):
    """A draft with its version; 0 is the empty page."""

    version: int
    undo_to: int
    """The version that undoing leads back to; -1 where there is nothing to undo."""
    draft: Draft


class Event(Record):
    """Who did what, when; never changed or removed."""

    at: str
    actor: str
    action: str
    subject: str
    detail: str


class Progress(Record):
    """How far one person has come."""

    rater: Rater
    done: int
    skipped: int
    open: int
    seconds: float


class Turn(Record):
    """One question to the model under test and what it answered."""

    prompt: str
    response: str
    provenance: str = "LIVE"
    served_model: str | None = None


class Material(Record):
    """What a person collected: an attack, or a question with its replies."""

    group: str = ""
    """Scenario or domain."""
    lang: Language = "zh"
    system: str = ""
    """Name of the model that answered."""
    turns: tuple[Turn, ...] = ()
    unsafe_turn: int | None = None
    """Attack: the turn, from 1, in which the model became unsafe."""
    opinion: str = ""
    """What the judge said of the last reply, asked after the person had decided."""
    prompt: str = ""
    replies: tuple[Turn, ...] = ()
    best: int | None = None
    """Place of the best reply, from 0."""
    score: int | None = None
    """What the expert gave the best reply, 1 to 10."""
    answer: str = ""
    """What the expert wrote in place of the replies."""
    answer_origin: Literal["", "person", "model"] = ""
    task: str = ""
    """The labelling task that a comparison came from."""


class Entry(Record):
    """A piece of collected material and where it stands."""

    entry: str
    kind: EntryKind
    author: str
    state: EntryState
    version: int
    created_at: str
    material: Material
