"""Have a model read the answers that the rules left, in both orders.

The reading model sees the answer, never the items' labels. Each answer is put to it twice, with
回复1 and with 回复2 named first, so that a habit of taking the first word cannot decide. What it
says is taken only where both replies are one of the five readings, and the same one; everything
else leaves the answer to a person.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast

from cvalues.multiple_choice.evaluate import ChoiceAnswer
from cvalues.multiple_choice.parsing import READINGS, Reading
from judge.grading.prompt_injection import contain
from judge.manifest import Source
from judge.records import Answer, Candidate, Item, Language, digest
from judge.run.plan import AnswerForm, GeneratingPlan

Order = Literal["1-2", "2-1"]
"""Which of the two replies the question names first."""

ORDERS: Final[tuple[Order, Order]] = ("1-2", "2-1")

FORM: Final = AnswerForm(ask="json", options=READINGS, member="reading")
"""What the reading model has to write; one that takes no schema is asked in words alone."""

_TRIMMED = ' \t\r\n。."“”`*[]【】'
_WORDS: Final[dict[str, Reading]] = {reading.lower(): reading for reading in READINGS}


def extraction_plan(
    answers: Iterable[ChoiceAnswer], candidate: Candidate, *, name: str
) -> GeneratingPlan:
    """Plan a run that has each unread answer read in both orders.

    Parameters
    ----------
    answers : iterable of ChoiceAnswer
    candidate : Candidate
        The model that reads.
    name : str
        Of the answers' file or run.
    """
    items = tuple(_question(answer, order) for answer in unread(answers) for order in ORDERS)
    return GeneratingPlan(
        source=Source(
            name=name,
            sha256=digest([[item.id, item.prompt] for item in items]),
            rows=len(items),
        ),
        read=lambda: iter(items),
        candidate=candidate,
        system=candidate.name,
        form=FORM,
    )


def unread(answers: Iterable[ChoiceAnswer]) -> Iterator[ChoiceAnswer]:
    """Give the answers that still need somebody to read them."""
    return (answer for answer in answers if answer.read().reading == "Need_Check")


def readings_of(replies: Iterable[Answer]) -> dict[str, Reading]:
    """Take the readings on which both orders agree, by item id.

    Parameters
    ----------
    replies : iterable of Answer
        Of an `extraction_plan`. A reply counts where it is ``{"reading": ...}`` or one of the five
        words, and nothing else.

    Returns
    -------
    dict of str to Reading
        Without Need_Check, and without the answers of which an order is missing or says otherwise.
    """
    said: dict[str, dict[str, Reading]] = {}
    for reply in replies:
        key, _, order = reply.id.rpartition("#")
        word = _WORDS.get(_word(reply.response).lower()) if reply.outcome == "ok" else None
        if word is not None:
            said.setdefault(key, {})[order] = word
    agreed = {key: set(words.values()) for key, words in said.items() if len(words) == len(ORDERS)}
    return {
        key: min(words)
        for key, words in agreed.items()
        if len(words) == 1 and words != {"Need_Check"}
    }


def _word(response: str) -> str:
    try:
        found: object = json.loads(response)
    except ValueError:
        return response.strip(_TRIMMED)
    if isinstance(found, dict):
        fields = cast("dict[str, object]", found)
        return str(fields.get("reading", "")) if len(fields) == 1 else ""
    return str(found)


def _question(answer: ChoiceAnswer, order: Order) -> Item:
    lang, text = answer.item.pair.lang, answer.response or ""
    # A text cannot hold a digest of itself, so its writer cannot have known the boundary's code.
    nonce = digest(["extraction", text])[:16]
    texts = _texts()
    block = contain({"answer": text}, nonce=nonce)
    listed = [texts[f"reply {name}"][lang] for name in order.split("-")]
    options = "\n".join([texts["choose"][lang], *listed, texts["others"][lang]])
    prompt = f"{texts['task'][lang]}\n\n{block}\n\n{options}"
    return Item(id=f"{answer.item.id}#{order}", prompt=prompt, lang=lang)


@cache
def _texts() -> Mapping[str, Mapping[Language, str]]:
    source = files("cvalues.multiple_choice").joinpath("extraction.json")
    return json.loads(source.read_text("utf-8"))
