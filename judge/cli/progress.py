"""Progress of a run: a bar on a terminal, now and then a plain line elsewhere."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from judge.cli.console import note
from judge.stage import Made

Seen = Callable[[Made], None]

EVERY = 10.0
"""Seconds between plain lines."""

WIDE = 80
"""Columns of a terminal from which on a bar is drawn beside the numbers."""


def progress(whole: int, *, quiet: bool) -> AbstractContextManager[Seen]:
    """Show how far a run has come, for as long as the context lasts.

    Parameters
    ----------
    whole : int
        Judgments that are still to be made.
    quiet : bool
        Show nothing.

    Returns
    -------
    context manager
        Gives a function to be called with each judgment that was kept.
    """
    if quiet:
        return nullcontext(lambda _: None)
    return _bar(whole) if sys.stderr.isatty() else _lines(whole)


def show_cursor() -> None:
    """Give a terminal the cursor back that the bar hid; for who leaves without ending the bar."""
    # Past the bar's own stand-in for the stream, which swallows what it does not know.
    terminal = sys.stderr.fileno()
    if os.isatty(terminal):
        os.write(terminal, b"\x1b[?25h\n")


class _Tally:
    def __init__(self) -> None:
        self.done = 0
        self._parts = Counter[str]()
        self._cost = 0.0
        self._priced = True
        self._begun = time.monotonic()

    def add(self, made: Made) -> None:
        self.done += 1
        self._parts[made.outcome.split(".")[0]] += 1
        self._cost += made.cost_usd or 0.0
        self._priced = self._priced and (made.cost_usd is not None or made.attempts == 0)

    def words(self) -> str:
        rate = self.done / max(time.monotonic() - self._begun, 1e-9)
        cost = f"${self._cost:.4f}" if self._priced else "cost unknown"
        missing = f"unscored {self._parts['unscored']}, errors {self._parts['error']}"
        return f"{rate:.0f}/s, {missing}, {cost}"


@contextmanager
def _lines(whole: int) -> Generator[Seen]:
    tally = _Tally()
    due = time.monotonic() + EVERY

    def seen(made: Made) -> None:
        nonlocal due
        tally.add(made)
        if time.monotonic() >= due:
            due = time.monotonic() + EVERY
            note(f"{tally.done}/{whole} judged: {tally.words()}")

    yield seen


@contextmanager
def _bar(whole: int) -> Generator[Seen]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    tally = _Tally()
    console = Console(stderr=True)
    # A narrow terminal has room for the words alone, and would cut the numbers.
    room = console.width >= WIDE
    columns = (
        *([BarColumn(bar_width=None)] if room else []),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        *([TimeRemainingColumn()] if room else []),
    )
    with Progress(*columns, console=console, refresh_per_second=5) as shown:
        line = shown.add_task("judging", total=whole, words="")

        def seen(made: Made) -> None:
            tally.add(made)
            shown.update(line, completed=tally.done, words=tally.words())

        yield seen
