"""A small run for tests of what befalls one, and what its store holds afterwards."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

from judge.store.store import open_store

ITEMS = 24
IN_FLIGHT = 4
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890abcdef"}


def responses(folder: Path, count: int = ITEMS) -> Path:
    """Write responses named p0, p1, ..."""
    path = folder / "responses.jsonl"
    rows = (
        {"id": f"p{n}", "prompt": f"问题 {n}？", "response": f"第 {n} 条回答。", "lang": "zh"}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def judging(path: Path, url: str) -> list[str]:
    """Give the words that judge them in a run named r."""
    return [
        *["judge", str(path), "--rubric", "safety", "--judge", "openai/simulated-judge-1"],
        *["--base-url", url, "--run", "r", "--quiet", "--concurrency", str(IN_FLIGHT)],
    ]


def kept(folder: Path) -> Counter[str]:
    """Count the judgments of each item in a store."""
    store = open_store(str(folder / "store.db"))
    found = Counter(each.id for run in store.runs() for each in store.judgments(run))
    store.close()
    return found


def assert_sound(folder: Path) -> None:
    """Ask SQLite whether its file is whole."""
    connection = sqlite3.connect(folder / "store.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
