"""From a rubric to the text of a YAML file that loads as the same rubric.

Every text is written so that nothing in it can be read as YAML: on one line in double quotes with
JSON's escapes, or as a literal block where it has lines and no blanks at their ends.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from rubrics.rubric import Rubric


def document(rubric: Rubric) -> str:
    """Write a rubric as YAML.

    Parameters
    ----------
    rubric : Rubric

    Returns
    -------
    str
        `rubrics.load.load_file` reads it as an equal rubric. Fields that say nothing, or what
        holds anyway, are left out.
    """
    values = rubric.model_dump(mode="json", exclude_none=True)
    if rubric.unit == "reply":
        del values["unit"]
    if rubric.roles == ("assistant",):
        del values["roles"]
    for criterion in values["criteria"]:
        _shorten(criterion)
    for name in ("groups", "examples", "packs"):
        if not values[name]:
            del values[name]
    return "\n".join(_mapping(values, 0)) + "\n"


def _shorten(criterion: dict[str, Any]) -> None:
    """Write a criterion's levels as a mapping, and leave out what says nothing."""
    if "rule" in criterion:
        criterion["rule"] = {key: each for key, each in criterion["rule"].items() if each != []}
    if criterion["reference"] == "shown":
        del criterion["reference"]
    anchors = criterion["scale"]["anchors"]
    criterion["scale"]["anchors"] = {anchor["score"]: anchor["text"] for anchor in anchors}
    if not criterion["counter_rules"]:
        del criterion["counter_rules"]


def _mapping(values: Mapping[str, object], indent: int) -> Iterator[str]:
    for key, value in values.items():
        yield from _entry(f"{' ' * indent}{key}:", value, indent)


def _entry(head: str, value: object, indent: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield head
        yield from _mapping(cast("dict[str, object]", value), indent + 2)
    elif isinstance(value, list):
        yield head
        yield from _sequence(cast("list[object]", value), indent + 2)
    elif isinstance(value, str) and _is_block(value):
        yield f"{head} |-"
        yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{head} {json.dumps(value, ensure_ascii=False)}"


def _sequence(values: Sequence[object], indent: int) -> Iterator[str]:
    dash = f"{' ' * indent}- "
    for value in values:
        if isinstance(value, dict):
            lines = list(_mapping(cast("dict[str, object]", value), indent + 2))
            yield dash + lines[0].lstrip()
            yield from lines[1:]
        else:
            yield dash + json.dumps(value, ensure_ascii=False)


def _is_block(text: str) -> bool:
    lines = text.split("\n")
    plain = all(line == line.rstrip() and (line.isprintable()) for line in lines)
    return (
        len(lines) > 1
        and plain
        and bool(lines[0])
        and lines[0] == lines[0].lstrip()
        and bool(lines[-1])
    )
