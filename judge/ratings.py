"""Judgments and labels as ratings: arrays over the same units, NaN where there is none.

n units of one side (a run, or one system of it). Nothing is computed here but what a measure
says of a level: whether it passes, or the level itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from judge.columns import Prompt, marks, row_list
from judge.errors import ConfigError
from judge.grading.aggregation import chosen_judge
from judge.records import Provenance, worst
from judge.sides import Side, copy_clusters
from judge.store.run_contents import kept_rubrics, samples_of

if TYPE_CHECKING:
    from calibration.validation import BoolArray, FloatArray, IntArray
    from judge.policy import Measure
    from judge.store.records import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What was said of one side under one measure, by prompt and sample.

    Attributes
    ----------
    prompts : sequence of (str, int)
        Prompt and sample, in order; the axis of all arrays.
    groups : sequence of (str or None)
        Scenario or domain of each.
    judge, human : float array, shape (n,)
        In the unit of the measure; NaN where there is no verdict or no label.
    raw : float array, shape (n,)
        The judge's level itself.
    texts : array of digests, shape (n,)
        Of each prompt's text, so that one name for two texts is noticed.
    clusters : int array, shape (n,)
        Number of what each prompt shares with its copies, in the order of their first prompts.
    cells : int array, shape (n,)
        Cell of each inside which labels were drawn at random, by the draws on record.
    flagged : bool array, shape (n,)
        Whether a judgment carries a remark that a gate heeds: its text seems to address the judge,
        the server cut its prompt, or another model than most answered.
    awaited : bool array, shape (n,)
        Whether experts were asked and there is no label yet: drawn beside others that are labelled,
        not assessable, or rated differently by as many experts as the other way.
    provenance : Provenance
        The least live of all verdicts.
    """

    prompts: Sequence[tuple[str, int]]
    groups: Sequence[str | None]
    judge: "FloatArray"
    human: "FloatArray"
    raw: "FloatArray"
    flagged: "BoolArray"
    awaited: "BoolArray"
    texts: npt.NDArray[np.bytes_]
    clusters: "IntArray"
    cells: "IntArray"
    provenance: Provenance


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
    read = side if clusters == side.clusters else replace(side, clusters=clusters)
    found = _rated_items(read, measure, bound_only=bound_only)
    return found if measure.unit == "item" else by_session(read, measure, found)


def _rated_items(side: Side, measure: "Measure", *, bound_only: bool) -> Rated:
    rows, responses = judged_rows(side, measure), side.responses
    verdicts = side.judged.verdicts
    of = chosen_judge(side.run), measure.rubric
    said, n = verdicts.said.get((*of, measure.criterion)), len(responses.prompts)
    raw = np.full(n, np.nan) if said is None else said.settled(n)
    flagged = marks(verdicts.heeded.get(of, np.empty(0, dtype=np.intp)), n)
    values = valued(raw[rows], measure)
    human, awaited = _labelled(side, measure, rows, bound_only=bound_only)
    if is_computed(side, measure.rubric, measure.criterion):
        # What a rule computes is so: every verdict counts as a label of itself.
        human, awaited = values, np.zeros(len(rows), dtype=np.bool_)
    return Rated(
        prompts=responses.prompts.take(rows),
        groups=[responses.groups[row] for row in row_list(rows)],
        judge=values,
        human=human,
        raw=raw[rows],
        flagged=flagged[rows],
        awaited=awaited,
        texts=responses.asked[rows],
        cells=drawn_cells(side)[rows],
        clusters=copy_clusters(side, rows)[1],
        provenance=worst(verdicts.stamps.get(of, set())),
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
    rows = judged_rows(side, measure)
    of_all, without = (
        _labelled(side, measure, rows, bound_only=bound_only, apart=apart)[0]
        for apart in ((), raters)
    )
    same = (of_all == without) | (np.isnan(of_all) & np.isnan(without))
    return int((~same).sum()), int((~np.isnan(of_all)).sum())


def judged_rows(side: Side, measure: "Measure") -> "IntArray":
    """List the items that the measure's rubric judges: single turns, or whole conversations."""
    elsewhere = side.responses.unasked.get(measure.rubric)
    if elsewhere is None:
        return np.arange(len(side.responses.prompts))
    return np.flatnonzero(~elsewhere)


def turned(side: Side) -> bool:
    """Tell whether turns of conversations were judged one by one."""
    return bool((side.responses.turns >= 0).any())


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

    read = side if clusters == side.clusters else replace(side, clusters=clusters)
    found = rated(read, measure.model_copy(update={"unit": "item"}), clusters=clusters)
    rows = row_list(judged_rows(read, measure))
    responses = read.responses
    good = 1.0 if measure.higher_is_better else 0.0
    judge, human = (1.0 - np.abs(values - good) for values in (found.judge, found.human))
    draws = samples_of(side.store, side.run)
    conversations = [responses.cluster(row) for row in rows]
    shared = conversations
    if clusters is not None:
        names, numbers = copy_clusters(read, judged_rows(read, measure))
        shared = [names[number] for number in row_list(numbers)]
    samples: list[int] = responses.prompts.samples[rows].tolist()
    return RatedTurns(
        judge=judge,
        human=human,
        sessions=tuple(f"{name}\0{n}" for name, n in zip(conversations, samples, strict=True)),
        places=tuple(np.maximum(responses.turns[rows], 0).tolist()),
        clusters=tuple(shared),
        cells=found.cells if draws else None,
        whole=drawn_whole(draws),
    )


def by_session(side: Side, measure: "Measure", turns: Rated) -> Rated:
    """Fold turns into conversations: each by the worst of its turns, by judge and by experts.

    Labels settle a conversation where all of its turns are labelled, or all up to the first that
    fails; one that they leave open counts as awaited. An item that is no turn of a conversation is
    a conversation of its own.
    """
    conversations = [side.responses.cluster(row) for row in row_list(judged_rows(side, measure))]
    samples = [sample for _, sample in turns.prompts]
    names = [f"{name}\0{sample}" for name, sample in zip(conversations, samples, strict=True)]
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
        prompts=tuple((conversations[at], samples[at]) for at in first),
        groups=tuple(turns.groups[at] for at in first),
        judge=judge,
        human=human,
        raw=np.array([bad(turns.raw[each]) for each in members]),
        flagged=np.array([bool(turns.flagged[each].any()) for each in members]),
        awaited=np.isnan(human)
        & (table.opened | np.array([turns.awaited[m].any() for m in members])),
        texts=turns.texts[first],
        clusters=turns.clusters[first],
        cells=_session_cells([tuple(turns.cells[each].tolist()) for each in members]),
    )


def _session_cells(cells: Sequence[tuple[int, ...]]) -> "IntArray":
    """Give each conversation a cell: the one of its turns, which differ where turns were drawn."""
    codes = {
        each: number for number, each in enumerate(dict.fromkeys(tuple(set(c)) for c in cells))
    }
    return np.array([codes[tuple(set(each))] for each in cells], dtype=np.intp)


def is_computed(side: Side, rubric: str, criterion: str) -> bool:
    """Tell whether a criterion of a side's run is computed by a rule."""
    kept = kept_rubrics(side.store, side.run)
    return any(
        each.id == criterion and each.rule is not None
        for (name, _), found in kept.items()
        if name == rubric
        for each in found.criteria
    )


def drawn_cells(side: Side) -> "IntArray":
    """Give each response the cell inside which its labels were drawn at random, over all draws."""
    from judge.manifest import combined_cells

    samples = samples_of(side.store, side.run)
    if not samples:
        return np.zeros(len(side.responses.prompts), dtype=np.intp)
    cells = combined_cells(samples, side.store.count_units(side.run))
    return np.array(cells, dtype=np.intp)[side.responses.places]


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


def labels_of(side: Side, measure: "Measure", *, bound_only: bool) -> "Iterator[Label]":
    """Give the labels of a side under one criterion; of known texts alone where that is asked."""
    for label in side.store.labels(side.run):
        if (
            label.system == side.system
            and label.rubric in {None, measure.rubric}
            and label.criterion == measure.criterion
            and not (bound_only and label.text_sha256 is None)
        ):
            yield label


def _labelled(
    side: Side,
    measure: "Measure",
    rows: "IntArray",
    *,
    bound_only: bool,
    apart: Collection[str] = (),
) -> "tuple[FloatArray, BoolArray]":
    """Settle the experts, a majority of them for rates, their mean for means; say what is open."""
    said = labels_of(side, measure, bound_only=bound_only)
    labels = [label for label in said if label.rater not in apart]
    draws = samples_of(side.store, side.run)
    drawn = [[(i.id, i.sample) for i in each.items if i.system == side.system] for each in draws]
    place = _places(side, rows, {*((each.id, each.sample) for each in labels), *chain(*drawn)})
    given: dict[int, list[float]] = defaultdict(list)
    asked = np.zeros(len(rows), dtype=np.bool_)
    for label in labels:
        at = place.get((label.id, label.sample))
        if at is not None:
            asked[at] = True
            if label.score is not None:
                given[at].append(label.score)
    held = [[place[prompt] for prompt in each if prompt in place] for each in drawn]
    if draws:
        # How likely other units were to be labelled is not known.
        known = {*chain(*held)}
        given = {at: scores for at, scores in given.items() if at in known}
    human = _settled_levels(given, measure, size=len(rows))
    for draw, units in zip(draws, held, strict=True):
        if measure.criterion in draw.asked and asked[units].any():
            asked[units] = True
    return human, asked & np.isnan(human)


def _places(side: Side, rows: "IntArray", wanted: Collection[Prompt]) -> dict[Prompt, int]:
    """Find where some prompts stand among the rows that a measure looks at."""
    at = np.full(len(side.responses.prompts), -1)
    at[rows] = np.arange(len(rows))
    found = {prompt: int(at[row]) for prompt, row in side.responses.prompts.rows_of(wanted).items()}
    return {prompt: place for prompt, place in found.items() if place >= 0}


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
