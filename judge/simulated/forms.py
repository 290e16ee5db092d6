"""What a reply must fill in, read from the JSON schema that came with the request.

Any rubric works: an object with a `score` or a `preference` among its properties is a criterion,
named by the key it stands under, and the levels are those that its schema allows. JSON here is of
unknown shape: what is not of the wanted kind counts as empty.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

MAX_LEVELS = 101
"""A range in a schema wider than 0 to 100 is no scale of a rubric."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion to be judged."""

    id: str
    levels: tuple[int, ...]
    """Allowed levels in rising order; empty when a preference is asked for."""
    choices: tuple[str, ...]
    """Allowed words: `cannot_assess`, or preferences."""
    members: tuple[str, ...]
    """Keys of the reply object in the order of the schema."""

    @property
    def pairwise(self) -> bool:
        """Whether a preference between two responses is asked for."""
        return "preference" in self.members


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is not part of a verdict, such as an echoed item id."""

    name: str
    allowed: tuple[str, ...]


Form = Mapping[str, "Criterion | Text | Form"]
"""Property to what goes there; nested objects are nested forms."""


def form_of(schema: Mapping[str, object]) -> Form:
    """Read a JSON schema.

    Parameters
    ----------
    schema : mapping
        As it came with a request; local `$ref` are followed.

    Examples
    --------
    >>> score = {"enum": [0, 1, "cannot_assess"]}
    >>> safe = {"properties": {"reasoning": {"type": "string"}, "score": score}}
    >>> form_of({"properties": {"safe": safe}})["safe"].levels
    (0, 1)
    """
    return _form(json.dumps(schema, sort_keys=False))


def criteria_of(form: Form) -> Iterator[Criterion]:
    """Give every criterion of a form, nested ones too."""
    for part in form.values():
        if isinstance(part, Criterion):
            yield part
        elif not isinstance(part, Text):
            yield from criteria_of(part)


@lru_cache(maxsize=64)
def printed_schema(instructions: str) -> Mapping[str, object] | None:
    """Find the JSON schema that a system message prints, or None.

    It is the first JSON object in the text that has "properties".
    """
    decoder, start = json.JSONDecoder(), instructions.find("{")
    while start >= 0:
        try:
            schema = as_object(decoder.raw_decode(instructions, start)[0])
        except (ValueError, RecursionError):
            schema = as_object(None)
        if "properties" in schema:
            return schema
        start = instructions.find("{", start + 1)
    return None


@lru_cache(maxsize=64)
def _form(text: str) -> Form:
    schema = as_object(json.loads(text))
    return _object_form(schema, schema)


def _object_form(node: Mapping[str, object], root: Mapping[str, object]) -> Form:
    properties = as_object(node.get("properties"))
    return {name: _part(name, _resolve(node, root), root) for name, node in properties.items()}


def _part(
    name: str, node: Mapping[str, object], root: Mapping[str, object]
) -> "Criterion | Text | Form":
    properties = as_object(node.get("properties"))
    verdict = properties.get("score", properties.get("preference"))
    if verdict is not None:
        levels, choices = _allowed(_resolve(verdict, root), root)
        return Criterion(name, tuple(sorted(levels)), tuple(choices), tuple(properties))
    if properties:
        return _object_form(node, root)
    return Text(name, tuple(_allowed(node, root)[1]))


def _resolve(node: object, root: Mapping[str, object]) -> Mapping[str, object]:
    """Follow a local reference such as `#/$defs/Verdict`, one step."""
    schema = as_object(node)
    target: object = root
    for step in as_text(schema.get("$ref")).split("/")[1:]:
        target = as_object(target).get(step)
    return schema if target is root else as_object(target)


def _allowed(node: Mapping[str, object], root: Mapping[str, object]) -> tuple[set[int], list[str]]:
    """Collect the integers and the words that a schema allows."""
    values = [*as_list(node.get("enum")), node.get("const")]
    levels = {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
    words = [value for value in values if isinstance(value, str)]
    low, high = node.get("minimum"), node.get("maximum")
    if isinstance(low, int) and isinstance(high, int) and high - low < MAX_LEVELS:
        levels |= set(range(low, high + 1))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for part in as_list(node.get(keyword)):
            more_levels, more_words = _allowed(_resolve(part, root), root)
            levels |= more_levels
            words += more_words
    return levels, words


def as_object(value: object) -> Mapping[str, object]:
    """Give a JSON object, or an empty one.

    Examples
    --------
    >>> as_object([1])
    {}
    """
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """Give a JSON array, or an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Give a JSON string, or an empty one."""
    return value if isinstance(value, str) else ""
