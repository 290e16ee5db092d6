"""A side of a comparison: one system of a run, read once into columns.

n responses of the system, in the order of the file; the axis of all arrays.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from judge.columns import (
    Digests,
    Names,
    Prompt,
    Prompts,
    Texts,
    Whole,
    codes,
    marks,
    row_list,
    whole,
)
from judge.conversation import without
from judge.errors import ConfigError
from judge.grading.remarks import marker
from judge.store.digests import Hashes, item_row, prompt_row, verdict_row
from judge.store.run_contents import kept_rubrics
from judge.verdicts import Verdicts, read_verdicts

if TYPE_CHECKING:
    from calibration.validation import BoolArray, IntArray
    from judge.records import Generation, Judgment
    from judge.store.records import Run
    from judge.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that are compared: a run, and a system where the run holds several.

    What it holds is read when it is first asked for, and kept as long as the side is.
    """

    store: "Store"
    run: "Run"
    system: str
    clusters: str | None = None
    """Field of the responses that near copies of one prompt share."""
    mark: "Callable[[Judgment], Judgment] | None" = field(default=None, compare=False, repr=False)
    """From `judge.grading.remarks.marker`, where it is known."""

    @property
    def name(self) -> str:
        """How tables call the side."""
        return f"{self.run.name}:{self.system}"

    def shares_run(self, other: "Side") -> bool:
        """Tell whether both sides are systems of one run."""
        here, there = self.store.place, other.store.place
        return here == there and self.run.run_id == other.run.run_id

    @cached_property
    def responses(self) -> "Responses":
        """What the system answered."""
        return _Reading(self).responses()

    @cached_property
    def judged(self) -> "Judged":
        """What the judges said of it."""
        hashes, rows, models = Hashes(), self.responses.rows, set[str]()
        mark = self.mark or marker(self.store, self.run)

        def placed() -> "Iterator[tuple[int | None, Judgment]]":
            for place, judgment in self.store.placed_judgments(self.run, system=self.system):
                hashes.add(verdict_row(judgment))
                if judgment.served_model is not None:
                    models.add(judgment.served_model)
                yield None if place is None else rows[place], mark(judgment)

        found = read_verdicts(placed(), judges=len(self.run.manifest.judges))
        return Judged(verdicts=found, models=frozenset(models), digest=hashes.digest())


def sharing(first: Side, second: Side) -> tuple[Side, Side]:
    """Let two sides of one run share what is counted over all of it."""
    if not first.shares_run(second):
        return first, second
    mark = marker(first.store, first.run)
    return replace(first, mark=mark), replace(second, mark=mark)


class Judged(NamedTuple):
    """What the judges said of a side's responses."""

    verdicts: Verdicts
    models: frozenset[str]
    """Names under which the provider answered."""
    digest: str
    """As `judge.store.digests.verdicts_digest` gives it."""


def find_side(store: "Store", words: str, *, clusters: str | None = None) -> Side:
    """Find a side by ``RUN`` or ``RUN:SYSTEM``.

    Raises
    ------
    ConfigError
        If there is no such run or system, or the run holds several and none is named.
    """
    runs = {run.name: run for run in store.runs()}
    name, _, system = (words, "", "") if words in runs else words.rpartition(":")
    if name not in runs:
        raise ConfigError(f"no run {words!r} in {store.place}; it has {', '.join(runs) or 'none'}.")
    systems = store.systems(runs[name])
    if not system and len(systems) == 1:
        system = systems[0]
    if system not in systems:
        raise ConfigError(
            f"run {name!r} holds the systems {', '.join(systems)}; "
            f"name one as {name}:{systems[0] if systems else 'SYSTEM'}."
        )
    return Side(store=store, run=runs[name], system=system, clusters=clusters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What a system answered, and what it was asked.

    Attributes
    ----------
    prompts : Prompts
        Prompt and sample of each.
    places : int array, shape (n,)
        Place of each in the file of the run.
    groups, sessions : sequence of str or None
        Scenario or domain of each, and the conversation of which it is a turn.
    turns : int array, shape (n,)
        Index of each in its conversation; -1 for what is no turn.
    copies : sequence of str or None
        What each shares with its copies, as a field says it; empty where none is named.
    asked, bare, answered : array of digests, shape (n,)
        Of what was asked, of the same but for blanks, case and marks, and of the response.
    unasked : mapping of str to bool array, shape (n,)
        Those that a rubric does not judge: single turns, or whole conversations.
    data, items : str
        As `judge.store.digests` hashes prompts and responses.
    """

    prompts: Prompts
    places: Whole
    groups: Sequence[str | None]
    sessions: Sequence[str | None]
    turns: Whole
    copies: Sequence[str | None]
    asked: npt.NDArray[np.bytes_]
    bare: npt.NDArray[np.bytes_]
    answered: npt.NDArray[np.bytes_]
    unasked: "Mapping[str, BoolArray]"
    data: str
    items: str

    @property
    def rows(self) -> "array[int]":
        """Row of each place in the file of the run; -1 for another system's."""
        found = np.full(int(self.places.max(initial=-1)) + 1, -1, dtype=np.int32)
        found[self.places] = np.arange(len(self.places))
        return array("i", found.tobytes())

    def cluster(self, row: int) -> str:
        """Name what the units of one conversation have in common: its id."""
        return self.sessions[row] or self.prompts.ids[row]


class _Reading:
    """One pass over the responses of a side."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._groups: list[str | None] = []
        self._sessions: list[str | None] = []
        self._turns = array("i")
        self._copies: list[str | None] = []
        self._asked, self._bare, self._answered = Digests(), Digests(), Digests()
        self._data, self._items = Hashes(), Hashes()
        self._name = Names()

    def responses(self) -> Responses:
        """Read them."""
        store, run, system = self._side.store, self._side.run, self._side.system
        rubrics = kept_rubrics(store, run).values()
        left_out = without(rubrics)
        apart = {each.id: array("i") for each in rubrics if left_out}

        def prompts() -> Iterator[Prompt]:
            for row, each in enumerate(store.generations(run, system=system)):
                for name in left_out(each) if left_out else ():
                    apart[name].append(row)
                self._note(each)
                yield each.id, each.sample

        kept = Prompts.of(prompts())
        return Responses(
            prompts=kept,
            places=whole(array("i", store.places(run, system=system))),
            groups=self._groups,
            sessions=self._sessions,
            turns=whole(self._turns),
            copies=self._copies,
            asked=self._asked.array(),
            bare=self._bare.array(),
            answered=self._answered.array(),
            unasked={name: marks(whole(rows), len(kept)) for name, rows in apart.items()},
            data=self._data.digest(once=True),
            items=self._items.digest(),
        )

    def _note(self, each: "Generation") -> None:
        self._groups.append(self._name(each.group))
        self._sessions.append(self._name(each.session))
        self._turns.append(-1 if each.turn is None else each.turn)
        if self._side.clusters is not None:
            shared = each.extra.get(self._side.clusters)
            self._copies.append(None if shared is None else self._name(str(shared)))
        asked = _opening(each)
        self._asked.add(asked)
        text = unicodedata.normalize("NFKC", asked).casefold()
        self._bare.add(_MARKS.sub("", text) or text)
        self._answered.add(each.response)
        self._data.add(prompt_row(each))
        self._items.add(item_row(each))


_MARKS = re.compile(r"[\W_]+")


def _opening(generation: "Generation") -> str:
    """Give what two releases were both asked: of a conversation, the words that open it.

    What a user says later may answer what the release said before.
    """
    opening = (turn.content for turn in generation.messages if turn.role == "user")
    return next(opening, generation.prompt)


def copy_clusters(side: Side, rows: "IntArray") -> tuple[Texts, "IntArray"]:
    """Give some responses of a side a number each, the same to copies.

    Prompts of the same text but for blanks, case and marks are copies whatever their ids, and so
    are those that share what the side's field says, or else a conversation or an id.

    Returns
    -------
    (Texts, int array)
        Names of the clusters, each by its first response, and the number of each response's.

    Raises
    ------
    ConfigError
        If a response lacks the field.
    """
    responses = side.responses
    names = Texts.of(_shared_names(side, rows))
    if not len(rows):
        return names, rows
    named, texts = codes(names.digests()), codes(responses.bare[rows])
    joined = _components(named, texts)
    first = np.unique(joined, return_index=True)[1]
    return names.take(first), joined


def _shared_names(side: Side, rows: "IntArray") -> Iterator[str]:
    responses = side.responses
    if side.clusters is None:
        ids = responses.prompts.ids.take(rows)
        sessions = (responses.sessions[row] for row in row_list(rows))
        yield from (session or name for session, name in zip(sessions, ids, strict=True))
        return
    for row in row_list(rows):
        shared = responses.copies[row]
        if shared is None:
            name = responses.prompts.ids[row]
            raise ConfigError(
                f"response {name!r} of {side.system!r} has no field {side.clusters!r}, which the "
                "policy names as clusters; add it to the responses or take it out of the policy."
            )
        yield shared


def _components(named: "IntArray", texts: "IntArray") -> "IntArray":
    """Join what has a name or a text in common, and number it in the order of its first place."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = int(named.max()) + 1
    if int(texts.max()) + 1 == len(texts):
        return named
    nodes = size + int(texts.max()) + 1
    edges = coo_array((np.ones(len(named), np.int8), (named, size + texts)), shape=(nodes, nodes))
    return codes(connected_components(edges, directed=False)[1][named])
