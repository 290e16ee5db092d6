"""The demonstration as a newcomer runs it."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import command, environment, program


@pytest.mark.slow
def test_the_demonstration_reaches_a_decision_and_says_that_all_of_it_is_simulated(
    tmp_path: Path,
) -> None:
    ended = program("demo", "--out", tmp_path / "demo", folder=tmp_path)

    assert ended.code == 0, ended.err
    assert "DEMO ONLY (simulated). Do not ship: the candidate is worse" in ended.out
    assert "SIMULATED judge and experts: no finding about any real model." in ended.out
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert "sha256-" in re.search(r'Content-Security-Policy" content="([^"]*)', page)[1]  # pyright: ignore[reportOptionalSubscript] - None fails the test
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link[^>]*\shref=", page)


@pytest.mark.slow
def test_an_interrupted_demonstration_ends_and_shows_nothing(tmp_path: Path) -> None:
    running = subprocess.Popen(
        command("demo", "--out", tmp_path / "demo"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    while "864 planned" not in running.stderr.readline():
        assert running.poll() is None
    # The plan is printed just before the signal is heeded.
    while not any(lock.stat().st_size for lock in (tmp_path / "demo").glob("*.lock")):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "interrupted; start again with: cvalues demo" in err
    assert not (tmp_path / "demo" / "report.html").exists()
