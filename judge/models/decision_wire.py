"""Typed questions on the wire: what a decision model is sent, and what it answers.

Two forms exist. ``/v1/decisions`` is OpenAI's: an ``input`` and a list of questions; SGLang serves
it from any chat model. ``/v1/systemone`` is the Jev family's: a ``state`` and a mapping of
questions. What the rubric says comes first and what a data set says comes last, each in a place of
its own, and questions are made of the rubric alone.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, cast

from pydantic_core import from_json

from judge.errors import ConfigError, ConnectionFailed
from judge.files.decoding import UNIQUE
from judge.models.base import DecisionAnswer, Message, Reply, provenance_of
from judge.models.chat_completion import (
    counted_usage,
    error_in_place,
    holds_secret,
    model_name,
)
from judge.models.http_errors import fault_within
from judge.models.provider_error import error_in
from judge.records import Reason, Rung, Usage, replaced
from rubrics.prompt import TypedQuestion

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


# The reply of a decision model, in either form: a distribution for each question.

SUM_TOLERANCE: Final = 0.02
"""How far the probabilities of a question may be from 1 together: servers round them."""

FLOAT_ERROR: Final = 1e-6
"""How far outside 0 to 1 a probability may be: sums of small numbers end there."""

_WHOLE: Final = Reply(text=None, finish_reason="stop")
_KEY: Final = re.compile(rb'"\s*:')
"""The end of a key, and of nothing else but what a text quotes."""

Members = Mapping[str, object]
Distribution = Mapping[int, float]
"""Level to probability."""

_REFUSED: Final[Members] = {"type": "refusal"}
_PREDICATES: Final = {"predicate": "probability", "noul": "noul"}
"""Types of a yes or no, with the member that holds the probability of yes."""


def read_response(
    content: bytes, asked: Questions, *, rung: Rung = "decisions", secrets: tuple[str, ...] = ()
) -> Reply:
    """Read the body of one reply with status 200; see `ReplyReader.read`."""
    return ReplyReader(asked).read(content, rung=rung, secrets=secrets)


class ReplyReader:
    """Reads the replies to one set of questions.

    Parameters
    ----------
    asked : tuple of TypedQuestion
    """

    def __init__(self, asked: Questions) -> None:
        self._asked = {question.name: _names(question) for question in asked}

    def read(
        self, content: bytes, *, rung: Rung = "decisions", secrets: tuple[str, ...] = ()
    ) -> Reply:
        """Read the body of a reply with status 200.

        Parameters
        ----------
        content : bytes
        rung : Rung
            In which form the questions were asked.
        secrets : tuple of str
            Keys; a name of a model that repeats one is dropped.

        Returns
        -------
        Reply
            With answers; or with the text as it came where that holds none.

        Raises
        ------
        ConnectionFailed
            If the body breaks off, or is a page of markup, which no decision model wrote.
        ModelError
            If it holds an error in place of answers.
        """
        try:
            body = _decoded(content)
        except (ValueError, RecursionError) as error:
            text = _text(content)
            if text.lstrip().startswith("<") or _breaks_off(error, text):
                raise ConnectionFailed("the reply was cut, or was no set of answers") from None
            return replaced(_WHOLE, text=text)
        if not isinstance(body, dict):
            return replaced(_WHOLE, text=_text(content))
        members = _members(cast("object", body))
        error = error_in_place(members) if members.get("answers") is None else None
        if error is not None:
            raise fault_within(error_in(error), rung=rung, secrets=secrets)
        answers = self._answers(members.get("answers"))
        served = model_name(members.get("model"))
        return replaced(
            _WHOLE,
            text=_text(content) if answers is None else None,
            answers=answers,
            served_model=None if holds_secret(served, secrets) else served,
            usage=_usage(members.get("usage")),
            provenance=provenance_of(served),
        )

    def _answers(self, given: object) -> tuple[DecisionAnswer, ...] | None:
        """Read each answer by its question; None where one belongs to no question."""
        if isinstance(given, dict):
            named = _members(cast("object", given))
            if not named.keys() <= self._asked.keys():
                return None
            # A question that is left out was refused; this form has no other word for it.
            return tuple(_answer(asked, named.get(n, _REFUSED)) for n, asked in self._asked.items())
        if not isinstance(given, list):
            return None
        listed = cast("list[object]", given)
        names = [_name_of(one) for one in listed]
        if not any(names) and len(listed) == len(self._asked):
            names = list(self._asked)
        if not {name for name in names if name} <= self._asked.keys():
            return None
        pairs = zip(names, listed, strict=True)
        return tuple(_answer(self._asked[name], one) for name, one in pairs if name)


class _Names(NamedTuple):
    """How a reply may name the levels of a question."""

    question: TypedQuestion
    levels: Mapping[str, int]
    """The level behind each name: a score's place from 0, or a choice's label."""
    texts: Mapping[str, str]
    """The name of the level for which each text was sent."""


def _names(question: TypedQuestion) -> _Names:
    options = question.options
    by_label = question.kind == "choice"
    names = [one.label if by_label else str(place) for place, one in enumerate(options)]
    levels = {name: one.level for name, one in zip(names, options, strict=True)}
    labels = {one.label: name for name, one in zip(names, options, strict=True)}
    described = {one.described: name for name, one in zip(names, options, strict=True)}
    return _Names(question, levels, {**labels, **described})


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _decoded(content: bytes) -> object:
    """Decode JSON; an object in which a key stands twice is null.

    The reader at hand takes a fifth of the time and keeps the last of two keys. So it is believed
    where what it read has as many keys as were written.
    """
    try:
        value = from_json(content)
    except ValueError:
        return UNIQUE.decode(_text(content))
    whole = _keys(value) == len(_KEY.findall(content))
    return value if whole else UNIQUE.decode(_text(content))


def _keys(value: object) -> int:
    if isinstance(value, dict):
        members = cast("Members", value)
        return len(members) + sum(_keys(inner) for inner in members.values() if _nests(inner))
    if isinstance(value, list):
        return sum(_keys(inner) for inner in cast("list[object]", value) if _nests(inner))
    return 0


def _nests(value: object) -> bool:
    return value.__class__ is dict or value.__class__ is list


def _breaks_off(error: Exception, text: str) -> bool:
    """Whether JSON ends before its end, rather than being wrong somewhere."""
    whole = text.strip()
    if not isinstance(error, json.JSONDecodeError) or not whole.startswith(("{", "[")):
        return False
    closed = whole.endswith(("}", "]")) or error.msg.startswith("Extra data")
    return not closed or error.pos >= len(text.rstrip())


def _name_of(answer: object) -> str | None:
    name = _members(answer).get("name")
    return name if isinstance(name, str) else None


def _answer(asked: _Names, given: object) -> DecisionAnswer:
    """Read one answer: a distribution over levels, or the reason why there is none."""
    found = _distribution(asked, _members(given))
    if found is None:
        found = "unscored.parse_invalid"
    if isinstance(found, str):
        return DecisionAnswer(asked.question.name, reason=found)
    return DecisionAnswer(asked.question.name, probabilities=found)


def _distribution(asked: _Names, answer: Members) -> Distribution | Reason | None:
    question, kind = asked.question, answer.get("type")
    if kind == "refusal":
        return "unscored.judge_refused"
    if question.kind == "predicate":
        member = _PREDICATES.get(kind) if isinstance(kind, str) else None
        return None if member is None else _yes_or_no(question, answer.get(member))
    if kind != question.kind:
        return None
    return _of_levels(asked, answer)


def _yes_or_no(question: TypedQuestion, given: object) -> Distribution | None:
    yes = _probability(given)
    if yes is None:
        return None
    if not question.options:
        return {0: 1.0 - yes, 1: yes}
    low, high = question.options
    return _normal({low.level: 1.0 - yes, high.level: yes})


def _of_levels(asked: _Names, answer: Members) -> Distribution | Reason | None:
    levels, texts = asked.levels, asked.texts
    found: dict[int, float] = {}
    for name, label, given in _options(answer):
        share = _probability(given)
        if name is None:
            return None
        if name not in levels:
            return "unscored.out_of_scale"
        if levels[name] in found:
            return "unscored.parse_ambiguous"
        # Where a level has the text of another one, nobody knows which of the two is meant.
        if share is None or (isinstance(label, str) and texts.get(label, name) != name):
            return None
        found[levels[name]] = share
    # What is not listed has no probability: servers leave out options that are next to impossible.
    return _normal({level: found.get(level, 0.0) for level in levels.values()})


def _options(answer: Members) -> Iterator[tuple[str | None, object, object]]:
    """Give the name of each level, its text where the reply has one, and what stands beside it."""
    given, texts = answer.get("probabilities"), _members(answer.get("legend"))
    if isinstance(given, dict):
        for name, share in _members(cast("object", given)).items():
            yield name, texts.get(name), share
    elif isinstance(given, list):
        for option in map(_members, cast("list[object]", given)):
            name = option.get("value")
            # A name that is a text may be meant as the level's own.
            yield _level_name(name), option.get("label", name), option.get("probability")


def _level_name(value: object) -> str | None:
    """Name a level as the questions do; what is neither text nor whole number is no name."""
    named = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if named else None


def _normal(found: dict[int, float]) -> Distribution | None:
    """Make probabilities sum to 1; None where they do not do so but for rounding."""
    total = sum(found.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        return None
    return {level: share / total for level, share in found.items()}


def _probability(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if 0.0 <= given <= 1.0:
        return float(given)
    near = -FLOAT_ERROR <= given <= 1.0 + FLOAT_ERROR
    return min(max(float(given), 0.0), 1.0) if near else None


def _usage(given: object) -> Usage:
    counted = _members(given)
    cached = _members(counted.get("input_tokens_details")).get("cached_tokens")
    return counted_usage(counted.get("input_tokens"), counted.get("output_tokens"), cached)


def _members(value: object) -> Members:
    """Take an object as it is, and anything else for one without members."""
    return cast("Members", value) if isinstance(value, dict) else {}
