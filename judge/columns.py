"""Columns of items: what is known of many of them, without an object for each.

A run of ten million verdicts is read once, row by row, and what is asked of it is kept in arrays.
Text that hardly repeats, such as an id, stands in one piece of memory; text that repeats, such as
the name of a group, is one object that many rows point to.
"""

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import SupportsIndex, overload

import numpy as np
import numpy.typing as npt

Unit = tuple[str, str, int]
"""An item: id, system, sample."""

Prompt = tuple[str, int]
"""An item of one system: id, sample."""

Whole = npt.NDArray[np.int32] | npt.NDArray[np.intp]
"""Rows of a table, or codes of names."""

Bools = npt.NDArray[np.bool_]

PAGE = 10_000
"""Items that are turned into objects at once."""


def whole(numbers: "array[int]") -> npt.NDArray[np.int32]:
    """Give the whole numbers that were gathered, without a copy of them."""
    return np.frombuffer(numbers, dtype=np.int32) if numbers else np.empty(0, dtype=np.int32)


def real(numbers: "array[float]") -> npt.NDArray[np.float64]:
    """Give the numbers that were gathered, without a copy of them."""
    return np.frombuffer(numbers) if numbers else np.empty(0)


def row_list(rows: Whole) -> list[int]:
    """Give rows as numbers of Python."""
    return rows.tolist()


def marks(rows: Whole, n: int) -> Bools:
    """Mark some of n rows."""
    found = np.zeros(n, dtype=np.bool_)
    found[rows] = True
    return found


def codes(values: "npt.NDArray[np.generic]") -> npt.NDArray[np.intp]:
    """Give values numbers in the order of their first place, equal ones the same.

    Examples
    --------
    >>> codes(np.array([7, 3, 7, 9])).tolist()
    [0, 1, 0, 2]
    """
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


class Names:
    """Gives each name one object, so that many rows can point to it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    @overload
    def __call__(self, name: str) -> str: ...
    @overload
    def __call__(self, name: str | None) -> str | None: ...
    def __call__(self, name: str | None) -> str | None:
        """Give the object that stands for a name."""
        return None if name is None else self._known.setdefault(name, name)


class Digests:
    """A column of texts that are only ever compared: 16 bytes for each."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, text: str) -> None:
        """Keep what tells one more text from others."""
        encoded = text.encode("utf-8", "surrogatepass")
        self._bytes += hashlib.blake2b(encoded, digest_size=16).digest()

    def copy(self) -> "Digests":
        """Copy the column."""
        copied = Digests()
        copied._bytes = bytearray(self._bytes)
        return copied

    def array(self) -> npt.NDArray[np.bytes_]:
        """Give the digests that were gathered."""
        return np.frombuffer(self._bytes, dtype="S16") if self._bytes else np.empty(0, "S16")


class Texts(Sequence[str]):
    """A column of texts that hardly repeat, such as ids, in one piece of memory."""

    __slots__ = ("_bytes", "_ends", "_rows")

    def __init__(self, bytes_: bytearray, ends: npt.NDArray[np.int64], rows: Whole) -> None:
        self._bytes, self._ends, self._rows = bytes_, ends, rows

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """Keep texts."""
        bytes_, ends = bytearray(), array("q", [0])
        for text in texts:
            bytes_ += text.encode("utf-8", "surrogatepass")
            ends.append(len(bytes_))
        rows = np.arange(len(ends) - 1, dtype=np.int32)
        return cls(bytes_, np.frombuffer(ends, dtype=np.int64), rows)

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._rows)

    @overload
    def __getitem__(self, at: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> "Texts": ...
    def __getitem__(self, at: "SupportsIndex | slice") -> "str | Texts":
        """Give one text, or those of a slice."""
        if isinstance(at, slice):
            return Texts(self._bytes, self._ends, self._rows[at])
        row = int(self._rows[at])
        return self._decoded(int(self._ends[row]), int(self._ends[row + 1]))

    def __iter__(self) -> Iterator[str]:
        """Give the texts in order, a page of them as objects at a time."""
        for start in range(0, len(self), PAGE):
            rows = self._rows[start : start + PAGE]
            ends = zip(self._ends[rows].tolist(), self._ends[rows + 1].tolist(), strict=True)
            yield from [self._decoded(begin, end) for begin, end in ends]

    def take(self, rows: Whole) -> "Texts":
        """Give the texts of some rows."""
        return Texts(self._bytes, self._ends, self._rows[rows])

    def digests(self) -> npt.NDArray[np.bytes_]:
        """Give 16 bytes for each that are equal where texts are."""
        found = Digests()
        for text in self:
            found.add(text)
        return found.array()

    def _decoded(self, begin: int, end: int) -> str:
        return self._bytes[begin:end].decode("utf-8", "surrogatepass")


class Prompts(Sequence[Prompt]):
    """A column of items of one system: ids, and which sample each is."""

    __slots__ = ("_digests", "ids", "samples")

    def __init__(
        self, ids: Texts, samples: Whole, digests: npt.NDArray[np.bytes_] | None = None
    ) -> None:
        self.ids, self.samples, self._digests = ids, samples, digests

    @classmethod
    def of(cls, prompts: Iterable[Prompt]) -> "Prompts":
        """Keep ids and samples, in their order."""
        samples = array("i")

        def ids() -> Iterator[str]:
            for name, sample in prompts:
                samples.append(sample)
                yield name

        texts = Texts.of(ids())
        return cls(texts, whole(samples))

    def __len__(self) -> int:
        """Count the items."""
        return len(self.ids)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Prompt: ...
    @overload
    def __getitem__(self, at: slice) -> "Prompts": ...
    def __getitem__(self, at: "SupportsIndex | slice") -> "Prompt | Prompts":
        """Give one item, or those of a slice."""
        if isinstance(at, slice):
            return Prompts(self.ids[at], self.samples[at])
        return self.ids[at], int(self.samples[at])

    def __iter__(self) -> Iterator[Prompt]:
        """Give the items in order."""
        yield from zip(self.ids, map(int, self.samples), strict=True)

    def take(self, rows: Whole) -> "Prompts":
        """Give the items of some rows."""
        digests = None if self._digests is None else self._digests[rows]
        return Prompts(self.ids.take(rows), self.samples[rows], digests)

    def digests(self) -> npt.NDArray[np.bytes_]:
        """Give 16 bytes for each that are equal where id and sample are."""
        if self._digests is None:
            found = Digests()
            for name, sample in self:
                found.add(f"{name}\0{sample}")
            self._digests = found.array()
        return self._digests

    def rows_of(self, wanted: Collection[Prompt]) -> dict[Prompt, int]:
        """Find the rows of a few items."""
        return {prompt: row for row, prompt in enumerate(self) if prompt in wanted}


class Units(Sequence[Unit]):
    """A column of items of several systems: ids, and which system and sample each is of."""

    __slots__ = ("_prompts", "_systems", "systems")

    def __init__(self, prompts: Prompts, of: Whole, *, systems: Sequence[str]) -> None:
        self._prompts, self._systems, self.systems = prompts, of, tuple(systems)

    @classmethod
    def of(cls, units: Iterable[Unit]) -> "Units":
        """Keep units, in their order."""
        systems: dict[str, int] = {}
        numbers = array("i")

        def prompts() -> Iterator[Prompt]:
            for name, system, sample in units:
                numbers.append(systems.setdefault(system, len(systems)))
                yield name, sample

        kept = Prompts.of(prompts())
        return cls(kept, whole(numbers), systems=tuple(systems))

    @property
    def ids(self) -> Texts:
        """Ids alone."""
        return self._prompts.ids

    def of_system(self, name: str) -> Bools:
        """Mark the items of a system."""
        return self._systems == self.systems.index(name)

    def __len__(self) -> int:
        """Count the items."""
        return len(self._prompts)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Unit: ...
    @overload
    def __getitem__(self, at: slice) -> "Units": ...
    def __getitem__(self, at: "SupportsIndex | slice") -> "Unit | Units":
        """Give one item, or those of a slice."""
        if isinstance(at, slice):
            return Units(self._prompts[at], self._systems[at], systems=self.systems)
        name, sample = self._prompts[at]
        return name, self.systems[int(self._systems[at])], sample

    def __iter__(self) -> Iterator[Unit]:
        """Give the items in order."""
        for (name, sample), code in zip(self._prompts, map(int, self._systems), strict=True):
            yield name, self.systems[code], sample

    def take(self, rows: Whole) -> "Units":
        """Give the items of some rows."""
        return Units(self._prompts.take(rows), self._systems[rows], systems=self.systems)
