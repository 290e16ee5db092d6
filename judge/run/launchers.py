"""Start workers on a run that is open for them: processes of this machine, or actors of Ray.

A launcher only starts programs and says when they have ended; what they do is in the ledger.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ENDED_WELL = frozenset({0, 5, 130})
"""Exit codes of a worker that need no second start: done, incomplete, stopped."""

RESTARTS = 3
"""How often a worker of this machine that died is started again."""


@dataclass(frozen=True, slots=True)
class Command:
    """How one worker is started."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    """Added to that of whoever starts it. The store's address stands here, for everybody on a
    machine can read command lines, and the address may hold a password."""

    @property
    def whole_environment(self) -> dict[str, str]:
        """The environment of the worker, on the machine where this is asked."""
        return {**os.environ, **self.environment}


class Launcher(Protocol):
    """A way to start workers."""

    def start(self, count: int) -> None:
        """Start workers; returns at once."""
        ...

    def running(self) -> int:
        """Count the workers that have not ended, starting dead ones again where that is due."""
        ...

    def end(self) -> None:
        """End what still runs; leases of whoever is ended so run out by themselves."""
        ...


class LocalLauncher:
    """Workers as processes of this machine.

    Parameters
    ----------
    command : Command
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._workers: list[subprocess.Popen[bytes]] = []
        self._restarts = 0

    def start(self, count: int) -> None:
        """Start worker processes."""
        self._workers += [self._started() for _ in range(count)]

    def _started(self) -> subprocess.Popen[bytes]:
        # Their own process group: Ctrl-C goes to the leader, which stops them by the ledger.
        return subprocess.Popen(  # noqa: S603 - our own command
            self._command.words,
            env=self._command.whole_environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def running(self) -> int:
        """Count the processes that have not ended; one that died is started again."""
        for place, worker in enumerate(self._workers):
            code = worker.poll()
            if code is not None and code not in ENDED_WELL and self._restarts < RESTARTS:
                self._restarts += 1
                self._workers[place] = self._started()
        return sum(worker.poll() is None for worker in self._workers)

    def end(self) -> None:
        """End the processes that still run."""
        for worker in self._workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self._workers:
            worker.wait()


def worker_command(store: str, run: str, *options: str) -> Command:
    """Give the command of one worker, with further options of ``cvalues work``."""
    program = "from cvalues.cli import main; main()"
    words = (sys.executable, "-c", program, "work", "--run", run, "--quiet", *options)
    return Command(words, {"CVALUES_STORE": store})
