"""The program that starts workers on a run and watches them."""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from judge.cli import console
from judge.errors import ConfigError
from judge.files.decoding import counted

if TYPE_CHECKING:
    from judge.run.launchers import Launcher
    from judge.run.run import Settings
    from judge.store.leases import Leases
    from judge.store.records import Run
    from judge.store.store import Store

EVERY = 10.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that are started to work on a run."""

    launcher: "Launcher"
    count: int


async def lead(
    store: "Store", run: "Run", settings: "Settings", *, crew: Crew, stop: asyncio.Event
) -> str | None:
    """Start workers, watch the ledger until nothing is left, and stop them when asked to.

    Returns
    -------
    str or None
        Why the run is not done, in a clause; None where it is, or was stopped.

    Raises
    ------
    ConfigError
        If the store is not on PostgreSQL.
    """
    from judge.run.worker import open_for_workers
    from judge.store.leases import Leases

    leases = Leases(store, run)
    await asyncio.to_thread(open_for_workers, store, run, leases=leases, settings=settings)
    crew.launcher.start(crew.count)
    stopped, noted = False, 0.0
    try:
        while await asyncio.to_thread(crew.launcher.running):
            if stop.is_set() and not stopped:
                stopped = True
                await asyncio.to_thread(leases.stop)
            if time.monotonic() - noted >= EVERY:
                noted = time.monotonic()
                console.note(await asyncio.to_thread(_progress, leases, run))
            await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(crew.launcher.end)
    left = await asyncio.to_thread(leases.left)
    return f"the workers have ended and {left} blocks are open" if left and not stopped else None


def _progress(leases: "Leases", run: "Run") -> str:
    rows = leases.workers()
    at_work = sum(row.state == "working" for row in rows)
    return (
        f"{sum(row.kept for row in rows)}/{run.manifest.planned} judged by "
        f"{counted(at_work, 'worker')}"
    )


def crew_of(on: str | None, count: int | None, *, store: str, run: str) -> Crew | None:
    """Read what a command line says of workers; None where it wants none.

    Raises
    ------
    ConfigError
        If the place is not known, or Ray is not installed.
    """
    if on is None and count is None:
        return None
    from judge.run.launchers import LocalLauncher, worker_command

    command = worker_command(store, run)
    place, _, address = (on or "here").partition("://")
    if place == "here":
        return Crew(LocalLauncher(command), count or 2)
    if place != "ray":
        raise ConfigError(f"--on {on}: no such place; write here, ray or ray://HEAD:PORT.")
    from judge.run.ray import RayLauncher

    return Crew(RayLauncher(f"ray://{address}" if address else "auto", command), count or 2)
