"""How rubrics are put before people: described, compared, and as the messages a judge gets."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from judge.errors import ConfigError
from judge.grading import question_to
from judge.importers.responses import OPTIONAL, REQUIRED
from judge.keys import material
from judge.models.base import Message
from judge.pointwise import form
from judge.records import Generation, Judge
from rubrics import Rubric
from rubrics.lint import Change
from rubrics.rubric import Criterion

_LARGEST_ITEM = 4 * 1024 * 1024
_CONTEXT = 15
_SHOWN = 70


def described(rubric: Rubric) -> list[str]:
    """Describe a rubric in lines: what it is for, its criteria with every level, its sources."""
    groups = ", ".join(rubric.groups) or "all groups"
    lines = [
        f"{rubric.id} {rubric.version} ({rubric.language}): {rubric.title}",
        f"digest {rubric.digest}",
        f"for {groups}; {len(rubric.examples)} examples",
        rubric.purpose,
    ]
    for criterion in rubric.criteria:
        lines += ["", *_criterion(criterion)]
    if rubric.veto is not None:
        lines += ["", f"veto: {rubric.veto.criterion} at {rubric.veto.level}"]
    for pack in rubric.packs:
        lines += ["", f"principles for {pack.group} ({pack.title}), {pack.source.reference}:"]
        lines += [f"  [{item.source}] {item.text}" for item in pack.items]
    return lines


def messages(rubric: Rubric, item: Generation) -> tuple[Message, ...]:
    """Make the messages that a judge would get of an item, with a boundary code drawn afresh."""
    asked = form(rubric, item.group)
    return question_to(
        Judge(model="none"),
        asked.trusted,
        material(item),
        reply_schema=asked.reply_schema,
        nonce=secrets.token_hex(8),
    ).messages


def read_item(path: Path) -> Generation:
    """Read one item from a JSON file: id, prompt, response, and what else a response file has.

    Raises
    ------
    ConfigError
        As `file:line: what; how to fix`.
    """
    values = _json_object(path)
    known = {name: values[name] for name in (*REQUIRED, *OPTIONAL) if name in values}
    extra = {name: value for name, value in values.items() if name not in known}
    try:
        return Generation.model_validate({**known, "extra": extra})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(key) for key in fault["loc"])
        what = "is missing" if fault["type"] == "missing" else "has the wrong kind of value"
        raise ConfigError(
            f"{path}:1: {field} {what}; an item has id, prompt and response, all text"
        ) from None


def named(rubric: Rubric) -> Mapping[str, str]:
    """Name a rubric and its meaning."""
    return {
        "id": rubric.id,
        "version": rubric.version,
        "language": rubric.language,
        "digest": rubric.digest,
    }


def compared(before: Rubric, after: Rubric, changes: Sequence[Change]) -> list[str]:
    """Say in lines what changed between two rubrics, changes of meaning first."""
    telling = [change for change in changes if change.alters]
    silent = [change for change in changes if not change.alters]
    lines = [f"{_short(before)} -> {_short(after)}"]
    if not changes:
        return [*lines, "no difference"]
    if telling:
        lines += ["", f"{len(telling)} alter what a judge is told, may answer, or is scored:"]
        lines += [line for change in telling for line in _change(change)]
    if silent:
        lines += ["", f"{len(silent)} no judge and no score can notice:"]
        lines += [line for change in silent for line in _change(change)]
    return lines


def _criterion(criterion: Criterion) -> Iterator[str]:
    scale, source = criterion.scale, criterion.source
    line = "" if criterion.threshold is None else f", acceptable from {criterion.threshold}"
    yield f"{criterion.id} ({criterion.title}): {criterion.question}"
    yield f"  {criterion.direction}, weight {criterion.weight:g}{line}"
    for anchor in scale.anchors:
        yield f"  {anchor.score:>3}  {anchor.text}"
    note = f" - {source.note}" if source.note else ""
    yield f"  source ({source.kind}): {source.reference}{note}"


def _json_object(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_ITEM + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a JSON file with one item") from None
    if len(content) > _LARGEST_ITEM:
        raise ConfigError(f"{path}: larger than 4 MiB; give one item")
    try:
        value: object = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: {error.msg}; write one JSON object") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}:1: not JSON in UTF-8; write one JSON object") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path}:1: not an object; write one item as {{...}}")
    return cast("Mapping[str, object]", value)


def _short(rubric: Rubric) -> str:
    return f"{rubric.id} {rubric.version} ({rubric.language}, {rubric.digest[:12]})"


def _change(change: Change) -> Iterator[str]:
    views = f" [{', '.join(change.alters)}]" if change.alters else ""
    start = _parting(change.before or "", change.after or "")
    yield f"  {change.at}{views}"
    if change.before is not None:
        yield f"    - {_excerpt(change.before, start)}"
    if change.after is not None:
        yield f"    + {_excerpt(change.after, start)}"


def _parting(one: str, other: str) -> int:
    """Find where two texts part, a little before it so that the words around are seen."""
    pairs = enumerate(zip(one, other, strict=False))
    differing = (place for place, (a, b) in pairs if a != b)
    return max(0, next(differing, min(len(one), len(other))) - _CONTEXT)


def _excerpt(text: str, start: int) -> str:
    flat = text.replace("\n", " ")
    cut = flat[start : start + _SHOWN]
    return f"{'…' if start else ''}{cut}{'…' if start + _SHOWN < len(flat) else ''}"
