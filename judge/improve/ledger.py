"""Where the seal is kept: in a store (`judge.store.seal.SealLedger`), or in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from judge.store.seal import Opening, Partition, PartName, UsedItem


class Ledger(Protocol):
    """Where the seal is kept."""

    def parts(self, rubric: str) -> Mapping[str, PartName]:
        """Give the part of every prompt that was ever placed for a rubric, by prompt key."""
        ...

    def place(self, partition: Partition) -> None:
        """Keep where prompts were placed; one that has a part keeps it."""
        ...

    def openings(self, rubric: str) -> Sequence[Opening]:
        """List the looks at proof parts of a rubric, oldest first."""
        ...

    def open(self, opening: Opening) -> Opening:
        """Keep an opening, stamped with the time, before a label is read.

        Raises
        ------
        SealedError
            If somebody else has opened any of the prompts since they were counted.
        """
        ...

    def close(self, opening: Opening, outcome: str) -> None:
        """Keep what an opening came to."""
        ...

    def register(self, items: Iterable[UsedItem]) -> None:
        """Keep which responses a rubric has seen; twice is once."""
        ...


class MemoryLedger:
    """A ledger for simulations: it forgets with the program."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], PartName] = {}
        self._openings: list[Opening] = []
        self.used: list[UsedItem] = []

    def parts(self, rubric: str) -> Mapping[str, PartName]:
        """As the protocol says."""
        return {prompt: part for (name, prompt), part in self._parts.items() if name == rubric}

    def place(self, partition: Partition) -> None:
        """As the protocol says."""
        for placed in partition.prompts:
            for prompt in placed.prompts:
                self._parts.setdefault((partition.rubric, prompt), placed.part)

    def openings(self, rubric: str) -> Sequence[Opening]:
        """As the protocol says."""
        return [each for each in self._openings if each.rubric == rubric]

    def open(self, opening: Opening) -> Opening:
        """As the protocol says."""
        self._openings.append(opening)
        return opening

    def close(self, opening: Opening, outcome: str) -> None:
        """As the protocol says."""
        place = self._openings.index(opening)
        self._openings[place] = opening.model_copy(update={"outcome": outcome})

    def register(self, items: Iterable[UsedItem]) -> None:
        """As the protocol says."""
        self.used += [item for item in items if item not in self.used]
