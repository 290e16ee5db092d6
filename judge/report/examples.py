"""The prompts that a page shows, with all responses and everything that the judges said of them.

First come those that matter most to somebody who decides on a release. What is shown is chosen by
sizes and scores and only then read, so that a large run never has all its texts in memory. Of a
conversation both releases' common turns are shown once.
"""

from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby

import numpy as np

from judge.columns import Bools, Digests, Texts, Whole, codes
from judge.conversation import turns_of
from judge.records import Generation, Judgment
from judge.report.model import Answer, Case, Cases, ShownTurn, Why
from judge.report.run_data import Material
from judge.report.scores import Rubrics, Sheet, goodness_by_prompt
from judge.report.tally import Floats, Tally
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

_Ranked = tuple[int, Why]
"""Number of a prompt, and why it is shown."""

_Vetoes = Mapping[tuple[str, str], tuple[int, bool]]
"""By rubric and criterion: the failing level, and whether higher scores are better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompts:
    """All prompts of a page, numbered: first those that were judged, as the tally has them.

    Attributes
    ----------
    ids : Texts
    rows : int array, shape (n,)
        Where the id of each stands among them; -1 for a judged prompt without a response.
    sizes : float array, shape (n,)
        Roughly the bytes of the page that each would take.
    """

    ids: Texts
    rows: Whole
    sizes: Floats

    @property
    def numbers(self) -> Whole:
        """Numbers of the prompts that have a response."""
        return np.flatnonzero(self.rows >= 0)

    def name(self, number: int) -> str:
        """Give the id of a prompt."""
        return self.ids[int(self.rows[number])]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standings:
    """How n prompts fare, gathered from the scores of all systems.

    Attributes
    ----------
    goodness : mapping of (int, str) to float array, shape (n,)
        By main measure and system: 0 for the worst there can be, 1 for the best, NaN without.
    unsafe, missing : bool array, shape (n,)
    """

    goodness: Mapping[tuple[int, str], Floats]
    unsafe: Bools
    missing: Bools


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
    prompts = _prompts(material.generations(), sheet.tally)
    taken = _taken(_ranked(sheet, vetoes, prompts, budget=budget), prompts, budget=budget)
    shown = tuple(_read(material, taken, vetoes))
    return Cases(shown=shown, total=len(prompts.numbers)) if shown else None


def _vetoes(rubrics: Rubrics) -> _Vetoes:
    """List the criteria that alone make a response unacceptable."""
    found: dict[tuple[str, str], tuple[int, bool]] = {}
    for rubric in rubrics.values():
        if rubric.veto is not None:
            higher = rubric.criterion(rubric.veto.criterion).direction == "higher_is_better"
            found[rubric.id, rubric.veto.criterion] = (rubric.veto.level, higher)
    return found


def _fails(vetoes: _Vetoes, asked: tuple[str, str], scores: Floats) -> Bools:
    """Tell which scores, asked for by rubric and criterion, are such that a veto refuses."""
    if asked not in vetoes:
        return np.zeros(scores.shape, dtype=np.bool_)
    level, higher_is_better = vetoes[asked]
    return scores <= level if higher_is_better else scores >= level


def _prompts(generations: Iterable[Generation], tally: Tally) -> _Prompts:
    """Give prompts numbers and estimate how many bytes of the page each would take.

    What judges wrote is counted already.
    """
    digests, sizes, asked = Digests(), array("q"), array("q")
    last: str | None = None

    def ids() -> Iterator[str]:
        nonlocal last
        for each in generations:
            if each.id != last:
                last = each.id
                digests.add(each.id)
                sizes.append(0)
                asked.append(markup_size(each.prompt) + markup_size(each.reference or ""))
                yield each.id
            sizes[-1] += _MARKUP + markup_size(each.response)
            sizes[-1] += sum(_TURN + markup_size(turn.text) for turn in each.messages)

    texts = Texts.of(ids())
    numbers = codes(np.concatenate([tally.prompts, digests.array()]))[len(tally.prompts) :]
    n = max(int(numbers.max(initial=-1)) + 1, len(tally.prompts))
    rows = np.full(n, -1)
    # Of several places the first: what was asked stands there.
    rows[numbers[::-1]] = np.arange(len(numbers))[::-1]
    whole_sizes = np.zeros(n)
    np.add.at(whole_sizes, numbers, np.array(sizes, dtype=np.float64))
    whole_sizes[: len(tally.said)] += tally.said
    has = rows >= 0
    whole_sizes[has] += np.array(asked, dtype=np.float64)[rows[has]]
    return _Prompts(ids=texts, rows=rows, sizes=whole_sizes)


def _ranked(sheet: Sheet, vetoes: _Vetoes, prompts: _Prompts, *, budget: int) -> Iterator[_Ranked]:
    """Give prompts in the order in which a page shows them."""
    standings = _standings(sheet, vetoes, len(prompts.rows))
    change = _change(standings, sheet.systems)
    why = _why(standings, change, len(sheet.systems))
    goods = list(standings.goodness.values())
    known = np.array([~np.isnan(good) for good in goods]).sum(axis=0) if goods else 0
    level = sum((np.nan_to_num(good) for good in goods), np.zeros(len(why))) / np.maximum(known, 1)
    numbers = prompts.numbers
    keys = np.stack([why, -np.abs(change), level])[:, numbers]
    order = np.lexsort(keys[::-1])
    numbers, keys = numbers[order], keys[:, order]
    ends = np.flatnonzero(np.append((keys[:, 1:] != keys[:, :-1]).any(axis=0), True)) + 1
    # No more than these fit; of many with the same key the rest need not be sorted.
    most = int(budget // max(float(prompts.sizes[numbers].min(initial=1.0)), 1.0)) + 1
    begin = 0
    for end in ends.tolist():
        tied = numbers[begin:end].tolist()
        begin = end
        for _, number in nsmallest(most, ((prompts.name(each), each) for each in tied)):
            yield number, _ORDER[int(why[number])]


def _standings(sheet: Sheet, vetoes: _Vetoes, n: int) -> _Standings:
    goodness: dict[tuple[int, str], Floats] = {}
    unsafe, missing = np.zeros((2, n), dtype=np.bool_)
    judged = np.zeros(n, dtype=np.bool_)
    measures = {
        (measure.rubric, measure.criterion): (index, measure)
        for index, measure in reversed(list(enumerate(sheet.measures)))
        if measure.main
    }
    for series in sheet.tally.series:
        rubric, criterion, system = series
        given = sheet.tally.over_all(series)
        judged[given.prompts] = True
        missing[given.prompts[np.isnan(given.scores)]] = True
        fails = _fails(vetoes, (rubric, criterion), given.scores)
        unsafe[given.prompts[fails]] = True
        if (rubric, criterion) in measures:
            index, measure = measures[rubric, criterion]
            places, good = goodness_by_prompt(measure, given)
            goodness[index, system] = np.full(n, np.nan)
            goodness[index, system][places] = good
    return _Standings(goodness=goodness, unsafe=unsafe, missing=missing | ~judged)


def _change(standings: _Standings, systems: Sequence[str]) -> Floats:
    """Give the largest change from the baseline, negative for the worse; a worsening wins a tie."""
    largest = np.zeros(len(standings.unsafe))
    for (index, system), good in standings.goodness.items():
        if system != systems[0] and (index, systems[0]) in standings.goodness:
            change = np.nan_to_num(good - standings.goodness[index, systems[0]])
            size, before = np.abs(change), np.abs(largest)
            larger = (size > before) | ((size == before) & (change < largest))
            largest = np.where(larger, change, largest)
    return largest


def _why(standings: _Standings, change: Floats, systems: int) -> Whole:
    """Say why each prompt is shown, by the place in `_ORDER`."""
    two = systems == 2
    reasons: list[tuple[Bools, Why]] = [
        (two & (change < 0), "worse"),
        (standings.unsafe, "unsafe"),
        (standings.missing, "missing"),
        (change != 0, "better" if two else "differ"),
    ]
    places = [_ORDER.index(why) for _, why in reasons]
    return np.select([here for here, _ in reasons], places, default=_ORDER.index("same"))


def _taken(order: Iterable[_Ranked], prompts: _Prompts, *, budget: int) -> dict[str, Why]:
    """Take prompts in order of rank for as long as the page has room."""
    taken: dict[str, Why] = {}
    left = float(budget)
    for number, why in order:
        left -= prompts.sizes[number]
        if left < 0 and taken:
            break
        taken[prompts.name(number)] = why
    return taken


def _read(material: Material, taken: Mapping[str, Why], vetoes: _Vetoes) -> Iterator[Case]:
    """Read the chosen prompts, in the order in which they were chosen."""
    generations = defaultdict[str, list[Generation]](list)
    for generation in material.generations_of(taken):
        generations[generation.id].append(generation)
    judgments = defaultdict[str, list[Judgment]](list)
    for judgment in material.judgments_of(taken):
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
        and _fails(vetoes, (judgment.rubric, verdict.criterion), np.array(float(verdict.score)))
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
