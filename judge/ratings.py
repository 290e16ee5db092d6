"""Judgments and labels as ratings: arrays over the same units, NaN where there is none.

n units of one side (a run, or one system of it). Nothing is computed here but what a measure
says of a level: whether it passes, or the level itself.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from judge.conversation import unasked
from judge.errors import ConfigError
from judge.grading.aggregation import NAME as PANEL
from judge.grading.aggregation import with_panel
from judge.grading.remarks import is_heeded, marked
from judge.records import Generation, Provenance, worst
from judge.store.run_contents import kept_rubrics

if TYPE_CHECKING:
    from calibration.validation import BoolArray, FloatArray, IntArray
    from judge.manifest import Sample
    from judge.policy import Measure
    from judge.store.records import Run
    from judge.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two that are compared: a run, and a system where the run holds several."""

    store: "Store"
    run: "Run"
    system: str

    @property
    def name(self) -> str:
        """How tables call the side."""
        return f"{self.run.name}:{self.system}"

    def shares_run(self, other: "Side") -> bool:
        """Tell whether both sides are systems of one run."""
        here, there = self.store.place, other.store.place
        return here == there and self.run.run_id == other.run.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What was said of one side under one measure, by prompt and sample.

    Attributes
    ----------
    prompts : tuple of (str, int)
        Prompt and sample, in order; the axis of all arrays.
    groups : tuple of (str or None)
        Scenario or domain of each.
    judge, human : float array, shape (n,)
        In the unit of the measure; NaN where there is no verdict or no label.
    raw : float array, shape (n,)
        The judge's level itself.
    texts : tuple of bytes
        Digest of each prompt's text, so that one name for two texts is noticed.
    responses : tuple of bytes
        Digest of each response.
    clusters : tuple of str
        What each prompt shares with its copies; the prompt itself where it has none.
    flagged : bool array, shape (n,)
        Whether a judgment carries a remark that a gate heeds: its text seems to address the judge,
        the server cut its prompt, or another model than most answered.
    awaited : bool array, shape (n,)
        Whether experts were asked and there is no label yet: drawn beside others that are labelled,
        not assessable, or rated differently by as many experts as the other way.
    provenance : Provenance
        The least live of all verdicts.
    """

    prompts: tuple[tuple[str, int], ...]
    groups: tuple[str | None, ...]
    judge: "FloatArray"
    human: "FloatArray"
    raw: "FloatArray"
    flagged: "BoolArray"
    awaited: "BoolArray"
    texts: tuple[bytes, ...]
    responses: tuple[bytes, ...]
    clusters: tuple[str, ...]
    cells: tuple[int, ...]
    """Cell of each unit inside which labels were drawn at random, by the draws on record."""
    provenance: Provenance


def find_side(store: "Store", words: str) -> Side:
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
    return Side(store=store, run=runs[name], system=system)


def rated(
    side: Side, measure: "Measure", *, clusters: str | None = None, bound_only: bool = False
) -> Rated:
    """Read what judge and experts said of a side; of several judges, the panel.

    Parameters
    ----------
    side : Side
    measure : Measure
        Rubric, criterion, and how a level counts.
    clusters : str, optional
        Field of the responses that near copies of one prompt share. Prompts of the same text are
        copies whatever their ids.
    bound_only : bool
        Leave out labels that do not carry the digest of the text that was labelled.

    Raises
    ------
    ConfigError
        If the run was not judged under that criterion, or a response lacks the field.
    """
    _require_criterion(side, measure)
    found = _rated_items(side, measure, clusters=clusters, bound_only=bound_only)
    return found if measure.unit == "item" else by_session(side, measure, found)


def _rated_items(
    side: Side, measure: "Measure", *, clusters: str | None, bound_only: bool
) -> Rated:
    shown = _judged_items(side, measure)
    place = {(each.id, each.sample): number for number, each in enumerate(shown)}
    judged = _judged(side, measure, place)
    human, awaited = _labelled(side, measure, place, bound_only=bound_only)
    values = valued(judged.raw, measure)
    if is_computed(side, measure.rubric, measure.criterion):
        # What a rule computes is so: every verdict counts as a label of itself.
        human, awaited = values, np.zeros(len(place), dtype=np.bool_)
    return Rated(
        prompts=tuple(place),
        groups=tuple(each.group for each in shown),
        judge=values,
        human=human,
        raw=judged.raw,
        flagged=judged.flagged,
        awaited=awaited,
        texts=tuple(hashlib.sha256(_asked(each).encode()).digest() for each in shown),
        responses=tuple(hashlib.sha256(each.response.encode()).digest() for each in shown),
        cells=drawn_cells(side.store, side.run, shown),
        clusters=_with_copies([_cluster(each, clusters) for each in shown], shown),
        provenance=judged.provenance,
    )


def labels_decided(
    side: Side, measure: "Measure", raters: Collection[str], *, bound_only: bool = False
) -> tuple[int, int]:
    """Count the labels that would be others, or none, or no dispute, without some raters; and all.

    Parameters
    ----------
    side : Side
    measure : Measure
    raters : collection of str
        Those to do without.
    bound_only : bool
        As in :func:`rated`.
    """
    place = {
        (each.id, each.sample): number for number, each in enumerate(_judged_items(side, measure))
    }
    of_all, without = (
        _labelled(side, measure, place, bound_only=bound_only, apart=apart)[0]
        for apart in ((), raters)
    )
    same = (of_all == without) | (np.isnan(of_all) & np.isnan(without))
    return int((~same).sum()), int((~np.isnan(of_all)).sum())


def _judged_items(side: Side, measure: "Measure") -> list[Generation]:
    """List the items that the measure's rubric judges: single turns, or whole conversations."""
    mine = list(side.store.generations(side.run, system=side.system))
    apart = unasked(mine, kept_rubrics(side.store, side.run).values())
    elsewhere = apart.get(measure.rubric, frozenset())
    return [each for each in mine if each.unit not in elsewhere]


def turned(side: Side) -> bool:
    """Tell whether turns of conversations were judged one by one."""
    mine = side.store.generations(side.run, system=side.system)
    return any(each.turn is not None for each in mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedTurns:
    """What was said of the turns of a side's conversations; a turn passes (1) or fails (0).

    Attributes
    ----------
    judge, human : float array, shape (T,)
    sessions : tuple of str
        Conversation of each turn.
    places : tuple of int
        Index of each in its conversation.
    clusters : tuple of str
    cells : int array, shape (T,), or None
        Inside which labels were drawn at random; None where no draw is on record.
    whole : bool
        Whether conversations were drawn for labels, not single turns.
    """

    judge: "FloatArray"
    human: "FloatArray"
    sessions: tuple[str, ...]
    places: tuple[int, ...]
    clusters: tuple[str, ...]
    cells: "IntArray | None"
    whole: bool


def rated_turns(side: Side, measure: "Measure", *, clusters: str | None = None) -> RatedTurns:
    """Read what judge and experts said of the turns of conversations under a rate.

    Raises
    ------
    ConfigError
        As :func:`rated`.
    """
    from judge.manifest import drawn_whole

    found = rated(side, measure.model_copy(update={"unit": "item"}), clusters=clusters)
    shown = _judged_items(side, measure)
    good = 1.0 if measure.higher_is_better else 0.0
    judge, human = (1.0 - np.abs(values - good) for values in (found.judge, found.human))
    draws = samples_of(side.store, side.run)
    return RatedTurns(
        judge=judge,
        human=human,
        sessions=tuple(f"{each.cluster}\0{each.sample}" for each in shown),
        places=tuple(each.turn or 0 for each in shown),
        clusters=tuple(each.cluster for each in shown) if clusters is None else found.clusters,
        cells=np.array(found.cells, dtype=np.intp) if draws else None,
        whole=drawn_whole(draws),
    )


def by_session(side: Side, measure: "Measure", turns: Rated) -> Rated:
    """Fold turns into conversations: each by the worst of its turns, by judge and by experts.

    Labels settle a conversation where all of its turns are labelled, or all up to the first that
    fails; one that they leave open counts as awaited. An item that is no turn of a conversation is
    a conversation of its own.
    """
    shown = _judged_items(side, measure)
    names = [f"{each.cluster}\0{each.sample}" for each in shown]
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    codes = np.array([order[name] for name in names])
    # The worst is 0 where higher is better, and 1 where lower is.
    good = 1.0 if measure.higher_is_better else 0.0
    passes = [1.0 - np.abs(values - good) for values in (turns.judge, turns.human)]
    from calibration.session_rates import read_turns, session_table

    table = session_table(read_turns(*passes, sessions=codes))
    judge, human = (np.abs(values - (1.0 - good)) for values in (table.judge, table.human))
    by_name: dict[str, list[int]] = {name: [] for name in order}
    for at, name in enumerate(names):
        by_name[name].append(at)
    members = list(by_name.values())
    first = [each[0] for each in members]
    bad = np.min if measure.higher_is_better else np.max
    return replace(
        turns,
        prompts=tuple((shown[at].cluster, shown[at].sample) for at in first),
        groups=tuple(turns.groups[at] for at in first),
        judge=judge,
        human=human,
        raw=np.array([bad(turns.raw[each]) for each in members]),
        flagged=np.array([bool(turns.flagged[each].any()) for each in members]),
        awaited=np.isnan(human)
        & (table.opened | np.array([turns.awaited[m].any() for m in members])),
        texts=tuple(turns.texts[at] for at in first),
        responses=tuple(
            hashlib.sha256(b"".join(turns.responses[at] for at in each)).digest()
            for each in members
        ),
        clusters=tuple(turns.clusters[at] for at in first),
        cells=_session_cells([tuple(turns.cells[at] for at in each) for each in members]),
    )


def _session_cells(cells: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Give each conversation a cell: the one of its turns, which differ where turns were drawn."""
    codes = {
        each: number for number, each in enumerate(dict.fromkeys(tuple(set(c)) for c in cells))
    }
    return tuple(codes[tuple(set(each))] for each in cells)


def is_computed(side: Side, rubric: str, criterion: str) -> bool:
    """Tell whether a criterion of a side's run is computed by a rule."""
    kept = kept_rubrics(side.store, side.run)
    return any(
        each.id == criterion and each.rule is not None
        for (name, _), found in kept.items()
        if name == rubric
        for each in found.criteria
    )


def _asked(generation: Generation) -> str:
    """Give what two releases were both asked: of a conversation, the words that open it.

    What a user says later may answer what the release said before.
    """
    opening = (turn.content for turn in generation.messages if turn.role == "user")
    return next(opening, generation.prompt)


def _cluster(generation: Generation, field: str | None) -> str:
    if field is None:
        return generation.cluster
    if generation.extra.get(field) is None:
        raise ConfigError(
            f"response {generation.id!r} of {generation.system!r} has no field {field!r}, which "
            "the policy names as clusters; add it to the responses or take it out of the policy."
        )
    return str(generation.extra[field])


def _drawn_only(
    side: Side, place: Mapping[tuple[str, int], int], given: Mapping[int, list[float]]
) -> dict[int, list[float]]:
    """Leave out labels of units that no draw holds, where the run has draws on record.

    How likely those units were to be labelled is not known.
    """
    samples = samples_of(side.store, side.run)
    if not samples:
        return dict(given)
    drawn = {
        place.get((item.id, item.sample))
        for sample in samples
        for item in sample.items
        if item.system == side.system
    }
    return {unit: scores for unit, scores in given.items() if unit in drawn}


def drawn_cells(store: "Store", run: "Run", shown: Sequence[Generation]) -> tuple[int, ...]:
    """Give each unit the cell inside which its labels were drawn at random, over all draws."""
    from judge.manifest import combined_cells

    samples = samples_of(store, run)
    if not samples:
        return (0,) * len(shown)
    place = {each.unit: number for number, each in enumerate(store.generations(run))}
    cells = combined_cells(samples, len(place))
    return tuple(cells[place[each.unit]] for each in shown)


def samples_of(store: "Store", run: "Run") -> "tuple[Sample, ...]":
    """Read the draws of a run, oldest first."""
    from judge.manifest import KIND, Sample

    return tuple(Sample.model_validate_json(body) for body in store.documents(run, KIND))


def _with_copies(names: Sequence[str], shown: Sequence[Generation]) -> tuple[str, ...]:
    """Join the clusters of prompts whose texts are the same but for blanks, case and marks."""
    parents = {name: name for name in names}

    def root(name: str) -> str:
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    first: dict[str, str] = {}
    for name, generation in zip(names, shown, strict=True):
        text = unicodedata.normalize("NFKC", _asked(generation)).casefold()
        bare = _MARKS.sub("", text) or text
        parents[root(name)] = root(first.setdefault(bare, name))
    return tuple(root(name) for name in names)


_MARKS = re.compile(r"[\W_]+")


def chosen_judge(run: "Run") -> str:
    """Name the judge whose verdict stands for a run: its only one, or the panel."""
    judges = run.manifest.judges
    return judges[0].name if len(judges) == 1 else PANEL


def valued(levels: "FloatArray", measure: "Measure") -> "FloatArray":
    """Turn levels into what a measure counts: 1 and 0 where it has a bar, else the level."""
    if measure.at_least is None:
        return levels
    return np.where(np.isnan(levels), np.nan, (levels >= measure.at_least).astype(float))


def _require_criterion(side: Side, measure: "Measure") -> None:
    known = {
        (edition.rubric, criterion)
        for edition in side.run.manifest.rubrics
        for criterion in edition.criteria
    }
    if (measure.rubric, measure.criterion) not in known:
        listed = ", ".join(sorted(f"{rubric}.{criterion}" for rubric, criterion in known))
        raise ConfigError(
            f"run {side.run.name!r} was not judged for {measure.rubric}.{measure.criterion}; "
            f"it has {listed or 'no verdicts'}."
        )


class _Judged(NamedTuple):
    raw: "FloatArray"
    flagged: "BoolArray"
    provenance: Provenance


def _judged(side: Side, measure: "Measure", place: Mapping[tuple[str, int], int]) -> _Judged:
    """Give the middle level over repeats, NaN for a unit without any."""
    levels = defaultdict[int, list[int]](list)
    stamps: set[Provenance] = set()
    flagged = np.zeros(len(place), dtype=np.bool_)
    wanted = (measure.rubric, chosen_judge(side.run))
    mine = marked(side.store, side.run, system=side.system)
    judgments = with_panel(mine, len(side.run.manifest.judges))
    for judgment in judgments:
        if (judgment.rubric, judgment.judge) != wanted:
            continue
        stamps.add(judgment.provenance)
        flagged[place[judgment.id, judgment.sample]] |= is_heeded(judgment)
        for verdict in judgment.verdicts:
            if verdict.criterion == measure.criterion and verdict.kind == "scored":
                levels[place[judgment.id, judgment.sample]].append(verdict.score)
    raw = np.full(len(place), np.nan)
    for unit, given in levels.items():
        raw[unit] = middle(given)
    return _Judged(raw, flagged, worst(stamps))


def middle(levels: Sequence[float]) -> float:
    """Settle repeats on the middle level; of two middle ones the lower, which is never kinder."""
    return sorted(levels)[(len(levels) - 1) // 2] if levels else float("nan")


def _labelled(
    side: Side,
    measure: "Measure",
    place: Mapping[tuple[str, int], int],
    *,
    bound_only: bool,
    apart: Collection[str] = (),
) -> "tuple[FloatArray, BoolArray]":
    """Settle the experts, a majority of them for rates, their mean for means; say what is open."""
    given: dict[int, list[float]] = defaultdict(list)
    asked = np.zeros(len(place), dtype=np.bool_)
    for label in side.store.labels(side.run):
        if (bound_only and label.text_sha256 is None) or label.rater in apart:
            continue
        wanted = label.rubric in {None, measure.rubric} and label.criterion == measure.criterion
        unit = place.get((label.id, label.sample))
        if wanted and label.system == side.system and unit is not None:
            asked[unit] = True
            if label.score is not None:
                given[unit].append(label.score)
    given = _drawn_only(side, place, given)
    human = _settled_levels(given, measure, size=len(place))
    for sample in samples_of(side.store, side.run):
        units = [
            place[item.id, item.sample]
            for item in sample.items
            if item.system == side.system and (item.id, item.sample) in place
        ]
        if measure.criterion in sample.asked and asked[units].any():
            asked[units] = True
    return human, asked & np.isnan(human)


def _settled_levels(
    given: Mapping[int, Sequence[float]], measure: "Measure", *, size: int
) -> "FloatArray":
    most = max((len(scores) for scores in given.values()), default=0)
    ratings = np.full((size, max(most, 1)), np.nan)
    for unit, scores in given.items():
        ratings[unit, : len(scores)] = scores
    if measure.at_least is not None:
        from calibration.rater_agreement.rater_reliability import consensus

        return consensus(valued(ratings, measure)).labels
    counted = (~np.isnan(ratings)).sum(axis=1)
    summed = np.nansum(ratings, axis=1)
    return np.where(counted > 0, summed / np.maximum(counted, 1), np.nan)
