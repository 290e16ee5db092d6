"""Say what saturates first with many workers, by operational analysis of measured costs.

Each resource has a demand: seconds of it that one judgment, or one worker in a second, takes. Its
use is demand times rate over its capacity (utilization law; Denning and Buzen 1978, "The
operational analysis of queueing network models", equation 4); the resource with the greatest use
is the bottleneck and bounds the rate. Costs of the program come from benchmarks/scale_costs.py;
capacities of the cluster, and the provider's limits, are assumptions, printed with the result.
Usage: `python benchmarks/scale_simulation.py [--workers N] [--items N] [--costs FILE]`; prints
tables, writes bench/scale_simulation.json.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

OUT = Path(__file__).parents[1] / "bench" / "scale_simulation.json"
PROMPT, REPLY, PREFIX = 1_400, 300, 1_000
"""Tokens of a judgment; the prefix is the rubric, which a provider may cache."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one judgment costs, with 64 calls at once that are answered after about a second.

    Measured by benchmarks/scale_costs.py with 2,000 items on 28 November 2026, PostgreSQL 15, two
    cores of a busy machine.
    """

    worker_cpu_ms: float = 1.69
    database_cpu_ms: float = 0.24
    transactions: float = 0.16
    stored_bytes: float = 1_930.0
    wal_bytes: float = 2_723.0
    connections: float = 2.0
    """Of one worker, at most."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is assumed of the machines, the database and the provider."""

    in_flight: int = 64
    """Calls at once of a worker."""
    reply_s: float = 1.0
    worker_cores: float = 1.0
    database_cores: float = 16.0
    log_mb_s: float = 200.0
    """What the database's disk takes of its log in a second, synced."""
    commits_s: float = 20_000.0
    """Synced commits a second, several in one write of the disk."""
    held_ms: float = 2.0
    """How long a row that workers share is held: a round trip and a commit."""
    most_connections: int = 100
    """PostgreSQL's own default."""
    provider_requests_min: float = 30_000.0
    provider_tokens_min: float = 150e6
    """A large account at a provider."""
    gpu_tokens_s: float = 10_000.0
    """Prompt and reply tokens of one vLLM replica."""
    losses_an_hour: float = 0.02
    """Of one worker: killed, or its node taken away."""
    claim: int = 100
    """Judgments in the open claims of a worker, at most."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource at some rate of judgments."""

    name: str
    use: float
    """Fraction of its capacity; above 1 it bounds the rate."""
    bound: float
    """Judgments a second at which it is used up; infinite where the rate does not move it."""


def rate_wanted(workers: int, costs: Costs, cluster: Cluster) -> float:
    """Give the judgments a second of workers that nothing beside them holds up."""
    by_calls = cluster.in_flight / cluster.reply_s
    by_cpu = cluster.worker_cores * 1000.0 / costs.worker_cpu_ms
    return workers * min(by_calls, by_cpu)


def resources(workers: int, costs: Costs, cluster: Cluster) -> list[Resource]:
    """Give every resource at the rate that workers want, the most used first."""
    rate = rate_wanted(workers, costs, cluster)
    tokens = PROMPT + REPLY
    bounds = {
        "provider: requests a minute": cluster.provider_requests_min / 60.0,
        "provider: tokens a minute": cluster.provider_tokens_min / 60.0 / tokens,
        "workers: CPU": workers * cluster.worker_cores * 1000.0 / costs.worker_cpu_ms,
        "workers: calls in flight": workers * cluster.in_flight / cluster.reply_s,
        "database: CPU": cluster.database_cores * 1000.0 / costs.database_cpu_ms,
        "database: commits": cluster.commits_s / costs.transactions,
        "database: log": cluster.log_mb_s * 1e6 / costs.wal_bytes,
        # A share of the budget is 200 calls, taken under one lock.
        "database: lock of the budget": 200.0 * 1000.0 / cluster.held_ms,
    }
    found = [Resource(name, rate / bound, bound) for name, bound in bounds.items()]
    # A worker takes a second's share of a rate at once, from one row.
    found.append(
        Resource("database: row of the rate", workers * cluster.held_ms / 1e3, float("inf"))
    )
    used = workers * costs.connections / cluster.most_connections
    found.append(Resource("database: connections", used, float("inf")))
    return sorted(found, key=lambda each: -each.use)


def workers_until(resource: str, costs: Costs, cluster: Cluster) -> int:
    """Give how many workers use a resource up; doubling, then halving the interval."""

    def full(workers: int) -> bool:
        found = {r.name: r.use for r in resources(workers, costs, cluster)}
        return found[resource] >= 1.0

    high = 1
    while not full(high):
        if high > 10_000_000:
            return 0
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if full(middle) else (middle, high)
    return high


def list_prices(*models: str) -> Mapping[str, Mapping[str, float]]:
    """Read dollars a token from the table that litellm is installed with, without importing it."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("litellm is not installed")
    table = Path(spec.submodule_search_locations[0], "model_prices_and_context_window_backup.json")
    listed = json.loads(table.read_text("utf-8"))
    return {model: listed[model] for model in models}


def dollars(items: int, *, escalated: float = 0.2) -> dict[str, float]:
    """Give what so many judgments cost, by way.

    Parameters
    ----------
    items : int
    escalated : float
        Share of verdicts that a cascade asks a chat model about after the decision model.
    """
    chat, decider = list_prices("gpt-4.1-mini", "typesafe/jev-1.14.0").values()
    prompt, reply = chat["input_cost_per_token"], chat["output_cost_per_token"]
    live = PROMPT * prompt + REPLY * reply
    cached = (PROMPT - PREFIX) * prompt + PREFIX * chat["cache_read_input_token_cost"]
    batch = (
        PROMPT * chat["input_cost_per_token_batches"]
        + REPLY * chat["output_cost_per_token_batches"]
    )
    decision = PROMPT * decider["input_cost_per_token"]
    ways = {
        "live": live,
        "live, prefix cached": cached + REPLY * reply,
        "batch": batch,
        "decision model": decision,
        "cascade": decision + escalated * live,
    }
    return {way: items * each for way, each in ways.items()}


def simulate(workers: int, items: int, *, costs: Costs, cluster: Cluster) -> dict[str, object]:
    """Say how fast a run is, what bounds it, and what it needs."""
    wanted = rate_wanted(workers, costs, cluster)
    found = resources(workers, costs, cluster)
    own = [each for each in found if not each.name.startswith("provider")]
    bound = min(wanted, *(each.bound for each in found))
    unlimited = min(wanted, *(each.bound for each in own))
    return {
        "workers": workers,
        "items": items,
        "wanted_a_second": round(wanted),
        "with_that_provider_a_second": round(bound),
        "hours_with_that_provider": round(items / bound / 3600.0, 1),
        "hours_with_servers_of_ones_own": round(items / unlimited / 3600.0, 1),
        "replicas_for_that": round(unlimited * (PROMPT + REPLY) / cluster.gpu_tokens_s),
        "paid_twice_at_most": round(
            workers * cluster.losses_an_hour * items / unlimited / 3600.0 * cluster.claim
        ),
        "stored_gb": round(items * costs.stored_bytes / 1e9),
        "log_gb": round(items * costs.wal_bytes / 1e9),
        "workers_until_full": {
            each.name: workers_until(each.name, costs, cluster)
            for each in found
            if not each.name.startswith("workers")
        },
        "use": {each.name: round(each.use, 3) for each in found},
        "dollars": {way: round(usd) for way, usd in dollars(items).items()},
    }


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--items", type=int, default=100_000_000)
    parser.add_argument("--costs", type=Path, help="bench/scale_costs.json of this machine")
    given = parser.parse_args()
    costs = Costs()
    if given.costs:
        read = json.loads(given.costs.read_text("utf-8"))
        costs = Costs(**read["replies_after_a_second"], connections=read["connections"])
    cluster = Cluster()
    result = {
        "assumptions": asdict(cluster),
        "costs": asdict(costs),
        **simulate(given.workers, given.items, costs=costs, cluster=cluster),
    }
    print(json.dumps(result, indent=2))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
