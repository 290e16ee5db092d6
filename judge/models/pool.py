"""One model behind several addresses: the least busy is asked first, one that fails is left out.

For several servers of the same weights, such as replicas of vLLM. The first address names the model
in keys and tables; the others change nothing of what a score means.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from judge.errors import ConnectionFailed, DeadlineExceeded, ProviderFailed
from judge.models.base import Model, Question, Reply
from judge.records import Rung

FAILURES = 3
"""Failures in a row after which a server is left out."""

REST = 30.0
"""Seconds for which a server is left out, before one call tries it again."""


@dataclass(slots=True)
class _Server:
    model: Model
    in_flight: int = 0
    failures: int = 0
    rests_until: float = 0.0


class ModelPool:
    """Several servers of one model, as one model.

    Parameters
    ----------
    models : sequence of Model
        One for each address; the first names the pool.
    now : callable
        Seconds that never go back.

    Raises
    ------
    ValueError
        If there is none.
    """

    def __init__(
        self, models: Sequence[Model], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        if not models:
            raise ValueError("a pool needs at least one model; got none.")
        self._servers = [_Server(model) for model in models]
        self._now = now

    @property
    def transport(self) -> str:
        """The way that the first server is reached."""
        return self._servers[0].model.transport

    @property
    def provider(self) -> str:
        """The first server's: limits hold for the pool as a whole."""
        return self._servers[0].model.provider

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The first server's."""
        return self._servers[0].model.rungs

    @property
    def notes(self) -> tuple[str, ...]:
        """What all servers' models found out."""
        return tuple(note for each in self._servers for note in getattr(each.model, "notes", ()))

    async def ask(self, question: Question) -> Reply:
        """Make one call, at the server with the fewest in flight.

        Raises
        ------
        ModelError
            As the server's model does; whoever asks again is sent elsewhere.
        """
        server = self._choose()
        server.in_flight += 1
        try:
            reply = await server.model.ask(question)
        except (ConnectionFailed, ProviderFailed, DeadlineExceeded):
            server.failures += 1
            if server.failures >= FAILURES:
                server.rests_until = self._now() + REST
            raise
        finally:
            server.in_flight -= 1
        server.failures = 0
        return reply

    def _choose(self) -> _Server:
        now = self._now()
        awake = [server for server in self._servers if server.rests_until <= now]
        # Where all rest, the one that may be back first is tried: nothing is gained by waiting.
        if not awake:
            return min(self._servers, key=lambda server: server.rests_until)
        chosen = min(awake, key=lambda server: (server.in_flight, server.failures))
        if chosen.failures >= FAILURES:
            # One call tries a server that rested; the others wait for what becomes of it.
            chosen.rests_until = now + REST
        return chosen

    async def close(self) -> None:
        """Close every server's model."""
        for server in self._servers:
            await server.model.close()
