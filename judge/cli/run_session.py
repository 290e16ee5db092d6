"""One sitting at a run: say the plan, judge with progress, heed Ctrl-C, say what came of it."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from judge.cli import console
from judge.cli.console import note
from judge.cli.crew import Crew, lead
from judge.cli.interface import language, shown
from judge.errors import ConfigError, StoreError
from judge.files.decoding import counted
from judge.grading.aggregation import position_effects
from judge.grading.judgment_task import REFUSALS
from judge.grading.remarks import CANARY_SOURCE, Known, canaries, canary_run, compare, marked
from judge.manifest import Source
from judge.models import open_model
from judge.models.base import Model, described, refuse_secrets
from judge.records import Counts, Judgment, Provenance, is_passing, worst
from judge.run.plan import JudgingPlan
from judge.run.run import (
    Cell,
    Plan,
    Settings,
    begin,
    carry_out,
    concluded,
    counts,
    kept_dialects,
    recalled,
    summarise,
    summarise_languages,
    tell_of_end,
    tell_of_start,
)
from judge.run.scheduler import Made, tell_of
from judge.store.records import Run
from judge.store.run_contents import criterion_titles

if TYPE_CHECKING:
    from calibration.bias import PositionBias
    from judge.run.batch_parts import BatchSettings
    from judge.run.batches import BatchOutcome
    from judge.store.store import Store


# Progress of a run: a bar on a terminal, now and then a plain line elsewhere.

Seen = Callable[[Made], None]

EVERY = 10.0
"""Seconds between plain lines."""

WIDE = 100
"""Columns of a terminal from which on a bar is drawn beside the numbers."""

NARROW = 70
"""Columns below which only the count, the per cent and the time left are shown."""


def progress(whole: int, *, quiet: bool) -> AbstractContextManager[Seen]:
    """Show how far a run has come, for as long as the context lasts.

    Parameters
    ----------
    whole : int
        Judgments that are still to be made.
    quiet : bool
        Show nothing.

    Returns
    -------
    context manager
        Gives a function to be called with each judgment that was kept.
    """
    if quiet:
        return nullcontext(lambda _: None)
    return _bar(whole) if sys.stderr.isatty() else _lines(whole)


def show_cursor() -> None:
    """Give a terminal the cursor back that the bar hid; for who leaves without ending the bar."""
    # Past the bar's own stand-in for the stream, which swallows what it does not know.
    terminal = sys.stderr.fileno()
    if os.isatty(terminal):
        os.write(terminal, b"\x1b[?25h\n")


class _Tally:
    def __init__(self) -> None:
        self.done = 0
        self._parts = Counter[str]()
        self._cost = 0.0
        self._priced = True
        self._begun = time.monotonic()

    def add(self, made: Made) -> None:
        self.done += 1
        self._parts[made.outcome.split(".")[0]] += 1
        self._cost += made.cost_usd or 0.0
        self._priced = self._priced and (made.cost_usd is not None or made.attempts == 0)

    @property
    def rate(self) -> float:
        """Judgments a second."""
        return self.done / max(time.monotonic() - self._begun, 1e-9)

    def left(self, whole: int) -> str:
        """Say how far it has come in per cent, and how long the rest takes at this rate."""
        seconds = round((whole - self.done) / max(self.rate, 1e-9))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        time_left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return f"{self.done / max(whole, 1):.0%}, {time_left} left"

    def words(self) -> str:
        cost = f"${self._cost:.4f}" if self._priced else "cost unknown"
        missing = f"unscored {self._parts['unscored']}, errors {self._parts['error']}"
        return shown(f"{self.rate:.0f}/s, {missing}, {cost}")


@contextmanager
def _lines(whole: int) -> Generator[Seen]:
    tally = _Tally()
    due = time.monotonic() + EVERY

    def seen(made: Made) -> None:
        nonlocal due
        tally.add(made)
        if time.monotonic() >= due:
            due = time.monotonic() + EVERY
            note(f"{tally.done}/{whole} judged: {tally.left(whole)}, {tally.words()}")

    yield seen


@contextmanager
def _bar(whole: int) -> Generator[Seen]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    tally = _Tally()
    console = Console(stderr=True)
    # A narrow terminal has room for the words alone, and would cut the numbers.
    room = console.width >= WIDE
    columns = (
        *([BarColumn(bar_width=None)] if room else []),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        *([TextColumn("{task.fields[words]}", markup=False)] if console.width >= NARROW else []),
    )
    with Progress(*columns, console=console, refresh_per_second=5) as bar:
        line = bar.add_task("judging", total=whole, words="", left="")

        def seen(made: Made) -> None:
            tally.add(made)
            bar.update(
                line, completed=tally.done, words=tally.words(), left=shown(tally.left(whole))
            )

        yield seen


GRACE = 10.0
"""Seconds that calls in flight get to finish after the first Ctrl-C."""

HOPELESS = 3
"""Rejected keys, with nothing scored, after which a run stops by itself."""

OUTAGE = 30
"""Failed judgments one after another, at least as many as may be in flight, that mean the same."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a sitting ended with."""

    run: Run
    outcomes: Mapping[str, int]
    """How many judgments have each outcome; what was never asked has none."""
    cells: tuple[Cell, ...]
    languages: tuple[Cell, ...]
    """The same by language; empty where all items are in one."""
    flags: Mapping[str, int]
    """How many judgments carry each remark."""
    declined: Mapping[str, int]
    """How many judgments were declined in each group; they are not missing at random."""
    calls: int
    usd: float
    """Dollars, as far as prices are known."""
    interrupted: bool = False
    planned_only: bool = False
    order: "Mapping[tuple[str, str], PositionBias]" = field(
        default_factory=dict[tuple[str, str], "PositionBias"]
    )
    """By judge and criterion, what the order of two responses does to a run of pairs."""
    served: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """By judge, how many judgments each model made, the most first."""
    titles: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Names of criteria, by rubric and criterion, in the language of the terminal."""
    canaries: Known | None = None
    """How the judge did on texts whose verdicts are known, where it was asked."""

    @property
    def counts(self) -> Counts:
        """What became of what was planned."""
        return Counts.of(self.outcomes, planned=self.run.manifest.planned)

    @property
    def provenance(self) -> Provenance | None:
        """The least live of the run's judgments; None where it has none."""
        stamps: set[Provenance] = {cell.provenance for cell in self.cells}
        return worst(stamps) if stamps else None

    @property
    def unasked(self) -> int:
        """Judgments that were planned and never begun, or stopped."""
        missing = self.run.manifest.planned - sum(self.outcomes.values())
        return missing + self.outcomes.get("skipped.user_stop", 0)


def _tell_of_run(store: "Store", run: Run, planned: int, unsettled: int, *, resumed: bool) -> None:
    done = planned - unsettled
    if resumed:
        console.note(
            f"run {run.name} in {store.place}: {planned} planned, {done} done before; resuming"
        )
    else:
        console.note(f"run {run.name} in {store.place}: {planned} planned, {done} done")


def conduct(
    plan: Plan,
    settings: Settings,
    *,
    name: str,
    address: str,
    quiet: bool,
    dry_run: bool = False,
    batch: "BatchSettings | None" = None,
    crew: Crew | None = None,
) -> Done:
    """Make or resume a run and carry it out as far as its limits allow.

    Parameters
    ----------
    batch : BatchSettings or None
        Ask as provider batches; None to ask live.
    crew : Crew or None
        Workers that are started to ask; None to ask from this program.
    """
    from judge.store.store import open_store

    for model in plan.asked:
        refuse_secrets(model)
    store = open_store(address)
    try:
        new = store.find_run(name) is None
        # A model that cannot be reached must not leave a run behind that keeps its name.
        models = open_models(plan, settings) if new and not dry_run else {}
        run, resumed = (
            (_rehearsed(name, plan), False) if new and dry_run else begin(store, name, plan)
        )
        before = counts(store, run)
        unsettled = _open(store.outcomes(run), run.manifest.planned)
        _tell_of_run(store, run, before.planned, unsettled, resumed=resumed)
        interrupted, started = False, time.monotonic()
        if not dry_run:
            tell_of_start(
                run,
                settings,
                way="batch" if batch else "workers" if crew else "live",
                open_=unsettled,
                resumed=resumed,
            )
        if batch is not None and unsettled and not batch.cancel:
            settings = _with_prices(plan, settings, unsettled)
        if unsettled and not dry_run:
            models = models or open_models(plan, settings)
            sitting = _Sitting(store, run, concurrency=settings.concurrency, batch=batch, crew=crew)
            shown = progress(unsettled, quiet=quiet)
            interrupted = asyncio.run(sitting.hold(plan, settings, models, shown))
            _say_what_was_found(store, run, models)
        calls, usd = store.spent(run)
        if not dry_run:
            tell_of_end(store, run, seconds=time.monotonic() - started, interrupted=interrupted)
        flags, declined = Counter[str](), Counter[str]()
        return Done(
            run=run,
            outcomes=store.outcomes(run),
            cells=_cells(store, run, flags, declined),
            languages=summarise_languages(concluded(store.judgments(run), run.manifest)),
            flags=flags,
            declined=declined,
            calls=calls,
            usd=usd,
            order=_order_effects(store, run),
            served=_served(store, run),
            titles=criterion_titles(store, run, language()),
            interrupted=interrupted,
            planned_only=dry_run,
        )
    finally:
        store.close()


def _open(outcomes: Mapping[str, int], planned: int) -> int:
    """Count what a sitting asks: what was never made, and what may be otherwise next time."""
    passing = sum(count for outcome, count in outcomes.items() if is_passing(outcome))
    return planned - sum(outcomes.values()) + passing


def _say_what_was_found(store: "Store", run: Run, models: Mapping[str, Model]) -> None:
    """Say what turned out of addresses, and of what the models do not take."""
    for model in models.values():
        for found in getattr(model, "notes", ()):
            console.note(found)
    for name, learnt in kept_dialects(store, run).items():
        console.note(f"model {name}: {', '.join(described(learnt))}, as its server asked")


def _with_prices(plan: Plan, settings: Settings, planned: int) -> Settings:
    """Look up the prices of what is asked as batches, and say what live calls would cost."""
    from judge.models.litellm import cached_share, list_price
    from judge.run.batch_parts import compare_prices

    prices = dict(settings.prices)
    for model in plan.asked:
        listed = None if model.name in prices else list_price(model.model)
        if listed is not None:
            prices[model.name] = listed
    found = compare_prices(
        plan.tasks(),
        prices,
        planned=planned,
        cached_share=min(cached_share(model.model) for model in plan.asked),
    )
    if found is None:
        console.note("batch or live: no price is known (--price); batches are usually half")
    else:
        cheaper = "batches are" if found.batch_is_cheaper else "live calls are"
        console.note(
            f"batch about ${found.batch_usd:.4g}, live about ${found.live_usd:.4g} "
            f"(estimated {found.prompt_tokens:.0f} + {found.reply_tokens:.0f} tokens a call, "
            f"{found.prefix_tokens:.0f} of them a shared prefix at {found.cached_share:.0%} of the "
            f"price live): {cheaper} cheaper"
        )
    return replace(settings, prices=prices)


def _rehearsed(name: str, plan: Plan) -> Run:
    """Give the run that would be made; the store holds nothing under its number."""
    return Run(run_id=0, name=name, created_at="", manifest=plan.manifest())


def _cells(
    store: "Store", run: Run, flags: Counter[str], declined: Counter[str]
) -> tuple[Cell, ...]:
    """Count verdicts, the remarks beside them, and refusals by group, in one pass."""

    def noting() -> Iterator[Judgment]:
        for judgment in marked(store, run):
            flags.update(judgment.flags)
            if judgment.outcome in REFUSALS:
                declined[judgment.group or "no group"] += 1
            yield judgment

    return summarise(concluded(noting(), run.manifest))


def _served(store: "Store", run: Run) -> dict[str, Mapping[str, int]]:
    from judge.store.run_contents import count_served

    counts: dict[str, Counter[str]] = {}
    for judge, model, _, count in count_served(store, run):
        counts.setdefault(judge, Counter())[model] += count
    return {judge: dict(by.most_common()) for judge, by in counts.items()}


def _order_effects(store: "Store", run: Run) -> "dict[tuple[str, str], PositionBias]":
    return position_effects(store.judgments(run)) if run.manifest.kind == "pairwise" else {}


def open_models(plan: Plan, settings: Settings) -> dict[str, Model]:
    """Open the way to every model of a plan, and say which way it is."""
    models: dict[str, Model] = {}
    for judge in plan.asked:
        model, why, priced = open_model(judge, transport=settings.transport)
        if len(settings.addresses) > 1 and judge.base_url == settings.addresses[0]:
            from judge.models.pool import ModelPool

            others = (
                judge.model_copy(update={"base_url": address}) for address in settings.addresses[1:]
            )
            transport = settings.transport
            model = ModelPool([model, *(open_model(o, transport=transport).model for o in others)])
            why += f"; {counted(len(settings.addresses), 'server')}, the least busy first"
        if settings.budget_usd is not None and not (priced or judge.name in settings.prices):
            raise ConfigError(
                f"--budget-usd cannot be held: nobody knows the price of {judge.name}; "
                "give it with --price, or limit the run with --max-calls."
            )
        console.note(f"model {judge.name}: {why}")
        models[judge.name] = model
    return models


class _Sitting:
    """A run under way, and the reasons to stop it early."""

    def __init__(
        self,
        store: "Store",
        run: Run,
        *,
        concurrency: int,
        batch: "BatchSettings | None" = None,
        crew: Crew | None = None,
    ) -> None:
        self._batch = batch
        self._crew = crew
        self._store = store
        self._run = run
        self._stop = asyncio.Event()
        self._interrupted = False
        self._rejected = 0
        self._failed = 0
        self._outage = max(OUTAGE, concurrency)

    async def hold(
        self,
        plan: Plan,
        settings: Settings,
        models: Mapping[str, Model],
        shown: AbstractContextManager[Seen],
    ) -> bool:
        """Carry the run out; tell whether somebody interrupted it."""
        work = asyncio.ensure_future(self._carry_out(plan, settings, models, shown))
        loop = asyncio.get_running_loop()
        # Before anything is shown: what is seen can be interrupted.
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signal_, self._interrupt, work)
        try:
            limit = await work
            if limit is not None:
                console.note(f"{limit}; raise it to continue")
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
        except ExceptionGroup as errors:
            first = errors.exceptions[0]
            if isinstance(first, StoreError):
                # What was acknowledged before is kept, so the run can go on.
                hint = (
                    f"When that is put right, resume with: {console.resume_command(self._run.name)}"
                )
                raise StoreError(f"{first} {hint}") from errors
            raise first from errors
        return self._interrupted

    async def _carry_out(
        self,
        plan: Plan,
        settings: Settings,
        models: Mapping[str, Model],
        shown: AbstractContextManager[Seen],
    ) -> str | None:
        with shown as show_one:

            def seen(made: Made) -> None:
                tell_of(made)
                show_one(made)
                self._watch(made)

            if self._batch is not None:
                ended = await self._post_batches(plan, settings, self._batch, seen=seen)
                if ended.at_provider or ended.limit or not ended.left or self._stop.is_set():
                    return ended.limit
                console.note(
                    f"{ended.left} are asked live: no batch may try them again, or they ask twice"
                )
            if self._crew is not None:
                crew, stop = self._crew, self._stop
                return await lead(self._store, self._run, settings, crew=crew, stop=stop)
            if self._store.shared:
                return await self._share(models, settings, seen)
            return await carry_out(
                self._store,
                self._run,
                tasks=plan.tasks(),
                models=models,
                settings=settings,
                stop=self._stop,
                seen=seen,
            )

    async def _share(
        self, models: Mapping[str, Model], settings: Settings, seen: Callable[[Made], None]
    ) -> str | None:
        """Work beside other workers; stopping this program stops them all."""
        from judge.run.worker import LeasedRun, carry_out_leased
        from judge.store.leases import Leases

        store, run = self._store, self._run
        take_over = settings.recall and run.manifest.kind != "generate"
        return await carry_out_leased(
            LeasedRun(
                store=store,
                run=run,
                models=models,
                settings=settings,
                stop=self._stop,
                seen=seen,
                leases=Leases(store, run),
                recall=(lambda tasks: list(recalled(iter(tasks), store, run)))
                if take_over
                else None,
                leader=True,
            )
        )

    async def _post_batches(
        self,
        plan: Plan,
        settings: Settings,
        batch: "BatchSettings",
        *,
        seen: Callable[[Made], None],
    ) -> "BatchOutcome":
        from judge.models.batch import open_batches
        from judge.run.batches import BatchRun, carry_out_batches

        with self._store.writer(self._run):
            ended = await carry_out_batches(
                BatchRun(
                    store=self._store,
                    run=self._run,
                    tasks=plan.tasks,
                    services={model.name: open_batches(model) for model in plan.asked},
                    settings=batch,
                    stop=self._stop,
                    seen=seen,
                    note=console.note,
                    prices=settings.prices,
                    max_calls=settings.max_calls,
                    max_usd=settings.budget_usd,
                )
            )
        if ended.at_provider:
            console.note(
                f"{ended.at_provider} lines are at the provider; collect them with: "
                f"{console.resume_command(self._run.name)}"
            )
        return ended

    def _watch(self, made: Made) -> None:
        """Notice what is hopeless."""
        if self._rejected < 0 or (made.outcome == "ok" and made.attempts):
            self._rejected = -1
        elif made.outcome == "error.auth":
            self._rejected += 1
            if self._rejected == HOPELESS:
                self._give_up("stopping: the provider rejects the key")
        if made.outcome.startswith("error."):
            self._failed += 1
            if self._failed == self._outage:
                self._give_up(
                    f"stopping: {self._failed} consecutive failed judgments ({made.outcome})"
                )
        elif made.attempts:
            self._failed = 0

    def _give_up(self, why: str) -> None:
        if not self._stop.is_set():
            console.note(why)
            self._stop.set()

    def _interrupt(self, work: "asyncio.Future[str | None]") -> None:
        if self._interrupted:
            # The second time means now. What the store has acknowledged is safe in its log.
            show_cursor()
            os._exit(console.INTERRUPTED)
        self._interrupted = True
        self._stop.set()
        console.note("finishing the open calls; press Ctrl-C again to exit at once")
        asyncio.get_running_loop().call_later(GRACE, work.cancel)


# Known-answer texts judged beside a run: in a run of their own, so that they are never counted.

SHARE = 0.02
"""Part of a run's judgments below which canaries are judged without being asked for."""


def watched(
    done: Done,
    plan: JudgingPlan,
    settings: Settings,
    *,
    wanted: bool | None,
    address: str,
    quiet: bool,
) -> Done:
    """Judge the canaries beside a run that came to its end, and hold them against what is known.

    They are always asked anew: what an earlier run was told says nothing of the judge today. They
    spend what the run has left of its limits.

    Parameters
    ----------
    wanted : bool or None
        None for canaries where they are a small part of what the run planned.

    Returns
    -------
    Done
        With how the judge did; as it was where nothing was asked.
    """
    if done.interrupted or done.planned_only or done.unasked:
        return done
    beside = _canary_plan(plan)
    if beside is None:
        if wanted:
            console.note("no canaries for these rubrics; there are some for safety and refusal")
        return done
    if wanted is None:
        wanted = beside.manifest().planned < SHARE * done.run.manifest.planned
    if not wanted:
        return done
    ended = conduct(
        beside, _left(settings, done), name=canary_run(done.run.name), address=address, quiet=quiet
    )
    return replace(done, canaries=_known(ended.run, address))


def _canary_plan(plan: JudgingPlan) -> JudgingPlan | None:
    """Plan the canaries under the run's rubrics; None where there are none for any of them."""
    criteria = {criterion for canary in canaries() for criterion in canary.levels}
    editions = tuple(
        edition
        for edition in plan.editions
        if criteria & {criterion.id for criterion in edition("en").criteria}
    )
    if not editions:
        return None
    generations = [canary.generation for canary in canaries()]
    digest = sha256("\n".join(each.model_dump_json() for each in generations).encode()).hexdigest()
    return JudgingPlan(
        source=Source(name=CANARY_SOURCE, sha256=digest, rows=len(generations)),
        read=lambda: iter(generations),
        editions=editions,
        judges=plan.judges,
    )


def _left(settings: Settings, done: Done) -> Settings:
    calls, usd = settings.max_calls, settings.budget_usd
    return replace(
        settings,
        recall=False,
        max_calls=None if calls is None else calls - done.calls,
        budget_usd=None if usd is None else usd - done.usd,
    )


def _known(run: Run, address: str) -> Known:
    from judge.store.store import open_store

    store = open_store(address)
    try:
        known = compare(store.judgments(run))
    finally:
        store.close()
    if known.asked and known.alarm:
        wrong = ", ".join(known.wrong[:3]) or "the faults"
        console.note(f"CANARY_ALARM: {known.alarm}; see {wrong}. A gate does not trust this run.")
    return known
