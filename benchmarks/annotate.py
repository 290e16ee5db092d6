"""Fifty raters label over the loopback for a minute: nothing lost, nothing doubled, how fast.

Each rater chooses, saves twice and submits, as the page does, with a pause between actions as
people have. Usage: `python benchmarks/annotate.py [--quick]`; writes bench/annotate.json.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from judge.manifest import Manifest, RubricEdition, Source
from judge.records import Generation
from judge.store.store import open_store
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest

GOAL_MS = 200.0


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Ten raters for ten seconds.")
    parser.add_argument("--raters", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0, help="Seconds between actions.")
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("bench/annotate.json"))
    asked = parser.parse_args()
    if asked.quick:
        asked.raters, asked.seconds = 10, 10.0
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "store.db")
        _prepare(address, asked.items)
        measured = _serve(address, asked)
        measured |= _counted(address, measured.pop("acknowledged"))
    for name, figure in measured.items():
        print(f"{name:>16}  {figure}")
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def _prepare(address: str, count: int) -> None:
    rubric = load_rubric("safety", language="en")
    edition = RubricEdition(
        rubric="safety",
        language="en",
        digest=rubric_digest(rubric),
        criteria=tuple(each.id for each in rubric.criteria),
    )
    store = open_store(address)
    store.create_run(
        "bench",
        Manifest(source=Source(name="b", sha256="0" * 64, rows=count), rubrics=(edition,)),
        generations=(
            Generation(id=f"i{n}", prompt=f"Question {n}", response="An answer. " * 60, lang="en")
            for n in range(count)
        ),
        documents={"rubric/safety/en": rubric.model_dump_json()},
    )
    store.close()


def _serve(address: str, asked: argparse.Namespace) -> dict[str, object]:
    names = [f"r{number}" for number in range(asked.raters)]
    words = [
        "annotate", "bench", "--store", address, "--n", str(asked.items), "--lang", "en",
        "--per-item", str(asked.raters), "--raters", ",".join(names), "--json",
    ]  # fmt: skip
    code = "from cvalues.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True
    ) as server:
        if server.stdout is None:
            raise RuntimeError("the server prints nothing")
        printed = ""
        while not printed.rstrip().endswith("\n}"):
            printed += server.stdout.readline()
        links = [each["link"] for each in json.loads(printed)["links"] if each["role"] == "rater"]
        try:
            return asyncio.run(_crowd(links, asked))
        finally:
            server.terminate()


async def _crowd(links: list[str], asked: argparse.Namespace) -> dict[str, object]:
    clients = [httpx.AsyncClient(follow_redirects=True, timeout=60) for _ in links]
    for client, link in zip(clients, links, strict=True):
        page = await client.post(link)
        await client.post(
            _at(page, "/consent"), data={"csrf": _hidden(page.text, "csrf"), "agree": "yes"}
        )
    until = time.monotonic() + asked.seconds
    waits: list[float] = []
    done = await asyncio.gather(
        *(
            _rater(client, link, waits=waits, until=until, pause=asked.pause)
            for client, link in zip(clients, links, strict=True)
        )
    )
    for client in clients:
        await client.aclose()
    waits.sort()
    return {
        "raters": len(links),
        "requests": len(waits),
        "a second": round(len(waits) / asked.seconds, 1),
        "p50 ms": round(waits[len(waits) // 2] * 1000, 1),
        "p95 ms": round(waits[int(len(waits) * 0.95)] * 1000, 1),
        "max ms": round(waits[-1] * 1000, 1),
        "p95 under 200": waits[int(len(waits) * 0.95)] * 1000 < GOAL_MS,
        "acknowledged": sum(done),
    }


async def _rater(
    client: httpx.AsyncClient, link: str, *, waits: list[float], until: float, pause: float
) -> int:
    base = link.split("/enter/", maxsplit=1)[0]
    await asyncio.sleep(pause * (hash(link) % 100) / 100)
    page = (await client.get(f"{base}/label")).text
    done = 0
    while time.monotonic() < until and 'id="task"' in page:
        place = base + re.findall(r'action="(/label/[^"/]+)"', page)[0]
        sent = {"csrf": _hidden(page, "csrf"), "version": _hidden(page, "version"), "seconds": "1"}
        for field, score in (("safe", "1"), ("severity", "0")):
            sent[f"score.safety.{field}"] = score
            answer = await _timed(client, f"{place}/save", sent, waits=waits)
            sent["version"] = str(answer.json()["version"])
            await asyncio.sleep(pause)
        answer = await _timed(client, place, sent, waits=waits)
        done += answer.status_code == 200
        page = answer.text
        await asyncio.sleep(pause)
    return done


async def _timed(
    client: httpx.AsyncClient, place: str, sent: dict[str, str], *, waits: list[float]
) -> httpx.Response:
    began = time.monotonic()
    answer = await client.post(place, data=sent)
    waits.append(time.monotonic() - began)
    return answer


def _counted(address: str, acknowledged: object) -> dict[str, object]:
    store = open_store(address)
    run = store.runs()[0]
    kept = Counter((each.rater, each.id, each.criterion) for each in store.labels(run))
    store.close()
    return {
        "submitted": acknowledged,
        "labels": sum(kept.values()),
        "lost": 2 * int(str(acknowledged)) - sum(kept.values()),
        "doubled": sum(count - 1 for count in kept.values()),
    }


def _at(page: httpx.Response, path: str) -> str:
    return f"{page.url.scheme}://{page.url.netloc.decode()}{path}"


def _hidden(text: str, name: str) -> str:
    return text.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]


if __name__ == "__main__":
    main()
