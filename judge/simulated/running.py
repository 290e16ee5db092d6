"""Run the simulated server: on a thread of this process, or as a program of its own."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from judge.simulated.profile import Profile
from judge.simulated.server import Hits, SimulatedServer, serve


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


def serve_until_stopped(profile: Profile, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGINT or SIGTERM, then drop every connection and return.

    Parameters
    ----------
    profile : Profile
        What is planted.
    port : int
        0 lets the system choose.
    announce : callable
        Gets the base URL once the server listens.

    Returns
    -------
    int
        How many chat completions were asked for.

    Raises
    ------
    OSError
        If the port is taken.
    """
    return asyncio.run(_serve_program(profile, port, announce))


async def _serve_program(profile: Profile, port: int, announce: Callable[[str], None]) -> int:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(profile, port=port) as server:
        announce(server.base_url)
        await stopped.wait()
    return server.hits.total
