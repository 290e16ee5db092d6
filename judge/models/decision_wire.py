"""Typed questions on the wire: what a decision model is sent.

Two forms exist. ``/v1/decisions`` is OpenAI's: an ``input`` and a list of questions; SGLang serves
it from any chat model. ``/v1/systemone`` is the Jev family's: a ``state`` and a mapping of
questions. What the rubric says comes first and what a data set says comes last, each in a place of
its own, and questions are made of the rubric alone.
"""

import functools
import json
from collections.abc import Sequence
from typing import Final, Literal

from judge.errors import ConfigError
from judge.models.base import Message
from rubrics.questions import TypedQuestion

WireForm = Literal["decisions", "systemone"]

MOST_QUESTIONS: Final = 128
MOST_LEVELS: Final = 10
MOST_CHOICES: Final = 255

Questions = tuple[TypedQuestion, ...]


def check_limits(asked: Questions) -> None:
    """Refuse what no server takes, before the first call.

    Raises
    ------
    ConfigError
        If there are too many questions, levels or choices; the message names the limit.
    """
    if len(asked) > MOST_QUESTIONS:
        raise ConfigError(
            f"the rubric makes {len(asked)} questions, a decision model takes {MOST_QUESTIONS}; "
            "split the rubric."
        )
    for question in asked:
        most = MOST_LEVELS if question.kind == "score" else MOST_CHOICES
        if len(question.options) > most:
            raise ConfigError(
                f"{question.name} has {len(question.options)} levels, a decision model takes "
                f"{most}; shorten the scale."
            )


def request_body(
    form: WireForm, model: str, *, messages: Sequence[Message], asked: Questions
) -> bytes:
    """Encode one request.

    Parameters
    ----------
    form : {"decisions", "systemone"}
    model : str
        As the server calls it.
    messages : sequence of Message
        The trusted brief, then the contained material.
    asked : tuple of TypedQuestion
    """
    return body_of(form, model, messages=messages, questions=encoded_questions(form, asked))


def body_of(form: WireForm, model: str, *, messages: Sequence[Message], questions: bytes) -> bytes:
    """Encode one request whose questions are encoded already; see `request_body`."""
    opening = b'{"model": %b, "questions": %b, ' % (_bytes(model), questions)
    brief, *material = messages
    contents = [_encoded_brief(brief.content), *(_bytes(one.content) for one in material)]
    if form == "systemone":
        names = (b"instructions", b"material")
        state = b", ".join(b'"%b": %b' % pair for pair in zip(names, contents, strict=True))
        return opening + b'"state": {%b}}' % state
    texts = [b'{"role": "user", "type": "message", "content": %b}' % text for text in contents]
    return opening + b'"input": [%b]}' % b", ".join(texts)


@functools.lru_cache(maxsize=256)
def _encoded_brief(content: str) -> bytes:
    return _bytes(content)


def encoded_questions(form: WireForm, asked: Questions) -> bytes:
    """Encode the questions of a request in one form."""
    return _bytes(wire_questions(asked) if form == "decisions" else _systemone(asked))


def wire_questions(asked: Questions) -> list[dict[str, object]]:
    """Write questions in the form of ``/v1/decisions``."""
    return [_decision(question) for question in asked]


def _decision(question: TypedQuestion) -> dict[str, object]:
    fields: dict[str, object] = {
        "type": question.kind,
        "name": question.name,
        "instructions": question.instructions,
    }
    if question.kind == "score":
        fields["levels"] = [
            {"label": option.label, "description": option.description}
            for option in question.options
        ]
    if question.kind == "choice":
        fields["choices"] = [
            {"value": option.label, "description": option.description}
            for option in question.options
        ]
    return fields


def _systemone(asked: Questions) -> dict[str, object]:
    return {question.name: _systemone_question(question) for question in asked}


def _systemone_question(question: TypedQuestion) -> dict[str, object]:
    kind = "noul" if question.kind == "predicate" else question.kind
    fields: dict[str, object] = {"type": kind, "instructions": question.instructions}
    if question.kind == "score":
        fields["criteria"] = [one.described for one in question.options]
    if question.kind == "choice":
        fields["criteria"] = {one.label: one.description for one in question.options}
    return fields


def _bytes(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; JSON can still name it.
        return json.dumps(value).encode()
