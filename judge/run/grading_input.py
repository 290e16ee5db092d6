"""What may be graded from Python: records, dicts, a DataFrame, or the path of a file."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast, runtime_checkable

from judge.files.row import Row
from judge.importers.responses import generation_of, read_generations
from judge.records import Generation

SOURCE = Path("generations")
"""What messages call rows that come from no file; their line is their place, from 1."""


@runtime_checkable
class Frame(Protocol):
    """A table of pandas, or of a library with the same two names."""

    @property
    def columns(self) -> Iterable[object]:
        """Names of the columns."""
        ...

    def to_dict(self, orient: Literal["records"]) -> Any:
        """Give the rows."""
        ...


Gradable = str | Path | Frame | Iterable[Generation | Mapping[str, object]]
"""A path, a DataFrame, or records and dicts with ``id``, ``prompt``, ``response`` and more."""


def generations_of(given: Gradable) -> list[Generation]:
    """Read what is to be graded.

    Parameters
    ----------
    given : str, Path, DataFrame, or iterable of Generation or dict
        Rows have the columns of a response file: ``id``, ``prompt``, ``response`` and, where known,
        ``system``, ``sample``, ``group``, ``lang``, ``reference``. Not-a-number counts as empty.

    Raises
    ------
    TableError
        If a row lacks a column or holds a wrong value; it names the row.
    """
    if isinstance(given, (str, Path)):
        return list(read_generations(given))
    if isinstance(given, Frame):
        return list(_records(given.to_dict("records")))
    return list(_records(given))


def _records(given: Iterable[Generation | Mapping[str, object]]) -> Iterator[Generation]:
    for place, each in enumerate(given, start=1):
        if isinstance(each, Generation):
            yield each
        elif isinstance(cast("object", each), Mapping):
            values = {str(name): plain_value(value) for name, value in each.items()}
            # Frames number their rows; ids of files are text.
            values["id"] = (
                str(values["id"]) if isinstance(values.get("id"), int) else values.get("id")
            )
            yield generation_of(Row(line=place, values=values, source=SOURCE))
        else:
            raise TypeError(
                f"generations: {type(each).__name__} at place {place}; give Generation records, "
                "dicts, a DataFrame or a path."
            )


def plain_value(value: object) -> object:
    """Take numbers of numpy as Python's, and what is not a number as empty."""
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    item: object = getattr(value, "item", None)
    plain: object = item() if callable(item) and hasattr(value, "dtype") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain
