"""What it costs to start: processor time of a whole process, from nothing to its first result."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent.parent

FIRST = "import sys; from peers.cold import first; first(sys.argv[1], sys.argv[2])"

HELP = "import sys; from cvalues.cli import main; sys.argv[1:] = ['--help']; main()"

PROGRAMS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "import litellm": ("-c", "import litellm"),
    "cvalues --help": ("-c", HELP),
    "first verdict, direct": ("-c", FIRST, "ours, direct"),
    "first verdict, litellm": ("-c", FIRST, "litellm"),
    "first verdict, our litellm way": ("-c", FIRST, "ours, litellm"),
}


def first(name: str, base_url: str) -> None:
    """Get one verdict from a contestant."""
    from peers.clients import CLIENTS

    async def ask() -> None:
        async with CLIENTS[name](base_url) as call:
            await call()

    asyncio.run(ask())


def measure_starts(base_url: str, repeats: int) -> dict[str, float]:
    """Give the median processor time of each program in seconds."""
    return {
        name: median(_cost(program, base_url) for _ in range(repeats))
        for name, program in PROGRAMS.items()
    }


def _cost(program: tuple[str, ...], base_url: str) -> float:
    address = (base_url,) if program[1] == FIRST else ()
    child = subprocess.Popen(
        [sys.executable, *program, *address],
        cwd=HERE,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{program} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime
