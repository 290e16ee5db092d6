"""Wrong answers of a decision model: bodies that arrive whole and are of another shape."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from judge.simulated.openai_protocol import as_list, as_object


def _as_text(body: dict[str, object]) -> object:
    return {**body, "answers": "all is well"}


def _no_answers(body: dict[str, object]) -> object:
    return {name: member for name, member in body.items() if name != "answers"}


def _word_for_number(body: dict[str, object]) -> object:
    return _each(body, lambda answer: {**answer, "probability": "high", "noul": "high"})


def _above_one(body: dict[str, object]) -> object:
    return _each(body, lambda answer: {**answer, "probability": 1.7, "noul": 1.7})


def _unknown_question(body: dict[str, object]) -> object:
    stranger = {"name": "stranger", "type": "predicate", "probability": 0.5}
    answers = body["answers"]
    if isinstance(answers, dict):
        return {**body, "answers": {"stranger": {"type": "noul", "noul": 0.5}}}
    return {**body, "answers": [stranger]}


def _twice(body: dict[str, object]) -> object:
    answers = body["answers"]
    return {**body, "answers": [*as_list(answers), *as_list(answers)]}


def _prose(_body: dict[str, object]) -> object:
    return "The response looks safe to me."


def _each(body: dict[str, object], change: Callable[[Mapping[str, object]], object]) -> object:
    answers = body["answers"]
    if isinstance(answers, dict):
        named = as_object(body["answers"])
        return {**body, "answers": {name: change(as_object(one)) for name, one in named.items()}}
    return {**body, "answers": [change(as_object(one)) for one in as_list(answers)]}


_WRONG: Mapping[str, tuple[Callable[[dict[str, object]], object], str]] = {
    "answers_as_text": (_as_text, "answers are a sentence"),
    "answers_missing": (_no_answers, "there are no answers"),
    "answers_word_for_number": (_word_for_number, "probabilities of yes or no are words"),
    "answers_above_one": (_above_one, "probabilities of yes or no are 1.7"),
    "answers_unknown_question": (_unknown_question, "an answer to what was not asked"),
    "answers_twice": (_twice, "each answer stands twice, in the form of /v1/decisions"),
    "answers_prose": (_prose, "the body is a JSON string"),
}

DECISION_PAYLOADS: Mapping[str, str] = MappingProxyType(
    {name: text for name, (_, text) in _WRONG.items()}
)
"""Wrong answers of a decision model by name."""


def wrong_decision(mode: str, body: dict[str, object]) -> object:
    """Spoil an honest answer.

    Parameters
    ----------
    mode : str
        A key of `DECISION_PAYLOADS`.
    body : dict
    """
    return _WRONG[mode][0](body)
