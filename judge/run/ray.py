"""Workers as actors of Ray: the cluster places them, restarts them and grows for them.

Ray starts programs and nothing more: no record passes through its object store, and its retries
pay for nothing twice, since a restarted actor claims what is open in the ledger like any other
worker. Needs the extra ``ray``.
"""

import importlib
import os
import subprocess
from typing import Any

from judge.errors import ConfigError
from judge.run.launchers import Command

POLL = 0.5
"""Seconds that Ray is asked to wait for an actor's end."""


def run_worker(command: Command) -> int:
    """Run one worker to its end on the node where Ray has placed it; gives its exit code."""
    return subprocess.run(  # noqa: S603 - our own command
        command.words, env=command.whole_environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


class RayLauncher:
    """Workers as actors of a Ray cluster.

    Parameters
    ----------
    address : str
        ``auto`` for the cluster of this machine (one is started where there is none), else as Ray
        takes it, such as ``ray://head:10001``.
    command : Command
        Of one worker; the program must be installed on every node.
    cpus : float
        Logical processors of one worker.

    Raises
    ------
    ConfigError
        If Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, address: str, command: Command, *, cpus: float = 1.0) -> None:
        # Set before the import: Ray reports how it is used to its makers otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise ConfigError("--on ray needs an extra: pip install 'cvalues[ray]'.") from None
        self._ray = ray
        self._command = command
        self._waiting: list[Any] = []
        self._actors: list[Any] = []
        try:
            if not ray.is_initialized():
                self._connect(address)
        except (ConnectionError, ValueError) as error:
            raise ConfigError(f"no Ray cluster answers at {address}; see ray status.") from error
        # Restarted without end, on another node where this one is gone; the ledger bounds the work.
        options = {"num_cpus": cpus, "max_restarts": -1, "max_task_retries": -1}
        self._actor: Any = ray.remote(**options)(_Worker)

    def _connect(self, address: str) -> None:
        quiet = {"log_to_driver": False, "include_dashboard": False}
        if address != "auto":
            self._ray.init(address=address, log_to_driver=False)
            return
        try:
            self._ray.init(address="auto", log_to_driver=False)
        except ConnectionError:
            self._ray.init(**quiet)

    def start(self, count: int) -> None:
        """Start worker actors."""
        for _ in range(count):
            actor = self._actor.remote()
            self._actors.append(actor)
            self._waiting.append(actor.run.remote(self._command))

    def running(self) -> int:
        """Count the workers that have not ended."""
        if self._waiting:
            _, self._waiting = self._ray.wait(
                self._waiting, num_returns=len(self._waiting), timeout=POLL
            )
        return len(self._waiting)

    def end(self) -> None:
        """Give the actors back to the cluster."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors.clear()
        self._waiting.clear()


class _Worker:
    """One worker as an actor."""

    def run(self, command: Command) -> int:
        """Run a worker process to its end."""
        return run_worker(command)
