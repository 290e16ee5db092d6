"""Read JSON of unknown shape: what is not of the wanted kind counts as empty."""

from collections.abc import Mapping, Sequence
from typing import cast


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
