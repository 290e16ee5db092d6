"""Run the console script as a user does, in a process and a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def program(
    *words: str | Path,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    within: Callable[[], None] | None = None,
) -> Ended:
    """Run `cvalues` to its end; `within` sets limits in the new process before it starts."""
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(folder, environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=within,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def command(*words: str | Path) -> list[str]:
    """Give the command line that runs this checkout's `cvalues`."""
    return [sys.executable, "-c", "from cvalues.cli import main; main()", *map(str, words)]


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the surroundings of a command: the checkout's packages, no keys, a store of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    root = Path(__file__).resolve().parents[2]
    return {
        **kept,
        "PYTHONPATH": str(root),
        "CVALUES_STORE": str(folder / "store.db"),
        **(more or {}),
    }
