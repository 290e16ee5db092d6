"""`cvalues simulate-judge` as a program: what it prints, how it stops, how it refuses."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.judge.chats import chat, post

PROGRAM = (
    sys.executable,
    "-c",
    "import typer; from judge.cli.doctor import simulate_judge; typer.run(simulate_judge)",
)


@contextmanager
def program(*arguments: str) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """Start the server and read its banner."""
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, [running.stdout.readline().rstrip("\n") for _ in range(4)]
        finally:
            running.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_use_it_serves_and_stops_cleanly(stop: signal.Signals) -> None:
    with program("--port", "0") as (running, banner):
        base_url = banner[1].removeprefix("base URL: ")
        status = post(base_url, chat({"response": "Call for help."}))[0]
        running.send_signal(stop)
        rest = running.communicate(timeout=10)[0]

    assert "SIMULATED" in banner[0]
    assert f"--judge openai/simulated-judge-1 --base-url {base_url}" in banner[3]
    assert status == HTTPStatus.OK
    assert rest == "stopped after 1 chat completions\n"
    assert running.returncode == 0


def test_a_profile_is_planted(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{"served_model": "simulated-strict"}', encoding="utf-8")

    with program("--port", "0", "--profile", str(path)) as (_, banner):
        assert "openai/simulated-strict" in banner[3]


def test_a_wrong_profile_ends_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{\n"seeed": 1}', encoding="utf-8")

    ended = run("--profile", str(path))

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "profile.json:2: seeed" in ended.stderr


def test_a_port_that_is_taken_ends_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = run("--port", str(port))

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"port {port}: ")
    assert ended.stderr.count("\n") == 1


def test_the_modes_are_listed_as_json() -> None:
    rows = json.loads(run("--list-faults", "--json").stdout)

    assert {"mode": "hang", "kind": "fault", "does": "Never answer."} in rows
    assert {row["kind"] for row in rows} == {"fault", "payload"}


def test_the_modes_are_listed_as_a_table() -> None:
    listed = run("--list-faults").stdout

    assert "What it does" in listed
    assert "Never answer." in listed
