"""One search in a store: read the run and its labels, lock, search, prove, keep.

A search is a run of its own, of the kind ``improve``: its manifest says everything that can change
the outcome, and it resumes only with an equal one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from judge.calibrate.calibration_set import Part, Question
from judge.calibrate.from_run import material_of, parts
from judge.errors import ConfigError, RunMismatch
from judge.improve.asking import StoreEngine
from judge.improve.cases import Case, cases_of, clusters_of
from judge.improve.evaluation import Setup
from judge.improve.partition import Parted, Shares, TooFewLabels, make_partition
from judge.improve.proposers import Proposer
from judge.improve.search import Context, Wishes
from judge.manifest import Manifest, RubricEdition, difference
from judge.models.base import Model
from judge.models.limits import Budget
from judge.models.retry import RetryPolicy
from judge.records import Candidate, Judge, Language, digest
from judge.run.run import Settings, limits_of
from judge.run.scheduler import Bench, Keep, Made
from judge.store.records import Label, Run
from judge.store.seal import Opening, SealedError, SealLedger, looks_at
from judge.store.store import Store
from judge.store.writer import Writer
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric, frame_language

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run and its labels hold for a search.

    Attributes
    ----------
    run : Run
        The judged run.
    judge : Judge
        Whose verdicts are to be improved.
    rubric : Rubric
        The edition to be improved.
    cases : tuple of Case
    parts : tuple of Part
        Judge and labels, criterion by criterion, for the passport.
    n_judged : int
        Responses of the run in the edition's language.
    left_out : mapping of str to int
        Labelled responses that take no part, by reason.
    simulated_labels : bool
    """

    run: Run
    judge: Judge
    rubric: Rubric
    cases: tuple[Case, ...]
    parts: tuple[Part, ...]
    n_judged: int
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    simulated_labels: bool = False

    @property
    def labels_digest(self) -> str:
        """Digest of all labels, so that a search resumes with the same ones only."""
        rows = [[*map(str, case.unit), sorted(case.labels.items())] for case in self.cases]
        return digest(rows)


def read_material(
    store: Store,
    run: Run,
    *,
    rubric: Rubric,
    judge: str | None,
    labels: tuple[Label, ...],
    gold: str | None = None,
    clusters: str | None = None,
) -> Material:
    """Read what a judge said in a run beside experts' labels.

    Parameters
    ----------
    store : Store
    run : Run
    rubric : Rubric
        The edition to be improved; the run must have been judged with it.
    judge : str or None
        One of the run's judges; None where it has one.
    labels : tuple of Label
    gold : str, optional
        The rater whose labels settle the items.
    clusters : str, optional
        Column of what several prompts are wordings of.

    Raises
    ------
    ConfigError
        If the run was judged with another rubric, or nothing is labelled.
    """
    chosen = _judge_of(run, judge)
    _require_rubric(run, rubric)
    question = Question(judge=chosen.name, gold=gold)
    mine = tuple(label for label in labels if label.rubric in {None, rubric.id})
    read = material_of(store, run, labels=mine, question=question)
    cut = tuple(part for part in parts(read) if part.rubric == rubric.id)
    generations = list(store.generations(run))
    together = clusters_of(generations, clusters)
    every = cases_of(cut, generations, together)
    cases = tuple(case for case in every if case.lang == frame_language(rubric.language))
    if not cases:
        raise ConfigError(
            f"no labelled response is in {rubric.language}, the language of the rubric."
        )
    left_out = {f"not in {rubric.language}": len(every) - len(cases)}
    return Material(
        run=run,
        judge=chosen,
        rubric=rubric,
        cases=cases,
        parts=cut,
        n_judged=sum(len(part.units) for part in cut if part.criterion == cut[0].criterion),
        left_out={why: count for why, count in left_out.items() if count},
        simulated_labels=any(each.rater.startswith("simulated-") for each in mine),
    )


def main_language(store: Store, run: Run, labels: Sequence[Label]) -> Language:
    """Give the language of most labelled responses."""
    from judge.conversation import language_of

    wanted = {(label.id, label.system, label.sample) for label in labels}
    found = [language_of(each) for each in store.generations(run) if each.unit in wanted]
    return "en" if found.count("en") > found.count("zh") else "zh"


def _judge_of(run: Run, name: str | None) -> Judge:
    judges = {judge.name: judge for judge in run.manifest.judges}
    if name is None and len(judges) == 1:
        return next(iter(judges.values()))
    if name is None or name not in judges:
        raise ConfigError(f"name one judge of the run with --judge: {', '.join(sorted(judges))}.")
    return judges[name]


def _require_rubric(run: Run, rubric: Rubric) -> None:
    editions = {(each.rubric, each.language): each.digest for each in run.manifest.rubrics}
    known = editions.get((rubric.id, rubric.language))
    if known != rubric_digest(rubric):
        have = ", ".join(f"{name} ({lang}, {d[:8]})" for (name, lang), d in editions.items())
        raise ConfigError(
            f"run {run.name!r} was not judged with {rubric.id} {rubric.version} "
            f"({rubric.language}, {rubric_digest(rubric)[:8]}); it has {have}."
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a search is to do; all of it is part of its manifest but limits and proposers.

    Attributes
    ----------
    name : str
        Of the search's run.
    proposers : tuple of Proposer
    method : str
        The proposers in words, for the manifest.
    reflection : Candidate or None
    judges : tuple of Judge
        Further judges to choose among.
    seed : int
    looks : int or None
        How often the proof part may be opened; None for what was declared before, else once.
    shares : Shares
    """

    name: str
    proposers: tuple[Proposer, ...]
    method: str
    reflection: Candidate | None = None
    judges: tuple[Judge, ...] = ()
    seed: int = 0
    looks: int | None = None
    shares: Shares = field(default_factory=Shares)


def _no_report(_: str) -> None:
    pass


def _no_progress(_: Made) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What a search is carried out with.

    Attributes
    ----------
    models : mapping of str to Model
        By judge name, and by `REFLECTION`; closed at the end.
    settings : Settings
    stop : asyncio.Event
    report : callable
        Told in a line what is going on.
    seen : callable
        Told of each record that was kept.
    """

    models: Mapping[str, Model]
    settings: Settings
    stop: asyncio.Event
    report: Callable[[str], None] = _no_report
    seen: Callable[[Made], None] = _no_progress


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A search whose labelled prompts are parted for good.

    Attributes
    ----------
    store : Store
    material : Material
    request : Request
    parted : Parted
    """

    store: Store
    material: Material
    request: Request
    parted: Parted


def lock(
    store: Store,
    material: Material,
    request: Request,
    *,
    sealed: bool = True,
    place: bool = True,
) -> Locked:
    """Part the labelled prompts and write the parts down before anything else is done.

    Parameters
    ----------
    store : Store
    material : Material
    request : Request
    sealed : bool
        Whether a proof is wanted, which takes a proof part that is large enough.
    place : bool
        Whether the parts are written down; False to see a plan only.

    Raises
    ------
    SealedError
        If the proof part is spent and too little is labelled beside it.
    TooFewLabels
        If the proof part is too small.
    """
    ledger, rubric = SealLedger(store), material.rubric
    openings = ledger.openings(rubric.id)
    partition = make_partition(
        material.cases,
        rubric=rubric.id,
        seed=request.seed,
        shares=request.shares,
        looks=_declared(openings, material.cases, request.looks),
        known=ledger.parts(rubric.id),
    )
    if place:
        ledger.place(partition)
    own = (request.name, partition.digest)
    others = [each for each in openings if (each.search, each.partition) != own]
    looked = {prompt for each in others for prompt in each.prompts}
    spent = {prompt for prompt in looked if looks_at(others, [prompt]) >= partition.looks}
    parted = Parted(material.cases, partition, spent=spent)
    locked = Locked(store=store, material=material, request=request, parted=parted)
    if not sealed:
        return locked
    try:
        parted.provable(dict.fromkeys(name for case in material.cases for name in case.labels))
    except TooFewLabels as error:
        if parted.retired:
            raise SealedError(
                f"the proof part of {rubric.id} was opened before and is spent "
                f"({parted.retired} responses): a second look at the same labels proves nothing. "
                "Label responses to new prompts; about half of them become a new proof part."
            ) from error
        raise
    return locked


def _declared(openings: Sequence[Opening], cases: Sequence[Case], wanted: int | None) -> int:
    """Find how many looks were declared before the first one was taken.

    Raises
    ------
    SealedError
        If more are wanted now: the error was spent on that many.
    """
    prompts = {prompt for case in cases for prompt in case.prompts}
    before = next((each.looks for each in openings if prompts & set(each.prompts)), None)
    if before is not None and wanted is not None and wanted != before:
        raise SealedError(
            f"--looks {wanted}: {before} was declared before the proof part was first opened, and "
            "its error is shared out over as many."
        )
    return before or wanted or 1


def begin(locked: Locked) -> tuple[Run, bool]:
    """Make the search's run, or find it where it was begun; True in the second case.

    Raises
    ------
    RunMismatch
        If a run of that name was made with something else.
    """
    store, name = locked.store, locked.request.name
    wanted = _manifest(locked.material, locked.request, locked.parted)
    run = store.find_run(name)
    if run is None:
        return store.create_run(name, wanted), False
    changes = difference(run.manifest, wanted)
    if changes:
        raise RunMismatch(
            f"run {name!r} was made with something else ({'; '.join(changes)}); give the search "
            "another name with --name."
        )
    return run, True


def _manifest(material: Material, request: Request, parted: Parted) -> Manifest:
    rubric = material.rubric
    judges = (material.judge, *request.judges)
    asked = {
        "of": material.run.name,
        "labels": material.labels_digest,
        "partition": parted.partition.digest,
        "method": request.method,
        "seed": str(request.seed),
    }
    return Manifest(
        kind="improve",
        source=material.run.manifest.source,
        rubrics=(
            RubricEdition(
                rubric=rubric.id,
                language=rubric.language,
                digest=rubric_digest(rubric),
                criteria=tuple(criterion.id for criterion in rubric.criteria),
            ),
        ),
        judges=judges,
        candidate=request.reflection,
        on_refusal=material.run.manifest.on_refusal,
        search=asked,
    )


async def search(
    locked: Locked, run: Run, hands: Hands, *, work: Callable[[Context], Awaitable[Result]]
) -> Result:
    """Carry a search out as far as its limits allow.

    Parameters
    ----------
    locked : Locked
    run : Run
        The search's own.
    hands : Hands
    work : callable
        What is done: `improve`, `cross_fit` or `explain`, on the context of the search.

    Raises
    ------
    Halted
        If a limit or a person stopped it; the same command goes on with it.
    StoreError
        If another process writes the run, or the database fails.
    """
    settings, request, store = hands.settings, locked.request, locked.store
    with store.writer(run):
        async with AsyncExitStack() as stack:
            for model in hands.models.values():
                stack.push_async_callback(model.close)
            writer = await stack.enter_async_context(Writer(partial(store.write, run)))
            engine = StoreEngine(
                store,
                run,
                bench=_bench(store, run, hands, keep=writer.put),
                workers=settings.concurrency,
                stop=hands.stop,
            )
            wishes = Wishes(
                proposers=request.proposers,
                judges=tuple(judge.name for judge in request.judges),
                seed=request.seed,
                max_calls=settings.max_calls,
                budget_usd=settings.budget_usd,
                name=request.name,
            )
            context = Context(
                engine=engine,
                old=Setup(rubric=locked.material.rubric, judges=(locked.material.judge.name,)),
                ledger=SealLedger(store),
                wishes=wishes,
                n_judged=locked.material.n_judged,
                report=hands.report,
            )
            return await work(context)


def _bench(store: Store, run: Run, hands: Hands, *, keep: Keep) -> Bench:
    """Set up what calls are made with; what earlier sittings spent counts."""
    settings = hands.settings
    calls, usd = store.spent(run)
    budget = Budget(max_calls=settings.max_calls, max_usd=settings.budget_usd, calls=calls, usd=usd)
    return Bench(
        models=hands.models,
        keep=keep,
        budget=budget,
        limits=limits_of(settings),
        policy=RetryPolicy(max_attempts=settings.max_attempts),
        prices=settings.prices,
        deadline=settings.deadline,
        first_serial=store.last_serial(run) + 1,
        seen=hands.seen,
    )
