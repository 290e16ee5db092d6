"""The prompts that a page shows, with all responses and everything that the judges said of them.

First come those that matter most to somebody who decides on a release. What is shown is chosen by
sizes and scores and only then read, so that a large run never has all its texts in memory. Of a
conversation both releases' common turns are shown once.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from judge.conversation import turns_of
from judge.records import Generation, Judgment
from judge.report.model import Answer, Case, Cases, ShownTurn, Why
from judge.report.run_data import Material
from judge.report.scores import Rubrics, Sheet, goodness
from judge.report.texts import markup_size
from judge.store.records import Label

BUDGET = 4_000_000
"""Bytes of the page that prompts, responses and rationales may take, markup included."""

_MARKUP = 600
"""Bytes of markup around one response, measured on rendered pages."""

_TURN = 200
"""Bytes of markup around one turn of a conversation."""

_REFUSED = frozenset({"unscored.judge_refused", "unscored.content_filtered"})

_ORDER: tuple[Why, ...] = ("worse", "unsafe", "missing", "differ", "better", "same")

_Ranked = tuple[str, Why]

_Vetoes = Mapping[tuple[str, str], tuple[int, bool]]
"""By rubric and criterion: the failing level, and whether higher scores are better."""


@dataclass
class _Standing:
    """How a prompt fares, gathered from the scores of all systems."""

    goodness: dict[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    """By main measure and system: 0 for the worst there can be, 1 for the best."""
    unsafe: bool = False
    missing: bool = False


def cases_of(
    material: Material, sheet: Sheet, *, rubrics: Rubrics, budget: int = BUDGET
) -> Cases | None:
    """Choose the prompts that a page shows, and read them.

    They stand in order: worse than the baseline, unsafe, without a score, different, better; within
    a kind the largest change first, then the lowest scores, then by id.

    Parameters
    ----------
    material : Material
        Prompts without any judgment count as those without a score.
    sheet : Sheet
        Scores by which prompts are chosen.
    rubrics : mapping of (str, str) to Rubric
        For their vetoes.
    budget : int
        Bytes of the page that the texts may take.
    """
    vetoes = _vetoes(rubrics)
    bytes_by_prompt = _sizes(material.generations(), sheet.tally.said)
    taken = _taken(_ranked(sheet, vetoes, bytes_by_prompt), bytes_by_prompt, budget=budget)
    shown = tuple(_read(material, taken, vetoes))
    return Cases(shown=shown, total=len(bytes_by_prompt)) if shown else None


def _vetoes(rubrics: Rubrics) -> _Vetoes:
    """List the criteria that alone make a response unacceptable."""
    found: dict[tuple[str, str], tuple[int, bool]] = {}
    for rubric in rubrics.values():
        if rubric.veto is not None:
            higher = rubric.criterion(rubric.veto.criterion).direction == "higher_is_better"
            found[rubric.id, rubric.veto.criterion] = (rubric.veto.level, higher)
    return found


def _fails(vetoes: _Vetoes, asked: tuple[str, str], score: int | None) -> bool:
    """Tell whether a score, asked for by rubric and criterion, is one that a veto refuses."""
    if score is None or asked not in vetoes:
        return False
    level, higher_is_better = vetoes[asked]
    return score <= level if higher_is_better else score >= level


def _sizes(generations: Iterable[Generation], said: Mapping[str, int]) -> dict[str, int]:
    """Estimate how many bytes of the page each prompt would take, in the order of the file.

    What judges wrote is counted already: `said` holds its bytes by prompt.
    """
    found: dict[str, int] = {}
    for generation in generations:
        if generation.id not in found:
            prompt = markup_size(generation.prompt) + markup_size(generation.reference or "")
            found[generation.id] = said.get(generation.id, 0) + prompt
        found[generation.id] += _MARKUP + markup_size(generation.response)
        found[generation.id] += sum(_TURN + markup_size(t.text) for t in generation.messages)
    return found


def _ranked(sheet: Sheet, vetoes: _Vetoes, prompts: Iterable[str]) -> Iterator[_Ranked]:
    standings = _standings(sheet, vetoes)
    rows: list[tuple[int, float, float, str, Why]] = []
    for prompt in prompts:
        standing = standings.get(prompt, _Standing(missing=True))
        change = _change(standing, sheet.systems)
        why = _why(standing, change, len(sheet.systems))
        level = sum(standing.goodness.values()) / max(len(standing.goodness), 1)
        rows.append((_ORDER.index(why), -abs(change), level, prompt, why))
    return ((prompt, why) for *_, prompt, why in sorted(rows))


def _standings(sheet: Sheet, vetoes: _Vetoes) -> dict[str, _Standing]:
    standings: dict[str, _Standing] = {}
    measures = {
        (measure.rubric, measure.criterion): (index, measure)
        for index, measure in reversed(list(enumerate(sheet.measures)))
        if measure.main
    }
    for (rubric, criterion, system, _), given in sheet.tally.given.items():
        for prompt, scores in given.items():
            standing = standings.setdefault(prompt, _Standing())
            standing.missing |= None in scores
            standing.unsafe |= any(_fails(vetoes, (rubric, criterion), score) for score in scores)
            present = [score for score in scores if score is not None]
            if present and (rubric, criterion) in measures:
                index, measure = measures[rubric, criterion]
                standing.goodness[index, system] = goodness(measure, present)
    return standings


def _change(standing: _Standing, systems: Sequence[str]) -> float:
    """Give the largest change from the baseline, negative for the worse; a worsening wins a tie."""
    changes = [
        good - standing.goodness[index, systems[0]]
        for (index, system), good in standing.goodness.items()
        if system != systems[0] and (index, systems[0]) in standing.goodness
    ]
    return min(changes, key=lambda change: (-abs(change), change), default=0.0)


def _why(standing: _Standing, change: float, systems: int) -> Why:
    if systems == 2 and change < 0:
        return "worse"
    if standing.unsafe:
        return "unsafe"
    if standing.missing:
        return "missing"
    if change:
        return "better" if systems == 2 else "differ"
    return "same"


def _taken(
    order: Iterable[_Ranked], bytes_by_prompt: Mapping[str, int], *, budget: int
) -> dict[str, Why]:
    """Take prompts in order of rank for as long as the page has room."""
    taken: dict[str, Why] = {}
    left = budget
    for prompt, why in order:
        left -= bytes_by_prompt[prompt]
        if left < 0 and taken:
            break
        taken[prompt] = why
    return taken


def _read(material: Material, taken: Mapping[str, Why], vetoes: _Vetoes) -> Iterator[Case]:
    """Read the chosen prompts, in the order in which they were chosen."""
    generations = defaultdict[str, list[Generation]](list)
    for generation in material.generations():
        if generation.id in taken:
            generations[generation.id].append(generation)
    judgments = defaultdict[str, list[Judgment]](list)
    for judgment in material.judgments():
        if judgment.id in taken:
            judgments[judgment.id].append(judgment)
    labels = defaultdict[str, list[Label]](list)
    for label in material.labels():
        if label.id in taken:
            labels[label.id].append(label)
    for prompt, why in taken.items():
        first = generations[prompt][0]
        shared = common(generations[prompt])
        yield Case(
            id=prompt,
            group=first.group,
            lang=first.lang,
            prompt=first.prompt,
            reference=first.reference,
            why=why,
            turns=shown_turns(
                first, judgments[prompt], labelled=_turns(labels[prompt]), last=shared
            ),
            answers=tuple(
                answer.model_copy(
                    update={
                        "turns": shown_turns(
                            shown, answer.judgments, labelled=_turns(answer.labels), first=shared
                        )
                    }
                )
                if (shown := _of(answer, generations[prompt])) is not None
                else answer
                for answer in _answers(
                    generations[prompt], judgments[prompt], labels[prompt], vetoes=vetoes
                )
            ),
        )


def _turns(labels: Iterable[Label]) -> frozenset[int | None]:
    """Collect the turns that experts name as the first at fault."""
    return frozenset(label.turn for label in labels)


def _of(answer: Answer, generations: Sequence[Generation]) -> Generation | None:
    """Find the conversation of an answer."""
    place = (answer.system, answer.sample)
    return next((g for g in generations if g.messages and (g.system, g.sample) == place), None)


def _answers(
    generations: list[Generation],
    judgments: list[Judgment],
    labels: list[Label],
    *,
    vetoes: _Vetoes,
) -> Iterator[Answer]:
    texts = {(each.system, each.sample): each.response for each in generations}
    said = defaultdict[tuple[str, int], list[Judgment]](list)
    for judgment in judgments:
        said[judgment.system, judgment.sample].append(judgment)
    for system, sample in sorted(texts.keys() | said.keys()):
        heard = tuple(said[system, sample])
        yield Answer(
            system=system,
            sample=sample,
            response=texts.get((system, sample)),
            judgments=heard,
            labels=tuple(
                sorted(
                    (each for each in labels if (each.system, each.sample) == (system, sample)),
                    key=lambda each: (each.criterion, each.rater),
                )
            ),
            unsafe=any(_unsafe(judgment, vetoes) for judgment in heard),
            unread=any(judgment.outcome in _REFUSED for judgment in heard),
        )


def _unsafe(judgment: Judgment, vetoes: _Vetoes) -> bool:
    return any(
        verdict.kind == "scored"
        and _fails(vetoes, (judgment.rubric, verdict.criterion), verdict.score)
        for verdict in judgment.verdicts
    )


# A conversation as a page shows it: what both releases have in common, and where they part.

TURNS_BEFORE = 4
"""Turns that are shown before one that is judged for itself."""


def common(generations: Sequence[Generation]) -> int:
    """Count the turns with which all conversations of a prompt begin.

    Where there is one alone it has nothing in common with another, and 0 is given.
    """
    if len(generations) < 2:
        return 0
    first, *others = (turns_of(each) for each in generations)
    for at, turn in enumerate(first):
        if any(len(other) <= at or other[at] != turn for other in others):
            return at
    return len(first)


def shown_turns(
    generation: Generation,
    judgments: Sequence[Judgment],
    *,
    labelled: Container[int | None] = (),
    first: int = 0,
    last: int | None = None,
) -> tuple[ShownTurn, ...]:
    """Give turns of a conversation with what judges said of each; none where there is none.

    Parameters
    ----------
    generation : Generation
    judgments : sequence of Judgment
        Of this unit.
    labelled : collection of int
        Indexes of the turns that experts' labels name.
    first, last : int
        Indexes of the first turn to show, and of the one after the last.
    """
    if not generation.messages:
        return ()
    begin = 0 if generation.turn is None else max(0, generation.turn - TURNS_BEFORE)
    end = len(generation.messages) if generation.turn is None else generation.turn + 1
    end = end if last is None else min(end, last)
    marks = _marks(judgments)
    return tuple(
        ShownTurn(
            index=at,
            turn=generation.messages[at],
            evidence=tuple(sorted(marks.get(at, {}), key=len, reverse=True)),
            named=at in marks,
            labelled=at in labelled,
        )
        for at in range(max(begin, first), end)
    )


def _marks(judgments: Iterable[Judgment]) -> Mapping[int, Mapping[str, None]]:
    """Collect what verdicts quote, by turn."""
    found: dict[int, dict[str, None]] = {}
    for judgment in judgments:
        for verdict in judgment.verdicts:
            if verdict.turn is not None:
                quotes = found.setdefault(verdict.turn, {})
                quotes |= {verdict.evidence: None} if verdict.evidence else {}
    return found


def highlighted(text: str, evidence: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Split a text at what was quoted from it; True for a quotation.

    Examples
    --------
    >>> list(highlighted("Wait here, please.", ["here"]))
    [('Wait ', False), ('here', True), (', please.', False)]
    """
    at = 0
    while at < len(text):
        found = [(place, quote) for quote in evidence if (place := text.find(quote, at)) >= 0]
        if not found:
            break
        place, quote = min(found, key=lambda each: (each[0], -len(each[1])))
        if place > at:
            yield text[at:place], False
        yield quote, True
        at = place + len(quote)
    if at < len(text):
        yield text[at:], False


LONG = 6
"""Turns in a row of which no verdict speaks, above which they are folded."""


def blocks(turns: Sequence[ShownTurn]) -> list[list[ShownTurn]]:
    """Split turns into runs that verdicts or labels name and runs that none does."""
    return [list(run) for _, run in groupby(turns, key=lambda shown: shown.named or shown.labelled)]
