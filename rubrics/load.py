"""From a YAML file to a checked record: the one place that knows YAML.

A document is read from the parser's events, not through its object constructors, so no tag can
build an object, no alias can multiply a node, and every value keeps its line. Limits: 1 MiB,
50 levels of nesting, 10,000 values, one document, no anchors, aliases or tags, no key twice.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rubrics.record import RubricError, quoted
from rubrics.rubric import Rubric

# A document as plain values with the line of each, and its faults in the words of its author.
#
# A *spot* is the keys and positions that lead from the top of a document to a value.

Spot = tuple[str | int, ...]
Value = None | bool | int | float | str | tuple["Value", ...] | dict[str | int, "Value"]

DocumentModel = TypeVar("DocumentModel", bound=BaseModel)

_REMEDIES = {
    "string_type": "write text, with quotes around a number or a date",
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "bool_type": "write true or false",
    "union_tag_not_found": "add check: and one of the kinds of rules",
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


def checked(model: type[DocumentModel], document: Document) -> DocumentModel:
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
    found = [(_spot(model, details), details) for details in error.errors(include_url=False)]
    around = {spot[:length] for spot, _ in found for length in range(len(spot))}
    causes = [(spot, details) for spot, details in found if spot not in around]
    causes.sort(key=lambda f: (f[1]["type"] != "extra_forbidden", document.line(f[0])))
    return tuple(_fault(model, document, details) for _, details in causes)


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known word that a typing slip most likely meant, or None."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def _fault(model: type[BaseModel], document: Document, details: ErrorDetails) -> RubricError:
    spot = _spot(model, details)
    what, fix = _words(model, details, spot)
    return RubricError(what, fix=fix, path=document.path, line=document.line(spot))


def _spot(model: type[BaseModel], details: ErrorDetails) -> Spot:
    further = cast("Spot", details.get("ctx", {}).get("at", ()))
    return (*_written(model, details["loc"])[0], *further)


def _words(model: type[BaseModel], details: ErrorDetails, spot: Spot) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    name = _dotted(spot)
    if kind == "rubric":
        return str(context["what"]), str(context["fix"])
    if kind == "extra_forbidden":
        return f"unknown key {quoted(spot[-1])}", _known_keys(model, details["loc"])
    if kind == "missing":
        return f"{name} is missing", "add it"
    if kind == "union_tag_invalid":
        word = str(context["discriminator"]).strip("'")
        return (
            f"{name}.{word} is {quoted(context['tag'])}",
            f"use one of {str(context['expected_tags']).replace(chr(39), '')}",
        )
    fix = _REMEDIES.get(kind) or details["msg"].replace("Input should", "it should")
    return f"{name} is {_shown(details['input'])}", fix


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else quoted(value)


def _known_keys(model: type[BaseModel], loc: Spot) -> str:
    known = list(_written(model, loc)[1].model_fields)
    meant = nearest(str(loc[-1]), known)
    return f"did you mean '{meant}'?" if meant else f"known here: {', '.join(known)}"


def _written(model: type[BaseModel], loc: Spot) -> tuple[Spot, type[BaseModel]]:
    """Give the keys of a place as a document writes them, and the record that holds the last.

    Where a value is one of several kinds of records, pydantic puts the name of the kind between.
    """
    written: list[str | int] = []
    kinds: dict[object, type[BaseModel]] = {}
    inside = holder = model
    for key in loc:
        if key in kinds:
            inside, kinds = kinds[key], {}
            continue
        written.append(key)
        holder = inside
        field = inside.model_fields.get(str(key))
        if field is not None:
            records = list(_inner_models(field.annotation))
            kinds = {_kind(each): each for each in records} if len(records) > 1 else {}
            inside = next(iter(records), inside)
    return tuple(written), holder


def _kind(model: type[BaseModel]) -> object:
    """Give the one value of a record's first field, where it has only one."""
    first = next(iter(model.model_fields.values()), None)
    values = get_args(first.annotation) if first is not None else ()
    return values[0] if len(values) == 1 else None


def _inner_models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _inner_models(part)


def _dotted(spot: Spot) -> str:
    """Write a spot as people do: `criteria[2].scale.max`, positions counted from 1."""
    parts = [f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in spot]
    return "".join(parts).lstrip(".") or "the document"


MOST_BYTES = 1024 * 1024
DEEPEST = 50
MOST_VALUES = 10_000

_YAML_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})?\.[0-9]{1,17}")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}

M = TypeVar("M", bound=BaseModel)


def load_file(path: Path) -> Rubric:
    """Read a rubric from a file.

    Parameters
    ----------
    path : Path
        A YAML document, UTF-8.

    Returns
    -------
    Rubric

    Raises
    ------
    RubricError
        For the first fault in the file, as `file:line: what; how to fix`.
    """
    return load_as(Rubric, path)


def load_as(model: type[M], path: Path) -> M:
    """Read a YAML file as a record of the given kind; RubricError for its first fault."""
    return checked(model, read_document(path))


def read_document(path: Path) -> Document:
    """Read a YAML file as plain values with the line of each; RubricError where it is not one."""
    return parse_document(_text(path), path=path)


def parse_document(text: str, *, path: Path) -> Document:
    """Read YAML text as plain values with the line of each.

    Parameters
    ----------
    text : str
        One YAML document.
    path : Path
        Where the text came from, for messages.

    Returns
    -------
    Document

    Raises
    ------
    RubricError
        If the text is not one plain YAML mapping within the limits.
    """
    lines: dict[Spot, int] = {}
    builder = _Builder(_tokens(text, path), path, lines)
    values = builder.build(next(builder.tokens), ())
    if not isinstance(values, dict):
        raise RubricError(
            "the document is not a mapping",
            fix="write keys and values, as in `language: en`",
            path=path,
            line=1,
        )
    next(builder.tokens, None)  # reads to the end, where a second document would show
    return Document(path=path, values=values, lines=lines)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise RubricError("not a readable file", fix="name a YAML file", path=path)
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RubricError(reason, fix="name a YAML file that can be read", path=path) from error
    if len(content) > MOST_BYTES:
        raise RubricError("larger than 1 MiB", fix="a rubric is a short text; cut it", path=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} is not UTF-8"
        raise RubricError(what, fix="save the file as UTF-8", path=path, line=line) from error


class _Token(NamedTuple):
    kind: Literal["scalar", "sequence", "mapping", "end"]
    line: int
    text: str = ""
    plain: bool = False


def _tokens(text: str, path: Path) -> Iterator[_Token]:
    documents = 0
    for event in _events(text, path):
        line = int(event.start_mark.line) + 1
        documents += type(event).__name__ == "DocumentStartEvent"
        if documents > 1:
            raise RubricError(
                "a second document begins", fix="one rubric a file", path=path, line=line
            )
        token = _token(event, line, path)
        if token is not None:
            yield token
    if not documents:
        raise RubricError("the file is empty", fix="write into it what it should hold", path=path)


def _events(text: str, path: Path) -> Iterator[Any]:
    from ruamel.yaml import YAML, YAMLError

    # ruamel leaves its events untyped; they are read in this file and nowhere else.
    parser: Any = YAML(typ="safe", pure=True)
    line = 1
    try:
        for event in parser.parse(text):
            line = event.start_mark.line + 1
            yield event
    # An escape such as "\UFFFFFFFF" gets out of ruamel as an arithmetic or a value error.
    except (YAMLError, ArithmeticError, ValueError) as error:
        what = str(getattr(error, "problem", None) or "a character that YAML does not allow")
        line = _line(error, text) or line
        fix = "check indentation, colons and quotes here"
        raise RubricError(what, fix=fix, path=path, line=line) from error


def _line(error: Exception, text: str) -> int | None:
    """Find the line of a parser's error; for what is never closed, where it was opened."""
    unclosed = "end of stream" in str(getattr(error, "problem", None))
    mark = getattr(error, "context_mark" if unclosed else "problem_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    position = getattr(error, "position", None)
    return None if position is None else text.count("\n", 0, position) + 1


def _token(event: Any, line: int, path: Path) -> _Token | None:
    if getattr(event, "anchor", None) is not None:
        what = f"anchor or alias {quoted(event.anchor)}"
        raise RubricError(what, fix="write the text out in each place", path=path, line=line)
    if getattr(event, "tag", None) is not None:
        what = f"tag {quoted(str(event.tag).replace(_YAML_TAG, '!!'))}"
        raise RubricError(what, fix="delete it: plain values only", path=path, line=line)
    match type(event).__name__:
        case "ScalarEvent":
            return _Token("scalar", line, str(event.value), plain=bool(event.implicit[0]))
        case "SequenceStartEvent":
            return _Token("sequence", line)
        case "MappingStartEvent":
            return _Token("mapping", line)
        case "SequenceEndEvent" | "MappingEndEvent":
            return _Token("end", line)
        case _:
            return None


class _Builder:
    """Builds values from tokens and notes the line of each; depth is bounded before descent."""

    def __init__(self, tokens: Iterator[_Token], path: Path, lines: dict[Spot, int]) -> None:
        self.tokens = tokens
        self._path = path
        self._lines = lines

    def build(self, token: _Token, spot: Spot) -> Value:
        self._lines.setdefault(spot, token.line)
        if len(self._lines) > MOST_VALUES:
            raise self._too_much(f"more than {MOST_VALUES} values", token)
        if token.kind == "scalar":
            return _scalar(token)
        if len(spot) >= DEEPEST:
            raise self._too_much(f"nested deeper than {DEEPEST} levels", token)
        return self._sequence(spot) if token.kind == "sequence" else self._mapping(spot)

    def _sequence(self, spot: Spot) -> Value:
        items: list[Value] = []
        while (token := next(self.tokens)).kind != "end":
            items.append(self.build(token, (*spot, len(items))))
        return tuple(items)

    def _mapping(self, spot: Spot) -> Value:
        entries: dict[str | int, Value] = {}
        while (token := next(self.tokens)).kind != "end":
            key = self._key(token)
            if key in entries:
                raise RubricError(
                    f"key {quoted(key)} twice", fix="keep one", path=self._path, line=token.line
                )
            self._lines[*spot, key] = token.line
            entries[key] = self.build(next(self.tokens), (*spot, key))
        return entries

    def _key(self, token: _Token) -> str | int:
        key = _scalar(token) if token.kind == "scalar" else None
        if isinstance(key, bool) or not isinstance(key, (str, int)) or key == "<<":
            raise RubricError(
                f"{quoted(token.text or token.kind)} cannot be a key",
                fix="use a word or a whole number",
                path=self._path,
                line=token.line,
            )
        return key

    def _too_much(self, what: str, token: _Token) -> RubricError:
        fix = "no rubric needs so much; write it flatter and shorter"
        return RubricError(what, fix=fix, path=self._path, line=token.line)


def _scalar(token: _Token) -> Value:
    """Read a scalar: whole and decimal numbers, true, false, null; all else is text."""
    if not token.plain:
        return token.text
    if token.text in _WORDS:
        return _WORDS[token.text]
    if _WHOLE.fullmatch(token.text):
        return int(token.text)
    if _DECIMAL.fullmatch(token.text):
        return float(token.text)
    return token.text
