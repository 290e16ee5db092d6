"""What a run is summed up in: its measures, their values with intervals, and the order of these."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.intervals import clopper_pearson, mean_interval
from judge.errors import ConfigError
from judge.report import formatting
from judge.report.model import Bound, GroupName, LanguageScore, Measure, Score, ScoreCell
from judge.report.tally import Floats, Given, Tally, Whole
from judge.report.texts import Both, joined, same, say
from rubrics.rubric import Criterion, Direction, Rubric

_TAIL = (1 - 0.95) / 2
"""Probability on either side of an interval."""

Rubrics = Mapping[tuple[str, str], Rubric]
"""By id and language."""

_GOOD: Mapping[Direction, Literal["high", "low", "neither"]] = {
    "higher_is_better": "high",
    "lower_is_better": "low",
    "descriptive": "neither",
}


@dataclass(frozen=True)
class Sheet:
    """What was counted, and what it is summed up in."""

    tally: Tally
    measures: Sequence[Measure]
    systems: Sequence[str]
    """The baseline first."""


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
            titles: dict[str, object] = {
                "family": _both({lang: each.title for lang, each in editions.items()}),
                "title": _both(
                    {lang: each.criterion(criterion.id).title for lang, each in editions.items()}
                ),
            }
            if not pairwise:
                titles["levels"] = _level_names(criterion.id, editions)
            made = _measures(first, criterion, pairwise=pairwise)
            found.extend(measure.model_copy(update=titles) for measure in made)
    return tuple(sorted(found, key=lambda measure: not measure.main))


def named(measure: Measure) -> Both:
    """Name a measure by its rubric and criterion, a share by the level that it counts."""
    if measure.kind == "share" and measure.main and measure.levels:
        level = measure.levels[-1][1]
        return say("scores.rated", family=measure.family, level=level)
    line = f" ≥ {measure.at_least}" if measure.kind == "share" and not measure.main else ""
    return joined((joined((measure.family, measure.title), " · ", " · "), same(line)), "", "")


def level_name(measure: Measure, level: float) -> Both:
    """Name a level of a measure's scale; by its number where it has no short name."""
    return next((name for each, name in measure.levels if each == level), same(f"{level:g}"))


def score_text(measure: Measure, score: Score) -> Both:
    """Write a score with its interval."""
    return formatting.with_interval(measure.kind, score.value, (score.low, score.high))


def goodness(measure: Measure, scores: Sequence[int]) -> float:
    """Say how good the scores of a prompt are, from 0 for the worst to 1 for the best.

    A measure without a good side counts high scores as good.
    """
    given = Given(np.zeros(len(scores), dtype=np.intp), np.array(scores, dtype=np.float64))
    return float(goodness_by_prompt(measure, given)[1][0])


def goodness_by_prompt(measure: Measure, given: Given) -> tuple[Whole, Floats]:
    """Give each prompt with a score once, and how good its scores are, as :func:`goodness` does."""
    prompts, means = _counted(measure, given.scored()).by_prompt()
    value = (means - measure.low) / (measure.high - measure.low)
    return prompts, 1 - value if measure.good == "low" else value


def score_cells(sheet: Sheet) -> Iterator[ScoreCell]:
    """Give every measure of every system over all groups, and the main ones group by group."""
    for index, measure in enumerate(sheet.measures):
        for system in sheet.systems:
            series = (measure.rubric, measure.criterion, system)
            whole = sheet.tally.over_all(series)
            if not len(whole):
                continue
            here = ScoreCell(measure=index, system=system, overall=True)
            yield _filled_in(here, measure, whole, sessions=sheet.tally.sessions)
            for group in sheet.tally.groups if measure.main else ():
                given = sheet.tally.of_group(series, group)
                if len(given):
                    here = ScoreCell(measure=index, system=system, group=group)
                    yield _filled_in(here, measure, given, sessions=sheet.tally.sessions)


def language_scores(
    sheet: Sheet, editions: Mapping[tuple[str, str], str]
) -> Iterator[LanguageScore]:
    """Give the main measures by the language of the items; nothing where all have the same.

    Parameters
    ----------
    sheet : Sheet
    editions : mapping of (str, str) to str
        By rubric and digest, the language of the edition.
    """
    languages = sorted(sheet.tally.languages, key=lambda tag: (tag is None, tag or ""))
    if len(languages) < 2:
        return
    for tag in languages:
        for index, measure in enumerate(sheet.measures):
            used = sheet.tally.editions[measure.rubric, tag]
            for system in sheet.systems if measure.main else ():
                series = (measure.rubric, measure.criterion, system)
                given = sheet.tally.of_language(series, tag)
                if len(given):
                    here = ScoreCell(measure=index, system=system)
                    cell = _filled_in(here, measure, given, sessions=sheet.tally.sessions)
                    yield LanguageScore(
                        language=tag,
                        editions=tuple(sorted(editions.get((measure.rubric, d), "") for d in used)),
                        cell=cell,
                    )


def bounds(sheet: Sheet) -> Iterator[Bound]:
    """Give the main measures as they would be if all that is missing were worst, and best."""
    for index, measure in enumerate(sheet.measures):
        for system in sheet.systems if measure.main else ():
            given = sheet.tally.over_all((measure.rubric, measure.criterion, system))
            if given.missing:
                ends = (measure.low, measure.high)
                worst, best = ends[::-1] if measure.good == "low" else ends
                values: list[float] = _values(measure, given).tolist()
                yield Bound(
                    measure=index,
                    system=system,
                    missing=given.missing,
                    value=sum(values) / len(values) if values else None,
                    worst=_filled(measure, given, worst),
                    best=_filled(measure, given, best),
                )


def ordered_systems(systems: Sequence[str], baseline: str | None) -> tuple[str, ...]:
    """List systems by name, numbers in names by size, the baseline first.

    Raises
    ------
    ConfigError
        If the baseline is none of them.
    """
    if baseline is not None and baseline not in systems:
        raise ConfigError(f"baseline {baseline!r} was not judged; it has {', '.join(systems)}.")
    return tuple(sorted(systems, key=lambda system: (system != baseline, _natural(system))))


def ordered_groups(
    groups: Sequence[GroupName], cells: Sequence[ScoreCell], measures: Sequence[Measure]
) -> tuple[GroupName, ...]:
    """List groups by size of effect on the first main measure, ties by key.

    With two systems or more the effect is the last one's change from the first, largest loss on
    top; with one it is the value, lowest on top. Groups without a value come last. All tables and
    pictures of a page keep this order.
    """
    main = next((index for index, measure in enumerate(measures) if measure.main), None)
    sign = -1.0 if main is not None and measures[main].good == "low" else 1.0
    effects: dict[str | None, float] = {}
    for group in groups:
        values = [
            cell.score.value
            for cell in cells
            if cell.score and cell.measure == main and not cell.overall and cell.group == group.key
        ]
        if values:
            effects[group.key] = sign * (values[-1] - values[0] if len(values) > 1 else values[0])

    def place(group: GroupName) -> tuple[bool, float, str]:
        return group.key not in effects, effects.get(group.key, 0.0), group.key or ""

    return tuple(sorted(groups, key=place))


def _further(kept: Rubric) -> dict[str, Rubric]:
    """Find the same rubric in the library's other language, for its titles alone."""
    from rubrics import load_rubric
    from rubrics.record import RubricError

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


def _level_names(criterion: str, editions: Mapping[str, Rubric]) -> tuple[tuple[float, Both], ...]:
    """Name the levels of a scale in each language; nothing where one has no short names."""
    names = {lang: each.criterion(criterion).scale.names() for lang, each in editions.items()}
    if not all(names.values()):
        return ()
    return tuple(
        (float(score), _both({lang: each[score] for lang, each in names.items()}))
        for score in sorted(next(iter(names.values())))
    )


def _both(texts: Mapping[str, str]) -> Both:
    other = next(iter(texts.values()))
    return Both(zh=texts.get("zh", other), en=texts.get("en", other))


def _measures(rubric: Rubric, criterion: Criterion, *, pairwise: bool) -> Iterator[Measure]:
    """Sum up two levels as a share, more as a mean, a threshold as the share that reaches it."""
    scale = criterion.scale
    two = len(scale.levels) == 2
    mean = Measure(
        rubric=rubric.id,
        criterion=criterion.id,
        kind="mean",
        low=scale.min,
        high=scale.max,
        good=_GOOD[criterion.direction],
        main=criterion.weight > 0 or len(rubric.criteria) == 1,
    )
    if pairwise:
        yield mean.model_copy(update={"low": -1.0, "high": 1.0, "good": "neither"})
        return
    if not two:
        yield mean
    line = scale.max if two else criterion.threshold
    if line is not None:
        share = {"kind": "share", "low": 0.0, "high": 1.0, "at_least": line}
        yield mean.model_copy(update={**share, "main": mean.main and two})


def _filled_in(
    cell: ScoreCell, measure: Measure, given: Given, *, sessions: Whole | None
) -> ScoreCell:
    prompts, values = _counted(measure, given.scored()).by_prompt()
    score = None
    if values.size:
        effect = 1.0 if sessions is None else _design_effect(values, sessions[prompts])
        score = _score(values, (measure.low, measure.high), effect=effect)
        if sessions is not None:
            score = score.model_copy(update={"method": f"{score.method}, conversations"})
    return cell.model_copy(update={"score": score, "missing": given.missing})


def _design_effect(ratings: Floats, sessions: Whole) -> float:
    """Say how many turns weigh as one that is independent of all others."""
    from calibration.labelled_sample import robust_effect

    if np.unique(sessions).size < 2:
        return float(ratings.size)
    return robust_effect(ratings, np.ones_like(ratings), sessions.astype(np.intp))


def _score(ratings: Floats, support: tuple[float, float], *, effect: float) -> Score:
    value = float(ratings.mean())
    if support == (0.0, 1.0) and bool(np.isin(ratings, (0.0, 1.0)).all()):
        method = "clopper-pearson"
        passes, n = float(ratings.sum()), float(ratings.size)
        interval = clopper_pearson(passes / effect, n / effect, tail=_TAIL)
    else:
        method = "gaffke"
        weights = np.full_like(ratings, 1.0 / effect)
        interval = mean_interval(ratings, weights, support, tail=_TAIL)
    return Score(
        value=value,
        low=min(interval.low, value),
        high=max(interval.high, value),
        n=len(ratings),
        method=method,
    )


def _values(measure: Measure, given: Given) -> Floats:
    """Give one value for each prompt that has a score."""
    return _counted(measure, given.scored()).by_prompt()[1]


def _filled(measure: Measure, given: Given, end: float) -> float:
    counted = _counted(measure, given)
    filled = np.where(np.isnan(given.scores), end, counted.scores)
    prompts: list[float] = Given(given.prompts, filled).by_prompt()[1].tolist()
    return sum(prompts) / len(prompts)


def _counted(measure: Measure, given: Given) -> Given:
    """Turn scores into what a measure counts: the scores, or 1 and 0 where it has a bar."""
    if measure.at_least is None:
        return given
    return Given(given.prompts, (given.scores >= measure.at_least).astype(np.float64))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Split a name at its numbers, so that 4b comes before 14b."""
    return tuple(
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part)
        for part in re.split(r"([0-9]{1,12})", name)
    )
