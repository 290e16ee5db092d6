"""`cvalues work`: one worker on a run that several share."""

import asyncio
import os
import signal
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli import console
from judge.cli.completion import complete_run

if TYPE_CHECKING:
    from collections.abc import Generator

    from judge.run.scheduler import Made
    from judge.store.leases import Leases
    from judge.store.records import Run
    from judge.store.store import Store


def work(
    run: Annotated[
        str,
        typer.Option(
            help="Name of a run that cvalues judge has started.", autocompletion=complete_run
        ),
    ],
    store: console.StoreOption = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of concurrent calls of this worker.")
    ] = None,
    lease: Annotated[
        float, typer.Option(min=1.0, help="Seconds after which the lease of a dead worker expires.")
    ] = 60.0,
    stop: Annotated[
        bool, typer.Option("--stop", help="Ask all workers of the run to finish and exit.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="List the workers of the run and exit.")
    ] = False,
    quiet: console.Quiet = False,
    json_: console.AsJson = False,
) -> None:
    """Start one worker on a run that several machines share.

    Needs a store on PostgreSQL. Workers may be started and killed at any time on any machine: the
    leases of a dead worker expire and other workers take its items. Ctrl-C stops this worker only.
    Exit code 5: the run is not complete.
    """
    from judge.store.leases import Leases

    opened = console.opened(store) if stop or status else opened_patiently(store)
    with opened as kept:
        found = console.run_named(kept, run)
        leases = Leases(kept, found, seconds=lease)
        if stop:
            leases.stop()
            console.note(f"the workers of {run} are asked to leave")
            return
        if status:
            _show_workers(leases, as_json=json_)
            return
        worker = _LeasedSitting(quiet=quiet)
        limit = asyncio.run(worker.work(kept, found, leases, concurrency=concurrency))
        if limit is not None:
            console.note(limit)
        if worker.interrupted:
            raise SystemExit(console.INTERRUPTED)
        raise SystemExit(console.INCOMPLETE if leases.left() else console.DONE)


@contextmanager
def opened_patiently(given: str | None) -> "Generator[Store]":
    """Open a store; where its server does not answer yet, wait as long as workers at work do."""
    from judge.errors import StoreUnreachable
    from judge.store.databases import PATIENCE, patiently
    from judge.store.store import open_store

    told = False

    def opened() -> "Store":
        nonlocal told
        try:
            return open_store(console.store_address(given))
        except StoreUnreachable:
            if not told:
                console.note(f"the store does not answer; trying again for {PATIENCE:g} seconds")
            told = True
            raise

    with closing(patiently(opened)) as store:
        yield store


def _show_workers(leases: "Leases", *, as_json: bool) -> None:
    rows: list[dict[str, object]] = [
        {
            "worker": row.name,
            "state": row.state,
            "since": row.started_at,
            "silent_s": round(row.silent_for, 1),
            "calls": row.calls,
            "kept": row.kept,
            "usd": round(row.usd, 4),
        }
        for row in leases.workers()
    ]
    if as_json:
        console.as_json({"blocks_left": leases.left(), "workers": rows})
        return
    console.table(rows, {name: name for name in rows[0]} if rows else {"worker": "worker"})
    console.say(f"blocks left: {leases.left()}")


class _LeasedSitting:
    """A worker under way, and how it is interrupted."""

    def __init__(self, *, quiet: bool) -> None:
        self.interrupted = False
        self._quiet = quiet

    async def work(
        self, store: "Store", run: "Run", leases: "Leases", *, concurrency: int | None
    ) -> str | None:
        """Work until nothing is left; the first signal finishes what is in flight."""
        from judge.cli.run_session import open_models, progress
        from judge.run.plan import plan_of_run
        from judge.run.scheduler import tell_of
        from judge.run.worker import LeasedRun, carry_out_leased, settings_of

        settings = settings_of(leases, run)
        if concurrency is not None:
            settings = replace(settings, concurrency=concurrency)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signal_, self._interrupt, stop)
        models = open_models(plan_of_run(store, run), settings)
        with progress(run.manifest.planned, quiet=self._quiet) as show_one:

            def seen(made: "Made") -> None:
                tell_of(made)
                show_one(made)

            return await carry_out_leased(
                LeasedRun(
                    store=store,
                    run=run,
                    models=models,
                    settings=settings,
                    stop=stop,
                    seen=seen,
                    leases=leases,
                )
            )

    def _interrupt(self, stop: asyncio.Event) -> None:
        if self.interrupted:
            os._exit(console.INTERRUPTED)
        self.interrupted = True
        stop.set()
        console.note("finishing the open calls; press Ctrl-C again to exit at once")
