"""From rows of scores and labels to parts, whatever tool or store the rows came from."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from calibration.validation import FloatArray, IntArray
from judge.calibrate.calibration_set import (
    Counting,
    Earlier,
    Material,
    Part,
    Place,
    Question,
    Rating,
    Series,
    Shares,
    Unit,
    column_trait,
    settled,
    text_traits,
)
from judge.conversation import unasked
from judge.errors import ConfigError
from judge.grading.aggregation import NAME as PANEL
from judge.grading.aggregation import with_panel
from judge.records import Generation, Provenance, worst
from judge.store.run_contents import kept_rubrics

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
    by_system = defaultdict[str, list[Unit]](list)
    elsewhere = material.unasked.get(rubric, frozenset[Unit]())
    for unit in _asked(material, criterion):
        if unit not in elsewhere:
            by_system[unit[1]].append(unit)
    for system in sorted({unit[1] for unit in said} & by_system.keys()):
        units = tuple(by_system[system])
        places = [material.places[unit] for unit in units]
        yield Part(
            judge=judge,
            rubric=rubric,
            criterion=criterion,
            system=system,
            counting=material.countings[rubric, criterion],
            units=units,
            **_whereabouts(places),
            whole_sessions=material.whole_sessions,
            verdicts=settled(said, units),
            labels=_matrix(units, raters, ratings, gold=gold),
            raters=raters,
            thirds=frozenset(thirds),
            gold=gold if gold in raters else None,
            provenance=material.provenance,
            flips=_flips([said.get(unit, []) for unit in units]),
            certainty=_certainty(material, series, units),
            passing=_passing(material, series, units),
            traits=_traits(material, series, units),
            earlier=_earlier(material, series, units),
        )


class _Whereabouts(TypedDict):
    groups: tuple[str | None, ...]
    clusters: tuple[str, ...]
    sessions: tuple[str, ...]
    turns: tuple[int, ...]
    strata: IntArray | None


def _whereabouts(places: Sequence[Place]) -> _Whereabouts:
    """Line up where items belong; what one of them lacks is left out of all."""
    turned = bool(places) and all(each.turn is not None for each in places)
    strata = [each.stratum for each in places]
    return {
        "groups": tuple(each.group for each in places),
        "clusters": tuple(each.cluster for each in places if each.cluster is not None),
        "sessions": tuple(each.session or "" for each in places) if turned else (),
        "turns": tuple(each.turn or 0 for each in places) if turned else (),
        "strata": None if None in strata else np.array(strata, dtype=np.intp),
    }


def _asked(material: Material, criterion: str) -> Iterable[Unit]:
    wanted = material.question.groups(criterion)
    if wanted is None:
        return material.places
    there = {place.group for place in material.places.values()}
    strangers = [group for group in wanted if group not in there]
    if strangers:
        raise ConfigError(
            f"no item belongs to group {strangers[0]!r}; "
            f"there are {_listed(group or '-' for group in there)}."
        )
    return [unit for unit, place in material.places.items() if place.group in wanted]


def _flips(repeats: list[list[float]]) -> tuple[int, int]:
    """Count the verdicts that differ from the one before them, and all that have one before."""
    pairs = [pair for levels in repeats for pair in itertools.pairwise(levels)]
    return sum(before != after for before, after in pairs), len(pairs)


def _column(rating: Rating, gold: str | None) -> str:
    """Name the column of a rating: what a third settles stands apart from what it labels."""
    apart = rating.settles and rating.rater != gold
    return f"{rating.rater}{THIRD}" if apart else rating.rater


def _matrix(
    units: tuple[Unit, ...], raters: tuple[str, ...], ratings: list[Rating], *, gold: str | None
) -> FloatArray:
    row = {unit: number for number, unit in enumerate(units)}
    column = {rater: number for number, rater in enumerate(raters)}
    labels = np.full((len(units), len(raters)), np.nan)
    for each in ratings:
        if each.unit in row and each.level is not None:
            labels[row[each.unit], column[_column(each, gold)]] = each.level
    return labels


def _certainty(material: Material, series: Series, units: tuple[Unit, ...]) -> FloatArray | None:
    """Share of a panel's members, or of a judge's repeats, that gave the settled verdict."""
    said = material.verdicts[series]
    shares = material.probabilities.get(series)
    if shares:
        levels = settled(said, units).tolist()
        return np.array(
            [
                np.nan if math.isnan(level) else shares.get(unit, {}).get(int(level), np.nan)
                for unit, level in zip(units, levels, strict=True)
            ]
        )
    if series[0] == PANEL:
        members = [
            verdicts
            for other, verdicts in material.verdicts.items()
            if other[0] != PANEL and other[1:] == series[1:]
        ]
        columns = [settled(verdicts, units).tolist() for verdicts in members]
        votes = [list(row) for row in zip(*columns, strict=True)]
    else:
        votes = [said.get(unit, []) for unit in units]
    if not any(len(each) > 1 for each in votes):
        return None
    return np.array(
        [
            each.count(verdict) / len(each) if each and not np.isnan(verdict) else np.nan
            for each, verdict in zip(votes, settled(said, units).tolist(), strict=True)
        ]
    )


def _passing(material: Material, series: Series, units: tuple[Unit, ...]) -> FloatArray | None:
    """Add up the probabilities of the levels that pass."""
    shares = material.probabilities.get(series)
    at_least = material.countings[series[1], series[2]].at_least
    if not shares or at_least is None:
        return None
    return np.array(
        [
            min(sum(p for level, p in shares[unit].items() if level >= at_least), 1.0)
            if unit in shares
            else np.nan
            for unit in units
        ]
    )


def _traits(material: Material, series: Series, units: tuple[Unit, ...]) -> dict[str, FloatArray]:
    """Line the responses' properties up, with what the judge says of their refusing."""
    found = {
        name: np.array([values.get(unit, np.nan) for unit in units])
        for name, values in material.traits.items()
    }
    judge, _, criterion = series
    refusals = [
        said
        for other, said in material.verdicts.items()
        if (other[0], other[2]) == (judge, REFUSAL)
    ]
    if len(refusals) == 1 and criterion != REFUSAL:
        levels = settled(refusals[0], units)
        found[REFUSAL] = np.where(np.isnan(levels), np.nan, (levels > 0.0).astype(np.float64))
    return found


def _earlier(material: Material, series: Series, units: tuple[Unit, ...]) -> Earlier | None:
    """Find the verdicts of the judge of the same name, or else of the one that stood for a run."""
    judge, rubric, criterion = series
    before = {other[0] for other in material.earlier if other[1:] == (rubric, criterion)}
    now = {other[0] for other in material.verdicts if other[1:] == (rubric, criterion)}
    name = judge if judge in before else _standing(before) if judge == _standing(now) else None
    if name is None:
        return None
    said = material.earlier[name, rubric, criterion]
    return Earlier(name=name, verdicts=settled(said, units))


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
    said = _verdicts(store, run)
    if drawn:
        chosen = {item.unit for sample in drawn for item in sample.items}
        labels = tuple(each for each in labels if (each.id, each.system, each.sample) in chosen)
    size = store.count_units(run)
    places, traits = _places_and_traits(
        store.generations(run), question, combined_cells(drawn, size) if drawn else None
    )
    return Material(
        places=places,
        verdicts=said.levels,
        ratings=tuple(_rating(label) for label in labels),
        countings=_countings(store, run, question),
        provenance=said.provenance,
        question=question,
        traits=traits,
        earlier={} if earlier is None else _verdicts(store, earlier).levels,
        probabilities={} if run.manifest.repeats > 1 else said.probabilities,
        whole_sessions=drawn_whole(drawn),
        unasked={**unasked(store.generations(run), kept_rubrics(store, run).values())},
    )


def _places_and_traits(
    generations: Iterable[Generation], question: Question, cells: Sequence[int] | None
) -> tuple[dict[Unit, Place], dict[str, dict[Unit, float]]]:
    """Read where each response belongs and what it is like; no text is held for long."""
    places: dict[Unit, Place] = {}
    traits = defaultdict[str, dict[Unit, float]](dict)
    columns: dict[str, dict[Unit, str | None]] = {name: {} for name in question.covariates}
    rest = iter(generations)
    while page := list(itertools.islice(rest, PAGE)):
        for each in page:
            places[each.unit] = Place(
                group=field_of(each, question.group),
                cluster=None if question.cluster is None else _named(each, question.cluster),
                session=each.session,
                turn=each.turn,
                stratum=None if cells is None else cells[len(places)],
            )
            for name, values in columns.items():
                values[each.unit] = field_of(each, name)
        for name, found in text_traits({each.unit: each.response for each in page}).items():
            traits[name].update(found)
    if question.cluster is None and any(each.session is not None for each in places.values()):
        # What an item shares with others is its conversation.
        places = {
            unit: replace(place, cluster=place.session or unit[0]) for unit, place in places.items()
        }
    return places, {**traits, **dict(column_trait(n, values) for n, values in columns.items())}


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


class _Said(NamedTuple):
    """What the judges of a run said."""

    levels: dict[Series, dict[Unit, list[float]]]
    probabilities: dict[Series, Shares]
    """What they gave beside their verdicts."""
    provenance: Provenance | None


def _verdicts(store: "Store", run: "Run") -> _Said:
    levels: dict[Series, dict[Unit, list[float]]] = defaultdict(lambda: defaultdict(list))
    probabilities: dict[Series, dict[Unit, Mapping[int, float]]] = defaultdict(dict)
    stamps: set[Provenance] = set()
    for judgment in with_panel(store.judgments(run), len(run.manifest.judges)):
        stamps.add(judgment.provenance)
        unit = judgment.unit
        for verdict in judgment.verdicts:
            series = judgment.judge, judgment.rubric, verdict.criterion
            given = levels[series][unit]
            if verdict.kind == "scored":
                given.append(float(verdict.score))
                if verdict.probabilities is not None and judgment.judge != PANEL:
                    probabilities[series][unit] = verdict.probabilities
    return _Said(levels, dict(probabilities), worst(stamps) if stamps else None)


def levels_of(
    store: "Store", run: "Run", *, series: Series, generations: Sequence[Generation]
) -> FloatArray:
    """Give the level that a judge gave each response; NaN where it gave none."""
    said = _verdicts(store, run).levels.get(series, {})
    return settled(said, (each.unit for each in generations))


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
