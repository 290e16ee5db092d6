"""What a page is made of: one run, or two sides set beside each other; and where that came from.

Everything streams, and can be streamed again: a page is made in several passes.
"""

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from judge.grading.remarks import Known, canary_run, compare, marker
from judge.manifest import Manifest
from judge.records import Generation, Judgment, replaced, worst
from judge.report.model import Cost, Edition, ExpertLabels, Origin, Served, Stamp
from judge.report.scores import Rubrics
from judge.report.tally import Tally
from judge.store.records import Label, Run
from judge.store.run_contents import samples_of

if TYPE_CHECKING:
    from judge.sides import Side
    from judge.store.store import Store


OfSystem = TypeVar("OfSystem", Generation, Judgment, Label)


@dataclass(frozen=True, kw_only=True)
class Share:
    """A run, or some of its systems under the names that the page gives them."""

    store: "Store"
    run: Run
    names: Mapping[str, str] | None = None
    """By system, its name on the page; None for all systems under their own."""

    @cached_property
    def _mark(self) -> Callable[[Judgment], Judgment]:
        return marker(self.store, self.run)

    def generations(self) -> Iterator[Generation]:
        """Stream the responses."""
        return self._named(self.store.generations(self.run))

    def generations_of(self, ids: Collection[str]) -> Iterator[Generation]:
        """Stream the responses to some prompts, those to one in the order of the file."""
        return self._named(self.store.generations_of(self.run, ids))

    def judgments(self) -> Iterator[Judgment]:
        """Stream what was said of them, that of one response next to each other."""
        return self._named(map(self._mark, self.store.judgments(self.run)))

    def judgments_of(self, ids: Collection[str]) -> Iterator[Judgment]:
        """Stream what was said of the responses to some prompts."""
        return self._named(map(self._mark, self.store.judgments_of(self.run, ids)))

    def labels(self) -> Iterator[Label]:
        """Stream what experts said of them."""
        return self._named(self.store.labels(self.run))

    def _named(self, records: Iterable[OfSystem]) -> Iterator[OfSystem]:
        """Keep what is of the systems of the page, under their names there."""
        for record in records:
            if self.names is None:
                yield record
            elif record.system in self.names:
                name = self.names[record.system]
                yield record if name == record.system else replaced(record, system=name)

    def planned(self) -> int:
        """Count the judgments that were planned."""
        manifest = self.run.manifest
        if self.names is None:
            return manifest.planned
        # Not the rows of the file: a conversation of one row may be judged reply by reply.
        mine = sum(self.store.count_units(self.run, system=system) for system in self.names)
        return manifest.planned * mine // max(self.store.count_units(self.run), 1)


@dataclass(frozen=True, kw_only=True)
class Material:
    """All shares of a page; the last is the one that the page is about."""

    shares: Sequence[Share]

    @property
    def store(self) -> "Store":
        """Where the run lies that the page is about."""
        return self.shares[-1].store

    @property
    def run(self) -> Run:
        """The run that the page is about."""
        return self.shares[-1].run

    @property
    def manifest(self) -> Manifest:
        """What that run was made with."""
        return self.run.manifest

    @property
    def name(self) -> str:
        """Names of all runs, each once."""
        return ", ".join(dict.fromkeys(share.run.name for share in self.shares))

    @property
    def pairwise(self) -> bool:
        """Whether systems were compared two by two."""
        return self.manifest.kind == "pairwise"

    def generations(self) -> Iterator[Generation]:
        """Stream all responses, share by share."""
        for share in self.shares:
            yield from share.generations()

    def generations_of(self, ids: Collection[str]) -> Iterator[Generation]:
        """Stream the responses to some prompts, share by share."""
        for share in self.shares:
            yield from share.generations_of(ids)

    def judgments(self) -> Iterator[Judgment]:
        """Stream all judgments, share by share."""
        for share in self.shares:
            yield from share.judgments()

    def judgments_of(self, ids: Collection[str]) -> Iterator[Judgment]:
        """Stream what was said of the responses to some prompts, share by share."""
        for share in self.shares:
            yield from share.judgments_of(ids)

    def planned(self) -> int:
        """Count the judgments that were planned."""
        return sum(share.planned() for share in self.shares)

    def canaries(self) -> Known | None:
        """Compare the canaries that were judged beside the run; None where there are none."""
        beside = self.store.find_run(canary_run(self.run.name))
        if beside is None:
            return None
        known = compare(self.store.judgments(beside))
        return known if known.asked else None

    def labels(self) -> Iterator[Label]:
        """Stream all expert labels, share by share."""
        for share in self.shares:
            yield from share.labels()

    def expert_labels(self) -> ExpertLabels:
        """Count the expert labels, and say how the items were drawn: by all draws of all runs."""
        raters: set[str] = set()
        items: set[tuple[str, str, int]] = set()
        count = 0
        for label in self.labels():
            raters.add(label.rater)
            items.add((label.id, label.system, label.sample))
            count += 1
        counted = ExpertLabels(labels=count, raters=len(raters), items=len(items))
        runs = {(share.store.place, share.run.run_id): share for share in self.shares}
        draws = [draw for share in runs.values() for draw in samples_of(share.store, share.run)]
        if not draws:
            return counted
        last, same = draws[-1], {draw.design for draw in draws} == {draws[-1].design}
        known = {
            "design": last.design if same else "by-verdict",
            "seed": last.seed,
            "by": last.by,
            "drawn": sum(len(draw.items) for draw in draws),
        }
        return counted.model_copy(update=known)

    def spent(self) -> tuple[int, float]:
        """Count the calls of all runs and their known costs in US dollars."""
        runs = {(share.store.place, share.run.run_id): share for share in self.shares}
        spent = [share.store.spent(share.run) for share in runs.values()]
        return sum(calls for calls, _ in spent), sum(usd for _, usd in spent)


def beside(baseline: "Side", candidate: "Side") -> Material:
    """Set a candidate beside its baseline, in one run or in two."""
    first, second = shown_names(baseline, candidate)
    if baseline.shares_run(candidate):
        names = {baseline.system: first, candidate.system: second}
        return Material(shares=(Share(store=candidate.store, run=candidate.run, names=names),))
    return Material(
        shares=(
            Share(store=baseline.store, run=baseline.run, names={baseline.system: first}),
            Share(store=candidate.store, run=candidate.run, names={candidate.system: second}),
        )
    )


def shown_names(baseline: "Side", candidate: "Side") -> tuple[str, str]:
    """Name two sides by system where that tells them apart, else by run, else by time as well."""
    if baseline.system != candidate.system:
        return baseline.system, candidate.system
    if baseline.name != candidate.name:
        return baseline.name, candidate.name
    return _with_time(baseline), _with_time(candidate)


def stamp(material: Material, counted: Tally, rubrics: Rubrics) -> Stamp:
    """Say by whom, when, under which rubrics and at what cost a run was judged."""
    calls, usd = material.spent()
    judges = material.manifest.judges
    return Stamp(
        provenance=worst(counted.provenances) if counted.provenances else None,
        judges=judges,
        panel=len(judges) > 1,
        served=tuple(
            Served(judge=judge, model=model, judgments=count)
            for (judge, model), count in sorted(counted.served.items(), key=str)
        ),
        editions=tuple(_editions(material.manifest, rubrics)),
        passport=None,
        created_at=material.run.created_at,
        cost=Cost(
            calls=calls,
            usd=usd,
            unpriced=counted.sums["unpriced"],
            prompt_tokens=counted.sums["prompt_tokens"],
            completion_tokens=counted.sums["completion_tokens"],
        ),
    )


def origin(material: Material) -> Origin:
    """Say from which file and with which programs the numbers were made."""
    manifest = material.manifest
    return Origin(
        source=manifest.source.name,
        sha256=manifest.source.sha256,
        rows=manifest.source.rows,
        versions=(
            ("python", platform.python_version()),
            ("cvalues", version("cvalues")),
        ),
        repeats=manifest.repeats,
        pairwise=material.pairwise,
    )


def _editions(manifest: Manifest, rubrics: Rubrics) -> Iterator[Edition]:
    for asked in manifest.rubrics:
        rubric = rubrics.get((asked.rubric, asked.language))
        if rubric is not None:
            yield Edition(
                rubric=asked.rubric,
                language=asked.language,
                title=rubric.title,
                version=rubric.version,
                digest=asked.digest,
            )


def _with_time(side: "Side") -> str:
    return f"{side.name} {side.run.created_at[:19]}"
