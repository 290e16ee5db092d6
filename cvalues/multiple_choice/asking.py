"""Put multi-choice items to a model under test."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from cvalues.multiple_choice.evaluate import ChoiceAnswer
from cvalues.multiple_choice.items import ChoiceItem, Wording
from judge.manifest import Source
from judge.records import Answer, Candidate, Item, Provenance, digest
from judge.run.plan import AnswerForm, GeneratingPlan

WORST: Final[tuple[Provenance, ...]] = ("SIMULATED", "RECORDED", "LIVE")
"""From what says least of a real model."""


Ask = Literal["text", "letter", "json", "logprob"]
"""How the model under test is asked: in the wording of the items, for a letter, for a JSON object,
or for a letter of which the probability counts, not what was written."""

WORDING_OF: Mapping[Ask, Wording] = {"letter": "letter", "json": "json", "logprob": "letter"}
"""The wording that goes with a way of asking; ``text`` leaves it as it is."""

FORMS: Mapping[Ask, AnswerForm] = {
    "text": AnswerForm(),
    "letter": AnswerForm(),
    "json": AnswerForm(ask="json", options=("1", "2")),
    "logprob": AnswerForm(ask="logprob", options=("A", "B")),
}


def choice_plan(
    items: Sequence[ChoiceItem],
    candidate: Candidate,
    *,
    name: str,
    system: str,
    ask: Ask = "text",
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
    ask : {'text', 'letter', 'json', 'logprob'}

    Returns
    -------
    GeneratingPlan
        For `judge.run`; the same run resumes while items, model and settings are the same.
    """
    content = digest([[item.id, item.prompt] for item in items])
    return GeneratingPlan(
        source=Source(name=name, sha256=content, rows=len(items)),
        read=lambda: _prompts(items),
        candidate=candidate,
        system=system,
        form=FORMS[ask],
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
