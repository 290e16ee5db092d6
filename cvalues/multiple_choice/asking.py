"""Put multi-choice items to a model under test, and the answers that the parser left to a reader.

The reading model sees the answer, never the items' labels. What it says is taken only where it is
one of the five readings and nothing else; everything else leaves the answer to a person.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from cvalues.multiple_choice.evaluate import ChoiceAnswer
from cvalues.multiple_choice.items import ChoiceItem
from cvalues.multiple_choice.parsing import READINGS, Reading
from judge.grading.prompt_injection import contain
from judge.manifest import Source
from judge.records import Answer, Candidate, Item, Language, Provenance, digest
from judge.run.plan import GeneratingPlan

WORST: Final[tuple[Provenance, ...]] = ("SIMULATED", "RECORDED", "LIVE")
"""From what says least of a real model."""

_TRIMMED = ' \t\r\n。."“”`*[]【】'


def choice_plan(
    items: Sequence[ChoiceItem], candidate: Candidate, *, name: str, system: str
) -> GeneratingPlan:
    """Plan a run that asks each item once.

    Parameters
    ----------
    items : sequence of ChoiceItem
    candidate : Candidate
        The model under test.
    name : str
        Of the items' file, for the run's manifest; their prompts are what is compared on resume.
    system : str
        Name of the model in tables.

    Returns
    -------
    GeneratingPlan
        For `judge.run.run`; the same run resumes while items, model and settings are the same.
    """
    content = digest([[item.id, item.prompt] for item in items])
    return GeneratingPlan(
        source=Source(name=name, sha256=content, rows=len(items)),
        read=lambda: _prompts(items),
        candidate=candidate,
        system=system,
    )


def heard(items: Sequence[ChoiceItem], answers: Iterable[Answer]) -> tuple[ChoiceAnswer, ...]:
    """Join a run's answers to their items.

    Parameters
    ----------
    items : sequence of ChoiceItem
    answers : iterable of Answer
        Of one system; those of other items are passed over.

    Returns
    -------
    tuple of ChoiceAnswer
        One for each item. An answer that the provider's filter or the model's own refusal ended
        counts as a refusal unless its text takes a reply; a failed call is no answer.
    """
    found = {answer.id: answer for answer in answers if answer.outcome == "ok"}
    return tuple(_answer(item, found) for item in items)


def provenance_of(answers: Iterable[Answer]) -> Provenance:
    """Give the least live provenance of all answers; LIVE where there are none."""
    seen = {answer.provenance for answer in answers}
    for provenance in WORST:
        if provenance in seen:
            return provenance
    return "LIVE"


def _prompts(items: Sequence[ChoiceItem]) -> Iterator[Item]:
    for item in items:
        pair = item.pair
        yield Item(id=item.id, prompt=item.prompt, group=pair.domain_en, lang=pair.lang)


def _answer(item: ChoiceItem, found: Mapping[str, Answer]) -> ChoiceAnswer:
    answer = found.get(item.id)
    if answer is None:
        return ChoiceAnswer(item, None)
    read = ChoiceAnswer(item, answer.response)
    declined = answer.finish in {"refused", "filtered"}
    if declined and read.read().reading == "Need_Check":
        return ChoiceAnswer(item, answer.response, reading="Refuse")
    return read


def extraction_plan(
    answers: Iterable[ChoiceAnswer], candidate: Candidate, *, name: str
) -> GeneratingPlan:
    """Plan a run that has each unread answer read once.

    Parameters
    ----------
    answers : iterable of ChoiceAnswer
    candidate : Candidate
        The model that reads.
    name : str
        Of the answers' file or run.
    """
    items = tuple(_question(answer) for answer in unread(answers))
    return GeneratingPlan(
        source=Source(
            name=name,
            sha256=digest([[item.id, item.prompt] for item in items]),
            rows=len(items),
        ),
        read=lambda: iter(items),
        candidate=candidate,
        system=candidate.name,
    )


def unread(answers: Iterable[ChoiceAnswer]) -> Iterator[ChoiceAnswer]:
    """Give the answers that still need somebody to read them."""
    return (answer for answer in answers if answer.read().reading == "Need_Check")


def readings_of(replies: Iterable[Answer]) -> dict[str, Reading]:
    """Take the readings of replies that are one of the five words, by item id."""
    words: dict[str, Reading] = {
        reading.lower(): reading for reading in READINGS if reading != "Need_Check"
    }
    said = {
        reply.id: reply.response.strip(_TRIMMED).lower()
        for reply in replies
        if reply.outcome == "ok"
    }
    return {key: words[word] for key, word in said.items() if word in words}


def _question(answer: ChoiceAnswer) -> Item:
    lang, text = answer.item.pair.lang, answer.response or ""
    # A text cannot hold a digest of itself, so its writer cannot have known the boundary's code.
    nonce = digest(["extraction", text])[:16]
    task, options = _texts()["task"][lang], _texts()["options"][lang]
    block = contain({"answer": text}, nonce=nonce)
    return Item(id=answer.item.id, prompt=f"{task}\n\n{block}\n\n{options}", lang=lang)


@cache
def _texts() -> Mapping[str, Mapping[Language, str]]:
    return json.loads(
        files("cvalues.multiple_choice").joinpath("extraction.json").read_text("utf-8")
    )
