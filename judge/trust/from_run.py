"""Verdicts and labels of a run in the store."""

from collections import defaultdict
from collections.abc import Sequence

from calibration.validation import FloatArray
from judge.errors import ConfigError
from judge.judging import kept_rubrics
from judge.panel import with_panel
from judge.records import Generation, Provenance, worst
from judge.samples import Sample
from judge.store.base import Label, Run
from judge.store.sql import Store
from judge.trust.material import (
    Material,
    Place,
    Question,
    Rating,
    Series,
    column_trait,
    settled,
    text_traits,
)
from judge.trust.part import Counting, Unit


def material_of(
    store: Store,
    run: Run,
    *,
    labels: tuple[Label, ...],
    question: Question,
    drawn: Sample | None = None,
    earlier: Run | None = None,
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
    drawn : Sample, optional
        The draw on record. Its cells become strata, and labels of other items are left out: how
        likely they were to be labelled is not known.
    earlier : Run, optional
        One in which an earlier version of the judge rated the same responses.

    Raises
    ------
    ConfigError
        If there is no label, a column is missing, or the run holds pairs.
    """
    if run.manifest.kind != "judge":
        raise ConfigError(f"run {run.name!r} holds no scores of single responses.")
    if not labels:
        raise ConfigError(
            f"run {run.name!r} has no labels; draw items with cvalues sample, and import what "
            "experts said with cvalues labels import."
        )
    verdicts, provenance = _verdicts(store, run)
    if drawn is not None:
        chosen = {item.unit for item in drawn.items}
        labels = tuple(each for each in labels if (each.id, each.system, each.sample) in chosen)
    cells = None if drawn is None else drawn.cells
    generations = list(store.generations(run))
    return Material(
        places={
            each.unit: Place(
                group=field_of(each, question.group),
                cluster=None if question.cluster is None else _named(each, question.cluster),
                stratum=None if cells is None else cells[number],
            )
            for number, each in enumerate(generations)
        },
        verdicts=verdicts,
        ratings=tuple(_rating(label) for label in labels),
        countings=_countings(store, run, question),
        provenance=provenance,
        question=question,
        traits=_traits(generations, question),
        earlier={} if earlier is None else _verdicts(store, earlier)[0],
    )


def _traits(generations: Sequence[Generation], question: Question) -> dict[str, dict[Unit, float]]:
    columns = (
        column_trait(name, {each.unit: field_of(each, name) for each in generations})
        for name in question.covariates
    )
    return {**text_traits({each.unit: each.response for each in generations}), **dict(columns)}


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


def _verdicts(
    store: Store, run: Run
) -> tuple[dict[Series, dict[Unit, list[float]]], Provenance | None]:
    found: dict[Series, dict[Unit, list[float]]] = defaultdict(lambda: defaultdict(list))
    stamps: set[Provenance] = set()
    for judgment in with_panel(store.judgments(run), len(run.manifest.judges)):
        stamps.add(judgment.provenance)
        for verdict in judgment.verdicts:
            levels = found[judgment.judge, judgment.rubric, verdict.criterion][judgment.unit]
            if verdict.kind == "scored":
                levels.append(float(verdict.score))
    return found, worst(stamps) if stamps else None


def levels_of(
    store: Store, run: Run, *, series: Series, generations: Sequence[Generation]
) -> FloatArray:
    """Give the level that a judge gave each response; NaN where it gave none."""
    said = _verdicts(store, run)[0].get(series, {})
    return settled(said, (each.unit for each in generations))


def _rating(label: Label) -> Rating:
    return Rating(
        unit=(label.id, label.system, label.sample),
        rater=label.rater,
        settles=label.kind == "adjudicate",
        criterion=label.criterion,
        rubric=label.rubric,
        level=label.score,
    )


def _countings(
    store: Store, run: Run, question: Question
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
