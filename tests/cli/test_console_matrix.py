"""Every command on consoles of few characters, and with streams that are closed: no traceback."""

import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest

from cvalues.cli.command_table import COMMANDS
from tests.cli.program import Console, command, environment, program

WORKING = (
    "rubrics show safety --lang zh",
    "rubrics show safety --lang zh --json",
    "rubrics list",
    "runs list",
    "doctor",
    "judge 没有.jsonl --rubric safety --judge openai/m",
    "report 没有 --out a.html",
    "mc 没有.jsonl --model openai/m",
    "export 没有 --what verdicts --out a.jsonl",
    "plan-labels --margin x",
)
"""Command lines that show Chinese, in answers and in errors."""


@cache
def usual_code(words: str) -> int:
    """Run a command line on a console that shows everything; give its exit code."""
    with TemporaryDirectory() as folder:
        return program(*words.split(), folder=Path(folder)).code


ENCODINGS = ["ascii", "cp1252", "gbk", "utf-16-le"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("words", WORKING)
def test_a_console_of_few_characters_changes_no_exit_code(
    words: str, encoding: str, tmp_path: Path
) -> None:
    shown = program(*words.split(), folder=tmp_path, console=Console(encoding))

    assert shown.code == usual_code(words)
    assert "Traceback" not in shown.out + shown.err


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
@pytest.mark.parametrize("words", WORKING)
def test_a_closed_stream_changes_no_exit_code(
    words: str, closed: Literal["stdout", "stderr"], tmp_path: Path
) -> None:
    shown = program(*words.split(), folder=tmp_path, console=Console(closed=closed))

    assert shown.code == usual_code(words)
    assert "Traceback" not in shown.out + shown.err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_is_read_on_an_ascii_console_and_by_nobody(
    name: str, tmp_path: Path
) -> None:
    shown = program(name, "--help", folder=tmp_path, console=Console("ascii"))
    unheard = program(name, "--help", folder=tmp_path, console=Console("ascii", unread=True))

    assert (shown.code, unheard.code) == (0, 0)
    assert shown.out
    assert "Traceback" not in shown.err + unheard.err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_python_started_on_a_console_of_few_characters_ends_as_a_forked_process_does(
    encoding: str, tmp_path: Path
) -> None:
    shown = subprocess.run(
        command("report", "没有", "--out", "a.html"),
        cwd=tmp_path,
        env=environment(tmp_path, {"PYTHONIOENCODING": encoding}),
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert shown.returncode == usual_code("report 没有 --out a.html")
    assert "Traceback" not in shown.stdout.decode(encoding) + shown.stderr.decode(encoding)


@pytest.mark.parametrize("place", [1, 2])
def test_python_started_with_a_closed_stream_ends_as_a_forked_process_does(
    place: int, tmp_path: Path
) -> None:
    shown = subprocess.run(
        command("rubrics", "list"),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        preexec_fn=lambda: os.close(place),
        timeout=120,
        check=False,
    )

    assert shown.returncode == usual_code("rubrics list")
    assert b"Traceback" not in shown.stdout + shown.stderr


REFUSED = ["没有.jsonl", "--没有"]
"""Words that no command takes, and which its message repeats."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_chinese_words_on_every_console(name: str, tmp_path: Path) -> None:
    line = command(name, *REFUSED)
    ends: dict[str, int] = {}
    for encoding in ("utf-8", "ascii", "cp1252"):
        surroundings = environment(tmp_path, {"PYTHONIOENCODING": encoding})
        shown = subprocess.run(
            line, cwd=tmp_path, env=surroundings, capture_output=True, timeout=120, check=False
        )
        assert "Traceback" not in shown.stderr.decode(encoding)
        assert shown.stderr
        ends[encoding] = shown.returncode
    for closed, place in (("stdout", 1), ("stderr", 2)):
        shown = subprocess.run(
            line,
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            preexec_fn=lambda place=place: os.close(place),
            timeout=120,
            check=False,
        )
        assert b"Traceback" not in shown.stdout + shown.stderr
        ends[closed] = shown.returncode

    assert set(ends.values()) == {2}
