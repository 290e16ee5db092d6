"""`cvalues improve`: a better rubric from experts' labels, proven on sealed ones."""

import asyncio
import shlex
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli import console as options
from judge.cli.completion import complete_rubric, complete_run
from judge.files.decoding import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judge.cli.improve_output import Files
    from judge.improve.explain import Gap
    from judge.improve.partition import Shares
    from judge.improve.proposers import Proposer
    from judge.improve.search import Context, Outcome
    from judge.improve.session import Hands, Locked, Material, Request
    from judge.models.base import Model
    from judge.records import Candidate, Judge
    from judge.run.run import Settings
    from judge.store.records import Run
    from judge.store.store import Store


def improve(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="The judged run whose judge is improved.", autocompletion=complete_run),
    ],
    rubric: Annotated[
        str,
        typer.Option(
            help="Rubric id or YAML file used in the run.", autocompletion=complete_rubric
        ),
    ],
    labels: options.Labels = None,
    lang: Annotated[
        str | None,
        typer.Option(
            help="Language edition to improve, zh or en; default: the language of most labels."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File for the new rubric, if it is BETTER.")
    ] = None,
    proof: Annotated[Path | None, typer.Option(help="All results as JSON.")] = None,
    passport: Annotated[
        Path | None,
        typer.Option(help="Calibration passport of the new rubric, from the proof set alone."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML page with the changes and their effects.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Show where the rubric is silent; the proof set stays sealed."
        ),
    ] = False,
    reflection_model: Annotated[
        str | None, typer.Option(help="Model that proposes new texts; needs the extra 'improve'.")
    ] = None,
    candidate: Annotated[Path | None, typer.Option(help="A rubric of your own to test.")] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of worked examples to try; 2 if nothing else is proposed."
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="Number of texts to request from the reflection model.")
    ] = 10,
    judge: Annotated[str | None, typer.Option(help="Judge, if the run has several.")] = None,
    judges: Annotated[
        str | None, typer.Option(help="Further judges to choose from, separated by commas.")
    ] = None,
    gold: options.Gold = None,
    columns: options.ColumnNames = None,
    values: options.ScoreWords = None,
    clusters: Annotated[
        str | None,
        typer.Option(
            help="Column that groups wordings of one prompt; default: 'situation' if present."
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(help="Sampling design of the labels, for the passport; default: as recorded."),
    ] = None,
    shares: Annotated[
        str, typer.Option(help="REFLECT,SELECT,PROOF: percentages of the labelled prompts.")
    ] = "30,20,50",
    looks: Annotated[
        int | None,
        typer.Option(
            min=1, max=5, help="Number of times the proof set may be opened; they share the error."
        ),
    ] = None,
    cross_fit: Annotated[
        int | None,
        typer.Option(min=3, max=20, help="Number of folds for cross-fitting, with few labels."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the search; an existing name resumes it. Default: RUN.improve."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Random seed; the same seed and answers give the same result.")
    ] = 0,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="URL for --reflection-model and --judges; default: that of the run's judge."
        ),
    ] = None,
    api_key_env: options.ApiKeyEnv = None,
    max_calls: options.MaxCalls = None,
    budget_usd: options.BudgetUsd = None,
    price: options.PriceOption = None,
    concurrency: options.Concurrency = 32,
    max_attempts: options.MaxAttempts = 4,
    timeout: options.Timeout = 120.0,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    transport: options.TransportOption = "auto",
    store: options.StoreOption = None,
    encoding: options.Encoding = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Dry run: print the plan and stop.")
    ] = False,
    quiet: options.Quiet = False,
    json_: options.AsJson = False,
) -> None:
    """Search for a better rubric with expert labels; test it on unseen labels.

    Labelled prompts are split once, before any label is read, into a reflect set, a select set and
    a sealed proof set. The proof set is opened once; old and new judge grade it in turn. BETTER
    writes the new rubric; NOT SHOWN and WORSE keep the old one. The same command resumes an
    interrupted search.
    """
    words = Words(
        run=run,
        rubric=rubric,
        labels=labels,
        lang=lang,
        reflection_model=reflection_model,
        candidate=candidate,
        examples=examples,
        rounds=rounds,
        judge=judge,
        judges=judges,
        gold=gold,
        columns=tuple(columns or ()),
        values=tuple(values or ()),
        clusters=clusters,
        shares=shares,
        looks=looks,
        cross_fit=cross_fit,
        explain=explain,
        name=name,
        seed=seed,
        base_url=base_url,
        api_key_env=api_key_env,
        price=price,
        store=store,
        encoding=encoding,
        limits=Limits(
            concurrency=concurrency,
            max_attempts=max_attempts,
            deadline=timeout,
            max_calls=max_calls,
            budget_usd=budget_usd,
            rpm=rpm,
            tpm=tpm,
            transport=transport,
        ),
    )
    from judge.cli.improve_output import Files

    files = Files(
        out=out,
        proof=proof,
        passport=passport,
        report=report,
        design=design,
        group_names=options.group_names(context),
    )
    raise SystemExit(_conduct(words, files, dry_run=dry_run, quiet=quiet, as_json=json_))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a search may use."""

    concurrency: int
    max_attempts: int
    deadline: float
    max_calls: int | None
    budget_usd: float | None
    rpm: float | None
    tpm: float | None
    transport: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the command line says of the search."""

    run: str
    rubric: str
    labels: Path | None
    lang: str | None
    reflection_model: str | None
    candidate: Path | None
    examples: int | None
    rounds: int
    judge: str | None
    judges: str | None
    gold: str | None
    columns: tuple[str, ...]
    values: tuple[str, ...]
    clusters: str | None
    shares: str
    looks: int | None
    cross_fit: int | None
    explain: bool
    name: str | None
    seed: int
    base_url: str | None
    api_key_env: str | None
    price: str | None
    store: str | None
    encoding: str | None
    limits: Limits


@dataclass
class _Done:
    outcome: "Outcome | None" = None
    gaps: "Sequence[Gap]" = field(default_factory=tuple)
    interrupted: bool = False


def _conduct(words: Words, files: "Files", *, dry_run: bool, quiet: bool, as_json: bool) -> int:
    """Read, lock, search, show; give the exit code."""
    from judge.cli import console
    from judge.cli.console import opened
    from judge.errors import ConfigError
    from judge.files.atomic import require_places

    if not (words.explain or dry_run) and (files.out is None or files.proof is None):
        raise ConfigError("name the files of the result with --out R2.yaml --proof proof.json.")
    require_places(files.out, files.proof, files.passport, files.report)
    with opened(words.store) as store:
        locked = _locked(words, store, place=not dry_run)
        settings = _settings(words, locked.material, locked.request)
        _announce(locked, words, settings)
        if dry_run:
            return console.DONE
        run, done = _searched(locked, words, settings, quiet=quiet)
        if done.interrupted or (done.outcome is None and not words.explain):
            console.note(f"resume with: {shlex.join(['cvalues', *sys.argv[1:]])}")
            return console.INTERRUPTED if done.interrupted else console.INCOMPLETE
        _finish(done, locked, run, files=files, as_json=as_json)
    return console.DONE


def _locked(words: Words, store: "Store", *, place: bool) -> "Locked":
    """Read the run and its labels, and part them; too few of them end the program."""
    from judge.cli import console
    from judge.cli.console import run_named
    from judge.improve.partition import TooFewLabels
    from judge.improve.session import lock

    material = _material(words, store, run_named(store, words.run))
    request = _request(words, material)
    sealed = words.cross_fit is None and not words.explain
    try:
        return lock(store, material, request, sealed=sealed, place=place)
    except TooFewLabels as error:
        console.fail(str(error), code=console.NEED_LABELS)


def _searched(
    locked: "Locked", words: Words, settings: "Settings", *, quiet: bool
) -> "tuple[Run, _Done]":
    """Begin the search, or go on with it."""
    from judge.cli import console
    from judge.improve.partition import TooFewLabels
    from judge.improve.session import begin

    run, resumed = begin(locked)
    if resumed:
        console.note(f"search {run.name} goes on")
    try:
        return run, asyncio.run(_Sitting(locked, run, settings, quiet=quiet).hold(words))
    except TooFewLabels as error:
        console.fail(str(error), code=console.NEED_LABELS)


def _finish(done: "_Done", locked: "Locked", run: "Run", *, files: "Files", as_json: bool) -> None:
    from judge.cli.improve_output import keep, show, show_gaps

    if done.outcome is None:
        show_gaps(done.gaps, locked, files, as_json=as_json)
        return
    keep(locked.store, run, done.outcome, locked=locked, files=files)
    show(done.outcome, locked, files, as_json=as_json)


def _material(words: Words, store: "Store", run: "Run") -> "Material":
    from typing import get_args

    from judge.cli import console
    from judge.cli.labels import labels_for
    from judge.files.mapping import parse_mapping
    from judge.improve.session import main_language, read_material
    from judge.records import Language
    from rubrics import load_rubric

    mapping = parse_mapping(words.columns, words.values)
    if words.labels is None:
        labels = tuple(store.labels(run))
    else:
        labels = labels_for(store, run, words.labels, encoding=words.encoding, mapping=mapping)
    lang = (
        main_language(store, run, labels)
        if words.lang is None
        else console.one_of(words.lang, get_args(Language), option="--lang")
    )
    return read_material(
        store,
        run,
        rubric=load_rubric(words.rubric, language=lang),
        judge=words.judge,
        labels=labels,
        gold=words.gold,
        clusters=words.clusters,
    )


def _request(words: Words, material: "Material") -> "Request":
    from judge.cli.console import parts
    from judge.improve.session import Request
    from judge.models.base import addressed
    from judge.records import Candidate, Judge

    own = material.judge
    address = words.base_url or own.base_url
    key = words.api_key_env or own.api_key_env
    reflection = None
    if words.reflection_model is not None:
        asked = Candidate(
            model=words.reflection_model,
            base_url=address,
            api_key_env=key,
            temperature=0.7,
            seed=words.seed,
        )
        reflection = addressed(asked)
    further = parts(words.judges) if words.judges else ()
    others = tuple(
        addressed(own.model_copy(update={"model": each, "base_url": address, "api_key_env": key}))
        for each in further
        if each != own.model
    )
    proposers, method = _proposers(words, reflection=reflection is not None)
    return Request(
        name=words.name or _name(words, material, method),
        proposers=proposers,
        method=method,
        reflection=reflection,
        judges=tuple(Judge.model_validate(each.model_dump()) for each in others),
        seed=words.seed,
        looks=words.looks,
        shares=_shares(words.shares),
    )


def _name(words: Words, material: "Material", method: str) -> str:
    """Name a search by its run; an explanation also by what it is made with: it proves nothing."""
    from judge.records import digest

    if not words.explain:
        return f"{words.run}.improve"
    made = digest([material.labels_digest, method, words.reflection_model, words.seed])
    return f"{words.run}.explain-{made[:8]}"


def _proposers(words: Words, *, reflection: bool) -> "tuple[tuple[Proposer, ...], str]":
    """Choose who proposes, with words for the manifest."""
    from judge.improve.proposers import ByExamples, ByGepa, ByHand
    from rubrics import load_rubric
    from rubrics.reply_schema import rubric_digest

    found: list[Proposer] = []
    method: list[str] = []
    if words.candidate is not None:
        by_hand = load_rubric(words.candidate)
        found.append(ByHand(rubric=by_hand))
        method.append(f"hand {rubric_digest(by_hand)}")
    if reflection:
        found.append(ByGepa(rounds=words.rounds))
        method.append(f"gepa {words.rounds}")
    examples = words.examples
    if examples is None:
        examples = 0 if found or words.judges else 2
    if examples:
        found.append(ByExamples(most=examples))
        method.append(f"examples {examples}")
    if words.judges:
        method.append(f"judges {words.judges}")
    if words.cross_fit:
        method.append(f"cross-fit {words.cross_fit}")
    return tuple(found), ", ".join(method)


def _shares(words: str) -> "Shares":
    from judge.errors import ConfigError

    try:
        numbers = [float(part) / 100.0 for part in words.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or abs(sum(numbers) - 1.0) > 1e-9 or not min(numbers) >= 0.05:
        raise ConfigError(
            f"--shares {words!r}: write three per cents of at least 5 that sum to 100, such as "
            "30,20,50."
        )
    reflect, select, proof = numbers
    from judge.improve.partition import Shares

    return Shares(reflect=reflect, select=select, proof=proof)


def _settings(words: Words, material: "Material", request: "Request") -> "Settings":

    from judge.cli import console
    from judge.cli.judge import prices_of
    from judge.improve.asking import REFLECTION
    from judge.run.run import Settings

    limits = words.limits
    models = (material.judge, *request.judges)
    prices = prices_of(words.price, models, budget_usd=limits.budget_usd)
    if request.reflection is not None:
        own = prices_of(words.price, (request.reflection,), budget_usd=limits.budget_usd)
        for price in own.values():
            prices[REFLECTION] = price
    return Settings(
        concurrency=limits.concurrency,
        max_attempts=limits.max_attempts,
        deadline=limits.deadline,
        max_calls=limits.max_calls,
        budget_usd=limits.budget_usd,
        requests_per_minute=limits.rpm,
        tokens_per_minute=limits.tpm,
        transport=console.transport_of(limits.transport),
        prices=prices,
    )


def _announce(locked: "Locked", words: Words, settings: "Settings") -> None:
    """Say the plan before anything is asked."""
    from judge.cli import console

    parted, material = locked.parted, locked.material
    sizes = ", ".join(f"{part} {count}" for part, count in parted.sizes.items())
    console.note(
        f"{material.rubric.id} {material.rubric.version} ({material.rubric.language}), judge "
        f"{material.judge.name}: {counted(len(material.cases), 'labelled response')}; {sizes}"
    )
    if parted.retired:
        console.note(
            f"used for learning only, since an earlier proof read them: "
            f"{counted(parted.retired, 'label')}"
        )
    most = (
        "no limit"
        if settings.max_calls is None
        else f"at most {counted(settings.max_calls, 'call')}"
    )
    usd = "" if settings.budget_usd is None else f", at most ${settings.budget_usd:g}"
    method = locked.request.method or "nothing proposes"
    console.note(f"method: {method}; {most}{usd}")
    if words.looks is not None and words.looks > 1:
        console.note(f"the proof part may be opened {words.looks} times; they share the error")


GRACE = 10.0
"""Seconds that calls in flight get to finish after the first Ctrl-C."""


class _Sitting:
    """A search under way, and Ctrl-C."""

    def __init__(self, locked: "Locked", run: "Run", settings: "Settings", *, quiet: bool) -> None:
        self._locked, self._run, self._settings, self._quiet = locked, run, settings, quiet
        self._interrupted = False
        self._task: asyncio.Future[None] | None = None

    async def hold(self, words: Words) -> _Done:
        """Carry the search out; what a limit or a person stopped has no outcome."""
        from judge.cli import console
        from judge.improve.evaluation import Halted
        from judge.improve.session import search

        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signal_, self._interrupt, stop)
        done = _Done()

        async def work(context: "Context") -> None:
            await _work(context, self._locked, words, done)

        try:
            self._task = asyncio.ensure_future(
                search(self._locked, self._run, self._hands(stop), work=work)
            )
            await self._task
        except Halted as halted:
            if not self._interrupted:
                console.note(f"{halted}; raise it or mend it to go on")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
        done.interrupted = self._interrupted and done.outcome is None and not done.gaps
        return done

    def _interrupt(self, stop: asyncio.Event) -> None:
        import os

        from judge.cli import console

        if self._interrupted:
            os._exit(console.INTERRUPTED)
        self._interrupted = True
        stop.set()
        console.note("finishing the open calls; press Ctrl-C again to exit at once")
        if self._task is not None:
            asyncio.get_running_loop().call_later(GRACE, self._task.cancel)

    def _hands(self, stop: asyncio.Event) -> "Hands":
        from judge.cli import console
        from judge.improve.asking import REFLECTION
        from judge.improve.session import Hands
        from judge.models.base import Model

        models: dict[str, Model] = {}
        second = self._run.manifest.on_refusal.second
        asked: list[tuple[str, Judge | Candidate]] = [
            (judge.name, judge) for judge in self._run.manifest.judges
        ]
        if second is not None:
            asked.append((second.name, second))
        if self._locked.request.reflection is not None:
            asked.append((REFLECTION, self._locked.request.reflection))
        for name, model in asked:
            models[name] = _opened(model, self._settings, name)

        def report(line: str) -> None:
            if not self._quiet:
                console.note(line)

        return Hands(models=models, settings=self._settings, stop=stop, report=report)


def _opened(model: "Judge | Candidate", settings: "Settings", name: str) -> "Model":
    from judge.cli import console
    from judge.errors import ConfigError
    from judge.models import open_model

    opened, why, priced = open_model(model, transport=settings.transport)
    if settings.budget_usd is not None and not (priced or name in settings.prices):
        raise ConfigError(
            f"--budget-usd cannot be held: nobody knows the price of {model.name}; give it with "
            "--price, or limit the search with --max-calls."
        )
    console.note(f"model {model.name}: {why}")
    return opened


async def _work(context: "Context", locked: "Locked", words: Words, done: _Done) -> None:
    """Do what the command line asks for."""
    from judge.improve.cross_fit import cross_fit
    from judge.improve.explain import explain
    from judge.improve.guards import Texts
    from judge.improve.partition import texts_of
    from judge.improve.proposers import Search
    from judge.improve.search import improve as improved
    from judge.improve.search import labelled_criteria
    from rubrics import load_rubric

    parted = locked.parted
    if words.explain:
        look = Search(
            engine=context.engine,
            setup=context.old,
            reflect=parted.reflect,
            select=parted.select,
            criteria=labelled_criteria(parted, context.old.rubric),
            texts=Texts((*texts_of((*parted.reflect, *parted.select)), *parted.proof_texts())),
            seed=locked.request.seed,
            report=context.report,
        )
        by_hand = None if words.candidate is None else load_rubric(words.candidate)
        done.gaps = await explain(
            look, reflective=locked.request.reflection is not None, by_hand=by_hand
        )
    elif words.cross_fit is not None:
        done.outcome = await cross_fit(context, locked.material.cases, folds=words.cross_fit)
    else:
        done.outcome = await improved(context, parted)
