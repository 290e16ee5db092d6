"""What is sent to an OpenAI-compatible endpoint, with everything encoded once that stays the same.

A run asks thousands of questions that differ in one message only: the settings, the schema and
the system message are kept as bytes.
"""

import functools
import json
from collections.abc import Mapping

from judge.models.base import Message, Question
from judge.records import Rung

KEPT = 256
"""Openings that are kept; a run has one for each rubric, language and rung."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class RequestWriter:
    """Write the bodies of the requests to one model.

    Parameters
    ----------
    model : str
        Its name as the endpoint knows it.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._openings: dict[tuple[object, ...], tuple[object, bytes]] = {}

    def write(self, question: Question) -> bytes:
        """Encode a question as JSON in UTF-8."""
        messages = b", ".join([_encoded(message) for message in question.messages])
        return self._opening(question) + messages + b"]}"

    def _opening(self, question: Question) -> bytes:
        schema = question.reply_schema
        key = (
            question.rung,
            question.temperature,
            question.max_tokens,
            question.seed,
            id(schema),
        )
        kept = self._openings.get(key)
        if kept is not None:
            return kept[1]
        if len(self._openings) >= KEPT:
            self._openings.clear()
        encoded = self._encode_opening(question)
        # The schema is kept too: while it lives nothing else can have its identity.
        self._openings[key] = (schema, encoded)
        return encoded

    def _encode_opening(self, question: Question) -> bytes:
        fields: dict[str, object] = {
            "model": self._model,
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
        }
        if question.seed is not None:
            fields["seed"] = question.seed
        if question.reply_schema is not None:
            fields |= structured_options(question.rung, question.reply_schema)
        return _bytes(fields)[:-1] + b', "messages": ['


def structured_options(rung: Rung, schema: Mapping[str, object]) -> Mapping[str, object]:
    """Build what asks an OpenAI-compatible endpoint for JSON, as instructor builds it.

    Parameters
    ----------
    rung : Rung
        ``prompt`` adds nothing.
    schema : mapping
        The JSON schema of the reply; its title names it.
    """
    name = str(schema.get("title", "Reply"))
    if rung == "json_schema":
        form = {"name": name, "schema": {**schema, "title": name}}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    if rung == "tools":
        parameters = {k: v for k, v in schema.items() if k not in {"title", "description"}}
        described = schema.get("description", "Give the reply in this form.")
        function = {"name": name, "description": described, "parameters": parameters}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {"response_format": {"type": "json_object"}} if rung == "json_object" else {}


def _encoded(message: Message) -> bytes:
    if message.role == "system":
        return _encoded_instructions(message.content)
    return b'{"role": "%b", "content": %b}' % (message.role.encode(), _bytes(message.content))


@functools.lru_cache(maxsize=KEPT)
def _encoded_instructions(content: str) -> bytes:
    return b'{"role": "system", "content": %b}' % _bytes(content)


def _bytes(value: object) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; JSON can still name it.
        return json.dumps(value).encode()
