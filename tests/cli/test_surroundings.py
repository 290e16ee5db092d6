"""A full disk, a closed folder, a second program, an impatient user: a run comes through."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.simulated.profile import Latency, Profile
from judge.simulated.server import simulated_server
from tests.cli.program import command, environment, program
from tests.cli.runs import ITEMS, KEY, assert_sound, judging, kept, responses

KIBIBYTE = 1024
DROP_FROM_BOUNDING_SET = 24
ONLY_ROOT_PASSES = (1, 2)
"""The rights to write and to read whatever a file's mode says (capabilities(7))."""

SLOW = Profile(latency=Latency(fixed=0.05))
ONCE = dict.fromkeys((f"p{n}" for n in range(ITEMS)), 1)


def no_file_above(kibibytes: int) -> Callable[[], None]:
    """Let writes fail beyond a size, as they do where a disk or a quota is full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        most = kibibytes * KIBIBYTE
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return limit


def as_anybody() -> None:
    """Give up what root may do and others may not, so that a file's mode binds the program."""
    if os.geteuid() == 0:
        for right in ONLY_ROOT_PASSES:
            ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, right, 0, 0, 0)


@pytest.mark.parametrize(
    "kibibytes",
    [8, *(pytest.param(n, marks=pytest.mark.slow) for n in (*range(24, 480, 24), 300))],
)
def test_a_full_disk_ends_a_run_in_words_and_loses_nothing(tmp_path: Path, kibibytes: int) -> None:
    path = responses(tmp_path)

    with simulated_server() as server:
        words = judging(path, server.base_url)
        ended = program(
            *words,
            folder=tmp_path,
            # Python would leave halves of its own compiled files behind.
            environ={**KEY, "PYTHONDONTWRITEBYTECODE": "1"},
            within=no_file_above(kibibytes),
        )
        assert_sound(tmp_path)
        again = program(*words, folder=tmp_path, environ=KEY)

    last = ended.err.splitlines()[-1]
    assert ended.code == 5
    assert "disk" in last
    assert ("resume with: cvalues judge" in last) is ("planned" in ended.err)
    assert again.code == 0
    assert kept(tmp_path) == ONCE


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = responses(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)

    ended = program(
        *[*judging(path, "http://127.0.0.1:9/v1"), "--store", closed / "s.db"],
        folder=tmp_path,
        environ=KEY,
        within=as_anybody,
    )

    assert ended.code == 5
    assert ended.err.splitlines() == [
        f"{closed / 's.db'}: cannot be written (Permission denied); name another file with --store."
    ]
    assert list(closed.iterdir()) == []


def test_a_store_in_a_folder_that_was_closed_afterwards_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    path = responses(tmp_path)
    (tmp_path / "store").mkdir()
    with simulated_server() as server:
        words = [*judging(path, server.base_url), "--store", tmp_path / "store" / "s.db"]
        program(*words, "--max-calls", "3", folder=tmp_path, environ=KEY)
        (tmp_path / "store").chmod(0o555)
        ended = program(*words, folder=tmp_path, environ=KEY, within=as_anybody)
        (tmp_path / "store").chmod(0o755)
        again = program(*words, folder=tmp_path, environ=KEY)
        assert server.hits.total == ITEMS

    assert ended.code == 5
    assert "s.db: cannot be" in ended.err
    assert "Traceback" not in ended.err
    assert again.code == 0


def test_a_second_program_on_a_run_is_refused_by_name_and_the_first_goes_on(tmp_path: Path) -> None:
    path = responses(tmp_path, 60)

    with simulated_server(SLOW) as server:
        words = judging(path, server.base_url)
        first = started(tmp_path, words)
        wait_for_lock(tmp_path)
        first.send_signal(signal.SIGSTOP)
        second = program(*words, folder=tmp_path, environ=KEY)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
        assert server.hits.total == 60

    assert first.returncode == 0
    assert second.code == 5
    assert f"process {first.pid} on {socket.gethostname()}" in second.err
    assert kept(tmp_path) == dict.fromkeys((f"p{n}" for n in range(60)), 1)


@pytest.mark.slow
@pytest.mark.parametrize("races", [1, 25])
def test_programs_that_start_together_score_nothing_twice(tmp_path: Path, races: int) -> None:
    with simulated_server() as server:
        for race in range(races):
            folder = tmp_path / str(race)
            folder.mkdir()
            before = server.hits.total
            words = judging(responses(folder), server.base_url)
            pair = [started(folder, words), started(folder, words)]
            said = [each.communicate(timeout=60)[1] for each in pair]

            assert {each.returncode for each in pair} <= {0, 5}, said
            assert program(*words, folder=folder, environ=KEY).code == 0
            assert kept(folder) == ONCE
            assert server.hits.total - before == ITEMS


@pytest.mark.parametrize(
    "signal_", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_second_signal_ends_at_once_and_the_run_goes_on(
    tmp_path: Path, signal_: signal.Signals
) -> None:
    path = responses(tmp_path)

    with simulated_server(Profile(latency=Latency(fixed=0.3))) as server:
        words = judging(path, server.base_url)
        running = started(tmp_path, words)
        wait_for_lock(tmp_path)
        running.send_signal(signal_)
        assert running.stderr is not None
        while "finishing the open calls" not in running.stderr.readline():
            assert running.poll() is None
        begun = time.monotonic()
        running.send_signal(signal_)
        running.communicate(timeout=30)
        waited = time.monotonic() - begun
        assert_sound(tmp_path)
        ended = program(*words, folder=tmp_path, environ=KEY)

    assert running.returncode == 130
    assert waited < 0.5
    assert ended.code == 0
    assert kept(tmp_path) == ONCE


def test_who_leaves_at_once_gets_the_cursor_of_the_terminal_back(tmp_path: Path) -> None:
    path = responses(tmp_path)
    ours, terminal = os.openpty()

    with simulated_server(Profile(latency=Latency(fixed=0.3))) as server:
        words = [word for word in judging(path, server.base_url) if word != "--quiet"]
        running = started(tmp_path, words, stderr=terminal)
        os.close(terminal)
        shown = seen_until(ours, b"0/24")
        running.send_signal(signal.SIGINT)
        shown += seen_until(ours, b"finishing the open calls")
        running.send_signal(signal.SIGINT)
        left = seen_until(ours, b"\x1b[?25h")
        running.wait(timeout=30)
    os.close(ours)

    assert running.returncode == 130
    assert b"\x1b[?25l" in shown
    assert b"\x1b[?25h" not in shown
    assert b"\x1b[?25h" in left


def seen_until(terminal: int, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        seen += os.read(terminal, 65536)
    return seen


def started(
    folder: Path, words: list[str], *, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(folder, KEY),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )


def wait_for_lock(folder: Path) -> None:
    deadline = time.monotonic() + 30.0
    while not any(lock.stat().st_size for lock in folder.glob("*.lock")):
        assert time.monotonic() < deadline, "no program took the run"
        time.sleep(0.01)
