"""A simulated server on a thread of this process, for demonstrations and synchronous tests."""

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from judge.simulated.hits import Hits
from judge.simulated.profile import Profile
from judge.simulated.server import SimulatedServer, serve


@dataclass(frozen=True)
class Running:
    """A server on a thread of this process."""

    base_url: str
    hits: Hits
    """Counts and the latest requests; read them while no request is under way."""


@contextmanager
def simulated_server(
    profile: Profile | Mapping[str, object] | None = None, *, keep_bodies: bool = False
) -> Generator[Running]:
    """Serve on a free port from another thread, so that synchronous tests can call it too."""
    started: Future[tuple[SimulatedServer, Callable[[], None]]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(profile, started, keep_bodies=keep_bodies))
    )
    thread.start()
    server, stop = started.result(timeout=10)
    try:
        yield Running(server.base_url, server.hits)
    finally:
        stop()
        thread.join(timeout=10)


async def _serve(
    profile: Profile | Mapping[str, object] | None,
    started: Future[tuple[SimulatedServer, Callable[[], None]]],
    *,
    keep_bodies: bool,
) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    try:
        async with serve(profile, keep_bodies=keep_bodies) as server:
            started.set_result((server, lambda: loop.call_soon_threadsafe(stopped.set) and None))
            await stopped.wait()
    except Exception as error:  # noqa: BLE001 - handed to the thread that waits
        started.set_exception(error)
