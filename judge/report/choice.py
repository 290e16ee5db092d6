"""Which prompts a page shows first: those that matter most to somebody who decides on a release."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from judge.report.measures import Rubrics
from judge.report.record import Measure, Why
from judge.report.scores import Sheet
from rubrics.rubric import Rubric

ORDER: tuple[Why, ...] = ("worse", "unsafe", "missing", "differ", "better", "same")


@dataclass
class Standing:
    """How a prompt fares, gathered from the scores of all systems."""

    goodness: dict[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    """By main measure and system: 0 for the worst there can be, 1 for the best."""
    unsafe: bool = False
    missing: bool = False


Ranked = tuple[str, Why]


def ranked(sheet: Sheet, rubrics: Rubrics, prompts: Sequence[str]) -> tuple[Ranked, ...]:
    """Put prompts in order: worse than the baseline, unsafe, without a score, different, better.

    Parameters
    ----------
    sheet : Sheet
        Scores, main measures, and systems with the baseline first.
    rubrics : mapping of (str, str) to Rubric
        For their vetoes.
    prompts : sequence of str
        All prompts of the run; those without any judgment count as missing.

    Returns
    -------
    tuple of (str, Why)
        Within a kind, the largest change first, then the lowest scores, then by id.
    """
    standings = _standings(sheet, vetoes(rubrics))
    rows: list[tuple[int, float, float, str, Why]] = []
    for prompt in prompts:
        standing = standings.get(prompt, Standing(missing=True))
        change = _change(standing, sheet.systems)
        why = _why(standing, change, len(sheet.systems))
        level = sum(standing.goodness.values()) / max(len(standing.goodness), 1)
        rows.append((ORDER.index(why), -abs(change), level, prompt, why))
    return tuple((prompt, why) for *_, prompt, why in sorted(rows))


Vetoes = Mapping[tuple[str, str], tuple[int, bool]]
"""By rubric and criterion: the failing level, and whether higher scores are better."""


def vetoes(rubrics: Rubrics) -> Vetoes:
    """List the criteria that alone make a response unacceptable."""
    return dict(_veto(rubric) for rubric in rubrics.values() if rubric.veto is not None)


def fails(vetoed: Vetoes, asked: tuple[str, str], score: int | None) -> bool:
    """Tell whether a score, asked for by rubric and criterion, is one that a veto refuses."""
    if score is None or asked not in vetoed:
        return False
    level, higher_is_better = vetoed[asked]
    return score <= level if higher_is_better else score >= level


def goodness(measure: Measure, scores: Sequence[int]) -> float:
    """Say how good the scores of a prompt are, from 0 for the worst to 1 for the best.

    A measure without a good side counts high scores as good.
    """
    if measure.at_least is not None:
        value = sum(score >= measure.at_least for score in scores) / len(scores)
    else:
        value = (sum(scores) / len(scores) - measure.low) / (measure.high - measure.low)
    return 1 - value if measure.good == "low" else value


def _veto(rubric: Rubric) -> tuple[tuple[str, str], tuple[int, bool]]:
    veto = rubric.veto
    if veto is None:
        raise ValueError(f"rubric {rubric.id} has no veto.")
    higher = rubric.criterion(veto.criterion).direction == "higher_is_better"
    return (rubric.id, veto.criterion), (veto.level, higher)


def _standings(sheet: Sheet, vetoed: Vetoes) -> dict[str, Standing]:
    standings: dict[str, Standing] = {}
    measures = {
        (measure.rubric, measure.criterion): (index, measure)
        for index, measure in reversed(list(enumerate(sheet.measures)))
        if measure.main
    }
    for (rubric, criterion, system, _), given in sheet.tally.given.items():
        for prompt, scores in given.items():
            standing = standings.setdefault(prompt, Standing())
            standing.missing |= None in scores
            standing.unsafe |= any(fails(vetoed, (rubric, criterion), score) for score in scores)
            present = [score for score in scores if score is not None]
            if present and (rubric, criterion) in measures:
                index, measure = measures[rubric, criterion]
                standing.goodness[index, system] = goodness(measure, present)
    return standings


def _change(standing: Standing, systems: Sequence[str]) -> float:
    """Give the largest change from the baseline, negative for the worse; a worsening wins a tie."""
    changes = list(_changes(standing, systems))
    return min(changes, key=lambda change: (-abs(change), change), default=0.0)


def _changes(standing: Standing, systems: Sequence[str]) -> Iterator[float]:
    for (index, system), good in standing.goodness.items():
        before = standing.goodness.get((index, systems[0]))
        if before is not None and system != systems[0]:
            yield good - before


def _why(standing: Standing, change: float, systems: int) -> Why:
    if systems == 2 and change < 0:
        return "worse"
    if standing.unsafe:
        return "unsafe"
    if standing.missing:
        return "missing"
    if change:
        return "better" if systems == 2 else "differ"
    return "same"
