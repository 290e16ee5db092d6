"""A document as plain values with the line of each, and its faults in the words of its author.

A *spot* is the keys and positions that lead from the top of a document to a value.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rubrics.errors import RubricError, quoted

Spot = tuple[str | int, ...]
Value = None | bool | int | float | str | tuple["Value", ...] | dict[str | int, "Value"]

M = TypeVar("M", bound=BaseModel)

_REMEDIES = {
    "string_type": "write text, with quotes around a number or a date",
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "bool_type": "write true or false",
    "tuple_type": "write a list, one `- ` a line",
    "model_type": "write keys and values below it",
    "string_too_short": "write some text",
    "string_unicode": "delete the half of a character",
    "too_short": "add at least one entry",
    "too_long": "shorten it",
    "string_too_long": "shorten it",
}


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, before anybody asks whether it is a rubric."""

    path: Path
    values: dict[str | int, Value]
    lines: dict[Spot, int]

    def line(self, spot: Spot) -> int:
        """Return the line of a spot, or of the nearest value around it, counted from 1."""
        for length in range(len(spot), 0, -1):
            if spot[:length] in self.lines:
                return self.lines[spot[:length]]
        return 1


def checked(model: type[M], document: Document) -> M:
    """Make a record of a document; RubricError for its first fault."""
    try:
        return model.model_validate(document.values)
    except ValidationError as error:
        raise faults(model, document, error)[0] from None


def faults(
    model: type[BaseModel], document: Document, error: ValidationError
) -> tuple[RubricError, ...]:
    """Say each fault that pydantic found, in reading order but unknown keys before all else.

    A mistyped key is also missing under its right name, and a list is also too short when an
    entry of it is bad: the cause comes first, and what merely follows from it is left out.
    """
    found = [(_spot(details), details) for details in error.errors(include_url=False)]
    around = {spot[:length] for spot, _ in found for length in range(len(spot))}
    causes = [(spot, details) for spot, details in found if spot not in around]
    causes.sort(key=lambda f: (f[1]["type"] != "extra_forbidden", document.line(f[0])))
    return tuple(_fault(model, document, details) for _, details in causes)


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known word that a typing slip most likely meant, or None."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def _fault(model: type[BaseModel], document: Document, details: ErrorDetails) -> RubricError:
    spot = _spot(details)
    what, fix = _words(model, details, spot)
    return RubricError(what, fix=fix, path=document.path, line=document.line(spot))


def _spot(details: ErrorDetails) -> Spot:
    further = cast("Spot", details.get("ctx", {}).get("at", ()))
    return (*details["loc"], *further)


def _words(model: type[BaseModel], details: ErrorDetails, spot: Spot) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    name = _dotted(spot)
    if kind == "rubric":
        return str(context["what"]), str(context["fix"])
    if kind == "extra_forbidden":
        return f"unknown key {quoted(spot[-1])}", _known_keys(model, spot)
    if kind == "missing":
        return f"{name} is missing", "add it"
    fix = _REMEDIES.get(kind) or details["msg"].replace("Input should", "it should")
    return f"{name} is {_shown(details['input'])}", fix


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else quoted(value)


def _known_keys(model: type[BaseModel], spot: Spot) -> str:
    known = list(_model_at(model, spot[:-1]).model_fields)
    meant = nearest(str(spot[-1]), known)
    return f"did you mean '{meant}'?" if meant else f"known here: {', '.join(known)}"


def _model_at(model: type[BaseModel], spot: Spot) -> type[BaseModel]:
    for key in spot:
        field = model.model_fields.get(str(key))
        if field is not None:
            model = _inner_model(field.annotation) or model
    return model


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_model(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _dotted(spot: Spot) -> str:
    """Write a spot as people do: `criteria[2].scale.max`, positions counted from 1."""
    parts = [f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in spot]
    return "".join(parts).lstrip(".") or "the document"
