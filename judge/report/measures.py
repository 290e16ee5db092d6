"""Which numbers a run is summed up in: one or two for each criterion of its rubrics."""

from collections.abc import Iterator, Mapping
from typing import Literal

from judge.report.both import Both
from judge.report.record import Measure
from rubrics import load_rubric
from rubrics.errors import RubricError
from rubrics.rubric import Criterion, Direction, Rubric

Rubrics = Mapping[tuple[str, str], Rubric]
"""By id and language."""

_GOOD: Mapping[Direction, Literal["high", "low", "neither"]] = {
    "higher_is_better": "high",
    "lower_is_better": "low",
    "descriptive": "neither",
}


def measures_of(rubrics: Rubrics, *, pairwise: bool) -> tuple[Measure, ...]:
    """List the measures of a run, rubric by rubric in the order of their criteria.

    Parameters
    ----------
    rubrics : mapping of (str, str) to Rubric
        By id and language; one language is enough.
    pairwise : bool
        Whether the scores are preferences, from -1 for the second system to 1 for the first.
    """
    found: list[Measure] = []
    for rubric_id in _by_level(rubrics):
        kept = {lang: rubric for (name, lang), rubric in rubrics.items() if name == rubric_id}
        first = next(iter(kept.values()))
        editions = kept if len(kept) > 1 else {**kept, **_further(first)}
        for criterion in first.criteria:
            made = _preference(first, criterion) if pairwise else _measures(first, criterion)
            titles = {
                "family": _both({lang: each.title for lang, each in editions.items()}),
                "title": _both(
                    {lang: each.criterion(criterion.id).title for lang, each in editions.items()}
                ),
            }
            found.extend(measure.model_copy(update=titles) for measure in made)
    return tuple(sorted(found, key=lambda measure: not measure.main))


def named(measure: Measure) -> Both:
    """Name a measure by its rubric and criterion, and by its line where it has one."""
    line = f" ≥ {measure.at_least}" if measure.kind == "share" and not measure.main else ""
    family, title = measure.family, measure.title
    return Both(zh=f"{family.zh} · {title.zh}{line}", en=f"{family.en} · {title.en}{line}")


def _further(kept: Rubric) -> dict[str, Rubric]:
    """Find the same rubric in the library's other language, for its titles alone."""
    language = "en" if kept.language == "zh" else "zh"
    try:
        other = load_rubric(kept.id, language=language)
    except RubricError:
        return {}
    alike = (other.version, _ids(other)) == (kept.version, _ids(kept))
    return {language: other} if alike else {}


def _ids(rubric: Rubric) -> tuple[str, ...]:
    return tuple(criterion.id for criterion in rubric.criteria)


def _by_level(rubrics: Rubrics) -> tuple[str, ...]:
    """Name each rubric once, CValues' lower level first: safety comes before responsibility."""
    levels = {name: rubric.level or 3 for (name, _), rubric in rubrics.items()}
    return tuple(sorted(levels, key=lambda name: (levels[name], name)))


def _both(texts: Mapping[str, str]) -> Both:
    other = next(iter(texts.values()))
    return Both(zh=texts.get("zh", other), en=texts.get("en", other))


def _measures(rubric: Rubric, criterion: Criterion) -> Iterator[Measure]:
    """Sum up two levels as a share, more as a mean, a threshold as the share that reaches it."""
    scale = criterion.scale
    two = len(scale.levels) == 2
    bare = Measure(
        rubric=rubric.id,
        criterion=criterion.id,
        kind="mean",
        low=scale.min,
        high=scale.max,
        good=_GOOD[criterion.direction],
        main=criterion.weight > 0 or len(rubric.criteria) == 1,
    )
    if not two:
        yield bare
    line = scale.max if two else criterion.threshold
    if line is not None:
        share = {"kind": "share", "low": 0.0, "high": 1.0, "at_least": line}
        yield bare.model_copy(update={**share, "main": bare.main and two})


def _preference(rubric: Rubric, criterion: Criterion) -> Iterator[Measure]:
    yield Measure(
        rubric=rubric.id,
        criterion=criterion.id,
        kind="mean",
        low=-1.0,
        high=1.0,
        good="neither",
        main=criterion.weight > 0 or len(rubric.criteria) == 1,
    )
