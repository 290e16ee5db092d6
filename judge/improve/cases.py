"""Labelled cases: a response, what experts say of it, and the prompts that belong together.

A case has the experts' level for each criterion that they settled; one on which they tie is in no
part. Prompts are clusters: all systems and samples of a prompt, prompts with the same words, and
the wordings of one situation, in both languages, always stay together.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from judge.calibrate.calibration_set import Part
from judge.columns import Unit
from judge.conversation import language_of
from judge.records import Generation, Language, digest
from judge.store.seal import content_key

SITUATION = "situation"
"""Column that names what several wordings share, where a file has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One response with experts' labels.

    Attributes
    ----------
    generation : Generation
    cluster : str
        Digest of the prompts that belong together.
    prompts : tuple of str
        Keys of these prompts, as `prompt_key` gives them.
    labels : mapping of str to float
        Criterion to the experts' level.
    raters : mapping of str to tuple of float
        Criterion to the level that each expert gave.
    verdicts : mapping of str to float or None
        Criterion to the level that the judge of the run gave; None where it gave none.
    """

    generation: Generation
    cluster: str
    prompts: tuple[str, ...]
    labels: Mapping[str, float]
    raters: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    verdicts: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])

    @property
    def unit(self) -> Unit:
        """Identity within the run."""
        return self.generation.unit

    @property
    def lang(self) -> Language:
        """In which language it is judged."""
        return language_of(self.generation)

    @property
    def content(self) -> str:
        """Digest of prompt and response, by which the register of examples knows it."""
        return content_key(self.generation.prompt, self.generation.response)

    @property
    def unanimous(self) -> bool:
        """Whether no two experts gave it different levels."""
        return all(len(set(given)) < 2 for given in self.raters.values())


def prompt_key(generation: Generation) -> str:
    """Digest a prompt by its words: case, width, marks and spaces do not count."""
    text = unicodedata.normalize("NFKC", generation.prompt).casefold()
    bare = re.sub(r"[\W_]+", "", text)
    return digest(["prompt", bare or text])


def clusters_of(
    generations: Sequence[Generation], column: str | None = None
) -> dict[Unit, tuple[str, ...]]:
    """Find which responses belong together.

    Parameters
    ----------
    generations : sequence of Generation
    column : str, optional
        Of the situation that several prompts are wordings of; else ``situation`` where there is
        one.

    Returns
    -------
    dict of unit to tuple of str
        Keys of all prompts of the response's cluster, sorted.
    """
    groups = _Groups()
    for each in generations:
        places = [f"id {each.id}", f"prompt {prompt_key(each)}"]
        shared = each.extra.get(column or SITUATION)
        if shared not in (None, ""):
            places.append(f"situation {shared}")
        groups.join(places)
    members = defaultdict[str, set[str]](set)
    for each in generations:
        members[groups.root(f"id {each.id}")].add(prompt_key(each))
    together = {root: tuple(sorted(prompts)) for root, prompts in members.items()}
    return {each.unit: together[groups.root(f"id {each.id}")] for each in generations}


class _Groups:
    """Union of names that belong together (disjoint sets)."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (above := self._above.setdefault(name, name)) != name:
            self._above[name] = self._above[above]
            name = above
        return name

    def join(self, names: Iterable[str]) -> None:
        first, *others = (self.root(name) for name in names)
        for other in others:
            self._above[self.root(other)] = self.root(first)


def cases_of(
    parts: Sequence[Part],
    generations: Iterable[Generation],
    clusters: Mapping[Unit, tuple[str, ...]],
) -> tuple[Case, ...]:
    """Make a case of each response that experts settled for at least one criterion.

    Parameters
    ----------
    parts : sequence of Part
        Of one judge and rubric: a part for each criterion and system.
    generations : iterable of Generation
        Of the run, in the order of the file.
    clusters : mapping of unit to tuple of str
        As `clusters_of` gives them.

    Returns
    -------
    tuple of Case
        In the order of the file.
    """
    labels = defaultdict[Unit, dict[str, float]](dict)
    raters = defaultdict[Unit, dict[str, tuple[float, ...]]](dict)
    verdicts = defaultdict[Unit, dict[str, "float | None"]](dict)
    for part in parts:
        settled = part.settled.tolist()
        for place, unit in enumerate(part.units):
            verdict = float(part.verdicts[place])
            verdicts[unit][part.criterion] = None if np.isnan(verdict) else verdict
            if not np.isnan(settled[place]):
                labels[unit][part.criterion] = settled[place]
                given = part.labels[place][list(part.peers)] if part.peers else part.labels[place]
                raters[unit][part.criterion] = tuple(given[~np.isnan(given)].tolist())
    return tuple(
        Case(
            generation=each,
            cluster=digest(clusters[each.unit]),
            prompts=clusters[each.unit],
            labels=labels[each.unit],
            raters=raters[each.unit],
            verdicts=verdicts[each.unit],
        )
        for each in generations
        if labels.get(each.unit)
    )
