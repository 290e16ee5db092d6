"""The whole search: propose, guard, select, open the seal once, prove.

Nothing here knows a store or a network: cases, an engine, a ledger and wishes in, an outcome out.
With the same seed, labels and answers the outcome is the same, whether or not the program was
stopped in between: what was asked before is not asked again, and the search replays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from judge.errors import ConfigError
from judge.improve.cases import Case
from judge.improve.evaluation import Engine, Halted, Judged, Setup
from judge.improve.guards import Fault, Texts, asked_faults, guard_cases
from judge.improve.partition import Parted, texts_of
from judge.improve.proof import (
    CriterionProof,
    Moved,
    Pairing,
    Verdict,
    moved,
    overall,
    plain_gains,
    prove,
    with_selection,
)
from judge.improve.proposers import Proposer, Search
from judge.improve.selection import Candidate, Scored, Trial, choose
from judge.records import Provenance, Record, worst
from judge.store.seal import Opening, Partition, PartName, UsedItem, looks_at
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

# Where the seal is kept: in a store (`judge.store.seal.SealLedger`), or in memory.


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


ALPHA = 0.05
"""Two-sided error of all looks together."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked of the search.

    Attributes
    ----------
    proposers : tuple of Proposer
    judges : tuple of str
        Further judges to choose among.
    seed : int
    max_calls : int or None
    budget_usd : float or None
        For search and proof together.
    alpha : float
    name : str
        Of the search, in the ledger.
    """

    proposers: tuple[Proposer, ...]
    judges: tuple[str, ...] = ()
    seed: int = 0
    max_calls: int | None = None
    budget_usd: float | None = None
    alpha: float = ALPHA
    name: str = "improve"


class NewVerdict(Record):
    """What the new judge said of a response of the proof part."""

    id: str
    system: str
    sample: int
    levels: dict[str, int | None]


class Outcome(Record):
    """What a search came to."""

    verdict: Verdict
    why: str = ""
    """A sentence where there is no proof."""
    old: Rubric
    new: Rubric | None = None
    """The candidate that went into the proof; it takes the old one's place if it is BETTER."""
    judges_before: tuple[str, ...]
    judges_after: tuple[str, ...]
    origin: str | None = None
    example_keys: tuple[str, ...] = ()
    candidates: tuple[Scored, ...]
    rejected: tuple[Fault, ...]
    proposals: int
    criteria: tuple[CriterionProof, ...] = ()
    moved: tuple[Moved, ...] = ()
    verdicts: tuple[NewVerdict, ...] = ()
    """What the new judge said of the proof part; its passport rests on these alone."""
    folds: int | None = None
    """How many folds proved the procedure, where the labels were too few for a sealed part."""
    look: int | None = None
    """None where the seal was not broken."""
    looks: int
    alpha: float
    partition: str
    sizes: dict[str, int]
    provenance: Provenance | None = None
    calls: int = 0
    usd: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the new rubric is shown to be better."""
        return self.verdict == "BETTER"


class Chosen(Record):
    """What goes into the proof, as the ledger keeps it."""

    rubric: Rubric
    judges: tuple[str, ...]
    origin: str
    example_keys: tuple[str, ...]
    candidates: tuple[Scored, ...]
    rejected: tuple[Fault, ...]
    proposals: int
    select_gains: dict[str, float | None]


def _no_report(_: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a search works with.

    Attributes
    ----------
    engine : Engine
    old : Setup
        The run's judge and rubric.
    ledger : Ledger
    wishes : Wishes
    n_judged : int
        Responses of the run.
    report : callable
        Told in a line what is going on.
    """

    engine: Engine
    old: Setup
    ledger: Ledger
    wishes: Wishes
    n_judged: int
    report: Callable[[str], None] = _no_report


async def improve(context: Context, parted: Parted) -> Outcome:
    """Search for a better rubric and prove it.

    Parameters
    ----------
    context : Context
    parted : Parted
        Labelled cases in their parts, locked already.

    Returns
    -------
    Outcome

    Raises
    ------
    TooFewLabels
        If the proof part is too small for every criterion.
    ConfigError
        If the limits do not even allow the proof.
    Halted
        If a limit or a person stopped it before the outcome.
    """
    task = SearchTask(context, parted)
    opening = task.pending()
    if opening is None:
        task.require_room()
        chosen = await task.choose()
        if chosen is None:
            return task.nothing()
        opening = task.open(chosen)
    elif opening.outcome is not None:
        context.report(f"proven before, on {opening.opened_at[:10]}; nothing is asked again")
        return Outcome.model_validate_json(opening.outcome)
    outcome = await task.prove(opening)
    context.ledger.close(opening, outcome.model_dump_json())
    context.ledger.register(task.used(outcome))
    return outcome


class SearchTask:
    """One search under way.

    Parameters
    ----------
    context : Context
    parted : Parted
    criteria : tuple of str, optional
        Those to search by; else all whose sealed labels are enough to prove a gain.
    folds : int
        How many such searches share the limits.
    """

    def __init__(
        self,
        context: Context,
        parted: Parted,
        *,
        criteria: tuple[str, ...] | None = None,
        folds: int = 1,
    ) -> None:
        self._context, self._parted, self._folds = context, parted, folds
        self._engine, self._old, self._wishes = context.engine, context.old, context.wishes
        self._ledger, self._report = context.ledger, context.report
        rubric = context.old.rubric
        self._criteria = criteria or parted.provable(labelled_criteria(parted, rubric))
        self._scored: tuple[Scored, ...] = ()
        sealed = parted.proof_texts()
        self._search = Search(
            engine=context.engine,
            setup=context.old,
            reflect=parted.reflect,
            select=parted.select,
            criteria=self._criteria,
            texts=Texts((*texts_of(parted.reflect), *texts_of(parted.select), *sealed)),
            seed=context.wishes.seed,
            may_go_on=self._may_go_on,
            report=context.report,
        )

    def pending(self) -> Opening | None:
        """Find the opening that this very search has begun."""
        mine = [
            each
            for each in self._ledger.openings(self._old.rubric.id)
            if each.search == self._wishes.name and each.partition == self._parted.partition.digest
        ]
        return mine[-1] if mine else None

    def require_room(self) -> None:
        """Refuse limits that do not even allow one candidate and the proof."""
        least = self._reserve() + 2 * len(self._parted.select)
        most = self._wishes.max_calls
        if most is not None and most < least:
            raise ConfigError(
                f"--max-calls {most} is too few: selection and proof of one candidate take up to "
                f"{least} calls."
            )

    async def choose(self) -> Chosen | None:
        """Propose, select, and let the guards ask; None where the old setup stays."""
        found = await self._propose()
        trials = await self._try([Candidate(setup=self._old, origin="old"), *found])
        if self._wishes.judges:
            trials = await self._with_judges(trials)
        rows, order = choose(
            trials, self._parted.select, self._criteria, prices=self._prices(trials)
        )
        place = await self._pass_guards(trials, rows, order)
        rows = [row.model_copy(update={"chosen": at == place}) for at, row in enumerate(rows)]
        self._scored = tuple(rows)
        if place == 0:
            return None
        candidate = trials[place].candidate
        pairing = Pairing(
            cases=self._parted.select,
            before=trials[0].judged,
            after=trials[place].judged,
            rubric=self._old.rubric,
        )
        return Chosen(
            rubric=candidate.setup.rubric,
            judges=candidate.setup.judges,
            origin=candidate.origin,
            example_keys=candidate.example_keys,
            candidates=self._scored,
            rejected=tuple(self._search.rejected),
            proposals=self._search.proposals,
            select_gains=plain_gains(pairing, self._criteria),
        )

    async def _propose(self) -> list[Candidate]:
        found: dict[str, Candidate] = {}
        for proposer in self._wishes.proposers:
            for each in await proposer.propose(self._search):
                found.setdefault(rubric_digest(each.setup.rubric), each)
        found.pop(rubric_digest(self._old.rubric), None)
        return list(found.values())

    async def _try(self, candidates: Sequence[Candidate]) -> list[Trial]:
        """Judge the select part under each candidate while calls last."""
        trials: list[Trial] = []
        for each in candidates:
            cases = self._parted.select
            if trials and not self._may_go_on(self._engine.missing([each.setup], cases)):
                self._report("the limits leave no room for further candidates")
                break
            (judged,) = await self._engine.judge([each.setup], cases)
            trials.append(Trial(candidate=each, judged=judged))
        self._report(f"{len(trials) - 1} candidates tried on {len(self._parted.select)} responses")
        return trials

    async def _with_judges(self, trials: list[Trial]) -> list[Trial]:
        """Add other judges and the panel of all, under the old rubric and the best new one."""
        rows, order = choose(trials, self._parted.select, self._criteria)
        # A judge that follows no text may still have shown which text others would follow.
        new = range(1, len(trials))
        best_new = max(new, key=lambda place: rows[place].agreement or 0.0, default=0)
        best = trials[order[0] or best_new].candidate
        rubrics = list(dict.fromkeys([self._old.rubric, best.setup.rubric]))
        everyone = tuple(dict.fromkeys((*self._old.judges, *self._wishes.judges)))
        teams: list[tuple[str, ...]] = [(name,) for name in everyone]
        if len(everyone) > 2:
            teams.append(everyone)
        have = {
            (rubric_digest(each.candidate.setup.rubric), each.candidate.setup.judges)
            for each in trials
        }
        more = [
            replace(best, setup=Setup(rubric=rubric, judges=team), origin="judges")
            if rubric == best.setup.rubric
            else Candidate(setup=Setup(rubric=rubric, judges=team), origin="judges")
            for rubric in rubrics
            for team in teams
            if (rubric_digest(rubric), team) not in have
        ]
        return [*trials, *(await self._try([trials[0].candidate, *more]))[1:]]

    def _prices(self, trials: Sequence[Trial]) -> dict[str, float | None]:
        """Find what an item costs under each judge that was asked alone."""
        costs: dict[str, list[float]] = {}
        for trial in trials:
            if len(trial.candidate.setup.judges) == 1:
                known = [each.usd for each in trial.judged if each.usd is not None]
                costs.setdefault(trial.candidate.setup.judges[0], []).extend(known)
        return {name: sum(known) / len(known) if known else None for name, known in costs.items()}

    async def _pass_guards(
        self, trials: Sequence[Trial], rows: list[Scored], order: Sequence[int]
    ) -> int:
        """Give the first choice that the guards let through; 0 is the old setup."""
        for place in order:
            if place == 0:
                return 0
            setup = trials[place].candidate.setup
            before = replace(self._old, judges=setup.judges)
            faults = await asked_faults(self._engine, before, setup)
            if not faults:
                return place
            self._search.rejected += faults
            rows[place] = rows[place].model_copy(update={"rejected": faults[0].what})
        return 0

    def open(self, chosen: Chosen) -> Opening:
        """Write the opening down before anything sealed is read."""
        looks = self._looks()
        partition = self._parted.partition
        return self._ledger.open(
            Opening(
                search=self._wishes.name,
                rubric=self._old.rubric.id,
                partition=partition.digest,
                prompts=self._parted.proof_prompts,
                look=looks + 1,
                looks=partition.looks,
                alpha=self._wishes.alpha / partition.looks,
                labels=self._parted.proof_labels_digest,
                candidate=chosen.model_dump_json(),
            )
        )

    async def prove(self, opening: Opening) -> Outcome:
        """Judge the sealed part under both setups, in turn, and estimate the gain."""
        chosen = Chosen.model_validate_json(opening.candidate)
        notes: list[str] = []
        if opening.labels != self._parted.proof_labels_digest:
            notes.append("labels of the proof part changed after the seal was broken")
        cases = self._parted.open(looks_before=opening.look - 1)
        new = Setup(rubric=chosen.rubric, judges=chosen.judges)
        self._report(f"the seal is broken: {len(cases)} responses, old and new judge in turn")
        before, after = await self._engine.judge(
            [self._old, new], cases, fresh=f"proof {opening.look}"
        )
        require_answers(before, after)
        pairing = Pairing(cases=cases, before=before, after=after, rubric=self._old.rubric)
        proofs = prove(
            pairing, self._criteria, alpha=opening.alpha, n_judged=self._context.n_judged
        )
        return self.outcome(chosen, opening).model_copy(
            update={
                "verdict": overall(proofs),
                "criteria": with_selection(proofs, chosen.select_gains),
                "moved": moved(pairing, self._criteria),
                "verdicts": new_verdicts(cases, after),
                "provenance": worst({each.provenance for each in (*before, *after)}),
                "notes": tuple(notes),
                **self._spent(),
            }
        )

    def nothing(self) -> Outcome:
        """Say that no candidate was worth breaking the seal for."""
        return self.outcome(None).model_copy(
            update={
                "why": "no candidate was better than the old rubric on the select part; the seal "
                "of the proof part is whole",
                **self._spent(),
            }
        )

    def outcome(self, chosen: Chosen | None, opening: Opening | None = None) -> Outcome:
        """Say what was searched; what was proven is added to it."""
        looks = self._parted.partition.looks
        return Outcome(
            verdict="NOT SHOWN",
            old=self._old.rubric,
            new=chosen.rubric if chosen else None,
            judges_before=self._old.judges,
            judges_after=chosen.judges if chosen else self._old.judges,
            origin=chosen.origin if chosen else None,
            example_keys=chosen.example_keys if chosen else (),
            candidates=chosen.candidates if chosen else self._scored,
            rejected=chosen.rejected if chosen else tuple(self._search.rejected),
            proposals=chosen.proposals if chosen else self._search.proposals,
            look=opening.look if opening else None,
            looks=looks,
            alpha=opening.alpha if opening else self._wishes.alpha / looks,
            partition=self._parted.partition.digest,
            sizes=self._parted.sizes,
        )

    def used(self, outcome: Outcome) -> list[UsedItem]:
        """List what the new rubric has seen; nothing where the old one stays."""
        if not outcome.better or outcome.new is None:
            return []
        shown = set(outcome.example_keys)
        return [
            UsedItem(
                rubric=outcome.new.id,
                digest=rubric_digest(outcome.new),
                version=outcome.new.version,
                content=case.content,
                role="example" if case.content in shown else "tuned",
            )
            for case in (*self._parted.reflect, *self._parted.select)
        ]

    def _spent(self) -> dict[str, object]:
        return {"calls": self._engine.calls, "usd": self._engine.usd or None}

    def _looks(self) -> int:
        return looks_at(self._ledger.openings(self._old.rubric.id), self._parted.proof_prompts)

    def _reserve(self) -> int:
        """Count the calls that guards and proof may take."""
        teams = len(self._old.judges) + max(len(self._old.judges), 1)
        if self._wishes.judges:
            teams += len(self._wishes.judges)
        guards = sum(
            len(guard_cases(self._old.rubric, attacks=attacks)) for attacks in (False, True)
        )
        return self._folds * teams * (self._parted.sizes["proof"] + guards)

    def _may_go_on(self, calls: int) -> bool:
        """Tell whether so many calls leave enough for guards and proof."""
        wanted = calls + self._reserve()
        most, usd = self._wishes.max_calls, self._wishes.budget_usd
        if most is not None and self._engine.calls + wanted > most:
            return False
        if usd is None or not self._engine.calls:
            return True
        return self._engine.usd * (1.0 + wanted / self._engine.calls) <= usd


def labelled_criteria(parted: Parted, rubric: Rubric) -> tuple[str, ...]:
    """Name the rubric's criteria that have labels in the open parts."""
    have = {name for case in (*parted.reflect, *parted.select) for name in case.labels}
    return tuple(each.id for each in rubric.criteria if each.id in have)


def new_verdicts(cases: Sequence[Case], judged: Sequence[Judged]) -> tuple[NewVerdict, ...]:
    """Keep what the new judge said, response by response."""
    return tuple(
        NewVerdict(
            id=case.generation.id,
            system=case.generation.system,
            sample=case.generation.sample,
            levels=dict(each.levels),
        )
        for case, each in zip(cases, judged, strict=True)
    )


MOST_ERRORS = 0.1
"""Share of the proof's judgments that may fail for want of a connection before it is put off."""


def require_answers(*sides: Sequence[Judged]) -> None:
    """Put the proof off where the infrastructure failed; the look stays open and goes on later."""
    everything = [each for side in sides for each in side]
    failed = sum(each.outcome.startswith(("error.", "skipped.user")) for each in everything)
    if failed > MOST_ERRORS * len(everything):
        raise Halted(
            f"{failed} of {len(everything)} judgments of the proof failed; the same command asks "
            "them again"
        )
