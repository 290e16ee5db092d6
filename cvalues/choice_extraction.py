"""Let a model read the answers that the parser left: it sees the answer, never the items' labels.

What it says is taken only where it is one of the five readings and nothing else; everything else
leaves the answer to a person.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from cvalues.choice_parsing import READINGS, Reading
from cvalues.multiple_choice import ChoiceAnswer
from judge.config import Source
from judge.containment import contain
from judge.generate import GeneratingPlan
from judge.keys import digest
from judge.records import Answer, Candidate, Item, Language

_TRIMMED = ' \t\r\n。."“”`*[]【】'


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
    return json.loads(files("cvalues").joinpath("choice_extraction.json").read_text("utf-8"))
