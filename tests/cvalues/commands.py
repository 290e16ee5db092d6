"""Run this package's commands in the test's own process."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import typer

from cvalues.cli.datasets import fetch
from cvalues.cli.mc import mc
from judge.cli.console import guarded


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def runner(captured: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command line."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(fetch)
    app.command()(mc)

    def run(*words: object) -> Ended:
        code = guarded(lambda: app([str(word) for word in words]))
        printed = captured.readouterr()
        return Ended(code, printed.out, printed.err)

    return run
