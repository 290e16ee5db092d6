import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from judge.run.launchers import worker_command
from judge.run.ray import RayLauncher
from judge.run.run import Settings, begin, counts
from judge.run.worker import open_for_workers
from judge.simulated.server import serve
from judge.store.leases import Leases
from judge.store.store import open_store
from tests.judge.run.test_worker import plan
from tests.postgres import needs_postgres, own_database

ray: Any = pytest.importorskip("ray", reason="the extra ray is not installed")
cluster_utils: Any = pytest.importorskip("ray.cluster_utils")

pytestmark = [
    pytest.mark.slow,
    # Ray opens sockets and files that it closes when the process ends.
    pytest.mark.filterwarnings("ignore"),
]

NODE = {"num_cpus": 2, "object_store_memory": 120 * 2**20}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    made = cluster_utils.Cluster(
        initialize_head=True, head_node_args={**NODE, "include_dashboard": False}
    )
    ray.init(address=made.address, log_to_driver=False)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@needs_postgres
def test_a_node_that_is_lost_costs_no_more_than_its_open_claims(cluster: Any) -> None:
    count, node = 1200, cluster.add_node(**NODE)
    with own_database() as address:
        store = open_store(address)

        async def judged() -> int:
            async with serve({"latency": {"fixed": 0.2}}) as server:
                run, _ = begin(store, "ray", plan(server, count))
                leases = Leases(store, run, seconds=5.0)
                settings = Settings(concurrency=8, recall=False)
                open_for_workers(store, run, leases=leases, settings=settings)
                command = worker_command(address, "ray", "--lease", "5")
                launcher = RayLauncher(cluster.address, command)
                launcher.start(3)
                removed = False
                while await asyncio.to_thread(launcher.running):
                    done = counts(store, run).scored
                    if done > count // 4 and not removed:
                        await asyncio.to_thread(cluster.remove_node, node, allow_graceful=False)
                        cluster.add_node(**NODE)
                        removed = True
                launcher.end()
                assert removed
                assert counts(store, run).scored == count
                return server.hits.total - count

        # Two workers of 40 tasks each may have stood on the node that was lost.
        assert asyncio.run(judged()) <= 3 * 60
