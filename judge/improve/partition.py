"""The lock: labelled prompts are parted once, before anything is read, and stay parted.

*reflect* is what a proposer sees, *select* is what chooses among candidates, *proof* is sealed: its
labels are read once, when the old and the new rubric are compared. A prompt keeps its part for as
long as the store knows it, whichever run or file of labels brings it again, so that no second
partition can move a prompt whose label was read into a new proof part.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np
from pydantic import Field

from judge.errors import ConfigError
from judge.improve.cases import Case
from judge.records import Record, digest
from judge.store.seal import Partition, PartName, PlacedPrompt, SealedError

FEWEST_PROOF = 60
"""Labelled responses that the proof part must hold."""
FEWEST_OF_CLASS = 5
"""Of each class that experts gave, so that a gain is not one of the larger class alone."""


class TooFewLabels(ConfigError):  # noqa: N818 - reads as a statement at the place where it is raised
    """The proof part would be too small to prove anything; the message says what is missing."""


class Shares(Record):
    """How labelled prompts are parted, as fractions that sum to 1."""

    reflect: float = Field(default=0.3, gt=0, lt=1)
    select: float = Field(default=0.2, gt=0, lt=1)
    proof: float = Field(default=0.5, gt=0, lt=1)

    def of(self, part: PartName) -> float:
        """Give the share of a part, which is how likely a prompt was to fall into it."""
        return dict(self.by_part())[part]

    def by_part(self) -> tuple[tuple[PartName, float], ...]:
        """List the parts, the one that is read first at the head."""
        return (("reflect", self.reflect), ("select", self.select), ("proof", self.proof))


def make_partition(
    cases: Sequence[Case],
    *,
    rubric: str,
    seed: int,
    shares: Shares | None = None,
    looks: int = 1,
    known: Mapping[str, PartName] | None = None,
) -> Partition:
    """Part labelled prompts, those that were parted before as they were.

    Prompts in the order of their strata are dealt out in blocks of twenty whose places are drawn at
    random, so that each part has its share of every stratum (systematic sampling with implicit
    stratification; Cochran 1977, Sampling Techniques, section 8.3).

    Parameters
    ----------
    cases : sequence of Case
        Labels are not looked at.
    rubric : str
    seed : int
    shares : Shares, optional
    looks : int
        How often the proof part may be opened.
    known : mapping of str to PartName, optional
        Key of a prompt to where it was placed before. Where prompts of several parts turn out to
        belong together, the part that was read first counts: reflect, then select, then proof.

    Returns
    -------
    Partition
    """
    shares = shares or Shares()
    clusters = {case.cluster: case for case in cases}
    strata = _strata(cases)
    placed: dict[str, PartName] = {}
    for name, case in clusters.items():
        part = _known_part(case.prompts, known or {})
        if part is not None:
            placed[name] = part
    # The order of the file must not matter: names first, then a draw.
    fresh = sorted(clusters.keys() - placed.keys())
    rng = np.random.default_rng(seed)
    order = sorted(
        zip((strata[name] for name in fresh), rng.random(len(fresh)), fresh, strict=True)
    )
    for entry, part in zip(order, _deal(len(order), shares, rng), strict=True):
        placed[entry[2]] = part
    return Partition(
        rubric=rubric,
        seed=seed,
        looks=looks,
        prompts=tuple(
            PlacedPrompt(
                cluster=name,
                prompts=clusters[name].prompts,
                part=part,
                stratum=strata[name],
                probability=shares.of(part),
            )
            for name, part in sorted(placed.items())
        ),
    )


def _known_part(prompts: Iterable[str], known: Mapping[str, PartName]) -> PartName | None:
    parts = {known[prompt] for prompt in prompts if prompt in known}
    for part, _ in Shares().by_part():
        if part in parts:
            return part
    return None


def _strata(cases: Iterable[Case]) -> dict[str, str]:
    """Name the stratum of each prompt: what the run's judge said of its first response."""
    found: dict[str, str] = {}
    for case in cases:
        said = {
            name: "none" if level is None else f"{level:g}"
            for name, level in sorted(case.verdicts.items())
            if name in case.labels
        }
        found.setdefault(case.cluster, ",".join(f"{name}={level}" for name, level in said.items()))
    return found


def _deal(count: int, shares: Shares, rng: np.random.Generator) -> list[PartName]:
    """Deal out parts in blocks of twenty with every part's share, in an order that is drawn."""
    block: list[PartName] = []
    for part, share in shares.by_part():
        block.extend(repeat(part, max(round(20 * share), 1)))
    dealt: list[PartName] = []
    while len(dealt) < count:
        dealt.extend(block[int(place)] for place in rng.permutation(len(block)))
    return dealt[:count]


class Parted:
    """Labelled cases in their parts; those of the proof part are out of reach until it is opened.

    Parameters
    ----------
    cases : sequence of Case
    partition : Partition
    spent : container of str
        Keys of prompts whose sealed labels have been read as often as was declared.
    """

    def __init__(
        self, cases: Sequence[Case], partition: Partition, *, spent: Container[str] = ()
    ) -> None:
        part_of = partition.part_of()
        by_part = defaultdict[PartName, list[Case]](list)
        self.retired = 0
        for case in cases:
            part = part_of[case.cluster]
            if part == "proof" and any(prompt in spent for prompt in case.prompts):
                # Its label has been read: it may teach, and prove nothing any more.
                part, self.retired = "reflect", self.retired + 1
            by_part[part].append(case)
        self.partition = partition
        self.reflect = tuple(by_part["reflect"])
        self.select = tuple(by_part["select"])
        self.__proof = tuple(by_part["proof"])
        self._opened = False

    @property
    def sizes(self) -> dict[str, int]:
        """Labelled responses in each part."""
        return {
            "reflect": len(self.reflect),
            "select": len(self.select),
            "proof": len(self.__proof),
        }

    @property
    def proof_prompts(self) -> tuple[str, ...]:
        """Keys of the prompts of the proof part, without what experts say of them."""
        return tuple(sorted({prompt for case in self.__proof for prompt in case.prompts}))

    @property
    def proof_labels_digest(self) -> str:
        """Digest of the sealed labels, so that a change after the lock shows."""
        return digest(
            sorted(
                [*map(str, case.unit), *map(str, sorted(case.labels.items()))]
                for case in self.__proof
            )
        )

    def proof_texts(self) -> tuple[str, ...]:
        """Give the texts of the proof part, without labels: no candidate may copy them."""
        return texts_of(self.__proof)

    def provable(self, criteria: Iterable[str]) -> tuple[str, ...]:
        """Name the criteria whose sealed labels are enough to prove a gain.

        Raises
        ------
        TooFewLabels
            If there is none.
        """
        wanted = list(criteria)
        short = {name: shortage(self.__proof, name) for name in wanted}
        enough = tuple(name for name in wanted if short[name] is None)
        if not enough:
            why = "; ".join(f"{name}: {reason}" for name, reason in short.items())
            share = self._share()
            need = math.ceil(FEWEST_PROOF / share)
            raise TooFewLabels(
                f"the proof part is too small ({why}). It takes about {need} labelled responses; "
                "cvalues plan-labels says how many a wanted interval needs, and --cross-fit 5 "
                "proves the procedure with fewer."
            )
        return enough

    def open(self, *, looks_before: int) -> tuple[Case, ...]:
        """Break the seal.

        Parameters
        ----------
        looks_before : int
            Openings of these prompts that the ledger holds, without this one.

        Raises
        ------
        SealedError
            If as many looks as were declared have been taken.
        """
        if looks_before >= self.partition.looks or self._opened:
            raise SealedError(
                f"the proof part was opened {looks_before} of {self.partition.looks} times; it is "
                "spent. Label new prompts: they fall into new parts."
            )
        self._opened = True
        return self.__proof

    def _share(self) -> float:
        total = sum(self.sizes.values())
        return len(self.__proof) / total if total and self.__proof else Shares().proof


def texts_of(cases: Iterable[Case]) -> tuple[str, ...]:
    """Give prompts and responses, each once."""
    texts = (text for case in cases for text in (case.generation.prompt, case.generation.response))
    return tuple(dict.fromkeys(texts))


def shortage(cases: Sequence[Case], criterion: str) -> str | None:
    """Say what a criterion lacks to be proven; None where it lacks nothing."""
    classes = Counter(case.labels[criterion] for case in cases if criterion in case.labels)
    total = sum(classes.values())
    if total < FEWEST_PROOF:
        return f"{total} labels, {FEWEST_PROOF} needed"
    large = [level for level, count in classes.items() if count >= FEWEST_OF_CLASS]
    if len(large) < 2:
        listed = ", ".join(
            f"{count} of level {level:g}" for level, count in sorted(classes.items())
        )
        return f"{listed}; two levels need {FEWEST_OF_CLASS} labels each"
    return None
