"""From rows of scores and labels to parts, whatever tool or store the rows came from.

A run is read in one pass over its responses and one over its judgments; what is kept of a response
or a verdict is a few numbers in arrays, so that ten million of them fit in memory.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypedDict

import numpy as np

from calibration.validation import BoolArray, FloatArray, IntArray
from judge.calibrate.calibration_set import (
    Counting,
    Earlier,
    Material,
    Part,
    Question,
    Rating,
    column_trait,
    text_traits,
)
from judge.columns import Names, Unit, Units, marks, whole
from judge.errors import ConfigError
from judge.grading.aggregation import NAME as PANEL
from judge.grading.aggregation import with_panel
from judge.records import Generation, Judgment, Provenance, worst
from judge.store.run_contents import kept_rubrics
from judge.verdicts import Said, Series, middle, read_verdicts

if TYPE_CHECKING:
    from judge.manifest import Sample
    from judge.store.records import Label, Run
    from judge.store.store import Store

THIRD = " (third)"
"""Ends the name of the column of what a rater settles beside what the rater labels."""

PAGE = 1000
"""Responses whose texts are held at once."""

REFUSAL = "refusal"
"""The criterion that says how far a response refuses; 0 for not at all."""


def parts(material: Material) -> tuple[Part, ...]:
    """Cut what was said into one part for each judge, criterion and system that has a label.

    Raises
    ------
    ConfigError
        If no label belongs to anything that was judged, or to the gold rater, or a group that
        is asked for has no item.
    """
    gold = material.question.gold
    if gold is not None and gold not in {each.rater for each in material.ratings}:
        raise ConfigError(f"no label is by {gold!r}, who is to settle the items.")
    _require_judge(material)
    labelled = {(each.rubric, each.criterion) for each in material.ratings}
    found = tuple(
        part
        for series in sorted(material.verdicts, key=str)
        if material.question.judge in {None, series[0]}
        and ((series[1], series[2]) in labelled or (None, series[2]) in labelled)
        for part in _parts_of(material, series)
    )
    if not found:
        raise ConfigError(
            "no label belongs to a criterion that was judged; "
            f"labels are of {_listed(each.criterion for each in material.ratings)}, "
            f"scores of {_listed(criterion for _, _, criterion in material.verdicts)}."
        )
    return found


def _require_judge(material: Material) -> None:
    judges = {judge for judge, _, _ in material.verdicts}
    wanted = material.question.judge
    if wanted is not None and wanted not in judges:
        raise ConfigError(f"no score is by judge {wanted!r}; there are {_listed(judges)}.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "nothing"


def _parts_of(material: Material, series: Series) -> Iterable[Part]:
    judge, rubric, criterion = series
    gold = material.question.gold
    said = material.verdicts[series]
    ratings = [
        each
        for each in material.ratings
        if each.criterion == criterion and each.rubric in {None, rubric}
    ]
    raters = tuple(sorted({_column(each, gold) for each in ratings}))
    thirds = {_column(each, gold) for each in ratings} - {each.rater for each in ratings}
    along = _Along(material, series)
    for system, at in _systems(material, series):
        yield Part(
            judge=judge,
            rubric=rubric,
            criterion=criterion,
            system=system,
            counting=material.countings[rubric, criterion],
            units=material.units.take(at),
            **_whereabouts(material, at),
            whole_sessions=material.whole_sessions,
            labels=_matrix(material, at, ratings, raters=raters),
            raters=raters,
            thirds=frozenset(thirds),
            gold=gold if gold in raters else None,
            provenance=material.provenance,
            flips=_flips(said, at, len(material.units)),
            **along.of(at),
        )


def _systems(material: Material, series: Series) -> Iterable[tuple[str, IntArray]]:
    """List the items that a criterion is asked of, by system; without those nobody judged."""
    _, rubric, criterion = series
    asked = _asked(material, criterion)
    elsewhere = material.unasked.get(rubric)
    if elsewhere is not None:
        asked &= ~elsewhere
    heard = marks(material.verdicts[series].rows, len(material.units))
    for system in sorted(material.units.systems):
        mine = material.units.of_system(system)
        at = np.flatnonzero(asked & mine)
        if at.size and heard[mine].any():
            yield system, at


class _Columns(TypedDict):
    verdicts: FloatArray
    certainty: FloatArray | None
    passing: FloatArray | None
    traits: Mapping[str, FloatArray]
    earlier: Earlier | None


class _Along:
    """What is known of all items of a series, to be cut system by system."""

    def __init__(self, material: Material, series: Series) -> None:
        self._levels = material.verdicts[series].settled(len(material.units))
        self._certainty = _certainty(material, series, self._levels)
        self._passing = _passing(material, material.verdicts[series])
        self._traits = _traits(material, series)
        self._earlier = _earlier(material, series)

    def of(self, at: IntArray) -> _Columns:
        earlier = self._earlier
        return {
            "verdicts": self._levels[at],
            "certainty": None if self._certainty is None else self._certainty(at),
            "passing": None if self._passing is None else self._passing[at],
            "traits": {name: values[at] for name, values in self._traits.items()},
            "earlier": earlier and replace(earlier, verdicts=earlier.verdicts[at]),
        }


class _Whereabouts(TypedDict):
    groups: tuple[str | None, ...]
    clusters: tuple[str, ...]
    sessions: tuple[str, ...]
    turns: tuple[int, ...]
    strata: IntArray | None


def _whereabouts(material: Material, at: IntArray) -> _Whereabouts:
    """Line up where items belong; what one of them lacks is left out of all."""
    rows: list[int] = at.tolist()
    turned = material.turns.size > 0 and bool((material.turns[at] >= 0).all())
    return {
        "groups": tuple(material.groups[row] for row in rows),
        "clusters": tuple(material.clusters[row] for row in rows) if material.clusters else (),
        "sessions": tuple(material.sessions[row] or "" for row in rows) if turned else (),
        "turns": tuple(material.turns[at].tolist()) if turned else (),
        "strata": None if material.strata is None else material.strata[at],
    }


def _asked(material: Material, criterion: str) -> BoolArray:
    wanted = material.question.groups(criterion)
    if wanted is None:
        return np.ones(len(material.units), dtype=np.bool_)
    there = set(material.groups)
    strangers = [group for group in wanted if group not in there]
    if strangers:
        raise ConfigError(
            f"no item belongs to group {strangers[0]!r}; "
            f"there are {_listed(group or '-' for group in there)}."
        )
    return np.array([group in wanted for group in material.groups])


def _flips(said: Said, at: IntArray, n: int) -> tuple[int, int]:
    """Count the verdicts that differ from the one before them, and all that have one before."""
    here = np.zeros(n, dtype=np.bool_)
    here[at] = True
    rows, levels = said.known
    again = (rows[1:] == rows[:-1]) & here[rows[1:]]
    return int((again & (levels[1:] != levels[:-1])).sum()), int(again.sum())


def _column(rating: Rating, gold: str | None) -> str:
    """Name the column of a rating: what a third settles stands apart from what it labels."""
    apart = rating.settles and rating.rater != gold
    return f"{rating.rater}{THIRD}" if apart else rating.rater


def _matrix(
    material: Material, at: IntArray, ratings: list[Rating], *, raters: tuple[str, ...]
) -> FloatArray:
    column = {rater: number for number, rater in enumerate(raters)}
    place = np.full(len(material.units), -1)
    place[at] = np.arange(len(at))
    labels = np.full((len(at), len(raters)), np.nan)
    for each in ratings:
        row = material.rows.get(each.unit)
        if row is not None and place[row] >= 0 and each.level is not None:
            labels[place[row], column[_column(each, material.question.gold)]] = each.level
    return labels


def _certainty(
    material: Material, series: Series, levels: FloatArray
) -> Callable[[IntArray], FloatArray | None] | None:
    """Share of a panel's members, or of a judge's repeats, that gave the settled verdict.

    Of some items at a time: nothing is told where each of them was asked once alone.
    """
    n, said = len(levels), material.verdicts[series]
    if said.certainty is not None and material.asked_once:
        sure = said.spread(said.certainty, n)
        return lambda at: sure[at]
    if series[0] == PANEL:
        members = [
            other.settled(n)
            for name, other in material.verdicts.items()
            if name[0] != PANEL and name[1:] == series[1:]
        ]
        votes = np.full(n, len(members))
        agreed = np.array([member == levels for member in members]).sum(axis=0)
    else:
        rows, given = said.known
        votes = np.bincount(rows, minlength=n)
        agreed = np.bincount(rows, weights=given == levels[rows], minlength=n)

    def shares(at: IntArray) -> FloatArray | None:
        if not (votes[at] > 1).any():
            return None
        told = (votes[at] > 0) & ~np.isnan(levels[at])
        return np.where(told, agreed[at] / np.maximum(votes[at], 1), np.nan)

    return shares


def _passing(material: Material, said: Said) -> FloatArray | None:
    if said.passing is None or not material.asked_once:
        return None
    return said.spread(said.passing, len(material.units))


def _traits(material: Material, series: Series) -> dict[str, FloatArray]:
    """Line the responses' properties up, with what the judge says of their refusing."""
    found = dict(material.traits)
    judge, _, criterion = series
    refusals = [
        said
        for other, said in material.verdicts.items()
        if (other[0], other[2]) == (judge, REFUSAL)
    ]
    if len(refusals) == 1 and criterion != REFUSAL:
        levels = refusals[0].settled(len(material.units))
        found[REFUSAL] = np.where(np.isnan(levels), np.nan, (levels > 0.0).astype(np.float64))
    return found


def _earlier(material: Material, series: Series) -> Earlier | None:
    """Find the verdicts of the judge of the same name, or else of the one that stood for a run."""
    judge, rubric, criterion = series
    before = {other[0] for other in material.earlier if other[1:] == (rubric, criterion)}
    now = {other[0] for other in material.verdicts if other[1:] == (rubric, criterion)}
    name = judge if judge in before else _standing(before) if judge == _standing(now) else None
    if name is None:
        return None
    said = material.earlier[name, rubric, criterion]
    return Earlier(name=name, verdicts=said.settled(len(material.units)))


def _standing(judges: set[str]) -> str | None:
    if PANEL in judges:
        return PANEL
    return next(iter(judges)) if len(judges) == 1 else None


# Verdicts and labels of a run in the store.


def material_of(
    store: "Store",
    run: "Run",
    *,
    labels: "tuple[Label, ...]",
    question: Question,
    drawn: "Sequence[Sample]" = (),
    earlier: "Run | None" = None,
    watch: "Watch | None" = None,
) -> Material:
    """Read what a run's judges said, beside labels.

    Parameters
    ----------
    store : Store
    run : Run
        One that graded responses one by one.
    labels : tuple of Label
    question : Question
        Its columns are fields of the responses; scales are those of the run's rubrics.
    drawn : sequence of Sample
        The draws on record. Their cells become strata, and labels of other items are left out: how
        likely they were to be labelled is not known.
    earlier : Run, optional
        One in which an earlier version of the judge rated the same responses.
    watch : Watch, optional
        Looks at each response and judgment of the run on the way.

    Raises
    ------
    ConfigError
        If there is no label, a column is missing, or the run holds pairs.
    """
    from judge.manifest import combined_cells, drawn_whole

    if run.manifest.kind != "judge":
        raise ConfigError(f"run {run.name!r} holds no scores of single responses.")
    if not labels:
        raise ConfigError(
            f"run {run.name!r} has no labels; draw items with cvalues sample, and import what "
            "experts said with cvalues labels import."
        )
    if drawn:
        chosen = {item.unit for sample in drawn for item in sample.items}
        labels = tuple(each for each in labels if (each.id, each.system, each.sample) in chosen)
    ratings = tuple(map(_rating, labels))
    countings = _countings(store, run, question)
    responses = _Responses(question, {each.unit for each in ratings}, watch)
    responses.read(store, run)
    bars = {name: each.at_least for name, each in countings.items() if each.at_least is not None}
    judges = len(run.manifest.judges)
    read = read_verdicts(_watched(store.placed_judgments(run), watch), judges=judges, bars=bars)
    stamps: set[Provenance] = {stamp for given in read.stamps.values() for stamp in given}
    cells = combined_cells(drawn, len(responses.groups)) if drawn else None
    return Material(
        units=responses.units,
        groups=responses.groups,
        clusters=responses.clusters,
        sessions=responses.sessions,
        turns=whole(responses.turns),
        strata=None if cells is None else np.array(cells, dtype=np.intp),
        verdicts=read.said,
        ratings=ratings,
        rows=responses.rows,
        countings=countings,
        provenance=worst(stamps) if stamps else None,
        question=question,
        traits=responses.traits,
        asked_once=run.manifest.repeats == 1,
        earlier={} if earlier is None else _earlier_verdicts(store, earlier, run),
        whole_sessions=drawn_whole(drawn),
        unasked=responses.unasked,
    )


def _earlier_verdicts(store: "Store", earlier: "Run", run: "Run") -> Mapping[Series, Said]:
    placed = store.placed_judgments(earlier, among=run)
    return read_verdicts(placed, judges=len(earlier.manifest.judges)).said


class Watch(Protocol):
    """What looks at responses and judgments while they are read for something else."""

    def response(self, each: Generation, /) -> None:
        """Look at a response."""
        ...

    def judgment(self, each: Judgment, /) -> None:
        """Look at a judgment."""
        ...


def _watched(
    placed: Iterable[tuple[int | None, Judgment]], watch: Watch | None
) -> Iterator[tuple[int | None, Judgment]]:
    for place, judgment in placed:
        if watch is not None:
            watch.judgment(judgment)
        yield place, judgment


class _Responses:
    """Where each response of a run belongs and what it is like; no text is held for long."""

    units: Units
    traits: Mapping[str, FloatArray]
    unasked: Mapping[str | None, BoolArray]

    def __init__(self, question: Question, rated: Set[Unit], watch: Watch | None) -> None:
        self._question, self._rated, self._watch = question, rated, watch
        self.rows: dict[Unit, int] = {}
        self.groups: list[str | None] = []
        self.clusters: list[str] = []
        self.sessions: list[str | None] = []
        self.turns = array("i")
        self._name = Names()
        self._columns: dict[str, list[str | None]] = {name: [] for name in question.covariates}
        self._measured: dict[str, list[FloatArray]] = defaultdict(list)

    def read(self, store: "Store", run: "Run") -> None:
        """Go through the responses of a run once, in the order of the file."""
        rubrics = kept_rubrics(store, run).values()
        from judge.conversation import without

        left_out = without(rubrics)
        apart: dict[str, array[int]] = {each.id: array("i") for each in rubrics if left_out}

        def units() -> Iterator[Unit]:
            for row, each in enumerate(self._measuring(store.generations(run))):
                for name in left_out(each) if left_out else ():
                    apart[name].append(row)
                if each.unit in self._rated:
                    self.rows[each.unit] = row
                yield each.unit

        self.units = Units.of(units())
        self.unasked = {name: marks(whole(rows), len(self.units)) for name, rows in apart.items()}
        self.traits = {
            **{name: np.concatenate(pages) for name, pages in self._measured.items()},
            **dict(column_trait(name, values) for name, values in self._columns.items()),
        }
        if not any(session is not None for session in self.sessions):
            self.sessions.clear()
            self.turns = array("i")
        elif self._question.cluster is None:
            # What an item shares with others is its conversation.
            self.clusters = [
                self._name(session or name)
                for session, name in zip(self.sessions, self.units.ids, strict=True)
            ]

    def _measuring(self, generations: Iterable[Generation]) -> Iterator[Generation]:
        rest = iter(generations)
        while page := list(islice(rest, PAGE)):
            for each in page:
                self._place(each)
                if self._watch is not None:
                    self._watch.response(each)
                yield each
            for name, values in text_traits([each.response for each in page]).items():
                self._measured[name].append(values)

    def _place(self, each: Generation) -> None:
        question = self._question
        group = field_of(each, question.group)
        self.groups.append(self._name(group))
        if question.cluster is not None:
            self.clusters.append(self._name(_named(each, question.cluster)))
        self.sessions.append(self._name(each.session))
        self.turns.append(-1 if each.turn is None else each.turn)
        for name, values in self._columns.items():
            values.append(field_of(each, name))


def field_of(generation: Generation, name: str) -> str | None:
    """Read a column of a response: one of its own, or one that came with it."""
    if name in {"id", "group", "lang", "prompt"}:
        value: object = getattr(generation, name)
    else:
        value = generation.extra.get(name)
    return None if value is None or value == "" else str(value)


def _named(generation: Generation, name: str) -> str:
    value = field_of(generation, name)
    if value is None:
        raise ConfigError(f"response {generation.id!r} has no {name!r}, which --clusters names.")
    return value


def levels_of(
    store: "Store", run: "Run", *, series: Series, generations: Sequence[Generation]
) -> FloatArray:
    """Give the level that a judge gave each response; NaN where it gave none."""
    judge, rubric, criterion = series
    given = defaultdict[Unit, list[int]](list)
    for judgment in with_panel(store.judgments(run), len(run.manifest.judges)):
        if (judgment.judge, judgment.rubric) == (judge, rubric):
            for verdict in judgment.verdicts:
                if verdict.criterion == criterion and verdict.kind == "scored":
                    given[judgment.unit].append(verdict.score)
    return np.array([middle(given.get(each.unit, [])) for each in generations])


def _rating(label: "Label") -> Rating:
    return Rating(
        unit=(label.id, label.system, label.sample),
        rater=label.rater,
        settles=label.kind == "adjudicate",
        criterion=label.criterion,
        rubric=label.rubric,
        level=label.score,
    )


def _countings(
    store: "Store", run: "Run", question: Question
) -> dict[tuple[str | None, str], Counting]:
    found: dict[tuple[str | None, str], Counting] = {}
    for (rubric_id, _), rubric in kept_rubrics(store, run).items():
        for criterion in rubric.criteria:
            low, high = float(criterion.scale.min), float(criterion.scale.max)
            threshold = question.threshold(criterion.id)
            if (low, high) == (0.0, 1.0):
                threshold = 1.0
            elif threshold is not None and not low < threshold <= high:
                raise ConfigError(
                    f"{criterion.id}: --at-least {threshold:g} parts no level from another."
                )
            found[rubric_id, criterion.id] = Counting(low=low, high=high, at_least=threshold)
    return found
