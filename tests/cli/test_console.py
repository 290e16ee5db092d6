"""What a command raises becomes one line and an exit code, or is shown as a fault of our own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from calibration import estimate_rate
from judge.cli.console import guarded, table
from judge.errors import ConfigError, NotTrusted, StoreError


def refuse(error: Exception) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no\nsuch file"), 2),
        (NotTrusted("no\nsuch file"), 4),
        (StoreError("no\nsuch file"), 5),
        (OSError("no\nsuch file"), 5),
    ],
)
def test_an_error_for_the_user_is_one_line(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(refuse(error)) == code
    assert capsys.readouterr().err == "no such file\n"


@pytest.mark.parametrize(("columns", "beside"), [("80", True), ("60", False)])
def test_words_of_a_table_stand_in_a_column_only_where_it_is_wide_enough_to_read(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
    *,
    beside: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    row = {"check": "safety", "group": "Bias and discrimination", "decision": "NEED_LABELS"}
    why = "difference +0.500 [-0.684, +0.975], margin 0.02; level 0.917, floor 0.95"

    table([row | {"why": why}], {name: name for name in (*row, "why")})

    first = capsys.readouterr().out.splitlines()[0]
    assert first.split() == (["check", "group", "decision", "why"] if beside else ["safety"])


def test_a_reader_that_has_seen_enough_does_not_change_the_exit_code() -> None:
    script = (
        "from judge.cli.console import guarded, say, table\n"
        "def run():\n"
        "    say('first'); table([{'a': 'b'}], {'a': 'a'}); raise SystemExit(3)\n"
        "raise SystemExit(guarded(run))\n"
    )
    unread, written = os.pipe()
    os.close(unread)

    ended = subprocess.run(
        [sys.executable, "-c", script], stdout=written, stderr=subprocess.PIPE, check=False
    )

    os.close(written)
    assert (ended.returncode, ended.stderr) == (3, b"")


def test_a_value_that_the_statistics_refuse_is_bad_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> None:
        estimate_rate(np.array([2.0]), np.array([1.0]))

    assert guarded(command) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: int("one"),
        lambda: json.loads("{"),
        lambda: dict[str, int]()["missing"],
        refuse(ValueError("raised elsewhere")),
        refuse(AssertionError("\x1b[2J")),
    ],
)
def test_a_fault_of_the_program_is_shown_as_one_and_is_no_regression(
    mistake: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(mistake) == 5
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "a fault of cvalues" in said
    assert "\x1b" not in said
