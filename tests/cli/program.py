"""Run the program as a user does, in a process and a folder of its own."""

import io
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from cvalues.cli.command_table import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds after which a command is taken to hang."""

LOADED = (
    *("cvalues.cli.command_table", "judge.exporters.ci", "judge.gate.decision"),
    *(entry.target.partition(":")[0] for entry in COMMANDS.values()),
    *("judge.report.build", "judge.store.store"),
    *("aiohttp", "jinja2", "openpyxl", "pandas", "scipy.optimize", "scipy.special", "scipy.stats"),
)
"""What most commands import, and what takes most of their time."""


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class Console(NamedTuple):
    """Where a command writes: the encoding of its streams, and the one that is not there."""

    encoding: str = "utf-8"
    closed: Literal["", "stdout", "stderr"] = ""
    unread: bool = False
    """Standard output is a pipe that nobody reads."""


def program(
    *words: str | Path,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    within: Callable[[], None] | None = None,
    console: Console | None = None,
) -> Ended:
    """Run `cvalues` to its end.

    The process is forked from one that has imported the packages already, unless `within` sets
    limits in it: then it starts as the console script does, from nothing.
    """
    surroundings = environment(folder, environ)
    if within is not None:
        return _started(command(*words), folder, surroundings, within)
    with TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        line = [str(word) for word in words]
        given = (line, folder, surroundings, (out, err), console)
        running = _nursery().Process(target=_become, args=given)
        running.start()
        running.join(PATIENCE)
        if running.exitcode is None:
            running.kill()
            raise TimeoutError(f"cvalues {' '.join(line)}: no end in {PATIENCE:g} s")
        encoding = console.encoding if console else "utf-8"
        return Ended(running.exitcode, out.read_text(encoding), err.read_text(encoding))


def command(*words: str | Path) -> list[str]:
    """Give the command line that runs this checkout's `cvalues`."""
    return [sys.executable, "-c", "from cvalues.cli import main; main()", *map(str, words)]


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the surroundings of a command: the checkout's packages, no keys, a store of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "CVALUES_STORE": str(folder / "store.db"),
        **(more or {}),
    }


@cache
def _nursery() -> ForkServerContext:
    """Give the process that has imported the packages, and has neither threads nor a past."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def _become(
    words: Sequence[str],
    folder: Path,
    surroundings: Mapping[str, str],
    files: tuple[Path, Path],
    console: Console | None,
) -> None:
    for path, descriptor in zip(files, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    if console is not None:
        _write_to(console)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(surroundings)
    sys.argv = ["cvalues", *words]
    from cvalues.cli import main

    main()


def _write_to(console: Console) -> None:
    """Make the streams that Python makes at its start on such a console."""
    if console.unread:
        unread, written = os.pipe()
        os.close(unread)
        os.dup2(written, 1)
        os.close(written)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if console.closed == name:
            os.close(descriptor)
            setattr(sys, name, None)
        else:
            errors = "strict" if name == "stdout" else "backslashreplace"
            raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
            setattr(sys, name, io.TextIOWrapper(raw, encoding=console.encoding, errors=errors))


def _started(
    line: list[str], folder: Path, surroundings: Mapping[str, str], within: Callable[[], None]
) -> Ended:
    done = subprocess.run(
        line,
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=within,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
