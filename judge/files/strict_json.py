"""JSON with none of the usual leniencies: no key twice, no NaN, no endless number or nesting.

Files of users, replies of judges and profiles of simulated judges are read by it; each caller turns
`StrictJsonError` into an error of its own.
"""

import json
import math
import re
from collections.abc import Callable, Sequence

from judge.files.decoding import clipped

MAX_DIGITS = 64
"""Digits of a whole number."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJsonError(ValueError):
    """Valid JSON for a lenient reader, refused here."""


class RepeatedKeyError(StrictJsonError):
    """One key stands twice in one object, so which value is meant is anybody's guess."""


def too_deep(value: object, most: int) -> bool:
    """Tell whether more than `most` objects and arrays stand within one another."""
    level: list[object] = [value]
    for _ in range(most):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, (dict, list))]
    return bool(level)


def refuse_unstorable(value: object) -> None:
    """Refuse texts that no database takes: NUL, and halves of characters.

    Raises
    ------
    StrictJsonError
    """
    level = [value]
    while level:
        for text in level:
            if isinstance(text, str) and (found := _UNSTORABLE.search(text)):
                raise StrictJsonError(
                    f"the text holds U+{ord(found.group()):04X}, which is no character"
                )
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]  # pyright: ignore[reportUnknownVariableType] - JSON
    return value if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType] - JSON


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise RepeatedKeyError(f"the key '{clipped(twice)}' stands twice in one object")
    return values


def _unrepeated(pairs: Sequence[tuple[str, object]]) -> dict[str, object] | None:
    """Read an object in which a key stands twice as null."""
    values = dict(pairs)
    return values if len(values) == len(pairs) else None


def _refuse_constant(name: str) -> None:
    raise StrictJsonError(f"{name} is not JSON; write null for a missing number")


def _null(_name: str) -> None:
    """Read a number that is none as null."""


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise StrictJsonError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise StrictJsonError(f"the number {clipped(digits)} is too large")
    return value


def _decoder(constant: Callable[[str], None]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=constant, parse_int=_whole, parse_float=_finite
    )


STRICT = _decoder(_refuse_constant)
"""Raises `json.JSONDecodeError` for what is not JSON, `StrictJsonError` for what is refused."""

NAN_IS_NULL = _decoder(_null)
"""As `STRICT`, but reads ``NaN`` and ``Infinity``, which some tools write, as null."""

UNIQUE = json.JSONDecoder(object_pairs_hook=_unrepeated)
"""Reads an object in which a key stands twice as null, so that it concerns nothing around it; and
``NaN`` and ``Infinity`` as the numbers that they name. For callers that check each value."""
