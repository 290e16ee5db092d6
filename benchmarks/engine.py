"""Measure the ways to a provider against bare clients, in interleaved rounds on one machine.

CPU per call is the figure to trust: cores are shared and calls per second move with the
neighbours. Ratios are medians of the ratios within each round. Usage:
`python benchmarks/engine.py [--quick] [--rounds N] [--against TREE]`; writes bench/engine.json.
`--quick` takes about a minute of CPU: fewer calls, and only the clients that a goal compares.
`--against` lets the direct way of another checkout, with a .venv of its own, take its turns.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO, cast

from peers.clients import CLIENTS, check
from peers.cold import measure_starts

HERE = Path(__file__).parent
OUT = HERE.parent / "bench" / "engine.json"
HEAVY = frozenset(name for name in CLIENTS if "litellm" in name)
NO_GOAL = frozenset({"ours, litellm hosted_vllm", "instructor + litellm, JSON_SCHEMA"})
THEIRS = "direct of the other tree"
QUICK_SHARE = 0.08


@dataclass(frozen=True)
class Setting:
    """How the calls of a round are made."""

    name: str
    latency_ms: int
    concurrency: int
    calls: int
    heavy_calls: int
    """For clients built on litellm, which take twenty times as long; none of them where 0."""


SETTINGS = (
    Setting("0 ms, 64 at once", 0, 64, 4000, 400),
    Setting("50 ms, 32 at once", 50, 32, 1600, 1000),
    Setting("200 ms, 256 at once", 200, 256, 5120, 0),
)


@dataclass(frozen=True)
class Goal:
    """A ratio to reach."""

    name: str
    value: float
    bound: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


Rounds = Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]
"""Setting to client to one record of each round."""


class Peer:
    """A child process that answers one line for each line."""

    def __init__(self, *arguments: str, tree: Path | None = None) -> None:
        python = sys.executable if tree is None else str(tree / ".venv" / "bin" / "python")
        self.process = subprocess.Popen(
            [python, *arguments],
            cwd=HERE if tree is None else tree / "benchmarks",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._in = cast("IO[str]", self.process.stdin)
        self._out = cast("IO[str]", self.process.stdout)

    def read(self) -> str:
        """Give the next line."""
        return self._out.readline()

    def ask(self, job: Mapping[str, object]) -> dict[str, float]:
        """Have a job done."""
        self._in.write(json.dumps(job) + "\n")
        self._in.flush()
        return json.loads(self.read())

    def close(self) -> None:
        """Let the process end."""
        self._in.close()
        self.process.wait()
        self._out.close()


def measure(address: str, rounds: int, share: float, *, tree: Path | None) -> Rounds:
    """Run every client in every setting, round after round.

    Parameters
    ----------
    address : str
        Of the mock server.
    rounds : int
        How often all clients take their turn.
    share : float
        Fraction of the calls of each setting to make; clients without a goal are left out below 1.
    tree : Path or None
        Another checkout, whose direct way takes its turns too.
    """
    names = [name for name in CLIENTS if share == 1.0 or name not in NO_GOAL]
    workers = {name: Peer("-m", "peers.worker", name) for name in names}
    if tree is not None:
        workers[THEIRS] = Peer("-m", "peers.worker", "ours, direct", tree=tree)
    found: dict[str, dict[str, list[Mapping[str, float]]]] = {}
    for number in range(rounds):
        for setting in SETTINGS:
            print(f"round {number + 1} of {rounds}: {setting.name}", file=sys.stderr)
            records = found.setdefault(setting.name, {})
            for name, worker in workers.items():
                if calls := _calls(setting, name, share):
                    records.setdefault(name, []).append(
                        worker.ask(_job(setting, address, calls=calls))
                    )
    for worker in workers.values():
        worker.close()
    return found


def _job(setting: Setting, server: str, *, calls: int) -> dict[str, object]:
    return {
        "base_url": f"{server}/{setting.latency_ms}/v1",
        "concurrency": setting.concurrency,
        "warm": setting.concurrency,
        "calls": calls,
    }


def figures(found: Rounds, share: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Turn what was measured into CPU ms a call, calls a second and the fraction of the ideal."""
    return {
        setting.name: {
            name: [_figures(setting, _calls(setting, name, share), record) for record in records]
            for name, records in found[setting.name].items()
        }
        for setting in SETTINGS
    }


def _calls(setting: Setting, name: str, share: float) -> int:
    if name in HEAVY:
        most = setting.heavy_calls
        return max(min(setting.concurrency, most), int(most * share))
    # The first and the last wave are never full, so that few waves look slow.
    return max(setting.concurrency * 20, int(setting.calls * share))


def _figures(setting: Setting, calls: int, record: Mapping[str, float]) -> dict[str, float]:
    rate = calls / record["wall"]
    ideal = setting.concurrency / (setting.latency_ms / 1000.0) if setting.latency_ms else 0.0
    return {
        "cpu_ms": record["cpu"] / calls * 1000.0,
        "calls_per_s": rate,
        "of_ideal": rate / ideal if ideal else float("nan"),
        "errors": record["errors"],
        "rss_mb": record["rss_mb"],
    }


def call_goals(table: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> list[Goal]:
    """Compare what calls cost with what the project promises."""
    busy, short, long = (table[setting.name] for setting in SETTINGS)

    def ratio(rows: Mapping[str, Sequence[Mapping[str, float]]], *, of: str, to: str) -> float:
        return median(_ratios(rows[of], rows[to], "cpu_ms"))

    direct, bare, litellm = "ours, direct", "aiohttp + pydantic", "litellm"
    same = [
        Goal(f"{name} / {direct}, CPU", ratio(busy, of=name, to=direct), 1.3, at_most=True)
        for name in busy
        if name.startswith(f"{direct} to ")
    ]
    same += [
        Goal(
            f"direct / {THEIRS}, CPU, {place}", ratio(rows, of=direct, to=THEIRS), 1.1, at_most=True
        )
        for place, rows in (("0 ms", busy), ("50 ms", short))
        if THEIRS in rows
    ]
    tools, way = "instructor + litellm, TOOLS", "ours, litellm"
    more = [a["cpu_ms"] - b["cpu_ms"] for a, b in zip(busy[way], busy[litellm], strict=True)]
    return [
        Goal(
            "direct / aiohttp + pydantic, CPU", ratio(busy, of=direct, to=bare), 2.5, at_most=True
        ),
        Goal(
            "instructor + litellm / direct, CPU",
            ratio(busy, of=tools, to=direct),
            12,
            at_most=False,
        ),
        Goal("litellm / direct, CPU", ratio(busy, of=litellm, to=direct), 8, at_most=False),
        Goal("our litellm way / litellm, CPU", ratio(busy, of=way, to=litellm), 1.15, at_most=True),
        Goal("our litellm way - litellm, CPU ms", median(more), 0.3, at_most=True),
        Goal(
            "direct at 200 ms, 256 at once, of the ideal", _ideal(long[direct]), 0.9, at_most=False
        ),
        Goal(
            "our litellm way / litellm at 50 ms, 32 at once, calls/s",
            median(_ratios(short[way], short[litellm], "calls_per_s")),
            0.85,
            at_most=False,
        ),
        *same,
    ]


def start_goals(starts: Mapping[str, float]) -> list[Goal]:
    """Compare what starting costs with what the project promises."""
    shares = (
        ("cvalues --help", "import litellm", 0.1),
        ("first verdict, direct", "first verdict, litellm", 0.2),
        ("first verdict, our litellm way", "first verdict, litellm", 1.1),
    )
    return [
        Goal(f"{some} / {other}, CPU", starts[some] / starts[other], bound, at_most=True)
        for some, other, bound in shares
    ]


def _ratios(
    some: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]], figure: str
) -> list[float]:
    return [a[figure] / b[figure] for a, b in zip(some, others, strict=True)]


def _ideal(records: Sequence[Mapping[str, float]]) -> float:
    return median(record["of_ideal"] for record in records)


def show(
    table: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]],
    starts: Mapping[str, float],
    reached: list[Goal],
) -> None:
    """Print the tables."""
    for setting, clients in table.items():
        print(f"\n{setting:36}{'CPU ms':>9}{'calls/s':>9}{'ideal':>7}{'errors':>8}{'RSS MB':>8}")
        for name, records in clients.items():
            mid = {figure: median(r[figure] for r in records) for figure in records[0]}
            print(
                f"{name:36}{mid['cpu_ms']:9.3f}{mid['calls_per_s']:9.0f}{mid['of_ideal']:7.2f}"
                f"{mid['errors']:8.0f}{mid['rss_mb']:8.0f}"
            )
    print(f"\n{'from nothing':36}{'CPU s':>9}")
    for name, seconds in starts.items():
        print(f"{name:36}{seconds:9.2f}")
    print()
    for goal in reached:
        sign = "<=" if goal.at_most else ">="
        print(
            f"{'met ' if goal.met else 'MISS'} {goal.name}: {goal.value:.2f} ({sign} {goal.bound})"
        )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute of CPU")
    parser.add_argument("--rounds", type=int, help="turns of each client: 5, or 2 with --quick")
    parser.add_argument("--against", type=Path, help="another checkout with a .venv")
    chosen = parser.parse_args()
    check()
    rounds, share = (2, QUICK_SHARE) if chosen.quick else (5, 1.0)
    rounds = chosen.rounds or rounds
    server = Peer("-m", "peers.server")
    address = f"http://127.0.0.1:{int(server.read())}"
    table = figures(measure(address, rounds, share, tree=chosen.against), share)
    starts = measure_starts(f"{address}/0/v1", 1 if chosen.quick else 3)
    server.close()
    reached = call_goals(table) + start_goals(starts)
    show(table, starts, reached)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{used.ru_utime + used.ru_stime:.0f} s CPU in all")
    OUT.parent.mkdir(exist_ok=True)
    written = {
        "machine": {"python": platform.python_version(), "platform": platform.platform()},
        "rounds": rounds,
        "quick": chosen.quick,
        "settings": [asdict(setting) for setting in SETTINGS],
        "rows": table,
        "starts_cpu_s": starts,
        "goals": [{**asdict(goal), "met": goal.met} for goal in reached],
    }
    OUT.write_text(json.dumps(written, indent=1).replace("NaN", "null"), encoding="utf-8")
    print(f"\nwritten: {OUT}")


if __name__ == "__main__":
    main()
