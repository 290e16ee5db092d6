"""One contestant in a process of its own: reads jobs as JSON lines, writes what they cost."""

import asyncio
import json
import os
import resource
import sys
import time

from peers.clients import CLIENTS, Call


async def run(call: Call, calls: int, concurrency: int) -> int:
    """Make calls, so many at once; give the number of failures."""
    left, errors = iter(range(calls)), 0

    async def work() -> None:
        nonlocal errors
        for _ in left:
            try:
                await call()
            except Exception as error:  # noqa: BLE001 - counted and shown
                errors += 1
                if errors == 1:
                    print(repr(error)[:500], file=sys.stderr)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return errors


async def serve(name: str) -> None:
    """Do jobs until the parent closes our standard input."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        async with CLIENTS[name](job["base_url"]) as call:
            errors = await run(call, job["warm"], job["concurrency"])
            wall, cpu = time.perf_counter(), time.process_time()
            errors += await run(call, job["calls"], job["concurrency"])
            cost = {
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "errors": errors,
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    asyncio.run(serve(sys.argv[1]))
