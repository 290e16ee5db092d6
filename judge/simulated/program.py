"""The simulated server as a program of its own: it runs until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable

from judge.simulated.profile import Profile
from judge.simulated.server import serve


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
    return asyncio.run(_serve(profile, port, announce))


async def _serve(profile: Profile, port: int, announce: Callable[[str], None]) -> int:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(profile, port=port) as server:
        announce(server.base_url)
        await stopped.wait()
    return server.hits.total
