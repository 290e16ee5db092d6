"""Decisions on the wire: how typed questions are sent, and how probabilities are read.

Two forms exist. ``/v1/decisions`` is OpenAI's: an ``input`` and a list of questions; SGLang serves
it from any chat model. ``/v1/systemone`` is the Jev family's: a ``state`` and a mapping of
questions. What the rubric says comes first and what a data set says comes last, each in a place of
its own, and questions are made of the rubric alone. A reply is written anew in one form of ours, a
list of ``{"name", "probabilities" | "refused" | "malformed"}``, which becomes verdicts elsewhere.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from judge.errors import ConfigError, ConnectionFailed
from judge.models.base import Message, Reply, provenance_of
from judge.models.chat_completion import counted_usage
from judge.records import Usage
from rubrics.questions import YES, TypedQuestion

WireForm = Literal["decisions", "systemone"]

MOST_QUESTIONS: Final = 128
MOST_LEVELS: Final = 10
MOST_CHOICES: Final = 255

Questions = tuple[TypedQuestion, ...]
Json = Mapping[str, object]


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
    opening = b'{"model": %b, "questions": %b, ' % (_bytes(model), _encoded_questions(form, asked))
    contents = [_bytes(message.content) for message in messages]
    if form == "systemone":
        names = (b"instructions", b"material")
        state = b", ".join(b'"%b": %b' % pair for pair in zip(names, contents, strict=True))
        return opening + b'"state": {%b}}' % state
    texts = [b'{"role": "user", "type": "message", "content": %b}' % text for text in contents]
    return opening + b'"input": [%b]}' % b", ".join(texts)


@functools.lru_cache(maxsize=256)
def _encoded_questions(form: WireForm, asked: Questions) -> bytes:
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
        fields["criteria"] = [f"{one.label}: {one.description}" for one in question.options]
    if question.kind == "choice":
        fields["criteria"] = {one.label: one.description for one in question.options}
    return fields


class _Wire(BaseModel):
    """A part of a reply as it came; fields that are not read are not kept."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class _Predicate(_Wire):
    type: Literal["predicate"]
    probability: float


class _Noul(_Wire):
    type: Literal["noul"]
    noul: float


class _Option(_Wire):
    value: str | int
    probability: float


class _Levels(_Wire):
    type: Literal["score", "choice"]
    probabilities: list[_Option] | dict[str, float]


class _Refusal(_Wire):
    type: Literal["refusal"]


_Answer = Annotated[_Predicate | _Noul | _Levels | _Refusal, Field(discriminator="type")]
_ANSWER: Final[TypeAdapter[_Answer]] = TypeAdapter(_Answer)


class _Details(_Wire):
    cached_tokens: int | None = None


class _Counted(_Wire):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None


class _Body(_Wire):
    model: str | None = None
    usage: _Counted | None = None
    answers: JsonValue = None


def read_response(content: bytes, asked: Questions) -> Reply:
    """Read the body of a reply with status 200, in either form.

    A body that is whole but of another shape is kept as it came, so that it is read as malformed:
    asking again would cost the same and help no more.

    Raises
    ------
    ConnectionFailed
        If the body breaks off.
    """
    as_it_came = Reply(text=content.decode("utf-8", "replace"), finish_reason="stop")
    try:
        body = _Body.model_validate_json(content)
    except ValidationError as error:
        cut = any(fault["type"] == "json_invalid" for fault in error.errors())
        if cut and content.lstrip().startswith((b"{", b"[")):
            raise ConnectionFailed("the reply was cut") from None
        return as_it_came
    named = _by_name(body.answers, asked)
    reply = as_it_came.model_copy(
        update={
            "served_model": body.model,
            "usage": _usage(body.usage),
            "provenance": provenance_of(body.model),
        }
    )
    if named is None:
        return reply
    return reply.model_copy(update={"text": reply_text([answer_of(*pair) for pair in named])})


def reply_text(answers: Sequence[Json]) -> str:
    """Write answers in the one form that verdicts are read from."""
    return json.dumps({"answers": list(answers)}, ensure_ascii=False)


Named = list[tuple[TypedQuestion, object]]
REFUSED: Final[Json] = {"type": "refusal"}


def _by_name(given: JsonValue, asked: Questions) -> Named | None:
    """Put each answer beside its question; None where one belongs to no question."""
    known = {question.name: question for question in asked}
    if isinstance(given, dict):
        if not set(given) <= set(known):
            return None
        # A question that is left out was refused; this form has no other word for it.
        return [(question, given.get(name, REFUSED)) for name, question in known.items()]
    if not isinstance(given, list):
        return None
    names = [_name_of(one) for one in given]
    if not any(names) and len(given) == len(asked):
        names = list(known)
    if not set(names) <= set(known):
        return None
    return [(known[name], one) for name, one in zip(names, given, strict=True) if name]


def _name_of(answer: JsonValue) -> str | None:
    name = answer.get("name") if isinstance(answer, dict) else None
    return name if isinstance(name, str) else None


def answer_of(question: TypedQuestion, given: object) -> Json:
    """Write one answer in our form: probabilities by level, a refusal, or that it is malformed.

    Parameters
    ----------
    question : TypedQuestion
    given : object
        As it came, in either form of the wire.
    """
    try:
        answer = _ANSWER.validate_python(given)
    except ValidationError:
        return {"name": question.name, "malformed": True}
    if isinstance(answer, _Refusal):
        return {"name": question.name, "refused": True}
    if isinstance(answer, _Levels):
        found = _levels(question, answer)
    else:
        yes = answer.probability if isinstance(answer, _Predicate) else answer.noul
        found = _yes_or_no(question, yes)
    if found is None:
        return {"name": question.name, "malformed": True}
    return {"name": question.name, "probabilities": found}


def _yes_or_no(question: TypedQuestion, yes: float) -> dict[str, float] | None:
    if question.kind != "predicate":
        return None
    if not question.options:
        return {YES: yes}
    low, high = question.options
    return {str(low.level): 1.0 - yes, str(high.level): yes}


def _levels(question: TypedQuestion, answer: _Levels) -> dict[str, float] | None:
    if question.kind != answer.type:
        return None
    given = answer.probabilities
    pairs = (
        list(given.items())
        if isinstance(given, dict)
        else [(str(option.value), option.probability) for option in given]
    )
    levels = _level_names(question)
    if len(dict(pairs)) < len(pairs) or not {value for value, _ in pairs} <= set(levels):
        return None
    # What is not listed has no probability: servers leave out options that are next to impossible.
    listed = {levels[value]: probability for value, probability in pairs}
    return {**dict.fromkeys(levels.values(), 0.0), **listed}


def _level_names(question: TypedQuestion) -> dict[str, str]:
    """Give the level behind each name on the wire: a score's index, or a choice's value."""
    if question.kind == "score":
        return {str(place): str(one.level) for place, one in enumerate(question.options)}
    return {one.label: str(one.level) for one in question.options}


def _usage(counted: _Counted | None) -> Usage:
    if counted is None:
        return Usage()
    details = counted.input_tokens_details
    return counted_usage(
        counted.input_tokens, counted.output_tokens, details and details.cached_tokens
    )


def _bytes(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; JSON can still name it.
        return json.dumps(value).encode()
