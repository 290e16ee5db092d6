"""The prompts that a page shows, with all responses and everything that the judges said of them.

What is shown is chosen by sizes and scores first and only then read, so that a large run never
has all its texts in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from judge.records import Generation, Judgment
from judge.report.choice import Ranked, Vetoes, fails, ranked, vetoes
from judge.report.material import Material
from judge.report.measures import Rubrics
from judge.report.quoting import markup_size
from judge.report.record import Answer, Case, Cases, Why
from judge.report.scores import Sheet

BUDGET = 3_500_000
"""Bytes of the page that prompts, responses and rationales may take, markup included."""

_MARKUP = 600
"""Bytes of markup around one response, measured on rendered pages."""

_REFUSED = frozenset({"unscored.judge_refused", "unscored.content_filtered"})


def cases_of(
    material: Material, sheet: Sheet, *, rubrics: Rubrics, budget: int = BUDGET
) -> Cases | None:
    """Choose the prompts that a page shows, and read them.

    Parameters
    ----------
    material : Material
    sheet : Sheet
        Scores by which prompts are chosen.
    rubrics : mapping of (str, str) to Rubric
        For their vetoes.
    budget : int
        Bytes of the page that the texts may take.
    """
    bytes_by_prompt = sizes(material.generations(), sheet.tally.said)
    order = ranked(sheet, rubrics, tuple(bytes_by_prompt))
    taken = chosen(order, bytes_by_prompt, budget=budget)
    shown = tuple(read_cases(material, taken, vetoes(rubrics)))
    return Cases(shown=shown, total=len(bytes_by_prompt)) if shown else None


def sizes(generations: Iterable[Generation], said: Mapping[str, int]) -> dict[str, int]:
    """Estimate how many bytes of the page each prompt would take, in the order of the file.

    Parameters
    ----------
    generations : iterable of Generation
        Streamed.
    said : mapping of str to int
        By prompt, the bytes of what judges wrote.
    """
    found: dict[str, int] = {}
    for generation in generations:
        if generation.id not in found:
            prompt = markup_size(generation.prompt) + markup_size(generation.reference or "")
            found[generation.id] = said.get(generation.id, 0) + prompt
        found[generation.id] += _MARKUP + markup_size(generation.response)
    return found


def chosen(
    order: Iterable[Ranked], bytes_by_prompt: Mapping[str, int], *, budget: int = BUDGET
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


def read_cases(material: Material, taken: Mapping[str, Why], vetoed: Vetoes) -> Iterator[Case]:
    """Read the chosen prompts, in the order in which they were chosen."""
    generations = defaultdict[str, list[Generation]](list)
    for generation in material.generations():
        if generation.id in taken:
            generations[generation.id].append(generation)
    judgments = defaultdict[str, list[Judgment]](list)
    for judgment in material.judgments():
        if judgment.id in taken:
            judgments[judgment.id].append(judgment)
    for prompt, why in taken.items():
        first = generations[prompt][0]
        yield Case(
            id=prompt,
            group=first.group,
            lang=first.lang,
            prompt=first.prompt,
            reference=first.reference,
            why=why,
            answers=tuple(_answers(generations[prompt], judgments[prompt], vetoed)),
        )


def _answers(
    generations: list[Generation], judgments: list[Judgment], vetoed: Vetoes
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
            unsafe=any(_unsafe(judgment, vetoed) for judgment in heard),
            unread=any(judgment.outcome in _REFUSED for judgment in heard),
        )


def _unsafe(judgment: Judgment, vetoed: Vetoes) -> bool:
    return any(
        verdict.kind == "scored"
        and fails(vetoed, (judgment.rubric, verdict.criterion), verdict.score)
        for verdict in judgment.verdicts
    )
