"""What docs/scale.md says of scale is what the simulation gives from its costs and assumptions."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def simulation() -> Any:
    path = ROOT / "benchmarks" / "scale_simulation.py"
    spec = importlib.util.spec_from_file_location("scale_simulation", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


found = simulation()
COSTS, CLUSTER = found.Costs(), found.Cluster()


def use(workers: int, costs: Any = COSTS, cluster: Any = CLUSTER) -> dict[str, float]:
    return {each.name: each.use for each in found.resources(workers, costs, cluster)}


def test_the_use_of_a_resource_is_demand_times_rate_over_capacity() -> None:
    costs = found.Costs(
        worker_cpu_ms=5.0, database_cpu_ms=2.0, transactions=2.0, stored_bytes=1.0, wal_bytes=1e4,
        connections=2.0,
    )  # fmt: skip
    # 10 workers of 64 calls a second: 640 judgments a second.
    used = use(10, costs)

    assert used["database: CPU"] == pytest.approx(640 * 0.002 / 16)
    assert used["database: commits"] == pytest.approx(640 * 2 / 20_000)
    assert used["database: log"] == pytest.approx(640 * 1e4 / 200e6)
    assert used["workers: CPU"] == pytest.approx(64 * 0.005)
    assert used["database: connections"] == pytest.approx(10 * 2 / 100)
    assert used["provider: tokens a minute"] == pytest.approx(640 * 60 * 1_700 / 150e6)


def test_a_worker_without_cpu_left_wants_no_more_than_its_cpu_gives() -> None:
    slow = replace(COSTS, worker_cpu_ms=50.0)

    assert found.rate_wanted(3, slow, CLUSTER) == pytest.approx(60.0)
    assert use(3, slow)["workers: CPU"] == pytest.approx(1.0)


def test_the_bottleneck_bounds_the_rate() -> None:
    small = replace(
        CLUSTER, database_cores=1.0, provider_requests_min=1e9, provider_tokens_min=1e12
    )
    result = found.simulate(100, 1_000_000, costs=COSTS, cluster=small)

    assert result["with_that_provider_a_second"] == round(1000.0 / COSTS.database_cpu_ms)


def test_the_number_of_workers_that_fills_a_resource_is_the_smallest() -> None:
    full = found.workers_until("database: CPU", COSTS, CLUSTER)

    assert use(full)["database: CPU"] >= 1.0 > use(full - 1)["database: CPU"]


def rows(result: dict[str, Any]) -> list[str]:
    """Give the rows of the English page's tables."""
    filled = [
        f"| {name} | {used:.0%} | {result['workers_until_full'].get(name) or '-'} |"
        for name, used in result["use"].items()
        if not name.startswith("workers: calls")
    ]
    paid = [
        f"| {way} | ${usd / 1000:,.0f} | ${usd / 100:,.0f} | ${usd:,.0f} |"
        for way, usd in result["dollars"].items()
    ]
    return [*filled, *paid]


SENTENCES = {
    "scale.md": (
        "{hours_with_servers_of_ones_own} hours",
        "{hours_with_that_provider} hours",
        "{replicas_for_that:,} replicas",
        "{paid_twice_at_most:,} judgments paid twice",
        "{stored_gb} GB of rows",
    ),
    "scale.zh.md": (
        "{hours_with_servers_of_ones_own} 小时",
        "{hours_with_that_provider} 小时",
        "{replicas_for_that:,} 个副本",
        "{paid_twice_at_most:,} 次评审付费两次",
        "{stored_gb} GB 的行和索引",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_page_shows_the_figures_of_the_simulation(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    result = found.simulate(100, 100_000_000, costs=COSTS, cluster=CLUSTER)

    for row in rows(result):
        # Names are in the language of the page; the figures beside them are the same.
        assert (row if name == "scale.md" else f"|{row.split('|', 2)[2]}") in page
    for sentence in SENTENCES[name]:
        assert sentence.format_map(result) in page
