"""The order of rows in JSONL by which readers that look at the first rows learn all types.

Polars, DuckDB and others infer a table's types from its first rows: a column that is null in the
first 100 is taken for one without a type, and a member that comes later is dropped or refused. So
the few rows that show something new are written first.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

Row = Mapping[str, object]

LOOKED_AT = 100
"""Rows from which Polars infers types at its defaults."""

MOST_MOVED = LOOKED_AT // 2
"""Rows that are moved at most; a table of ever new members has no type to be learnt."""


def typed_first(read: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """Stream rows, those that show a type which the first rows do not show before all others.

    Parameters
    ----------
    read : callable
        Gives the rows anew with each call; it is called twice.
    """
    moved = _moved(read())
    rows = enumerate(read())
    if not moved:
        yield from (row for _, row in rows)
        return
    early = {place: row for place, row in enumerate(read()) if place in moved}
    yield from (early[place] for place in sorted(moved))
    yield from (row for place, row in rows if place not in moved)


def _moved(rows: Iterator[Row]) -> frozenset[int]:
    seen: set[str] = set()
    moved: set[int] = set()
    for place, row in enumerate(rows):
        new = {sign for sign in _signs("", row) if sign not in seen}
        if new and place >= LOOKED_AT - MOST_MOVED and len(moved) < MOST_MOVED:
            moved.add(place)
        seen |= new
    return frozenset(moved)


def _signs(path: str, value: object) -> Iterator[str]:
    """Name what a value shows: each place that is not null, with the kind that stands there."""
    if isinstance(value, Mapping):
        for name, member in cast("Mapping[str, object]", value).items():
            yield from _signs(f"{path}.{name}", member)
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            yield from _signs(f"{path}[]", member)
    elif value is not None:
        yield f"{path}:{type(value).__name__}"
