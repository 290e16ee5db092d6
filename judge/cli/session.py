"""One sitting at a run: say the plan, judge with progress, heed Ctrl-C, say what came of it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judge.canaries import Known
from judge.cli import console
from judge.cli.progress import Seen, progress, show_cursor
from judge.errors import ConfigError, StoreError
from judge.grading import REFUSALS
from judge.models import open_model
from judge.models.base import Model, refuse_secrets
from judge.pairwise import position_effects
from judge.records import Counts, Judgment, Provenance, worst
from judge.run import Plan, Settings, begin, carry_out, counts
from judge.stage import Made
from judge.store.base import Run
from judge.store.sql import Store, open_store
from judge.summary import Cell, concluded, count_outcomes, summarise

if TYPE_CHECKING:
    from calibration.bias import PositionBias

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
    canaries: Known | None = None
    """How the judge did on texts whose verdicts are known, where it was asked."""

    @property
    def counts(self) -> Counts:
        """What became of what was planned."""
        return count_outcomes(self.outcomes, planned=self.run.manifest.planned)

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


def conduct(
    plan: Plan, settings: Settings, *, name: str, address: str, quiet: bool, dry_run: bool = False
) -> Done:
    """Make or resume a run and carry it out as far as its limits allow."""
    for model in plan.asked:
        refuse_secrets(model)
    store = open_store(address)
    try:
        new = store.find_run(name) is None
        # A model that cannot be reached must not leave a run behind that keeps its name.
        models = _open_models(plan, settings) if new and not dry_run else {}
        run, resumed = (
            (_rehearsed(name, plan), False) if new and dry_run else begin(store, name, plan)
        )
        before = counts(store, run)
        unsettled = before.error + before.skipped
        console.note(
            f"run {name} in {store.place}: {before.planned} planned, "
            f"{before.planned - unsettled} done" + (" before; resuming" if resumed else "")
        )
        interrupted = False
        if unsettled and not dry_run:
            models = models or _open_models(plan, settings)
            sitting = _Sitting(store, run, concurrency=settings.concurrency)
            shown = progress(unsettled, quiet=quiet)
            interrupted = asyncio.run(sitting.hold(plan, settings, models, shown))
        calls, usd = store.spent(run)
        flags, declined = Counter[str](), Counter[str]()
        return Done(
            run=run,
            outcomes=store.outcomes(run),
            cells=_cells(store, run, flags, declined),
            flags=flags,
            declined=declined,
            calls=calls,
            usd=usd,
            order=_order_effects(store, run),
            interrupted=interrupted,
            planned_only=dry_run,
        )
    finally:
        store.close()


def _rehearsed(name: str, plan: Plan) -> Run:
    """Give the run that would be made; the store holds nothing under its number."""
    return Run(run_id=0, name=name, created_at="", manifest=plan.manifest())


def _cells(store: Store, run: Run, flags: Counter[str], declined: Counter[str]) -> tuple[Cell, ...]:
    """Count verdicts, the remarks beside them, and refusals by group, in one pass."""

    def noting() -> Iterator[Judgment]:
        for judgment in store.judgments(run):
            flags.update(judgment.flags)
            if judgment.outcome in REFUSALS:
                declined[judgment.group or "no group"] += 1
            yield judgment

    return summarise(concluded(noting(), run.manifest))


def _order_effects(store: Store, run: Run) -> "dict[tuple[str, str], PositionBias]":
    return position_effects(store.judgments(run)) if run.manifest.kind == "pairwise" else {}


def _open_models(plan: Plan, settings: Settings) -> dict[str, Model]:
    models: dict[str, Model] = {}
    for judge in plan.asked:
        model, why, priced = open_model(judge, transport=settings.transport)
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

    def __init__(self, store: Store, run: Run, *, concurrency: int) -> None:
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
                console.note(f"{limit}; raise it to go on")
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
                show_one(made)
                self._watch(made)

            return await carry_out(
                self._store,
                self._run,
                tasks=plan.tasks(),
                models=models,
                settings=settings,
                stop=self._stop,
                seen=seen,
            )

    def _watch(self, made: Made) -> None:
        """Notice what is hopeless."""
        if self._rejected < 0 or (made.outcome == "ok" and made.attempts):
            self._rejected = -1
        elif made.outcome == "error.auth":
            self._rejected += 1
            if self._rejected == HOPELESS:
                self._give_up("the provider rejects the key; the run stops here")
        if made.outcome.startswith("error."):
            self._failed += 1
            if self._failed == self._outage:
                self._give_up(
                    f"{self._failed} judgments in a row failed ({made.outcome}); the run stops here"
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
        console.note("finishing the calls in flight; Ctrl-C again to leave at once")
        asyncio.get_running_loop().call_later(GRACE, work.cancel)
