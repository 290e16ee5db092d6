"""Columns of items: what is known of many of them, without an object for each.

A run of ten million verdicts is read once, row by row, and what is asked of it is kept in arrays.
Text that hardly repeats, such as an id, stands in numpy's own strings of varying width; text that
repeats, such as the name of a group, is one object that many rows point to.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import SupportsIndex, overload

import numpy as np
import numpy.typing as npt

Unit = tuple[str, str, int]
"""An item: id, system, sample."""

Whole = npt.NDArray[np.int32] | npt.NDArray[np.intp]
"""Rows of a table, or codes of names."""

Strings = np.ndarray[tuple[int], np.dtypes.StringDType]

PAGE = 10_000
"""Items that are turned into objects at once."""


def whole(numbers: "array[int]") -> npt.NDArray[np.int32]:
    """Give the whole numbers that were gathered, without a copy of them."""
    return np.frombuffer(numbers, dtype=np.int32) if numbers else np.empty(0, dtype=np.int32)


def real(numbers: "array[float]") -> npt.NDArray[np.float64]:
    """Give the numbers that were gathered, without a copy of them."""
    return np.frombuffer(numbers) if numbers else np.empty(0)


class Texts(Sequence[str]):
    """A column of texts that hardly repeat, such as ids."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Strings) -> None:
        self._texts = texts

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """Keep texts, a page at a time."""
        rest = iter(texts)
        pages: list[Strings] = [np.empty(0, dtype=np.dtypes.StringDType())]
        while page := list(islice(rest, PAGE)):
            pages.append(np.array(page, dtype=np.dtypes.StringDType()))
        return cls(np.concatenate(pages))

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._texts)

    @overload
    def __getitem__(self, at: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> "Texts": ...
    def __getitem__(self, at: "SupportsIndex | slice") -> "str | Texts":
        """Give one text, or those of a slice."""
        return Texts(self._texts[at]) if isinstance(at, slice) else str(self._texts[at])

    def __iter__(self) -> Iterator[str]:
        """Give the texts in order, a page of them as objects at a time."""
        for start in range(0, len(self._texts), PAGE):
            yield from self._texts[start : start + PAGE].tolist()

    def take(self, rows: Whole) -> "Texts":
        """Give the texts of some rows."""
        return Texts(self._texts[rows])

    def ranks(self) -> npt.NDArray[np.intp]:
        """Give the place of each text in the order of all: that of their characters' codes."""
        ranks = np.empty(len(self), dtype=np.intp)
        ranks[np.argsort(self._texts, kind="stable")] = np.arange(len(self))
        return ranks


class Units(Sequence[Unit]):
    """A column of items: ids, and which of a few systems and samples each is of."""

    __slots__ = ("_ids", "_names", "_samples", "_systems")

    def __init__(self, ids: Texts, systems: Whole, samples: Whole, *, names: Sequence[str]) -> None:
        self._ids = ids
        self._systems = systems
        self._samples = samples
        self._names = tuple(names)

    @classmethod
    def of(cls, units: Iterable[Unit]) -> "Units":
        """Keep units, in their order."""
        names: dict[str, int] = {}
        systems, samples = array("i"), array("i")

        def ids() -> Iterator[str]:
            for name, system, sample in units:
                systems.append(names.setdefault(system, len(names)))
                samples.append(sample)
                yield name

        texts = Texts.of(ids())
        return cls(texts, whole(systems), whole(samples), names=tuple(names))

    @property
    def ids(self) -> Texts:
        """Ids alone."""
        return self._ids

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in order of their first item."""
        return self._names

    def of_system(self, name: str) -> npt.NDArray[np.bool_]:
        """Mark the items of a system."""
        return self._systems == self._names.index(name)

    def __len__(self) -> int:
        """Count the items."""
        return len(self._ids)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Unit: ...
    @overload
    def __getitem__(self, at: slice) -> "Units": ...
    def __getitem__(self, at: "SupportsIndex | slice") -> "Unit | Units":
        """Give one item, or those of a slice."""
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        return self._ids[at], self._names[self._systems[at]], int(self._samples[at])

    def __iter__(self) -> Iterator[Unit]:
        """Give the items in order, a page of them as objects at a time."""
        for start in range(0, len(self), PAGE):
            here = slice(start, start + PAGE)
            systems = (self._names[code] for code in self._systems[here].tolist())
            yield from zip(self._ids[here], systems, self._samples[here].tolist(), strict=True)

    def take(self, rows: Whole) -> "Units":
        """Give the items of some rows."""
        return Units(
            self._ids.take(rows), self._systems[rows], self._samples[rows], names=self._names
        )
