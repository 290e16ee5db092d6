"""Killed at named points, a run goes on: nothing acknowledged is lost, nothing is kept twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from judge.simulated.server import simulated_server
from judge.store.store import open_store
from tests.cli.crashing import POINTS
from tests.cli.program import environment, program
from tests.cli.runs import IN_FLIGHT, ITEMS, KEY, assert_sound, judging, kept, responses

FILES = ("in the middle of a file", "before a file takes its place")
JUDGING = [name for name in POINTS if name not in FILES]
ONCE = ("during a migration", "before the log is folded in", "before the lock is released")
ALWAYS = ("during a migration", "after an attempt is kept", "after a commit, before it is told")
"""The points of the default suite; `make slow` passes all of them, and most of them often."""

CASES = [(name, nth) for name in JUDGING for nth in ((1,) if name in ONCE else (1, 2, 3, 5, 8))]


def killed(folder: Path, point: str, nth: int, words: list[str]) -> list[str]:
    """Run until the point kills the program; give what the program had acknowledged."""
    acknowledged = folder / "acknowledged"
    ended = subprocess.run(
        [
            *[sys.executable, "-c", "from tests.cli.crashing import main; main()"],
            *[point, str(nth), str(acknowledged), *words],
        ],
        cwd=folder,
        env=environment(folder, KEY),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return acknowledged.read_text(encoding="utf-8").split()


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        pytest.param(name, nth, marks=[] if name in ALWAYS and nth == 1 else [pytest.mark.slow])
        for name, nth in CASES
    ],
)
def test_a_run_killed_at_a_named_point_goes_on_where_it_was(
    tmp_path: Path, point: str, nth: int
) -> None:
    path = responses(tmp_path)

    with simulated_server() as server:
        words = judging(path, server.base_url)
        acknowledged = killed(tmp_path, point, nth, words)
        assert_sound(tmp_path)
        before = kept(tmp_path)
        ended = program(*words, folder=tmp_path, environ=KEY)
        paid_twice = server.hits.total - ITEMS

    assert set(acknowledged) <= set(before)
    assert ended.code == 0
    assert kept(tmp_path) == {f"p{n}": 1 for n in range(ITEMS)}
    store = open_store(str(tmp_path / "store.db"))
    open_calls = [a for a in store.attempts(store.runs()[0]) if a.outcome == "started"]
    store.close()
    assert 0 <= paid_twice <= min(IN_FLIGHT, len(open_calls))


@pytest.mark.parametrize("point", FILES)
def test_a_file_whose_writing_is_killed_is_the_old_one(tmp_path: Path, point: str) -> None:
    path = responses(tmp_path)
    with simulated_server() as server:
        program(*judging(path, server.base_url), folder=tmp_path, environ=KEY)
    table = tmp_path / "verdicts.jsonl"
    table.write_text("old\n", encoding="utf-8")
    words = ["export", "r", "--what", "verdicts", "--out", str(table)]

    killed(tmp_path, point, 20 if point == FILES[0] else 1, words)

    assert table.read_text(encoding="utf-8") == "old\n"
    assert program(*words, folder=tmp_path).code == 0
    assert len(table.read_text(encoding="utf-8").splitlines()) == 2 * ITEMS
